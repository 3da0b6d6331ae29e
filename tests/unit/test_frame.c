/*
 * Frames of the messages between our processes: round trip, every proper
 * prefix, and each refusal.
 */

#include "shared/frame.h"

#include "shared/pack.h"
#include "tests/unit/check.h"

#define ROWS(table) (sizeof(table) / sizeof(table[0]))

static void
test_round_trip(void)
{
	struct text payload = { "facts\0of", 8 };
	struct buffer b;
	struct frame f = { 0 };
	const char *why = NULL;
	char *cut;
	size_t used = 0, len;
	bool is_more = true;

	buffer_init(&b, 1024);
	frame_format(&b, 7, UINT64_C(0x0102030405060708), payload);
	check_int("length", (int64_t)b.len, FRAME_HEADER_BYTES + 8);
	check_bool("header", memcmp(b.data,
	    "\1\7\0\0\0\0\0\10\1\2\3\4\5\6\7\10", 16) == 0, true);
	for (len = 0; len < b.len; len++) {
		cut = check_exact(b.data, len);
		is_more = is_more && frame_parse(cut, len, &f, &used, &why) ==
		    FRAME_MORE;
		free(cut);
	}
	check_bool("each proper prefix wants more", is_more, true);
	check_int("and used nothing", (int64_t)used, 0);

	frame_format(&b, 8, 0, (struct text){ NULL, 0 });
	check_int("done", frame_parse(b.data, b.len, &f, &used, &why),
	    FRAME_DONE);
	check_int("type", f.type, 7);
	check_bool("number", f.number == UINT64_C(0x0102030405060708), true);
	check_bool("payload", f.payload.len == payload.len &&
	    memcmp(f.payload.data, payload.data, payload.len) == 0, true);
	check_int("used", (int64_t)used, FRAME_HEADER_BYTES + 8);
	buffer_drain(&b, used);
	check_int("the next one", frame_parse(b.data, b.len, &f, &used, &why),
	    FRAME_DONE);
	check_int("is empty", (int64_t)f.payload.len, 0);
	buffer_clear(&b);
}

static void
test_refusals(void)
{
	static const struct {
		const char *label, *data;
		size_t len;
		enum frame_result want;
		const char *why;
	} rows[] = {
		{ "other version", "\2", 1, FRAME_BAD, "version" },
		{ "version zero", "\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16,
		    FRAME_BAD, "version" },
		{ "reserved octets", "\1\1\0\1\0\0\0\0\0\0\0\0\0\0\0\0", 16,
		    FRAME_BAD, "reserved" },
		{ "payload of 2^32-1", "\1\1\0\0\377\377\377\377"
		    "\0\0\0\0\0\0\0\0", 16, FRAME_BAD, "too long" },
	};
	struct frame f;
	const char *why;
	size_t used, i;

	for (i = 0; i < ROWS(rows); i++) {
		why = NULL;
		check_int(rows[i].label, frame_parse(rows[i].data, rows[i].len,
		    &f, &used, &why), rows[i].want);
		if (rows[i].why != NULL)
			check_contains("its reason", why, rows[i].why);
	}
}

static void
test_longest(void)
{
	struct buffer b;
	struct frame f;
	const char *why = NULL;
	size_t used;

	buffer_init(&b, FRAME_HEADER_BYTES);
	pack_u8(&b, FRAME_VERSION);
	pack_u8(&b, 1);
	pack_u16(&b, 0);
	pack_u32(&b, FRAME_PAYLOAD_MAX);
	pack_u64(&b, 0);
	check_int("longest payload", frame_parse(b.data, b.len, &f, &used,
	    &why), FRAME_MORE);
	b.len = 4;
	pack_u32(&b, FRAME_PAYLOAD_MAX + 1);
	pack_u64(&b, 0);
	check_int("an octet more", frame_parse(b.data, b.len, &f, &used,
	    &why), FRAME_BAD);
	check_contains("its reason", why, "too long");
	buffer_clear(&b);
}

static void
test_overfull(void)
{
	struct text payload = { "12345678", 8 };
	struct buffer b;

	buffer_init(&b, 2 * FRAME_HEADER_BYTES + 8 + 7);
	frame_format(&b, 1, 1, payload);
	frame_format(&b, 1, 2, payload);
	check_bool("no room for the second frame", b.is_overfull, true);
	check_int("none of it is there", (int64_t)b.len,
	    FRAME_HEADER_BYTES + 8);
	buffer_clear(&b);
}

int
main(void)
{
	test_round_trip();
	test_refusals();
	test_longest();
	test_overfull();
	return check_end();
}
