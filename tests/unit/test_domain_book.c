/*
 * The book in memory: who leaves when room runs out, who stays, and that what
 * is counted is what is there.
 */

#include "policyd/front/domain_book.h"

#include "tests/unit/check.h"

#define ROOMY	1000000

static struct book_entry *
add(struct domain_book *book, const char *name)
{
	return domain_book_add(book, text_of(name));
}

static bool
has(struct domain_book *book, const char *name)
{
	return domain_book_find(book, text_of(name)) != NULL;
}

static struct facts *
facts_of(const char *name)
{
	struct next_hop hop;
	const char *why;

	next_hop_parse(text_of(name), &hop, &why);
	return facts_new(&hop);
}

static void
set(struct domain_book *book, struct book_entry *e, const struct facts *facts)
{
	domain_book_set(book, e, facts, 100);
}

static size_t
entries(struct domain_book *book)
{
	return domain_book_count(book).entries;
}

static size_t
bytes(struct domain_book *book)
{
	return domain_book_count(book).bytes;
}

static void
test_find(void)
{
	struct domain_book *book = domain_book_new(ROOMY, ROOMY);
	struct book_entry *a = add(book, "a.example");

	check_bool("an entry", domain_book_find(book, text_of("a.example")) ==
	    a, true);
	check_text("its name", a->name, "a.example");
	check_bool("added again it is the same", add(book, "a.example") == a,
	    true);
	check_bool("a shorter name", has(book, "a.exampl"), false);
	check_bool("a longer name", has(book, "a.example:587"), false);
	check_bool("no name", has(book, ""), false);
	check_bool("only the octets count", domain_book_find(book,
	    (struct text){ "a.exampleX", 9 }) == a, true);
	check_bool("nothing is known", a->record == NULL, true);
	check_int("one entry", (int64_t)entries(book), 1);
	domain_book_remove(book, a);
	check_bool("removed", has(book, "a.example"), false);
	check_int("no entry", (int64_t)entries(book), 0);
	check_int("no bytes", (int64_t)bytes(book), 0);
	check_int("that is no eviction",
	    (int64_t)domain_book_count(book).evicted, 0);
	domain_book_free(book);
	domain_book_free(NULL);
}

static void
test_eviction(void)
{
	struct domain_book *book = domain_book_new(3, ROOMY);

	add(book, "a");
	add(book, "b");
	add(book, "c");
	check_int("as many as there is room for", (int64_t)entries(book), 3);
	has(book, "a");
	add(book, "d");
	check_int("one more: one leaves", (int64_t)entries(book), 3);
	check_bool("the one used least recently", has(book, "b"), false);
	check_bool("not the one that was asked for", has(book, "a"), true);
	check_int("counted", (int64_t)domain_book_count(book).evicted, 1);
	add(book, "d");
	add(book, "e");
	check_bool("the next one", has(book, "c"), false);
	domain_book_set_limits(book, 1, ROOMY);
	check_int("less room", (int64_t)entries(book), 1);
	check_bool("the newest stays", has(book, "e"), true);
	domain_book_free(book);
}

