/*
 * gzip within bounds: round trips, and all that is broken, cut or too large.
 */

#include "shared/tlsrpt/gzip.h"

#include "tests/unit/check.h"

#define LIMIT (10 * 1024 * 1024)

static int
expand(const char *data, size_t len, size_t limit, struct buffer *out,
    const char **why)
{
	char *exact = check_exact(data, len);
	int result;

	buffer_init(out, limit);
	result = gzip_expand((struct text){ exact, len }, out, why);
	free(exact);
	return result;
}

static void
round_trip(const char *label, struct text t)
{
	struct buffer packed, again, out;
	const char *why = NULL;

	buffer_init(&packed, LIMIT);
	buffer_init(&again, LIMIT);
	check_int(label, gzip_compress(t, &packed), 0);
	gzip_compress(t, &again);
	check_bool("the same octets each time", packed.len == again.len &&
	    memcmp(packed.data, again.data, packed.len) == 0, true);
	check_int("unpacks", expand(packed.data, packed.len, LIMIT, &out,
	    &why), 0);
	check_bool("to what it was", out.len == t.len &&
	    (t.len == 0 || memcmp(out.data, t.data, t.len) == 0), true);
	buffer_clear(&packed);
	buffer_clear(&again);
	buffer_clear(&out);
}

static void
test_refused(struct text t)
{
	struct buffer packed, out;
	const char *why;
	size_t i, accepted = 0;

	buffer_init(&packed, LIMIT);
	gzip_compress(t, &packed);
	for (i = 0; i < packed.len; i++) {
		if (expand(packed.data, i, LIMIT, &out, &why) == 0)
			accepted++;
		buffer_clear(&out);
	}
	check_int("no prefix is accepted", (int64_t)accepted, 0);
	check_int("cut", expand(packed.data, packed.len - 1, LIMIT, &out,
	    &why), -1);
	check_text("its reason", why, "gzip: cut");
	buffer_clear(&out);
	check_int("none", expand("{}", 2, LIMIT, &out, &why), -1);
	check_text("its reason", why, "gzip: it is none");
	buffer_clear(&out);
	check_int("one octet beyond the limit", expand(packed.data,
	    packed.len, t.len - 1, &out, &why), -1);
	check_text("its reason", why, "gzip: unpacks to too much");
	buffer_clear(&out);
	check_int("at the limit", expand(packed.data, packed.len, t.len,
	    &out, &why), 0);
	buffer_clear(&out);
	check_int("no room to pack", expand("", 0, 0, &out, &why), -1);
	out.limit = 10;
	check_int("is said", gzip_compress(t, &out), -1);
	buffer_clear(&out);

	buffer_add_text(&packed, "trailing");
	check_int("what follows is ignored", expand(packed.data, packed.len,
	    LIMIT, &out, &why), 0);
	check_bool("and is no content", out.len == t.len, true);
	buffer_clear(&out);
	packed.data[packed.len / 2] ^= 0x40;
	check_int("broken", expand(packed.data, packed.len, LIMIT, &out,
	    &why), -1);
	check_text("its reason", why, "gzip: broken");
	buffer_clear(&out);
	buffer_clear(&packed);
}

/* Zeros, which pack to less than a nine-hundredth. */
static void
test_bomb(void)
{
	static char zeros[8 * 1024 * 1024];
	struct buffer packed, out;
	const char *why;

	buffer_init(&packed, LIMIT);
	gzip_compress((struct text){ zeros, sizeof(zeros) }, &packed);
	check_bool("a bomb is small", packed.len < sizeof(zeros) / 900, true);
	check_int("a bomb", expand(packed.data, packed.len, LIMIT, &out,
	    &why), -1);
	check_contains("its reason", why, "200 times");
	check_bool("and it grew to little", out.len <=
	    packed.len * GZIP_RATIO_MAX + 16384, true);
	buffer_clear(&out);
	buffer_clear(&packed);
}

int
main(void)
{
	static char noise[100000];
	uint32_t state = 1;
	size_t i;

	for (i = 0; i < sizeof(noise); i++) {
		state = state * 1664525 + 1013904223;
		noise[i] = (char)(state >> 24);
	}
	round_trip("nothing", (struct text){ "", 0 });
	round_trip("some JSON", text_of("{\"report-id\":\"1\"}"));
	round_trip("noise", (struct text){ noise, sizeof(noise) });
	test_refused((struct text){ noise, sizeof(noise) });
	test_bomb();
	return check_end();
}
