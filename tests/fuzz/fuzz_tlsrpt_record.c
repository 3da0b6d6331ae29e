/*
 * TLSRPT records, one a line: an accepted destination is fit for a header and
 * a command, and the same when it is published as it was understood.
 */

#include "shared/tlsrpt/record.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

#define RECORDS_MAX 8

static void
check_rua(const struct tlsrpt_rua *rua)
{
	assert(rua->uri != NULL && rua->target != NULL);
	assert(text_is_printable(text_of(rua->target)));
	assert(strchr(rua->target, ' ') == NULL ||
	    rua->target[0] == '"');
	assert((strncmp(rua->uri, "mailto:", 7) == 0) ==
	    (rua->scheme == TLSRPT_MAILTO));
}

/* An URL stands in a record as it is. */
static void
publish_again(const struct tlsrpt_rua *rua)
{
	static char text[TLSRPT_RECORD_MAX_BYTES + 32];
	struct tlsrpt_record again;
	struct text record;
	const char *why;

	snprintf(text, sizeof(text), "v=TLSRPTv1;rua=%s", rua->target);
	record = text_of(text);
	assert(tlsrpt_record_choose(&record, 1, &again, &why) ==
	    TLSRPT_RECORD_PRESENT);
	assert(strcmp(again.ruas[0].target, rua->target) == 0);
	tlsrpt_record_clear(&again);
}

void
fuzz_one(const uint8_t *data, size_t size)
{
	struct text rest = { (const char *)data, size };
	struct text records[RECORDS_MAX];
	struct tlsrpt_record record;
	const char *why = NULL;
	size_t count = 0, i;

	while (count < RECORDS_MAX && text_next_field(&rest, '\n',
	    &records[count]))
		count++;
	switch (tlsrpt_record_choose(records, count, &record, &why)) {
	case TLSRPT_RECORD_ABSENT:
		assert(why == NULL);
		return;
	case TLSRPT_RECORD_INVALID:
		assert(why != NULL);
		return;
	case TLSRPT_RECORD_PRESENT:
		break;
	}
	assert(record.rua_count > 0);
	assert(record.rua_count <= TLSRPT_RUA_MAX_COUNT);
	assert((record.skipped_count > 0) == (record.skipped_why != NULL));
	for (i = 0; i < record.rua_count; i++) {
		check_rua(&record.ruas[i]);
		if (record.ruas[i].scheme == TLSRPT_HTTPS)
			publish_again(&record.ruas[i]);
	}
	tlsrpt_record_clear(&record);
}
