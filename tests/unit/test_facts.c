/*
 * What is known of a next hop: written down and read again, judged for DANE
 * (RFC 7672, 2.2), merged with what was known before (RFC 8461, 3.3).
 */

#include "shared/policy/facts.h"

#include "tests/unit/check.h"

#define ROWS(table)	(sizeof(table) / sizeof(table[0]))
#define NOW		1000000
#define HEAD		"hopseal-facts 1\nnext_hop=a.example\n"
#define POLICY_TEXT	"version: STSv1\nmode: enforce\nmx: mx.a.example\n" \
			"max_age: 86400"
#define POLICY_LINES	"policy=version: STSv1\npolicy=mode: enforce\n" \
			"policy=mx: mx.a.example\npolicy=max_age: 86400\n"
#define POLICY(from, to) "policy_id=7\nfetched_at=" #from "\n" \
			"expires_at=" #to "\n" POLICY_LINES
#define HOST		"host=mx.a.example\n"
#define ADDRESS		"address=192.0.2.1\n"

static struct facts *
parse(const char *record, const char **why)
{
	size_t len = strlen(record);
	char *exact = check_exact(record, len);
	struct facts *f = facts_parse((struct text){ exact, len }, why);

	free(exact);
	return f;
}

/* The record of f, which the caller frees. */
static char *
format(const struct facts *f)
{
	struct buffer b;

	buffer_init(&b, FACTS_RECORD_MAX_BYTES);
	facts_format(f, &b);
	if (b.is_overfull)
		abort();
	return buffer_take(&b);
}

/* ---------------------------------------------------------- the record */

static const struct {
	const char *label, *record, *why;
} refused[] = {
	{ "nothing", "", "not one" },
	{ "another text", "{}\n", "not one" },
	{ "no version", "hopseal-facts\n", "not one" },
	{ "an empty version", "hopseal-facts \n", "another version" },
	{ "version 0", "hopseal-facts 0\nnext_hop=a.example\n",
	    "another version" },
	{ "a newer version", "hopseal-facts 2\nnext_hop=a.example\n",
	    "another version" },
	{ "a version with a tail", "hopseal-facts 1.1\nnext_hop=a.example\n",
	    "another version" },
	{ "a line without =", HEAD "mx\n", "without \"=\"" },
	{ "an empty line", HEAD "\n", "without \"=\"" },
	{ "no next hop", "hopseal-facts 1\nmx=present\n", "no next hop" },
	{ "a next hop that is none", "hopseal-facts 1\nnext_hop=.example\n",
	    "no next hop" },
	{ "a second one that is none", HEAD "next_hop=\n", "no next hop" },
	{ "a time that is no number", HEAD "looked_at=soon\n", "bad number" },
	{ "a negative time", HEAD "refresh_at=-1\n", "bad number" },
	{ "an empty time", HEAD "learned_at=\n", "bad number" },
	{ "a time beyond all bounds", HEAD "looked_at=1099511627777\n",
	    "bad number" },
	{ "a time that wraps", HEAD "looked_at=18446744073709551617\n",
	    "bad number" },
	{ "unknown MX state", HEAD "mx=maybe\n", "unknown word" },
	{ "empty MX state", HEAD "mx=\n", "unknown word" },
	{ "unknown DANE state", HEAD "dane=usable\n", "unknown word" },
	{ "unknown record state", HEAD "record=invalid\n", "unknown word" },
	{ "a flag in words", HEAD "mx_is_secure=no\n", "bad number" },
	{ "a flag beyond 1", HEAD "mx_is_null=2\n", "bad number" },
	{ "a flag without a value", HEAD "mx_is_implicit=\n", "bad number" },
	{ "a flag of the cut", HEAD "hosts_are_cut=yes\n", "bad number" },
	{ "an error with a control character", HEAD "mx_error=a\tb\n",
	    "bad text" },
	{ "an error that is not ASCII", HEAD "dane_error=\303\244\n",
	    "bad text" },
	{ "an id that is too long", HEAD
	    "record_id=123456789012345678901234567890123\n", "bad text" },
	{ "a failed id that is too long", HEAD
	    "fetch_failed_id=123456789012345678901234567890123\n",
	    "bad text" },
	{ "a host that is no name", HEAD "host=mx..a.example\n", "bad host" },
	{ "a host in another spelling", HEAD "host=MX.a.example\n",
	    "bad host" },
	{ "a host without a name", HEAD "host=\n", "bad host" },
	{ "a preference beyond 65535", HEAD HOST "preference=65536\n",
	    "bad number" },
	{ "unknown address state", HEAD HOST "addresses=some\n",
	    "unknown word" },
	{ "unknown TLSA state", HEAD HOST "tlsa=usable-all\n",
	    "unknown word" },
	{ "a host's flag", HEAD HOST "host_is_secure=true\n", "bad number" },
	{ "a host's error", HEAD HOST "host_error=\177\n", "bad text" },
	{ "an address that is none", HEAD HOST "address=mx.a.example\n",
	    "bad address" },
	{ "the time of an observation", HEAD HOST ADDRESS "seen_at=x\n",
	    "bad number" },
	{ "the certificate's end", HEAD HOST ADDRESS "not_after=-5\n",
	    "bad number" },
	{ "a count beyond all bounds", HEAD HOST ADDRESS
	    "seen_count=1000001\n", "bad number" },
	{ "failures beyond all bounds", HEAD "fetch_failed_count=1000001\n",
	    "bad number" },
	{ "a policy that is none", HEAD
	    "fetched_at=1\nexpires_at=2\npolicy=version: STSv1\n",
	    "bad policy" },
	{ "an empty line in a policy", HEAD "fetched_at=1\nexpires_at=2\n"
	    "policy=version: STSv1\npolicy=\npolicy=mode: none\n"
	    "policy=max_age: 9\n", "bad policy" },
	{ "a policy without times", HEAD POLICY_LINES, "times do not fit" },
	{ "a policy without an end", HEAD "fetched_at=1000\n" POLICY_LINES,
	    "times do not fit" },
	{ "a policy that ends before it begins", HEAD POLICY(1000, 999),
	    "times do not fit" },
	{ "a policy that outlives its max_age (RFC 8461, 3.2)", HEAD
	    POLICY(1000, 87401), "times do not fit" },
};

