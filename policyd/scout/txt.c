/*
 * Questions for TXT records.  Each record's strings are joined without blanks;
 * how records are told apart is their reader's.  TLSA records come as text.
 */

#include "policyd/scout/txt.h"

#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>

#include "policyd/scout/dns.h"
#include "shared/policy/tlsa.h"
#include "shared/probe_message.h"
#include "shared/xalloc.h"

#define RECORD_MAX_BYTES	4096	/* longer ones are passed over */
#define ANSWER_MAX_BYTES	(TXT_RECORDS_MAX * (RECORD_MAX_BYTES + 64))

struct txt_ask {
	LIST_ENTRY(txt_ask)	 entry;
	struct txt		*txt;
	uint64_t		 number;
	enum dns_type		 type;
	struct dns_query	*query;
};

struct txt {
	struct dns		*dns;
	txt_tell_cb		*tell;
	void			*arg;
	LIST_HEAD(, txt_ask)	 asks;
};

static void
txt_tell(const struct txt_ask *ask, const struct txt_answer *m)
{
	struct buffer payload;

	buffer_init(&payload, ANSWER_MAX_BYTES);
	txt_answer_format(m, &payload);
	ask->txt->tell(ask->number, (struct text){ payload.data, payload.len },
	    ask->txt->arg);
	buffer_clear(&payload);
}

/* False for a record that is none. */
static bool
read_record(enum dns_type type, struct text record, struct buffer *out)
{
	char text[RECORD_MAX_BYTES];
	struct tlsa tlsa;

	if (type == DNS_TXT)
		return dns_txt_parse(record, out);
	if (!tlsa_parse(record, &tlsa))
		return false;
	buffer_add_text(out, tlsa_format(text, sizeof(text), &tlsa));
	return true;
}

static void
txt_on_answer(const struct dns_answer *answer, void *arg)
{
	struct txt_ask *ask = arg;
	struct buffer records[TXT_RECORDS_MAX];
	struct txt_answer m = {
		.is_known = answer->result == DNS_PRESENT ||
		    answer->result == DNS_ABSENT,
		.is_secure = answer->is_secure, .why = text_of(answer->why)
	};
	struct buffer *record;
	size_t i;

	for (i = 0; i < answer->record_count &&
	    m.record_count < TXT_RECORDS_MAX; i++) {
		record = &records[m.record_count];
		buffer_init(record, RECORD_MAX_BYTES);
		if (!read_record(ask->type, answer->records[i], record) ||
		    record->is_overfull) {
			buffer_clear(record);
			continue;
		}
		m.records[m.record_count++] = (struct text){
		    buffer_text(record), record->len };
	}
	LIST_REMOVE(ask, entry);
	txt_tell(ask, &m);
	for (i = 0; i < m.record_count; i++)
		buffer_clear(&records[i]);
	free(ask);
}

void
txt_start(struct txt *txt, uint64_t number, const char *name)
{
	struct txt_ask *ask = xcalloc(1, sizeof(*ask));

	ask->txt = txt;
	ask->number = number;
	ask->type = strstr(name, "._tcp.") != NULL ? DNS_TLSA : DNS_TXT;
	ask->query = dns_start(txt->dns, ask->type, name, txt_on_answer, ask);
	LIST_INSERT_HEAD(&txt->asks, ask, entry);
}

void
txt_forget_askers(struct txt *txt)
{
	struct txt_ask *ask;

	while ((ask = LIST_FIRST(&txt->asks)) != NULL) {
		LIST_REMOVE(ask, entry);
		dns_cancel(ask->query);
		free(ask);
	}
}

struct txt *
txt_new(struct dns *dns, txt_tell_cb *tell, void *arg)
{
	struct txt *txt = xcalloc(1, sizeof(*txt));

	txt->dns = dns;
	txt->tell = tell;
	txt->arg = arg;
	LIST_INIT(&txt->asks);
	return txt;
}

void
txt_free(struct txt *txt)
{
	if (txt == NULL)
		return;
	txt_forget_askers(txt);
	free(txt);
}
