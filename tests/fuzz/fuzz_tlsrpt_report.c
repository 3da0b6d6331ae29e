/*
 * Reports, plain or packed: what is accepted and written is accepted again,
 * says the same, and stays within the bounds.
 */

#include "shared/tlsrpt/report.h"

#include <assert.h>
#include <string.h>

#include "shared/tlsrpt/gzip.h"
#include "tests/fuzz/fuzz.h"

static void
write_report(struct report *r, struct buffer *out)
{
	if (r->contact == NULL)
		r->contact = "";
	buffer_init(out, 8 * REPORT_MAX_BYTES);
	assert(report_format(r, out) == 0);
}

static void
check_report(struct text json)
{
	struct buffer once, twice;
	struct report r, again;
	const char *why = NULL;

	if (report_parse(json, &r, &why) == -1) {
		assert(why != NULL);
		return;
	}
	assert(r.organization != NULL && r.id != NULL);
	write_report(&r, &once);
	report_clear(&r);
	if (once.len > REPORT_MAX_BYTES) {	/* escapes grow */
		buffer_clear(&once);
		return;
	}
	assert(report_parse((struct text){ once.data, once.len }, &again,
	    &why) == 0);
	write_report(&again, &twice);
	assert(strcmp(buffer_text(&once), buffer_text(&twice)) == 0);
	report_clear(&again);
	buffer_clear(&once);
	buffer_clear(&twice);
}

void
fuzz_one(const uint8_t *data, size_t size)
{
	struct text t = { (const char *)data, size };
	struct buffer json;
	const char *why = NULL;

	if (!gzip_match(t)) {
		check_report(t);
		return;
	}
	buffer_init(&json, REPORT_MAX_BYTES);
	if (gzip_expand(t, &json, &why) == 0)
		check_report((struct text){ buffer_text(&json), json.len });
	else
		assert(why != NULL);
	assert(json.len <= size * GZIP_RATIO_MAX + 16384);
	buffer_clear(&json);
}