static void
test_pins(void)
{
	struct domain_book *book = domain_book_new(2, ROOMY);
	struct book_entry *a = add(book, "a"), *b = add(book, "b"), *c;
	struct facts *facts = facts_of("c");

	check_bool("nobody keeps it", domain_book_is_free(a), true);
	a->pins++;
	check_bool("somebody keeps it", domain_book_is_free(a), false);
	b->lookup = (struct domain_lookup *)b;
	check_bool("a lookup keeps it", domain_book_is_free(b), false);
	c = add(book, "c");
	check_int("the one in hand stays, too", (int64_t)entries(book), 3);
	set(book, c, facts);
	domain_book_set_reply(book, c, MAP_QUERY, "7:OK dane,");
	check_bool("also while it grows", has(book, "c"), true);
	add(book, "d");
	check_bool("until another one comes", has(book, "c"), false);
	check_bool("kept ones stay", has(book, "a") && has(book, "b"), true);
	domain_book_set_limits(book, 0, 0);
	check_int("without any room", (int64_t)entries(book), 2);
	a->pins--;
	b->lookup = NULL;
	domain_book_set_limits(book, 0, 0);
	check_int("until nobody keeps them", (int64_t)entries(book), 0);
	check_int("no bytes", (int64_t)bytes(book), 0);

	a = add(book, "a");
	a->pins++;
	domain_book_remove_empty(book, a);
	check_bool("an empty one that somebody keeps stays", has(book, "a"),
	    true);
	set(book, a, facts);
	a->pins--;
	domain_book_remove_empty(book, a);
	check_bool("and one that knows something", has(book, "a"), true);
	domain_book_clear(book, a);
	domain_book_remove_empty(book, a);
	check_bool("an empty one does not", has(book, "a"), false);
	facts_free(facts);
	domain_book_free(book);
}

static void
check_reply(const char *label, const struct book_entry *e, enum map_name name,
    const char *want)
{
	check_text(label, domain_book_reply(e, name), want);
}

static void
test_content(void)
{
	struct domain_book *book = domain_book_new(ROOMY, ROOMY);
	struct book_entry *e = add(book, "a.example");
	struct facts *facts = facts_of("a.example"), *again;
	size_t empty = bytes(book), with_record;

	check_bool("nothing put, nothing known", domain_book_facts(e,
	    &facts->hop) == NULL, true);
	check_bool("nothing is over", domain_book_is_over(e, &facts->hop, 100,
	    0), true);
	facts->looked_at = 1000;
	facts->refresh_at = 1050;
	facts->refetch_at = 1070;
	set(book, e, facts);
	check_int("little takes no more room", (int64_t)bytes(book),
	    (int64_t)empty);
	memset(facts->record_error, 'x', 100);
	set(book, e, facts);
	with_record = bytes(book);
	check_int("more is counted", (int64_t)(with_record - empty),
	    e->record_bytes);
	again = domain_book_facts(e, &facts->hop);
	check_bool("what was put comes back", again->looked_at == 1000 &&
	    again->refresh_at == 1050 && again->refetch_at == 1070, true);
	check_text("all of it", again->record_error, facts->record_error);
	facts_free(again);
	check_int("looked at", e->looked_at, 1000);
	check_int("to be refreshed", e->refresh_at, 1050);
	check_int("no policy, no fetch: due at its end", e->due_at, 1100);
	check_bool("of use until then", domain_book_is_over(e, &facts->hop,
	    100, 1099), false);
	check_bool("and no longer", domain_book_is_over(e, &facts->hop, 100,
	    1100), true);
	check_bool("unless it is kept longer now", domain_book_is_over(e,
	    &facts->hop, 200, 1100), false);

	domain_book_set_reply(book, e, MAP_QUERY, "7:OK dane,");
	domain_book_set_reply(book, e, MAP_QUERY_TLSRPT, "9:OK secure,");
	check_int("replies are counted with their NUL", (int64_t)(bytes(book) -
	    with_record), 11 + 13 + (int64_t)sizeof(*e->replies));
	domain_book_set_reply(book, e, MAP_QUERY, "6:OK may,");
	check_reply("replaced", e, MAP_QUERY, "6:OK may,");
	check_reply("the other stays", e, MAP_QUERY_TLSRPT, "9:OK secure,");
	check_int("and counted anew", (int64_t)(bytes(book) - with_record),
	    10 + 13 + (int64_t)sizeof(*e->replies));
	domain_book_set_reply(book, e, MAP_QUERY, "9:NOTFOUND ,");
	check_reply("the most frequent one", e, MAP_QUERY, "9:NOTFOUND ,");
	check_int("takes no room", (int64_t)(bytes(book) - with_record),
	    13 + (int64_t)sizeof(*e->replies));
	e->lets_pass = true;
	domain_book_drop_replies(book, e);
	check_bool("dropped", domain_book_reply(e, MAP_QUERY) == NULL &&
	    domain_book_reply(e, MAP_QUERY_TLSRPT) == NULL && !e->lets_pass,
	    true);
	check_int("and not counted", (int64_t)bytes(book),
	    (int64_t)with_record);

	domain_book_set_reply(book, e, MAP_QUERY, "9:NOTFOUND ,");
	check_bool("the other is not made yet", domain_book_reply(e,
	    MAP_QUERY_TLSRPT) == NULL, true);
	domain_book_set_reply(book, e, MAP_QUERY_TLSRPT, "9:NOTFOUND ,");
	check_reply("twice the most frequent one", e, MAP_QUERY_TLSRPT,
	    "9:NOTFOUND ,");
	domain_book_drop_replies(book, e);
	domain_book_set_reply(book, e, MAP_QUERY_TLSRPT, "9:NOTFOUND ,");
	check_bool("alone the other way round", domain_book_reply(e,
	    MAP_QUERY) == NULL, true);
	check_reply("is there", e, MAP_QUERY_TLSRPT, "9:NOTFOUND ,");
	check_int("none of them takes room", (int64_t)bytes(book),
	    (int64_t)with_record);

	domain_book_set_reply(book, e, MAP_QUERY, "7:OK dane,");
	e->lets_pass = true;
	set(book, e, facts);
	check_bool("new facts drop the replies", domain_book_reply(e,
	    MAP_QUERY) == NULL && !e->lets_pass, true);
	check_int("and replace the record", (int64_t)bytes(book),
	    (int64_t)with_record);
	domain_book_clear(book, e);
	check_bool("back to nothing", e->record == NULL && e->due_at == 0 &&
	    e->refresh_at == 0 && e->looked_at == 0, true);
	check_int("of no size", (int64_t)bytes(book), (int64_t)empty);
	facts_free(facts);
	domain_book_free(book);
}