/* What a record may hold beside what this version writes. */
static const struct {
	const char *label, *record, *again;
} accepted[] = {
	{ "the least", HEAD,
	    HEAD "mx=unknown\ndane=unknown\nrecord=unknown\n" },
	{ "lines that end in CR LF", "hopseal-facts 1\r\n"
	    "next_hop=a.example\r\nmx=absent\r\n",
	    HEAD "mx=absent\ndane=unknown\nrecord=unknown\n" },
	{ "no final line end", HEAD "mx=absent",
	    HEAD "mx=absent\ndane=unknown\nrecord=unknown\n" },
	{ "unknown names", HEAD "later=1\nmx=absent\n=x\n",
	    HEAD "mx=absent\ndane=unknown\nrecord=unknown\n" },
	{ "a flag that is 0", HEAD "mx_is_secure=0\n",
	    HEAD "mx=unknown\ndane=unknown\nrecord=unknown\n" },
	{ "the latest time", HEAD "looked_at=1099511627776\n",
	    HEAD "looked_at=1099511627776\nmx=unknown\ndane=unknown\n"
	    "record=unknown\n" },
	{ "a finding of a newer version is not looked at", HEAD HOST ADDRESS
	    "finding=cert-strange\nseen_at=5\n",
	    HEAD "mx=unknown\ndane=unknown\nrecord=unknown\n" HOST
	    "preference=65535\naddresses=unknown\ntlsa=unknown\n" ADDRESS },
	{ "lines of a host without one", HEAD "tlsa=usable\nfinding=ok\n",
	    HEAD "mx=unknown\ndane=unknown\nrecord=unknown\n" },
	{ "lines of an address without one", HEAD HOST "finding=ok\n",
	    HEAD "mx=unknown\ndane=unknown\nrecord=unknown\n" HOST
	    "preference=65535\naddresses=unknown\ntlsa=unknown\n" },
	{ "a policy that lives shorter than its max_age", HEAD
	    POLICY(1000, 1001), HEAD "mx=unknown\ndane=unknown\n"
	    "record=unknown\n" POLICY(1000, 1001) },
	{ "times of a policy without one", HEAD "fetched_at=5\n",
	    HEAD "mx=unknown\ndane=unknown\nrecord=unknown\n" },
};

static void
test_record(void)
{
	const char *why;
	struct facts *f;
	char *again;
	size_t i;

	for (i = 0; i < ROWS(refused); i++) {
		why = NULL;
		f = parse(refused[i].record, &why);
		check_bool(refused[i].label, f == NULL, true);
		check_contains(" why", why, refused[i].why);
		facts_free(f);
	}
	for (i = 0; i < ROWS(accepted); i++) {
		f = parse(accepted[i].record, &why);
		check_bool(accepted[i].label, f != NULL, true);
		if (f == NULL)
			continue;
		again = format(f);
		check_text(" read as", again, accepted[i].again);
		free(again);
		facts_free(f);
	}
}

/* One more than there is room for. */
static void
test_record_bounds(void)
{
	struct buffer b;
	const char *why;
	struct facts *f;
	unsigned count, i;

	for (count = FACTS_HOSTS_MAX; count <= FACTS_HOSTS_MAX + 1; count++) {
		buffer_init(&b, FACTS_RECORD_MAX_BYTES);
		buffer_add_text(&b, HEAD);
		for (i = 0; i < count; i++)
			buffer_addf(&b, "host=mx%u.a.example\n", i);
		f = parse(b.data, &why);
		check_bool("as many hosts as are kept, and one more",
		    f != NULL, count == FACTS_HOSTS_MAX);
		facts_free(f);
		buffer_clear(&b);
	}
	for (count = FACTS_ADDRESSES_MAX; count <= FACTS_ADDRESSES_MAX + 1;
	    count++) {
		buffer_init(&b, FACTS_RECORD_MAX_BYTES);
		buffer_add_text(&b, HEAD HOST);
		for (i = 0; i < count; i++)
			buffer_addf(&b, "address=192.0.2.%u\n", i);
		f = parse(b.data, &why);
		check_bool("as many addresses as are kept, and one more",
		    f != NULL, count == FACTS_ADDRESSES_MAX);
		facts_free(f);
		buffer_clear(&b);
	}
	buffer_init(&b, 2 * FACTS_RECORD_MAX_BYTES);
	buffer_add_text(&b, HEAD "later=");
	while (b.len <= FACTS_RECORD_MAX_BYTES)
		buffer_add_text(&b, "0123456789abcdef");
	check_bool("a record that is too long", parse(b.data, &why) == NULL,
	    true);
	buffer_reset(&b);
	buffer_add_text(&b, HEAD "fetched_at=1\nexpires_at=2\n");
	while (b.len <= 2 * MTASTS_POLICY_MAX_BYTES)
		buffer_add_text(&b, "policy=x: 0123456789abcdef\n");
	check_bool("a policy that is too long", parse(b.data, &why) == NULL,
	    true);
	check_text(" why", why, "facts record: bad policy");
	buffer_clear(&b);
}

