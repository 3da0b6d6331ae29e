/*
 * MTA-STS records, one a line: an accepted id is 1 to 32 letters and digits,
 * and the record that it makes is accepted with that id.
 */

#include "shared/policy/mtasts_record.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

#define RECORDS_MAX 8

void
fuzz_one(const uint8_t *data, size_t size)
{
	struct text rest = { (const char *)data, size };
	struct text records[RECORDS_MAX], canonical;
	struct mtasts_record record = { "untouched" }, again;
	const char *why = NULL;
	char text[64];
	size_t count = 0, i;

	while (count < RECORDS_MAX && text_next_field(&rest, '\n',
	    &records[count]))
		count++;
	switch (mtasts_record_choose(records, count, &record, &why)) {
	case MTASTS_RECORD_ABSENT:
		assert(why == NULL && strcmp(record.id, "untouched") == 0);
		return;
	case MTASTS_RECORD_INVALID:
		assert(strncmp(why, "RFC 8461 3.1: ", 14) == 0);
		assert(strcmp(record.id, "untouched") == 0);
		return;
	case MTASTS_RECORD_PRESENT:
		break;
	}
	assert(why == NULL && record.id[0] != '\0');
	for (i = 0; record.id[i] != '\0'; i++)
		assert(isalnum((unsigned char)record.id[i]));
	snprintf(text, sizeof(text), "v=STSv1; id=%s;", record.id);
	canonical = text_of(text);
	assert(mtasts_record_choose(&canonical, 1, &again, &why) ==
	    MTASTS_RECORD_PRESENT);
	assert(strcmp(record.id, again.id) == 0);
}