static void
test_policy(void)
{
	static const char text[] = "version: STSv1\nmode: testing\n"
	    "mx: mx.a.example\nmax_age: 5000\n";
	struct domain_book *book = domain_book_new(ROOMY, ROOMY);
	struct book_entry *e = add(book, "a.example");
	struct facts *facts = facts_of("a.example"), *again;
	struct mtasts_policy policy;
	const char *why;

	mtasts_policy_parse(text, sizeof(text) - 1, &policy, &why);
	facts_set_policy(facts, &policy, "1", 1000);
	set(book, e, facts);
	check_bool("a policy", e->has_policy, true);
	check_int("that is never fetched ahead is due at its end", e->due_at,
	    6000);
	facts->refetch_at = 3000;
	set(book, e, facts);
	check_int("else when it is to be fetched", e->due_at, 3000);
	check_bool("which is not its end", domain_book_is_over(e, &facts->hop,
	    100, 3000), false);
	check_bool("as max_age is", domain_book_is_over(e, &facts->hop, 100,
	    6000), true);
	again = domain_book_facts(e, &facts->hop);
	check_bool("all of it is kept", again->has_policy &&
	    again->expires_at == 6000 && again->policy.mode == MTASTS_TESTING,
	    true);
	facts_free(again);
	facts->refetch_at = 7000;
	set(book, e, facts);
	check_int("not after its end", e->due_at, 6000);
	domain_book_clear(book, e);
	check_bool("gone with the rest", e->has_policy, false);
	facts_free(facts);
	domain_book_free(book);
}

static void
test_times(void)
{
	check_int("a time", book_time_of(1800000000), 1800000000);
	check_int("before 1970", book_time_of(-1), 0);
	check_int("the last one", book_time_of(UINT32_MAX), UINT32_MAX);
	check_int("after it", book_time_of((int64_t)UINT32_MAX + 2),
	    UINT32_MAX);
}

