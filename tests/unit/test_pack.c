/*
 * Packed values come back as they went in, in network order, and a message
 * that is cut anywhere is bad and never read beyond its end.
 */

#include "shared/pack.h"

#include "tests/unit/check.h"

static void
pack_all(struct buffer *b)
{
	pack_u8(b, 0x01);
	pack_u16(b, 0x0203);
	pack_u32(b, 0x04050607);
	pack_u64(b, UINT64_C(0xf8090a0b0c0d0e0f));
	pack_string(b, "mx.example");
	pack_text(b, (struct text){ "a\0b", 3 });
	pack_string(b, "");
}

/* True when all is there and as packed. */
static bool
unpack_all(const char *data, size_t len)
{
	struct unpack u;
	struct text name, binary, empty;
	bool is_same;

	unpack_init(&u, data, len);
	is_same = unpack_u8(&u) == 0x01;
	is_same &= unpack_u16(&u) == 0x0203;
	is_same &= unpack_u32(&u) == 0x04050607;
	is_same &= unpack_u64(&u) == UINT64_C(0xf8090a0b0c0d0e0f);
	name = unpack_text(&u);
	binary = unpack_text(&u);
	empty = unpack_text(&u);
	return unpack_is_done(&u) && is_same &&
	    text_equals(name, "mx.example") && binary.len == 3 &&
	    memcmp(binary.data, "a\0b", 3) == 0 && empty.len == 0;
}

static void
test_round_trip(void)
{
	struct buffer b;
	char *cut;
	size_t len;
	bool is_bad = true;

	buffer_init(&b, 1024);
	pack_all(&b);
	check_bool("network order", memcmp(b.data, "\1\2\3\4\5\6\7\xf8\t", 9)
	    == 0, true);
	check_bool("round trip", unpack_all(b.data, b.len), true);
	for (len = 0; len < b.len; len++) {
		cut = check_exact(b.data, len);
		is_bad = is_bad && !unpack_all(cut, len);
		free(cut);
	}
	check_bool("each proper prefix is bad", is_bad, true);
	buffer_add(&b, "x", 1);
	check_bool("an octet too many is bad", unpack_all(b.data, b.len),
	    false);
	buffer_clear(&b);
}

static void
test_errors(void)
{
	struct unpack u;
	struct text t;

	unpack_init(&u, "\0\0\0\5abcd", 8);
	t = unpack_text(&u);
	check_bool("text longer than the message", u.is_bad, true);
	check_int("is empty", (int64_t)t.len, 0);
	check_bool("and points to something", t.data != NULL, true);

	unpack_init(&u, "\1\2\3", 3);
	check_int("number cut", unpack_u32(&u), 0);
	check_int("sticky: what would fit is zero", unpack_u8(&u), 0);
	check_bool("sticky: not done", unpack_is_done(&u), false);

	unpack_init(&u, "\377\377\377\377", 4);
	unpack_text(&u);
	check_bool("the longest length does not wrap", u.is_bad, true);

	unpack_init(&u, NULL, 0);
	check_bool("nothing is done at once", unpack_is_done(&u), true);
}

static void
test_brief(void)
{
	static const struct {
		const char *label;
		uint64_t value;
		size_t want_len;
	} rows[] = {
		{ "nothing", 0, 1 }, { "seven bits", 0x7f, 1 },
		{ "eight bits", 0x80, 2 }, { "14 bits", 0x3fff, 2 },
		{ "15 bits", 0x4000, 3 }, { "all bits", UINT64_MAX, 10 },
	};
	struct unpack u;
	struct buffer b;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buffer_init(&b, 1024);
		pack_varint(&b, rows[i].value);
		check_int(rows[i].label, (int64_t)b.len,
		    (int64_t)rows[i].want_len);
		unpack_init(&u, b.data, b.len);
		check_bool("  comes back", unpack_varint(&u) == rows[i].value
		    && unpack_is_done(&u), true);
		unpack_init(&u, b.data, b.len - 1);
		check_bool("  cut", unpack_varint(&u) == 0 && u.is_bad, true);
		buffer_clear(&b);
	}
	unpack_init(&u, "\377\377\377\377\377\377\377\377\377\377\1", 11);
	check_bool("a varint without an end", unpack_varint(&u) == 0 &&
	    u.is_bad, true);
	buffer_init(&b, 1024);
	pack_brief(&b, (struct text){ "a\0b", 3 });
	check_int("brief text", (int64_t)b.len, 4);
	unpack_init(&u, b.data, b.len);
	check_bool("comes back", unpack_brief(&u).len == 3 &&
	    unpack_is_done(&u), true);
	unpack_init(&u, b.data, b.len - 1);
	check_bool("or is bad", unpack_brief(&u).len == 0 && u.is_bad, true);
	buffer_clear(&b);
}

int
main(void)
{
	test_brief();
	test_round_trip();
	test_errors();
	return check_end();
}