/* ------------------------------------------------- generated facts, again */

static uint64_t seed = 88172645463325252;

static unsigned
pick(unsigned below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 33) % below;
}

static int64_t
pick_time(void)
{
	return pick(4) == 0 ? 0 : (int64_t)pick(2000000000);
}

static void
pick_words(char *field, unsigned max)
{
	unsigned len = pick(3) == 0 ? max : pick(max + 1), i;

	for (i = 0; i < len; i++)
		field[i] = (char)(' ' + pick('~' - ' ' + 1));
	field[len] = '\0';
}

static void
pick_policy(struct facts *f)
{
	static const char *const modes[] = { "none", "testing", "enforce" };
	struct mtasts_policy policy;
	const char *why;
	char text[512];
	int len;

	len = snprintf(text, sizeof(text), "version: STSv1\r\nmode: %s\r\n"
	    "mx: mx%u.a.example\nmx: *.b.example\nx-note: {%u = a}\n"
	    "max_age: %u\n", modes[pick(3)], pick(9), pick(9),
	    pick(40000000));
	if (mtasts_policy_parse(text, (size_t)len, &policy, &why) == -1)
		abort();
	facts_set_policy(f, &policy, "id1", 1 + (int64_t)pick(2000000000));
	f->refetch_at = pick_time();
}

static void
pick_host(struct facts *f, unsigned preference)
{
	struct facts_host *host;
	struct facts_address *a;
	struct address address = { 0 };
	char name[HOST_NAME_SIZE];
	unsigned count = pick(4), i, k;

	snprintf(name, sizeof(name), "mx%u.a.example", pick(1000));
	host = facts_add_host(f, name, (uint16_t)preference);
	host->address_state = (enum fact_state)pick(3);
	host->is_secure = pick(2) == 0;
	host->tlsa = (enum tlsa_state)pick(4);
	pick_words(host->error, FACTS_ERROR_MAX_BYTES);
	for (i = 0; i < count; i++) {
		address.family = pick(2) == 0 ? 4 : 6;
		for (k = 0; k < (address.family == 4 ? 4 : 16); k++)
			address.octets[k] = (uint8_t)pick(256);
		facts_add_address(host, &address);
		a = &host->addresses[host->address_count - 1];
		a->finding = (enum finding)pick(FINDING_COUNT);
		if (a->finding == FINDING_UNKNOWN)
			continue;
		a->seen_at = pick_time();
		a->not_after = pick_time();
		a->seen_count = pick(5);
	}
}

static struct facts *
pick_facts(void)
{
	static const char *const hops[] = {
		"a.example", "a.example:587", "[mx.a.example]",
		"[mx.a.example]:587", "xn--mller-kva.example"
	};
	struct next_hop hop;
	const char *why;
	struct facts *f;
	unsigned hosts = pick(5), preference = 0, i;

	next_hop_parse(text_of(hops[pick(5)]), &hop, &why);
	f = facts_new(&hop);
	f->looked_at = pick_time();
	f->refresh_at = pick_time();
	f->learned_at = pick_time();
	f->mx_state = (enum fact_state)pick(3);
	f->mx_is_secure = pick(2) == 0;
	f->mx_is_implicit = pick(2) == 0;
	f->mx_is_null = pick(2) == 0;
	f->hosts_are_cut = pick(2) == 0;
	pick_words(f->mx_error, FACTS_ERROR_MAX_BYTES);
	f->dane = (enum dane_state)pick(5);
	pick_words(f->dane_error, FACTS_ERROR_MAX_BYTES);
	f->record_state = (enum fact_state)pick(3);
	pick_words(f->record_id, MTASTS_ID_MAX_BYTES);
	pick_words(f->record_error, FACTS_ERROR_MAX_BYTES);
	for (i = 0; i < hosts; i++)
		pick_host(f, preference += pick(3));
	if (pick(2) == 0)
		pick_policy(f);
	f->fetch_failed_count = pick(3);
	if (f->fetch_failed_count > 0) {
		pick_words(f->fetch_failed_id, MTASTS_ID_MAX_BYTES);
		f->fetch_failed_at = pick_time();
		f->fetch_finding = (enum finding)pick(FINDING_COUNT);
		pick_words(f->fetch_error, FACTS_ERROR_MAX_BYTES);
	}
	return f;
}

static bool
host_equals(const struct facts_host *a, const struct facts_host *b)
{
	size_t i;

	for (i = 0; i < a->address_count && i < b->address_count; i++)
		if (!address_equals(&a->addresses[i].address,
		    &b->addresses[i].address) ||
		    a->addresses[i].finding != b->addresses[i].finding ||
		    a->addresses[i].seen_at != b->addresses[i].seen_at ||
		    a->addresses[i].not_after != b->addresses[i].not_after ||
		    a->addresses[i].seen_count != b->addresses[i].seen_count)
			return false;
	return a->address_count == b->address_count &&
	    strcmp(a->name, b->name) == 0 && a->preference == b->preference &&
	    a->address_state == b->address_state &&
	    a->is_secure == b->is_secure && a->tlsa == b->tlsa &&
	    strcmp(a->error, b->error) == 0;
}