static void
test_bytes(void)
{
	struct domain_book *book = domain_book_new(ROOMY, ROOMY);
	struct facts *facts = facts_of("a.example");
	struct book_entry *e;
	size_t each, i;
	char name[32], reply[100];
	bool is_within = true;

	e = add(book, "a00");
	set(book, e, facts);
	each = bytes(book);
	domain_book_set_limits(book, ROOMY, 10 * each);
	for (i = 1; i < 50; i++) {
		snprintf(name, sizeof(name), "a%02zu", i);
		e = add(book, name);
		set(book, e, facts);
		is_within &= bytes(book) <= 10 * each;
	}
	check_bool("never more bytes than allowed", is_within, true);
	check_int("as many entries as they hold", (int64_t)entries(book), 10);
	check_bool("the oldest left", has(book, "a39"), false);
	check_bool("the others stay", has(book, "a40"), true);
	memset(reply, 'x', sizeof(reply) - 1);
	reply[sizeof(reply) - 1] = '\0';
	for (i = 40; i < 50; i++) {
		snprintf(name, sizeof(name), "a%02zu", i);
		e = domain_book_find(book, text_of(name));
		if (e != NULL)
			domain_book_set_reply(book, e, MAP_QUERY, reply);
		is_within &= bytes(book) <= 10 * each;
	}
	check_bool("replies count as well", is_within, true);
	check_bool("and drive others out", entries(book) < 10, true);
	facts_free(facts);
	domain_book_free(book);
}

/* ------------------------------------------------------ growth and sweep */

#define MANY	5000

struct visits {
	struct domain_book	*book;
	unsigned		 seen[MANY];
	bool			 removes;
};

static void
visit(struct book_entry *e, void *arg)
{
	struct visits *visits = arg;

	visits->seen[strtoul(e->name + 1, NULL, 10)]++;
	if (visits->removes)
		domain_book_remove(visits->book, e);
}

static bool
each_seen(const struct visits *visits, unsigned times)
{
	size_t i;

	for (i = 0; i < MANY; i++)
		if (visits->seen[i] != times)
			return false;
	return true;
}

static void
test_many(void)
{
	static struct visits visits;
	struct domain_book *book = domain_book_new(ROOMY, 100 * ROOMY);
	size_t before = domain_book_slots(book), cursor = 0, i, rounds;
	char name[32];
	bool all = true;

	for (i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "n%zu", i);
		add(book, name);
	}
	check_bool("the table grows", domain_book_slots(book) > before &&
	    domain_book_slots(book) >= MANY, true);
	for (i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "n%zu", i);
		all &= has(book, name);
	}
	check_bool("and all is found again", all, true);

	visits.book = book;
	domain_book_sweep(book, &cursor, domain_book_slots(book), visit,
	    &visits);
	check_bool("one sweep sees each once", each_seen(&visits, 1), true);
	domain_book_sweep(book, &cursor, SIZE_MAX, visit, &visits);
	check_bool("a longer one, too", each_seen(&visits, 2), true);
	rounds = domain_book_slots(book) / 256;
	for (i = 0; i < rounds; i++)
		domain_book_sweep(book, &cursor, 256, visit, &visits);
	check_bool("a sweep in parts sees each once", each_seen(&visits, 3),
	    true);
	visits.removes = true;
	cursor = SIZE_MAX;
	domain_book_sweep(book, &cursor, SIZE_MAX, visit, &visits);
	check_bool("each may be removed when it is seen", each_seen(&visits,
	    4), true);
	check_int("then nobody is left", (int64_t)entries(book), 0);
	check_int("nor a byte", (int64_t)bytes(book), 0);
	domain_book_free(book);
}

int
main(void)
{
	test_find();
	test_eviction();
	test_pins();
	test_content();
	test_policy();
	test_times();
	test_bytes();
	test_many();
	return check_end();
}
