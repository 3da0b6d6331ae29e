/*
 * Packing reports.
 */

#include "policyd/clerk/report/report_pack.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "shared/errand_message.h"
#include "shared/siphash.h"
#include "shared/tlsrpt/gzip.h"
#include "shared/tlsrpt/report_mail.h"

#define ID_SIZE	512

static int
pack_mail(const struct report_pack *pack, const struct built_report *built,
    const struct tlsrpt_rua *to, const struct buffer *gzip,
    struct buffer *mail, const char **why)
{
	static const struct siphash_key key = { 'm', 'i' };
	char message_id[ID_SIZE];
	struct report_letter letter = {
		.from = pack->sender, .to = to->target,
		.domain = pack->domain, .submitter = pack->submitter,
		.message_id = message_id, .date_s = pack->now,
		.report = &built->report, .gzip = { gzip->data, gzip->len }
	};

	/* The same for each try, so that mail programs know one again. */
	snprintf(message_id, sizeof(message_id), "%s.%016" PRIx64 "@%s",
	    built->ref, siphash(&key, to->target, strlen(to->target)),
	    pack->submitter);
	return report_mail_format(&letter, mail, why);
}

int
report_pack(const struct report_pack *pack, const struct built_report *built,
    const struct tlsrpt_rua *to, struct buffer *out, const char **why)
{
	struct buffer json, gzip, mail, *body = &gzip;
	int result = -1;

	buffer_init(&json, REPORT_MAX_BYTES);
	buffer_init(&gzip, ERRAND_BODY_MAX);
	buffer_init(&mail, ERRAND_BODY_MAX);
	*why = "the report is too long to be sent";
	if (report_format(&built->report, &json) == -1 ||
	    gzip_compress((struct text){ json.data, json.len }, &gzip) == -1)
		goto out;
	if (to->scheme == TLSRPT_MAILTO) {
		if (pack_mail(pack, built, to, &gzip, &mail, why) == -1)
			goto out;
		body = &mail;
	}
	*why = "the report is longer than the destination permits";
	if (to->max_bytes != 0 && body->len > to->max_bytes)
		goto out;
	errand_format(&(struct errand){
	    .way = to->scheme == TLSRPT_MAILTO ? ERRAND_MAIL :
	    ERRAND_REPORT, .target = text_of(to->target),
	    .relay = text_of(pack->relay), .sender = text_of(pack->sender),
	    .helo = text_of(pack->helo),
	    .body = { body->data, body->len } }, out);
	*why = "the report is too long to be sent";
	result = out->is_overfull ? -1 : 0;
out:
	buffer_clear(&json);
	buffer_clear(&gzip);
	buffer_clear(&mail);
	return result;
}