static bool
facts_equal(const struct facts *a, const struct facts *b)
{
	size_t i;

	for (i = 0; i < a->host_count && i < b->host_count; i++)
		if (!host_equals(&a->hosts[i], &b->hosts[i]))
			return false;
	return a->host_count == b->host_count && a->hop.kind == b->hop.kind &&
	    a->hop.port == b->hop.port &&
	    strcmp(a->hop.name, b->hop.name) == 0 &&
	    a->looked_at == b->looked_at && a->refresh_at == b->refresh_at &&
	    a->learned_at == b->learned_at && a->mx_state == b->mx_state &&
	    a->mx_is_secure == b->mx_is_secure &&
	    a->mx_is_implicit == b->mx_is_implicit &&
	    a->mx_is_null == b->mx_is_null &&
	    a->hosts_are_cut == b->hosts_are_cut &&
	    strcmp(a->mx_error, b->mx_error) == 0 && a->dane == b->dane &&
	    strcmp(a->dane_error, b->dane_error) == 0 &&
	    a->record_state == b->record_state &&
	    strcmp(a->record_id, b->record_id) == 0 &&
	    strcmp(a->record_error, b->record_error) == 0 &&
	    a->has_policy == b->has_policy &&
	    strcmp(a->policy_id, b->policy_id) == 0 &&
	    a->fetched_at == b->fetched_at &&
	    a->expires_at == b->expires_at && a->refetch_at == b->refetch_at &&
	    a->policy.mode == b->policy.mode &&
	    a->policy.max_age_s == b->policy.max_age_s &&
	    a->policy.mx_count == b->policy.mx_count &&
	    a->policy.line_count == b->policy.line_count &&
	    strcmp(a->fetch_failed_id, b->fetch_failed_id) == 0 &&
	    a->fetch_failed_at == b->fetch_failed_at &&
	    a->fetch_failed_count == b->fetch_failed_count &&
	    a->fetch_finding == b->fetch_finding &&
	    strcmp(a->fetch_error, b->fetch_error) == 0;
}

static void
test_again(void)
{
	char *first, *second;
	struct facts *f, *again;
	const char *why;
	unsigned i, wrong = 0;

	for (i = 0; i < 3000 && wrong == 0; i++) {
		f = pick_facts();
		first = format(f);
		why = NULL;
		again = parse(first, &why);
		second = again != NULL ? format(again) : NULL;
		if (again == NULL || !facts_equal(f, again) ||
		    strcmp(first, second) != 0) {
			printf("# %s: %s\n", why, first);
			wrong++;
		}
		facts_free(f);
		facts_free(again);
		free(first);
		free(second);
	}
	check_int("formatted and parsed again is the same", wrong, 0);
}

static struct facts_address
largest_address(const struct address *address)
{
	int64_t late = INT64_C(1) << 40;
	struct facts_address a = {
		.address = *address,
		.finding = FINDING_CERT_CHAIN_INCOMPLETE,
		.dane_finding = FINDING_CERT_CHAIN_INCOMPLETE,
		.postfix_finding = FINDING_CERT_CHAIN_INCOMPLETE,
		.seen_at = late, .not_after = late, .seen_count = 1000000,
		.cert = { .from = late, .to = late }, .cert_changed_at = late
	};

	memset(a.detail, 'd', FACTS_DETAIL_MAX_BYTES);
	memset(a.words, 'w', FACTS_ERROR_MAX_BYTES);
	memset(a.cert.id, '0', FACTS_CERT_ID_SIZE - 1);
	memset(a.cert.issuer, '1', FACTS_CERT_ID_SIZE - 1);
	memset(a.cert.key, '2', FACTS_CERT_ID_SIZE - 1);
	memset(a.cert.names, '3', FACTS_CERT_ID_SIZE - 1);
	memset(a.cert_before, '4', FACTS_CERT_ID_SIZE - 1);
	return a;
}

/* The largest facts fit into a record. */
static void
test_largest(void)
{
	struct next_hop hop = { NEXT_HOP_DOMAIN, "a.example", 25 };
	struct facts *f = facts_new(&hop);
	struct address address = { 6, { 0x20, 0x01, 0x0d, 0xb8 } };
	struct mtasts_policy policy;
	struct facts_host *host;
	struct buffer b;
	char name[HOST_NAME_SIZE], *record;
	const char *why;
	unsigned i, k;

	for (i = 0; i < FACTS_HOSTS_MAX; i++) {
		memset(name, 'a', HOST_NAME_MAX_BYTES);
		for (k = 50; k < HOST_NAME_MAX_BYTES - 10; k += 51)
			name[k] = '.';
		name[HOST_NAME_MAX_BYTES] = '\0';
		host = facts_add_host(f, name, (uint16_t)i);
		memset(host->error, 'e', FACTS_ERROR_MAX_BYTES);
		for (k = 0; k < FACTS_ADDRESSES_MAX; k++) {
			memset(address.octets + 4, (int)(17 + k), 12);
			facts_add_address(host, &address);
			host->addresses[k] = largest_address(&address);
		}
		facts_add_address(host, &address);
		check_int("no more addresses than there is room for",
		    (int64_t)host->address_count, FACTS_ADDRESSES_MAX);
	}
	buffer_init(&b, MTASTS_POLICY_MAX_BYTES);
	buffer_add_text(&b, POLICY_TEXT);
	while (!b.is_overfull)
		buffer_add_text(&b, "\na:b");
	if (mtasts_policy_parse(b.data, b.len, &policy, &why) == -1)
		abort();
	facts_set_policy(f, &policy, "7", NOW);
	record = format(f);
	buffer_clear(&b);
	facts_free(f);
	f = parse(record, &why);
	check_bool("the largest facts", f != NULL, true);
	facts_free(f);
	free(record);
}

