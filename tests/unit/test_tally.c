/*
 * Counts: the same in any order and after any detour through journal or
 * cache, exact in sum whatever strangers call themselves.
 */

#include "shared/tlsrpt/tally.h"

#include "tests/unit/check.h"

#define DAY	20779
#define NOON	(DAY * INT64_C(86400) + 43200)

static const struct siphash_key hash_key = { 1, 2 };

static const struct tally_key verified = {
	.direction = SESSION_OUT, .outcome = TALLY_SUCCESS,
	.finding = FINDING_OK, .trust = SESSION_TRUST_VERIFIED,
	.policy = { "sts", 3 }, .protocol = { "TLSv1.3", 7 },
	.cipher = { "TLS_AES_256_GCM_SHA384", 22 },
	.host = { "mx.example.com", 14 }
};
static const struct tally_key expired = {
	.direction = SESSION_OUT, .outcome = TALLY_FAILURE,
	.finding = FINDING_CERT_EXPIRED, .trust = SESSION_TRUST_UNTRUSTED,
	.host = { "mx.example.com", 14 }, .address = { "192.0.2.1", 9 },
	.helo = { "big.example.com", 15 },
	.reason = { "certificate has expired", 23 }
};

static struct tally *
new_tally(unsigned domain_max)
{
	return tally_new(DAY, domain_max, &hash_key);
}

static uint64_t
sum_of(const struct tally *t, const char *domain)
{
	uint32_t d = tally_find(t, text_of(domain)), i;
	const struct tally_entry *e;
	uint64_t sum = 0;

	if (d == TALLY_NONE)
		return 0;
	for (i = tally_first(t, d); i != TALLY_NONE; i = e->next) {
		e = tally_entry(t, i);
		if (!tally_line_is_text(text_of(e->line)))
			sum += e->total;
	}
	return sum;
}

static uint64_t
sum_of_all(const struct tally *t)
{
	uint64_t sum = 0;
	uint32_t d;

	for (d = 0; d < tally_domain_count(t); d++)
		sum += sum_of(t, tally_domain_name(t, d));
	return sum;
}

static int
compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All that is known of a domain, in an order of its own; the caller frees. */
static char *
contents(const struct tally *t, const char *domain)
{
	char *lines[4096], *copy, *line;
	struct buffer out, sorted;
	size_t n = 0, i;

	buffer_init(&out, 1 << 24);
	buffer_init(&sorted, 1 << 24);
	tally_format_domain(t, tally_find(t, text_of(domain)), &out);
	copy = buffer_take(&out);
	for (line = strtok(copy, "\n"); line != NULL && n < 4096;
	    line = strtok(NULL, "\n"))
		lines[n++] = line;
	qsort(lines, n, sizeof(lines[0]), compare_lines);
	for (i = 0; i < n; i++)
		buffer_addf(&sorted, "%s\n", lines[i]);
	free(copy);
	return buffer_take(&sorted);
}

static void
check_same(const char *label, const struct tally *a, const struct tally *b,
    const char *domain)
{
	char *got = contents(a, domain), *want = contents(b, domain);

	check_text(label, got, want);
	free(got);
	free(want);
}

