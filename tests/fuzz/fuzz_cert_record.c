/*
 * What another host tells of its certificates: what is read is written and read
 * again as the same.
 */

#include "policyd/clerk/cert_record.h"

#include <assert.h>
#include <stdlib.h>

#include "tests/fuzz/fuzz.h"

#define NOW	1767225600

void
fuzz_one(const uint8_t *data, size_t size)
{
	struct cert_record record, again;
	const char *why = NULL;
	char *text;

	if (cert_record_parse((struct text){ (const char *)data, size }, NOW,
	    &record, &why) == -1) {
		assert(why != NULL);
		return;
	}
	text = cert_record_format(&record, 8 * CERT_RECORD_MAX_BYTES);
	assert(cert_record_parse(text_of(text), NOW, &again, &why) == 0);
	assert(json_equal(record.report, again.report));
	free(text);
	cert_record_clear(&record);
	cert_record_clear(&again);
}