/* --------------------------------------------------------------- hosts */

static void
test_hosts(void)
{
	struct next_hop hop = { NEXT_HOP_DOMAIN, "a.example", 25 };
	struct facts *f = facts_new(&hop);
	char name[32];
	unsigned i;

	facts_add_host(f, "b", 20);
	facts_add_host(f, "a", 10);
	facts_add_host(f, "c", 20);
	facts_add_host(f, "d", 30);
	check_text("the most preferred is first", f->hosts[0].name, "a");
	check_text("of equals the first that came", f->hosts[1].name, "b");
	check_text("before the second", f->hosts[2].name, "c");
	check_text("the least preferred is last", f->hosts[3].name, "d");
	for (i = 4; i < FACTS_HOSTS_MAX; i++) {
		snprintf(name, sizeof(name), "x%u", i);
		facts_add_host(f, name, 25);
	}
	check_bool("all find room", f->hosts_are_cut, false);
	check_bool("one worse than all does not",
	    facts_add_host(f, "z", 30) == NULL, true);
	check_bool("and it is known", f->hosts_are_cut, true);
	check_text("the worst is still there",
	    f->hosts[FACTS_HOSTS_MAX - 1].name, "d");
	check_text("a better one does", facts_add_host(f, "e", 15)->name, "e");
	check_text("at its place", f->hosts[1].name, "e");
	check_int("no more than the maximum", (int64_t)f->host_count,
	    FACTS_HOSTS_MAX);
	check_text("and the worst leaves",
	    f->hosts[FACTS_HOSTS_MAX - 1].name, "x63");
	facts_free(f);
	facts_free(NULL);
}

/* Hosts by a letter each: usable, not usable (x), none (-), unknown (?). */
static const struct {
	const char		*label;
	enum fact_state		 mx;
	const char		*hosts;
	enum dane_state		 dane;
} judged[] = {
	{ "MX unknown", FACT_UNKNOWN, "", DANE_UNKNOWN },
	{ "MX unknown, hosts of before", FACT_UNKNOWN, "u", DANE_UNKNOWN },
	{ "no mail here", FACT_ABSENT, "", DANE_NONE },
	{ "no record names a host", FACT_PRESENT, "", DANE_NONE },
	{ "usable", FACT_PRESENT, "u", DANE_USABLE_ALL },
	{ "usable at every host", FACT_PRESENT, "uuu", DANE_USABLE_ALL },
	{ "usable at some, none at others", FACT_PRESENT, "-u-",
	    DANE_USABLE_SOME },
	{ "usable at some, unusable at others", FACT_PRESENT, "ux",
	    DANE_USABLE_SOME },
	{ "unusable", FACT_PRESENT, "x", DANE_NONE_USABLE },
	{ "unusable at some, none at others", FACT_PRESENT, "-x",
	    DANE_NONE_USABLE },
	{ "none", FACT_PRESENT, "--", DANE_NONE },
	{ "one unknown among usable", FACT_PRESENT, "u?u", DANE_UNKNOWN },
	{ "one unknown among none", FACT_PRESENT, "-?", DANE_UNKNOWN },
	{ "one unknown behind unusable", FACT_PRESENT, "x?", DANE_UNKNOWN },
	{ "the domain itself has records", FACT_ABSENT, "u",
	    DANE_USABLE_ALL },
};

static void
test_dane(void)
{
	struct next_hop hop = { NEXT_HOP_DOMAIN, "a.example", 25 };
	struct facts *f;
	const char *h;
	size_t i;

	for (i = 0; i < ROWS(judged); i++) {
		f = facts_new(&hop);
		f->mx_state = judged[i].mx;
		for (h = judged[i].hosts; *h != '\0'; h++)
			facts_add_host(f, "mx", 0)->tlsa =
			    *h == 'u' ? TLSA_USABLE : *h == 'x' ?
			    TLSA_UNUSABLE : *h == '-' ? TLSA_NONE :
			    TLSA_UNKNOWN;
		check_text(judged[i].label,
		    dane_state_name(facts_judge_dane(f)),
		    dane_state_name(judged[i].dane));
		facts_free(f);
	}
}

/* --------------------------------------------------------------- merging */

#define KNOWN		"looked_at=900000\nlearned_at=900000\n"
#define FRESH		"looked_at=1000000\nlearned_at=1000000\n"
#define SILENT		"looked_at=1000000\nmx=unknown\nmx_error=timeout\n"
#define MX		"mx=present\n"
#define SEEN		ADDRESS "finding=cert-expired\nseen_at=950000\n" \
			"seen_count=2\n"
#define FAILURE(id)	"fetch_failed_id=" id "\nfetch_failed_at=900000\n" \
			"fetch_failed_count=3\n" \
			"fetch_finding=policy-fetch-failed\n" \
			"fetch_error=404\n"