static void
test_keys(void)
{
	static const struct {
		const char	*label, *line;
		bool		 wanted;
	} rows[] = {
		{ "a session", "s\tout\tsuccess\tok\tverified\t\tsts\t\t"
		    "TLSv1.3\tX\tmx\t\t\t\t\t", true },
		{ "a detail with evidence", "d\tout\tfailure\t"
		    "policy-invalid\t\tprobe\t\t\t\t\t\t\t\t\t\tx", true },
		{ "a session let pass", "s\tout\tfailure\tcert-expired\t\t"
		    "let-pass\tsts\t\tTLSv1.3\tX\tmx\t\t\t\t\t", true },
		{ "a field too few", "s\tout\tsuccess\tok\tverified\t\tsts\t\t"
		    "TLSv1.3\tX\tmx\t\t\t\t", false },
		{ "a field too many", "s\tout\tsuccess\tok\tverified\t\tsts\t"
		    "\tTLSv1.3\tX\tmx\t\t\t\t\tx\ty\tz", false },
		{ "another kind", "x\tout\tsuccess\tok\tverified\t\tsts\t\t"
		    "TLSv1.3\tX\tmx\t\t\t\t\t", false },
		{ "another direction", "s\tup\tsuccess\tok\tverified\t\tsts\t"
		    "\tTLSv1.3\tX\tmx\t\t\t\t\t", false },
		{ "another outcome", "s\tout\tgood\tok\tverified\t\tsts\t\t"
		    "TLSv1.3\tX\tmx\t\t\t\t\t", false },
		{ "another finding", "s\tout\tsuccess\tgood\tverified\t\tsts\t"
		    "\tTLSv1.3\tX\tmx\t\t\t\t\t", false },
		{ "another trust", "s\tout\tsuccess\tok\tloved\t\tsts\t\t"
		    "TLSv1.3\tX\tmx\t\t\t\t\t", false },
		{ "nothing", "", false },
	};
	struct tally_key key;
	struct tally *t = new_tally(10);
	char *exact;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		exact = check_exact(rows[i].line, strlen(rows[i].line));
		check_bool(rows[i].label, tally_key_parse((struct text){
		    exact, strlen(rows[i].line) }, &key), rows[i].wanted);
		check_bool(rows[i].label, tally_merge(t, text_of("a.example"),
		    (struct text){ exact, strlen(rows[i].line) }, 1, 1, 1,
		    TALLY_SUM), rows[i].wanted);
		free(exact);
	}
	check_int("what is refused is not counted", (int64_t)sum_of_all(t),
	    3);
	check_bool("a control character in a line", tally_merge(t,
	    text_of("a.example"), text_of("r\tx\ty\x01"), 1, 1, 1, TALLY_SUM),
	    false);
	tally_free(t);
}

static void
test_round_trip(void)
{
	struct tally *t = new_tally(10);
	const struct tally_entry *e;
	struct tally_key key;

	tally_add(t, text_of("example.com"), &expired, NOON, TALLY_ONCE);
	tally_add(t, text_of("example.com"), &expired, NOON + 60, TALLY_ONCE);
	e = tally_entry(t, tally_first(t, tally_find(t,
	    text_of("example.com"))));
	check_int("twice the same is one entry of two", (int64_t)e->total, 2);
	check_int("since", e->first_at, NOON);
	check_int("until", e->last_at, NOON + 60);
	check_bool("the key is read", tally_key_parse(text_of(e->line), &key),
	    true);
	check_int("its finding", key.finding, FINDING_CERT_EXPIRED);
	check_bool("its address", text_equals(key.address, "192.0.2.1"), true);
	check_bool("its reason", text_equals(key.reason,
	    "certificate has expired"), true);
	check_bool("its own name", text_equals(key.helo, "big.example.com"),
	    true);
	check_bool("no policy", key.policy.len == 0, true);
	tally_free(t);
}

static void
test_hostile(void)
{
	struct tally *t = new_tally(10);
	struct tally_key key = expired;
	const struct tally_entry *e;
	char long_text[5000];

	memset(long_text, 'x', sizeof(long_text));
	long_text[7] = '\t';
	long_text[8] = '\n';
	key.reason = key.host = key.address = key.cipher = key.sender =
	    key.helo = key.protocol = key.policy = key.record = key.service =
	    key.result = (struct text){ long_text, sizeof(long_text) };
	tally_add(t, (struct text){ "a}\n b\xff", 6 }, &key, NOON,
	    TALLY_ONCE);
	check_text("a name stays one word", tally_domain_name(t, 0),
	    "a}??b?");
	e = tally_entry(t, tally_first(t, 0));
	check_bool("the longest key is one", tally_key_parse(text_of(e->line),
	    &key), true);
	check_bool("an odd protocol has no name of its own",
	    text_equals(key.protocol, TALLY_OTHER), true);
	tally_add(t, (struct text){ long_text, sizeof(long_text) }, &expired,
	    NOON, TALLY_ONCE);
	check_text("no name that long", tally_domain_name(t, 1), TALLY_OTHER);
	tally_free(t);
}

