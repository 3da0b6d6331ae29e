/*
 * A full look from outside.  Each address is looked at as Postfix would; what
 * else there is to know (no SNI, each version, weak ciphers) is asked at the
 * first address of each host alone.
 */

#include "ctl/look.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/scout_client.h"
#include "shared/io/clock.h"
#include "shared/pack.h"
#include "shared/scout_message.h"
#include "shared/xalloc.h"

#define PATIENCE_MS	5000	/* a slower host is not asked for more */
#define NUMBER_FACTS	1
#define NUMBER_TXT	2
#define NUMBER_TLSA	16	/* of the first host */
#define NUMBER_PROBES	(NUMBER_TLSA + LOOK_HOSTS_MAX)
				/* the first; then address and manner */

/* ---------------------------------------------------------------- questions */

static void
ask_facts(struct look *look, struct scout_client *scout)
{
	struct scout_lookup m = { .hop = look->hop, .must_refresh = true };
	struct buffer payload;

	buffer_init(&payload, 4096);
	scout_lookup_format(&m, &payload);
	scout_client_ask(scout, MESSAGE_LOOKUP, look->base + NUMBER_FACTS,
	    &payload);
	buffer_clear(&payload);
	look->open_count++;
}

static void __attribute__((format(printf, 4, 5)))
ask_txt(struct look *look, struct scout_client *scout, uint64_t number,
    const char *format, ...)
{
	char name[HOST_NAME_SIZE + sizeof("_65535._tcp.")];
	struct buffer payload;
	va_list args;

	va_start(args, format);
	vsnprintf(name, sizeof(name), format, args);
	va_end(args);
	if (strlen(name) > HOST_NAME_MAX_BYTES)
		return;
	buffer_init(&payload, 4096);
	txt_question_format(name, &payload);
	scout_client_ask(scout, MESSAGE_TXT, look->base + number, &payload);
	buffer_clear(&payload);
	look->open_count++;
}

static void
ask_tlsrpt(struct look *look, struct scout_client *scout)
{
	if (look->hop.kind != NEXT_HOP_HOST)
		ask_txt(look, scout, NUMBER_TXT, "_smtp._tls.%s",
		    look->hop.name);
}

/* Where a resolver that validates found host or MX without signatures. */
static void
ask_tlsa(struct look *look, struct scout_client *scout)
{
	const struct facts *f = look->facts;
	size_t i;

	for (i = 0; look->asks_tlsa && look->is_validating &&
	    i < f->host_count && i < LOOK_HOSTS_MAX; i++)
		if (!f->hosts[i].is_secure || !f->mx_is_secure)
			ask_txt(look, scout, NUMBER_TLSA + i, "_%u._tcp.%s",
			    look->hop.port, f->hosts[i].name);
}

static void
ask_probe(struct look *look, struct scout_client *scout, size_t index,
    enum probe_manner manner)
{
	const struct look_address *a = &look->addresses[index];
	const struct facts_host *host = &look->facts->hosts[a->host];
	struct probe_request m = {
		.address = host->addresses[a->address].address,
		.port = look->hop.port, .service = look->service,
		.manner = manner
	};
	struct buffer payload;
	size_t i;

	memcpy(m.host, host->name, sizeof(m.host));
	if (look->hop.kind != NEXT_HOP_HOST && look->facts->mx_is_secure)
		memcpy(m.domain, look->hop.name, sizeof(m.domain));
	for (i = 0; i < look->facts->host_count; i++)
		if (i != a->host)
			probe_request_add_other(&m, look->facts->hosts[i].name);
	buffer_init(&payload, 4096);
	probe_request_format(&m, &payload);
	scout_client_ask(scout, MESSAGE_PROBE, look->base + NUMBER_PROBES +
	    index * PROBE_MANNER_COUNT + manner, &payload);
	buffer_clear(&payload);
	look->open_count++;
}

/* What a host answers to the usual tells what else is worth asking. */
static void
ask_more(struct look *look, struct scout_client *scout, size_t index,
    const struct observation *o)
{
	static const struct {
		enum probe_manner manner;
		const char	 *protocol;
	} versions[] = {
		{ PROBE_TLS_1_0, "TLSv1" }, { PROBE_TLS_1_1, "TLSv1.1" },
		{ PROBE_TLS_1_2, "TLSv1.2" }, { PROBE_TLS_1_3, "TLSv1.3" }
	};
	size_t i;

	if (look->addresses[index].address != 0 ||
	    (!o->has_tls && o->stage != PROBE_HANDSHAKE) ||
	    o->stage_ms[PROBE_HANDSHAKE] > PATIENCE_MS)
		return;
	ask_probe(look, scout, index, PROBE_WEAK_CIPHERS);
	if (!o->has_tls) {
		ask_probe(look, scout, index, PROBE_ANONYMOUS_CIPHERS);
		return;
	}
	ask_probe(look, scout, index, PROBE_WITHOUT_SNI);
	for (i = 0; i < sizeof(versions) / sizeof(versions[0]); i++)
		if (!text_equals(o->protocol, versions[i].protocol))
			ask_probe(look, scout, index, versions[i].manner);
}

/* ------------------------------------------------------------------ answers */

static void
begin_probes(struct look *look, struct scout_client *scout)
{
	const struct facts *f = look->facts;
	size_t host, address, count = 0;

	for (host = 0; host < f->host_count && host < LOOK_HOSTS_MAX; host++)
		count += f->hosts[host].address_count;
	look->addresses = xcalloc(count + 1, sizeof(*look->addresses));
	for (host = 0; host < f->host_count && host < LOOK_HOSTS_MAX; host++)
		for (address = 0; address < f->hosts[host].address_count;
		    address++) {
			look->addresses[look->address_count].host = host;
			look->addresses[look->address_count].address = address;
			ask_probe(look, scout, look->address_count++,
			    PROBE_AS_POSTFIX);
		}
}