static const struct {
	const char	*label, *hop, *fresh, *known;
	const char	*wanted[4];	/* lines of the result */
	const char	*unwanted[3];	/* beginnings of lines */
} merges[] = {
	{ "RFC 8461 3.3: record absent, the policy stays", "a.example",
	    FRESH MX "record=absent\n", KNOWN POLICY(950000, 1000001),
	    { "record=absent", "policy=mode: enforce", "policy_id=7",
	      "expires_at=1000001" }, { NULL } },
	{ "RFC 8461 3.3: record unknown, the policy stays", "a.example",
	    FRESH MX "record=unknown\nrecord_error=SERVFAIL\n",
	    KNOWN POLICY(950000, 1000001) "refetch_at=960000\n",
	    { "record=unknown", "policy=mx: mx.a.example",
	      "fetched_at=950000", "refetch_at=960000" }, { NULL } },
	{ "RFC 8461 3.1: record invalid, the policy stays", "a.example",
	    FRESH MX "record=absent\nrecord_error=two records\n",
	    KNOWN POLICY(950000, 1000001),
	    { "record_error=two records", "policy=mode: enforce" }, { NULL } },
	{ "RFC 8461 3.3: a new id that was not fetched, the policy stays",
	    "a.example", FRESH MX "record=present\nrecord_id=8\n" FAILURE("8"),
	    KNOWN POLICY(950000, 1000001), { "record_id=8", "policy_id=7",
	      "fetch_failed_id=8", "policy=mode: enforce" }, { NULL } },
	{ "RFC 8461 3.2: an expired policy does not stay", "a.example",
	    FRESH MX, KNOWN POLICY(950000, 1000000), { "mx=present" },
	    { "policy", "expires_at" } },
	{ "RFC 8461 8.3: a new policy replaces the old one at once",
	    "a.example", FRESH MX "policy_id=8\nfetched_at=1000000\n"
	    "expires_at=1000010\npolicy=version: STSv1\npolicy=mode: none\n"
	    "policy=max_age: 10\n", KNOWN POLICY(950000, 1000001),
	    { "policy_id=8", "policy=mode: none" },
	    { "policy=mode: enforce", "policy=mx" } },

	{ "the words of a failed fetch are carried over", "a.example",
	    FRESH MX, KNOWN FAILURE("7"), { "fetch_failed_id=7",
	      "fetch_failed_at=900000", "fetch_failed_count=3",
	      "fetch_error=404" }, { NULL } },
	{ "a newer failure stands for itself", "a.example",
	    FRESH MX "fetch_failed_id=8\nfetch_failed_at=1000000\n"
	    "fetch_failed_count=1\nfetch_finding=policy-invalid\n",
	    KNOWN FAILURE("7"), { "fetch_failed_id=8",
	      "fetch_failed_count=1", "fetch_finding=policy-invalid" },
	    { "fetch_error" } },
	{ "a new policy ends the failures", "a.example",
	    FRESH MX POLICY(1000000, 1000010), KNOWN FAILURE("7"),
	    { "policy_id=7" }, { "fetch_failed" } },

	{ "RFC 7672 2.2: MX without an answer keeps hosts and DANE",
	    "a.example", SILENT, KNOWN MX "mx_is_secure=1\n"
	    "dane=usable-all\n" HOST "preference=5\ntlsa=usable\n" SEEN,
	    { "dane=usable-all", "host=mx.a.example", "learned_at=900000",
	      "mx_error=timeout" }, { NULL } },
	{ "and with them what was seen", "a.example", SILENT,
	    KNOWN MX "mx_is_secure=1\n" HOST "preference=5\n" SEEN,
	    { "finding=cert-expired", "seen_count=2", "preference=5",
	      "mx_is_secure=1" }, { NULL } },
	{ "also that there is no DANE", "a.example", SILENT,
	    KNOWN MX "dane=none\n" HOST "tlsa=none\n",
	    { "dane=none", "tlsa=none", "learned_at=900000" }, { NULL } },
	{ "also that the domain takes no mail", "a.example", SILENT,
	    KNOWN "mx=absent\nmx_is_null=1\ndane=none\n",
	    { "mx=absent", "mx_is_null=1", "dane=none" }, { "host=" } },
	{ "a bogus MX makes DANE unknown", "a.example",
	    SILENT "dane_error=MX is bogus\n",
	    KNOWN MX "dane=usable-all\n" HOST, { "dane=unknown",
	      "dane_error=MX is bogus", "host=mx.a.example" }, { NULL } },
	{ "a bogus MX does not become none", "a.example",
	    SILENT "dane_error=MX is bogus\n", KNOWN MX "dane=none\n",
	    { "dane=unknown" }, { NULL } },
	{ "nothing was known either", "a.example", SILENT, "mx=unknown\n",
	    { "mx=unknown", "dane=unknown" }, { "learned_at", "host=" } },

	{ "a failed TLSA of a signed host makes DANE unknown", "a.example",
	    FRESH MX "dane=unknown\ndane_error=TLSA: SERVFAIL\n" HOST
	    "tlsa=unknown\n", KNOWN MX "dane=usable-all\n" HOST
	    "tlsa=usable\n", { "dane=unknown", "dane_error=TLSA: SERVFAIL",
	      "tlsa=unknown" }, { NULL } },
	{ "of a [host] the last known state stays", "[mx.a.example]",
	    FRESH MX "dane=unknown\ndane_error=TLSA: SERVFAIL\n" HOST,
	    KNOWN MX "dane=usable-all\n" HOST, { "dane=usable-all",
	      "dane_error=TLSA: SERVFAIL" }, { NULL } },
	{ "of a port the last known state stays", "a.example:587",
	    FRESH MX "dane=unknown\ndane_error=TLSA: SERVFAIL\n" HOST,
	    KNOWN MX "dane=none\n" HOST, { "dane=none" }, { NULL } },
	{ "of a port also where its MX is bogus", "a.example:587",
	    SILENT "dane_error=MX is bogus\n", KNOWN MX "dane=usable-some\n",
	    { "dane=usable-some" }, { NULL } },
	{ "what is known replaces what was known", "a.example",
	    FRESH MX "dane=none\n", KNOWN MX "dane=usable-all\n" HOST,
	    { "dane=none", "learned_at=1000000" }, { "host=" } },
	{ "none again, though no host could be looked up", "a.example",
	    "looked_at=1000000\nmx=present\ndane=none\n" HOST,
	    KNOWN MX "dane=none\n" HOST, { "dane=none",
	      "learned_at=900000" }, { NULL } },
	{ "but not where there was DANE", "a.example",
	    "looked_at=1000000\nmx=present\ndane=none\n" HOST,
	    KNOWN MX "dane=usable-all\n" HOST, { "dane=none" },
	    { "learned_at" } },

	{ "what was seen at an address stays with it", "a.example",
	    FRESH MX HOST ADDRESS "address=192.0.2.2\n", KNOWN MX HOST SEEN,
	    { "finding=cert-expired", "seen_at=950000", "seen_count=2" },
	    { NULL } },
	{ "but not at another address", "a.example",
	    FRESH MX HOST "address=192.0.2.2\n", KNOWN MX HOST SEEN,
	    { "address=192.0.2.2" }, { "finding" } },
	{ "nor at another host", "a.example",
	    FRESH MX "host=mx2.a.example\n" ADDRESS, KNOWN MX HOST SEEN,
	    { "address=192.0.2.1" }, { "finding" } },
};