static void
test_bounds(void)
{
	struct tally *t = new_tally(50);
	struct tally_key key = expired;
	char word[64];
	int i;

	for (i = 0; i < 5000; i++) {
		snprintf(word, sizeof(word), "reason %d", i);
		key.reason = text_of(word);
		key.trust = (enum session_trust)(i % 5);
		tally_add(t, text_of("example.com"), &key, NOON, TALLY_ONCE);
	}
	check_int("invented reasons: the sum is exact",
	    (int64_t)sum_of(t, "example.com"), 5000);
	check_bool("invented reasons: few are kept",
	    tally_entry_count(t) <= TALLY_KEYS_MAX + 5, true);
	for (i = 0; i < 1000; i++) {
		snprintf(word, sizeof(word), "d%d.example", i);
		tally_add(t, text_of(word), &verified, NOON, TALLY_ONCE);
	}
	check_int("names above the bound", tally_domain_count(t), 51);
	check_int("are counted together", (int64_t)sum_of(t, TALLY_OTHER),
	    1000 - 49);
	tally_free(t);

	t = new_tally(50);
	key.direction = SESSION_IN;
	for (i = 0; i < 100; i++) {
		snprintf(word, sizeof(word), "in%d.example", i);
		tally_add(t, text_of(word), &key, NOON, TALLY_ONCE);
	}
	tally_add(t, text_of("ours.example"), &verified, NOON, TALLY_ONCE);
	check_int("strangers who come leave room for whom we send to",
	    (int64_t)sum_of(t, "ours.example"), 1);
	check_int("none of all is lost", (int64_t)sum_of_all(t), 101);
	tally_free(t);
}

/* Another order, in parts, by journal or by cache: always the same. */
static void
test_any_order(void)
{
	struct tally *forward = new_tally(100), *backward = new_tally(100);
	struct tally *joined = new_tally(100), *parts[3];
	char name[32], address[32];
	struct buffer value;
	uint32_t d;
	int i, j;

	buffer_init(&value, 1 << 20);
	for (i = 0; i < 3; i++)
		parts[i] = new_tally(100);
	for (i = 0; i < 600; i++) {
		struct tally_key keys[2];

		for (j = 0; j < 2; j++) {
			int n = j == 0 ? i : 599 - i;

			keys[j] = n % 3 == 0 ? expired : verified;
			snprintf(address, sizeof(address), "192.0.2.%d",
			    n % 7);
			snprintf(name, sizeof(name), "d%d.example", n % 5);
			if (n % 3 == 0)
				keys[j].address = text_of(address);
			tally_add(j == 0 ? forward : backward, text_of(name),
			    &keys[j], NOON + n, TALLY_ONCE);
			if (j == 0)
				tally_add(parts[n % 3], text_of(name),
				    &keys[j], NOON + n, TALLY_REPEATABLE);
		}
	}
	for (i = 2; i >= 0; i--)
		for (d = 0; d < tally_domain_count(parts[i]); d++) {
			buffer_reset(&value);
			tally_format_domain(parts[i], d, &value);
			check_bool("a writer's value is read",
			    tally_merge_domain(joined, text_of(
			    tally_domain_name(parts[i], d)),
			    text_of(buffer_text(&value))), true);
		}
	for (i = 0; i < 5; i++) {
		snprintf(name, sizeof(name), "d%d.example", i);
		check_same("backwards", backward, forward, name);
		check_same("by three writers", joined, forward, name);
	}
	check_bool("another version", tally_merge_domain(joined,
	    text_of("a"), text_of("hopseal-tally 2\n")), false);
	check_bool("no value", tally_merge_domain(joined, text_of("a"),
	    text_of("")), false);
	for (i = 0; i < 3; i++)
		tally_free(parts[i]);
	tally_free(forward);
	tally_free(backward);
	tally_free(joined);
	buffer_clear(&value);
}

static void
replay(struct tally *to, const struct buffer *items)
{
	char *exact = check_exact(items->data, items->len);

	check_bool("items are read", tally_replay(to, (struct text){ exact,
	    items->len }), true);
	free(exact);
}

static void
test_journal(void)
{
	struct tally *t = new_tally(10), *copy = new_tally(10);
	struct buffer once, all;
	char *exact;
	size_t len;

	buffer_init(&once, 1 << 20);
	buffer_init(&all, 1 << 20);
	tally_add(t, text_of("log.example"), &verified, NOON,
	    TALLY_REPEATABLE);
	tally_add(t, text_of("both.example"), &verified, NOON,
	    TALLY_REPEATABLE);
	tally_add(t, text_of("both.example"), &verified, NOON, TALLY_ONCE);
	tally_format_changes(t, false, &once);
	tally_commit(t, false);
	replay(copy, &once);
	check_int("what is read again is held back",
	    (int64_t)sum_of(copy, "log.example"), 0);
	check_int("and what is not is written",
	    (int64_t)sum_of(copy, "both.example"), 1);
	buffer_reset(&once);
	tally_format_changes(t, false, &once);
	check_int("written once", (int64_t)once.len, 0);
	tally_format_changes(t, true, &all);
	tally_commit(t, true);
	replay(copy, &all);
	check_same("then all is there", copy, t, "log.example");
	check_same("and here", copy, t, "both.example");
	replay(copy, &all);
	check_same("twice is as once", copy, t, "both.example");
	check_bool("nothing is left to write",
	    tally_has_marked(t, TALLY_MARK_JOURNAL), false);
	for (len = 1; len < all.len; len++) {
		struct tally *torn = new_tally(10);

		exact = check_exact(all.data, len);
		/* Between two items it is whole. */
		if (tally_replay(torn, (struct text){ exact, len }) &&
		    tally_domain_count(torn) != 1)
			check_bool("a torn item is refused", true, false);
		free(exact);
		tally_free(torn);
	}
	buffer_clear(&once);
	buffer_clear(&all);
	tally_free(t);
	tally_free(copy);
}