/* The policy host was slow, and its word is still to come. */
static bool
policy_is_late(const struct facts *f)
{
	return f->record_state == FACT_PRESENT && !f->has_policy &&
	    f->fetch_failed_count == 0;
}

/* The first are probed; later ones bring only the policy. */
static void
take_facts(struct look *look, struct scout_client *scout, struct text payload)
{
	const char *why;
	struct facts *f = facts_parse(payload, &why);

	look->open_count--;
	if (f == NULL)
		return;
	if (look->facts == NULL) {
		look->facts = f;
		if (policy_is_late(f))
			look->open_count++;
		begin_probes(look, scout);
		ask_tlsa(look, scout);
		return;
	}
	/* The hosts stay those whose addresses have been numbered. */
	if (f->has_policy) {
		look->facts->policy = f->policy;
		look->facts->has_policy = true;
		look->facts->fetched_at = f->fetched_at;
		look->facts->expires_at = f->expires_at;
		look->facts->refetch_at = f->refetch_at;
		memcpy(look->facts->policy_id, f->policy_id,
		    sizeof(f->policy_id));
		f->policy = (struct mtasts_policy){ 0 };
		f->has_policy = false;
	}
	look->facts->fetch_failed_count = f->fetch_failed_count;
	look->facts->fetch_finding = f->fetch_finding;
	memcpy(look->facts->fetch_error, f->fetch_error,
	    sizeof(f->fetch_error));
	facts_free(f);
}

static void
take_tlsa(struct look *look, size_t host, struct text payload)
{
	struct txt_answer answer;

	look->open_count--;
	look->has_vain_tlsa[host] = txt_answer_parse(payload, &answer) &&
	    answer.record_count > 0;
}

static void
take_txt(struct look *look, uint64_t number, struct text payload)
{
	if (number >= NUMBER_TLSA && number < NUMBER_PROBES) {
		take_tlsa(look, (size_t)(number - NUMBER_TLSA), payload);
		return;
	}
	look->open_count--;
	free(look->tlsrpt_payload);
	look->tlsrpt_payload = xmemdup(payload.data, payload.len);
	if (!txt_answer_parse((struct text){ look->tlsrpt_payload,
	    payload.len }, &look->tlsrpt))
		look->tlsrpt = (struct txt_answer){ 0 };
}

static void
take_observation(struct look *look, struct scout_client *scout,
    uint64_t number, struct text payload)
{
	uint64_t index = (number - NUMBER_PROBES) / PROBE_MANNER_COUNT;
	unsigned manner = (number - NUMBER_PROBES) % PROBE_MANNER_COUNT;
	struct look_address *a;

	if (number < NUMBER_PROBES || index >= look->address_count)
		return;
	a = &look->addresses[index];
	if (a->has_seen[manner])
		return;
	look->open_count--;
	a->has_seen[manner] = true;
	a->payloads[manner] = xmemdup(payload.data, payload.len);
	a->seen[manner] = xcalloc(1, sizeof(struct observation));
	if (!observation_parse((struct text){ a->payloads[manner],
	    payload.len }, a->seen[manner])) {
		free(a->seen[manner]);
		a->seen[manner] = NULL;
	} else if (manner == PROBE_AS_POSTFIX)
		ask_more(look, scout, (size_t)index, a->seen[manner]);
}

static void
take_frame(struct look *look, struct scout_client *scout,
    const struct frame *frame)
{
	uint64_t number = frame->number - look->base;

	if (frame->number < look->base)
		return;
	switch (frame->type) {
	case MESSAGE_FACTS:
		take_facts(look, scout, frame->payload);
		break;
	case MESSAGE_TXT_ANSWER:
		take_txt(look, number, frame->payload);
		break;
	case MESSAGE_OBSERVATION:
		take_observation(look, scout, number, frame->payload);
		break;
	}
}

bool
look_run(struct look *look, struct scout_client *scout)
{
	int64_t deadline = clock_monotonic_ms() + LOOK_SECONDS * 1000;
	enum scout_client_result result = SCOUT_CLIENT_FRAME;
	struct frame frame;

	/* A resolver that strips DNSSEC must be known before it is asked. */
	if (scout_client_validates(scout, &look->is_validating) ==
	    SCOUT_CLIENT_GONE)
		return false;
	look->base = scout_client_numbers(scout);
	ask_facts(look, scout);
	ask_tlsrpt(look, scout);
	while (look->open_count > 0 && result == SCOUT_CLIENT_FRAME) {
		result = scout_client_next(scout, deadline, &frame);
		if (result == SCOUT_CLIENT_FRAME)
			take_frame(look, scout, &frame);
	}
	return result != SCOUT_CLIENT_GONE;
}

const struct observation *
look_seen(const struct look_address *address, enum probe_manner manner)
{
	return address->seen[manner];
}

void
look_clear(struct look *look)
{
	size_t i, manner;

	for (i = 0; i < look->address_count; i++)
		for (manner = 0; manner < PROBE_MANNER_COUNT; manner++) {
			free(look->addresses[i].seen[manner]);
			free(look->addresses[i].payloads[manner]);
		}
	free(look->addresses);
	free(look->tlsrpt_payload);
	facts_free(look->facts);
}