static struct facts *
facts_of(const char *hop, const char *lines)
{
	struct buffer b;
	struct facts *f;
	const char *why = "";

	buffer_init(&b, FACTS_RECORD_MAX_BYTES);
	buffer_addf(&b, "hopseal-facts 1\nnext_hop=%s\n%s", hop, lines);
	f = parse(b.data, &why);
	if (f == NULL) {
		printf("# %s\n", why);
		abort();
	}
	buffer_clear(&b);
	return f;
}

/* Some line of record begins with begin and, for whole, is no longer. */
static bool
has_line(const char *record, const char *begin, bool is_whole)
{
	struct text rest = text_of(record), line;

	while (text_next_line(&rest, &line))
		if (is_whole ? text_equals(line, begin) :
		    text_starts_with(line, begin))
			return true;
	return false;
}

static void
test_merge(void)
{
	struct facts *fresh, *known;
	char *before, *after, *result;
	size_t i, k;

	for (i = 0; i < ROWS(merges); i++) {
		fresh = facts_of(merges[i].hop, merges[i].fresh);
		known = facts_of(merges[i].hop, merges[i].known);
		before = format(known);
		facts_merge(fresh, known, NOW);
		result = format(fresh);
		after = format(known);
		check_text(merges[i].label, after, before);
		for (k = 0; k < 4 && merges[i].wanted[k] != NULL; k++)
			check_bool(merges[i].wanted[k], has_line(result,
			    merges[i].wanted[k], true), true);
		for (k = 0; k < 3 && merges[i].unwanted[k] != NULL; k++)
			check_bool(merges[i].unwanted[k], has_line(result,
			    merges[i].unwanted[k], false), false);
		free(before);
		free(after);
		free(result);
		facts_free(fresh);
		facts_free(known);
	}
	fresh = facts_of("a.example", FRESH MX HOST ADDRESS);
	before = format(fresh);
	facts_merge(fresh, NULL, NOW);
	after = format(fresh);
	check_text("nothing was known", after, before);
	free(before);
	free(after);
	facts_free(fresh);
}

/* ------------------------------------------------------------- the policy */

static void
test_policy(void)
{
	struct facts *f = facts_of("a.example", FRESH MX "dane=none\n"
	    HOST SEEN FAILURE("8") POLICY(950000, 1000001)
	    "refetch_at=960000\nrecord=present\nrecord_id=8\n");
	struct mtasts_policy policy;
	const char *why;
	char *record;

	if (mtasts_policy_parse(POLICY_TEXT, strlen(POLICY_TEXT), &policy,
	    &why) == -1)
		abort();
	facts_set_policy(f, &policy, "8", NOW);
	check_int("RFC 8461 3.2: max_age counts from the fetch",
	    f->expires_at, NOW + 86400);
	check_int("it was fetched now", f->fetched_at, NOW);
	check_text("under its id", f->policy_id, "8");
	check_int("the failures are over", f->fetch_failed_count, 0);
	check_text("without words", f->fetch_error, "");
	check_bool("it is taken", policy.block == NULL, true);

	facts_keep_policy(f);
	record = format(f);
	check_text("all but the policy is forgotten", record, HEAD
	    "mx=unknown\ndane=unknown\nrecord=unknown\npolicy_id=8\n"
	    "fetched_at=1000000\nexpires_at=1086400\nrefetch_at=960000\n"
	    POLICY_LINES);
	free(record);
	facts_free(f);

	f = facts_of("a.example:587", FRESH MX HOST SEEN);
	facts_keep_policy(f);
	record = format(f);
	check_text("where there is none, all", record, "hopseal-facts 1\n"
	    "next_hop=a.example:587\nmx=unknown\ndane=unknown\n"
	    "record=unknown\n");
	free(record);
	facts_free(f);
}

