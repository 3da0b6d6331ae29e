/*
 * Mails: what is found in one is JSON or unpacked, bounded, and its header
 * values are printable.
 */

#include "shared/tlsrpt/report_mail.h"

#include <assert.h>

#include "shared/tlsrpt/report.h"
#include "tests/fuzz/fuzz.h"

void
fuzz_one(const uint8_t *data, size_t size)
{
	struct report_mail mail;
	const char *why = NULL;
	size_t i;

	if (report_mail_parse((struct text){ (const char *)data, size },
	    &mail, &why) == -1) {
		assert(why != NULL);
		return;
	}
	assert(mail.document_count > 0);
	assert(mail.document_count <= REPORT_MAIL_DOCUMENTS_MAX);
	for (i = 0; i < mail.document_count; i++)
		assert(mail.documents[i].len <= REPORT_MAX_BYTES);
	assert(mail.domain == NULL ||
	    text_is_printable(text_of(mail.domain)));
	assert(mail.submitter == NULL ||
	    text_is_printable(text_of(mail.submitter)));
	report_mail_clear(&mail);
}