static void
test_file_of_day(void)
{
	struct tally *t = new_tally(1000), *copy = new_tally(1000);
	struct buffer out;
	uint32_t at = 0;
	char name[32];
	int i;

	buffer_init(&out, 1 << 20);
	for (i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "d%d.example", i);
		tally_add(t, text_of(name), &verified, NOON, TALLY_ONCE);
	}
	while (at < tally_domain_count(t)) {
		buffer_reset(&out);
		tally_format_all(t, &at, 1000, &out);
		replay(copy, &out);
	}
	check_int("all of the day", (int64_t)sum_of_all(copy), 300);
	tally_free(t);
	tally_free(copy);
	buffer_clear(&out);
}

static void
test_texts(void)
{
	static const char *const lines[] = {
		"version: STSv1", "mode: enforce", "mx: *.example.com"
	};
	static const char *const patterns[] = { "*.example.com" };
	struct tally_policy policy = { "sts", "example.com", lines, patterns,
	    3, 1 };
	struct tally *t = new_tally(10);
	char ref[TALLY_REF_SIZE], again[TALLY_REF_SIZE], name[64];
	char *got;
	int i;

	tally_add_policy(t, text_of("example.com"), &policy, NOON, TALLY_ONCE,
	    ref);
	check_bool("its reference tells the type",
	    text_equals(tally_policy_type(text_of(ref)), "sts"), true);
	tally_add_policy(t, text_of("example.com"), &policy, NOON, TALLY_ONCE,
	    again);
	check_text("the same policy, the same reference", again, ref);
	got = contents(t, "example.com");
	check_contains("its text", got, "\texample.com\tsversion: STSv1\t"
	    "smode: enforce\tsmx: *.example.com\tm*.example.com\n");
	check_contains("once", got, "1 1795348800 1795348800 p\tsts:");
	free(got);
	for (i = 0; i < 2 * TALLY_TEXTS_MAX; i++) {
		snprintf(name, sizeof(name), "v=TLSRPTv1; rua=mailto:%d@a", i);
		tally_add_record(t, text_of("example.com"), text_of(name),
		    NOON, TALLY_ONCE, ref);
	}
	check_text("too many records: no reference", ref, "");
	policy.mx_count = 0;
	tally_add_policy(t, text_of("example.com"), &policy, NOON, TALLY_ONCE,
	    ref);
	check_text("too many policies: the type", ref, "sts");
	check_int("a text counts no session",
	    (int64_t)sum_of(t, "example.com"), 0);
	tally_free(t);
}

static void
test_marks(void)
{
	struct tally *t = new_tally(10);
	uint32_t domain = 99;

	tally_add(t, text_of("a.example"), &verified, NOON, TALLY_ONCE);
	tally_add(t, text_of("a.example"), &verified, NOON, TALLY_ONCE);
	check_bool("changed", tally_take_marked(t, TALLY_MARK_CACHE, &domain),
	    true);
	check_int("this one", domain, 0);
	check_bool("once", tally_take_marked(t, TALLY_MARK_CACHE, &domain),
	    false);
	tally_mark(t, TALLY_MARK_CACHE, 0);
	check_bool("and again when it failed", tally_has_marked(t,
	    TALLY_MARK_CACHE), true);
	tally_free(t);
}

int
main(void)
{
	test_keys();
	test_round_trip();
	test_hostile();
	test_bounds();
	test_any_order();
	test_journal();
	test_file_of_day();
	test_texts();
	test_marks();
	return check_end();
}