static const struct {
	const char	*label, *lines;
	int64_t		 end;
} ends[] = {
	{ "stale_ttl behind the last look", "looked_at=1000000\n", 1000100 },
	{ "never looked at", "", 100 },
	{ "the policy's end, when later", "looked_at=1000000\n"
	    POLICY(950000, 1000200), 1000200 },
	{ "not the policy's end, when earlier", "looked_at=1000000\n"
	    POLICY(950000, 1000050), 1000100 },
	{ "the next look, when later", "looked_at=1000000\n"
	    "refresh_at=1000300\n", 1000300 },
};

static void
test_ends(void)
{
	struct facts *f;
	size_t i;

	for (i = 0; i < ROWS(ends); i++) {
		f = facts_of("a.example", ends[i].lines);
		check_int(ends[i].label, facts_end(f, 100), ends[i].end);
		facts_free(f);
	}
}

static void
test_words(void)
{
	char field[FACTS_ERROR_MAX_BYTES + 1], text[400];

	facts_set_error(field, "%s of %s: \n\303\244", "TLSA", "mx");
	check_text("an error is printable", field, "TLSA of mx: ???");
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	facts_set_error(field, "%s", text);
	check_int("and bounded", (int64_t)strlen(field),
	    FACTS_ERROR_MAX_BYTES);
	check_text("state", fact_state_name(FACT_ABSENT), "absent");
	check_text("TLSA state", tlsa_state_name(TLSA_UNUSABLE), "unusable");
	check_text("DANE state", dane_state_name(DANE_USABLE_SOME),
	    "usable-some");
}

/* What a probe sees, one look after the other; times from 1000 on. */
static void
test_observe(void)
{
	static const struct {
		const char	*label;
		enum finding	 finding;
		int64_t		 seen_at;
		unsigned	 want_count;
		int64_t		 want_seen_at;
	} looks[] = {
		{ "first", FINDING_STARTTLS_REFUSED, 1000, 1, 1000 },
		{ "too soon to count", FINDING_STARTTLS_REFUSED, 1599, 1,
		    1000 },
		{ "twice", FINDING_STARTTLS_REFUSED, 1600, 2, 1600 },
		{ "another finding", FINDING_OK, 1601, 1, 1601 },
		{ "good again, at any time", FINDING_OK, 1602, 2, 1602 },
		{ "bad again", FINDING_CERT_EXPIRED, 1603, 1, 1603 },
	};
	struct next_hop hop, domain_hop;
	struct facts_observation seen = { .not_after = 9000,
	    .detail = "R3\n", .words = "its words",
	    .postfix_finding = FINDING_OK };
	struct facts *host, *domain, *theirs;
	const char *why;
	size_t i;

	next_hop_parse(text_of("[mx.a.example]:25"), &hop, &why);
	next_hop_parse(text_of("a.example"), &domain_hop, &why);
	host = facts_new(&hop);
	address_parse(text_of("192.0.2.1"), &seen.address);
	for (i = 0; i < sizeof(looks) / sizeof(looks[0]); i++) {
		seen.finding = looks[i].finding;
		seen.seen_at = looks[i].seen_at;
		facts_observe(host, &seen, 600);
		check_int(looks[i].label,
		    host->hosts[0].addresses[0].seen_count,
		    looks[i].want_count);
		check_int("  its time", host->hosts[0].addresses[0].seen_at,
		    looks[i].want_seen_at);
	}
	check_text("the detail is printable",
	    host->hosts[0].addresses[0].detail, "R3?");
	check_text("the words", facts_find_address(host,
	    &seen.address)->words, "its words");
	seen.not_after = -5;
	seen.seen_at = 1603 + 600;
	facts_observe(host, &seen, 600);
	check_int("an end before 1970 is one", (int)facts_find_address(host,
	    &seen.address)->not_after, 1);
	host->hosts[0].addresses[0].seen_at = 1603;
	check_int("the newest of it", facts_newest(host), 1603);
	check_int("kept for stale_ttl", facts_end(host, 100), 1703);

	theirs = facts_new(&hop);
	check_bool("another saw something newer",
	    facts_add_observations(theirs, host), true);
	check_text("and it is taken", finding_name(facts_find_address(theirs,
	    &seen.address)->finding), "cert-expired");
	check_bool("once", facts_add_observations(theirs, host), false);
	facts_find_address(theirs, &seen.address)->seen_at++;
	check_bool("what is older is not", facts_add_observations(theirs,
	    host), false);
	facts_free(theirs);

	domain = facts_new(&domain_hop);
	facts_add_address(facts_add_host(domain, "mx.a.example", 10),
	    &seen.address);
	facts_take_observations(domain, host);
	check_text("a domain takes what was seen at its host",
	    finding_name(domain->hosts[0].addresses[0].finding),
	    "cert-expired");
	domain->hosts[0].addresses[0].finding = FINDING_OK;
	domain->hosts[0].addresses[0].seen_at = 2000;
	facts_take_observations(domain, host);
	check_text("but nothing older than it knows",
	    finding_name(domain->hosts[0].addresses[0].finding), "ok");
	facts_free(domain);
	facts_free(host);
}

int
main(void)
{
	test_record();
	test_record_bounds();
	test_again();
	test_largest();
	test_hosts();
	test_dane();
	test_merge();
	test_policy();
	test_ends();
	test_observe();
	test_words();
	return check_end();
}
