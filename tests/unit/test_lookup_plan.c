/*
 * The plan against a pretended world: each row publishes a few records, and
 * the facts that come out and the questions that were asked are compared.
 */

#include "shared/policy/lookup_plan.h"

#include "shared/policy/tlsa.h"
#include "shared/xalloc.h"
#include "tests/unit/check.h"

#define NOW		1000000
#define USABLE		"3 1 1 " HEX32
#define UNUSABLE	"1 1 1 " HEX32
#define HEX32		"abababababababababababababababab" \
			"abababababababababababababababab"
#define POLICY		"version: STSv1\nmode: enforce\nmx: mx.a.example\n" \
			"max_age: 604800\n"
#define RECORDS_MAX	8
#define WANTED_MAX	10

/* What a name has; names that are not listed do not exist, securely. */
struct record {
	const char	*name;
	enum dns_type	 type;
	const char	*data;		/* as in a zone file; NULL: no data */
	enum dns_result	 result;	/* 0, which is FAILED: as data says */
	bool		 is_insecure, is_failed;
	const char	*alias_end;
	uint32_t	 ttl_s;		/* 0: 1800 */
};

struct row {
	const char	*label;
	const char	*hop;
	struct record	 records[RECORDS_MAX];
	const char	*fetched;	/* the policy; NULL: the fetch fails */
	const char	*asked;		/* what must be asked, in order */
	const char	*wanted[WANTED_MAX];	/* lines of the facts record */
};

static size_t
wire_name(const char *dotted, unsigned char *out)
{
	struct text rest = text_of(dotted), label;
	size_t at = 0;

	while (rest.len > 0 && text_next_field(&rest, '.', &label)) {
		out[at++] = (unsigned char)label.len;
		memcpy(out + at, label.data, label.len);
		at += label.len;
	}
	out[at++] = 0;
	return at;
}

/* One record's data in wire form. */
static struct text
wire(enum dns_type type, struct text data, unsigned char out[512])
{
	unsigned char decoded[TLSA_DATA_MAX_BYTES];
	struct address address;
	struct tlsa tlsa;
	struct text word;
	char name[256];
	size_t len = 0;

	switch (type) {
	case DNS_A:
	case DNS_AAAA:
		if (!address_parse(data, &address))
			abort();
		len = address.family == 4 ? 4 : 16;
		memcpy(out, address.octets, len);
		break;
	case DNS_MX:
		text_next_word(&data, &word);
		out[0] = 0;
		out[1] = (unsigned char)atoi(word.data);
		text_next_word(&data, &word);
		snprintf(name, sizeof(name), "%.*s", (int)word.len, word.data);
		len = 2 + wire_name(strcmp(name, ".") == 0 ? "" : name,
		    out + 2);
		break;
	case DNS_TXT:
		out[0] = (unsigned char)data.len;
		memcpy(out + 1, data.data, data.len);
		len = data.len + 1;
		break;
	case DNS_TLSA:
		if (!tlsa_parse_text(data, decoded, &tlsa))
			abort();
		out[0] = tlsa.usage;
		out[1] = tlsa.selector;
		out[2] = tlsa.matching_type;
		memcpy(out + 3, tlsa.data.data, tlsa.data.len);
		len = tlsa.data.len + 3;
		break;
	case DNS_CNAME:
	case DNS_SOA:
		break;
	}
	return (struct text){ (char *)out, len };
}

static void
answer_question(struct lookup_plan *plan, const struct row *row,
    const struct lookup_question *q)
{
	static unsigned char storage[4][512];
	struct text texts[4], rest, one;
	struct dns_answer answer = {
		.result = DNS_ABSENT, .is_secure = true, .is_nxdomain = true,
		.ttl_s = 1800, .why = ""
	};
	const struct record *r;

	for (r = row->records; r < row->records + RECORDS_MAX &&
	    r->name != NULL; r++) {
		if (strcmp(r->name, q->name) != 0)
			continue;
		answer.is_nxdomain = false;
		if (r->type != q->type)
			continue;
		if (r->is_failed || r->result == DNS_BOGUS) {
			answer.result = r->result;
			answer.is_secure = false;
			answer.why = "SERVFAIL";
			break;
		}
		answer.is_secure = !r->is_insecure;
		answer.ttl_s = r->ttl_s != 0 ? r->ttl_s : 1800;
		if (r->alias_end != NULL) {
			answer.is_alias = true;
			snprintf(answer.alias_end, sizeof(answer.alias_end),
			    "%s", r->alias_end);
		}
		if (r->data == NULL)
			break;
		answer.result = DNS_PRESENT;
		answer.records = texts;
		rest = text_of(r->data);
		while (text_next_field(&rest, '|', &one)) {
			texts[answer.record_count] = wire(r->type, one,
			    storage[answer.record_count]);
			answer.record_count++;
		}
		break;
	}
	lookup_plan_answer(plan, q, &answer, NOW);
}

static struct facts *
run_plan(const struct row *row, const struct facts *known, bool must_refresh,
    bool is_validating, struct buffer *asked)
{
	struct lookup_question q;
	struct lookup_plan plan;
	struct next_hop hop;
	struct facts *facts;
	const char *why;
	bool is_done = false;

	next_hop_parse(text_of(row->hop), &hop, &why);
	facts = facts_new(&hop);
	lookup_plan_init(&plan, facts, known, must_refresh, is_validating);
	while (!is_done)
		switch (lookup_plan_next(&plan, &q)) {
		case LOOKUP_ASK:
			buffer_addf(asked, "%s ", lookup_topic_name(q.topic));
			answer_question(&plan, row, &q);
			break;
		case LOOKUP_FETCH:
			buffer_addf(asked, "fetch ");
			if (row->fetched != NULL)
				lookup_plan_fetched(&plan, FINDING_OK,
				    text_of(row->fetched), "", NOW);
			else
				lookup_plan_fetched(&plan,
				    FINDING_POLICY_FETCH_FAILED, text_of(""),
				    "HTTP status 404", NOW);
			break;
		case LOOKUP_WAIT:
			check_bool("everything was answered", false, true);
			is_done = true;
			break;
		case LOOKUP_DONE:
			is_done = true;
			break;
		}
	lookup_plan_conclude(&plan, NOW);
	lookup_plan_clear(&plan);
	return facts;
}

#define MX_OF(host)	{ .name = "a.example", .type = DNS_MX, \
			  .data = "10 " host }
#define A_OF(host)	{ .name = host, .type = DNS_A, .data = "192.0.2.1" }
#define RECORD(id)	{ .name = "_mta-sts.a.example", .type = DNS_TXT, \
			  .data = "v=STSv1; id=" id ";" }
#define POLICY_A	{ .name = "mta-sts.a.example", .type = DNS_A, \
			  .data = "192.0.2.2" }

static const struct row rows[] = {
	{ "plain domain", "a.example", {
		MX_OF("mx.a.example"), A_OF("mx.a.example") },
	    NULL, "mx record host-aaaa host-a tlsa ",
	    { "mx=present", "mx_is_secure=1", "dane=none", "record=absent",
	      "learned_at=1000000", "address=192.0.2.1", "tlsa=none" } },
	{ "a host has no MX", "[mx.a.example]:587", {
		A_OF("mx.a.example"), { .name = "_587._tcp.mx.a.example",
		    .type = DNS_TLSA, .data = USABLE } },
	    NULL, "host-aaaa host-a record tlsa ",
	    { "next_hop=[mx.a.example]:587", "mx=present", "dane=usable-all",
	      "host=mx.a.example" } },
	{ "a port's TLSA", "a.example:587", {
		MX_OF("mx.a.example"), A_OF("mx.a.example"),
		{ .name = "_587._tcp.mx.a.example", .type = DNS_TLSA,
		    .data = USABLE } },
	    NULL, NULL, { "dane=usable-all" } },

	/* MX: RFC 5321, 5.1; RFC 7505 */
	{ "null MX asks for no address", "a.example", { MX_OF(".") },
	    NULL, "mx record ", { "mx=absent", "mx_is_null=1", "dane=none" } },
	{ "null MX among others is only a bad name", "a.example", {
		{ .name = "a.example", .type = DNS_MX,
		    .data = "0 .|10 mx.a.example" }, A_OF("mx.a.example") },
	    NULL, "mx record host-aaaa host-a tlsa ",
	    { "mx=present", "dane=none" } },
	{ "an address is no MX name", "a.example", { MX_OF("192.0.2.1") },
	    NULL, "mx record ", { "mx=absent", "mx_error=MX of a.example: no "
	      "record names a host" } },
	{ "no such domain", "a.example", { { 0 } }, NULL, "mx record ",
	    { "mx=absent", "mx_error=a.example does not exist", "dane=none" } },
	{ "implicit MX", "a.example", { A_OF("a.example") }, NULL,
	    "mx record host-aaaa host-a tlsa ",
	    { "mx=present", "mx_is_implicit=1", "host=a.example" } },
	{ "implicit MX without address", "a.example", {
		{ .name = "a.example", .type = DNS_TXT, .data = "x" } },
	    NULL, "mx record host-aaaa host-a ",
	    { "mx=absent", "mx_error=a.example has neither MX nor address" } },
	{ "implicit MX, addresses fail: unknown", "a.example", {
		{ .name = "a.example", .type = DNS_A, .is_failed = true } },
	    NULL, NULL, { "mx=unknown", "dane=unknown" } },
	{ "MX fails", "a.example", { { .name = "a.example", .type = DNS_MX,
		.is_failed = true } }, NULL, "mx record ",
	    { "mx=unknown", "dane=unknown",
	      "mx_error=MX of a.example: SERVFAIL", "refresh_at=1000010" } },
	{ "MX is bogus", "a.example", { { .name = "a.example", .type = DNS_MX,
		.result = DNS_BOGUS } }, NULL, "mx record ",
	    { "mx=unknown", "dane=unknown",
	      "dane_error=MX of a.example is bogus: SERVFAIL" } },
	{ "hosts by preference, each once", "a.example", {
		{ .name = "a.example", .type = DNS_MX,
		    .data = "20 b.a.example|10 a.a.example|30 a.a.example" } },
	    NULL, "mx record host-aaaa host-a host-aaaa host-a ",
	    { "host=a.a.example", "preference=10", "host=b.a.example" } },

	/* TLSA: RFC 7672, 2.2 */
	{ "TLSA usable", "a.example", { MX_OF("mx.a.example"),
		A_OF("mx.a.example"), { .name = "_25._tcp.mx.a.example",
		    .type = DNS_TLSA, .data = UNUSABLE "|" USABLE } },
	    NULL, NULL, { "dane=usable-all", "tlsa=usable" } },
	{ "TLSA unusable", "a.example", { MX_OF("mx.a.example"),
		A_OF("mx.a.example"), { .name = "_25._tcp.mx.a.example",
		    .type = DNS_TLSA, .data = UNUSABLE } },
	    NULL, NULL, { "dane=none-usable", "tlsa=unusable" } },
	{ "TLSA insecure is none", "a.example", { MX_OF("mx.a.example"),
		A_OF("mx.a.example"), { .name = "_25._tcp.mx.a.example",
		    .type = DNS_TLSA, .data = USABLE, .is_insecure = true } },
	    NULL, NULL, { "dane=none", "tlsa=none" } },
	{ "TLSA fails at a signed host", "a.example", { MX_OF("mx.a.example"),
		A_OF("mx.a.example"), { .name = "_25._tcp.mx.a.example",
		    .type = DNS_TLSA, .is_failed = true } },
	    NULL, NULL, { "dane=unknown", "tlsa=unknown",
	      "dane_error=TLSA of mx.a.example: SERVFAIL",
	      "refresh_at=1000010" } },
	{ "TLSA is bogus", "a.example", { MX_OF("mx.a.example"),
		A_OF("mx.a.example"), { .name = "_25._tcp.mx.a.example",
		    .type = DNS_TLSA, .result = DNS_BOGUS } },
	    NULL, NULL, { "dane=unknown",
	      "dane_error=TLSA of mx.a.example is bogus: SERVFAIL" } },
	{ "an unsigned host is not asked for TLSA", "a.example", {
		MX_OF("mx.a.example"), { .name = "mx.a.example",
		    .type = DNS_A, .data = "192.0.2.1", .is_insecure = true } },
	    NULL, "mx record host-aaaa host-a ", { "dane=none", "tlsa=none" } },
	{ "an unproven absence of the other kind does not unsign", "a.example",
	    { MX_OF("mx.a.example"), A_OF("mx.a.example"),
		{ .name = "mx.a.example", .type = DNS_AAAA,
		    .is_insecure = true } },
	    NULL, NULL, { "host_is_secure=1" } },
	{ "both kinds must be signed", "a.example", { MX_OF("mx.a.example"),
		A_OF("mx.a.example"), { .name = "mx.a.example",
		    .type = DNS_AAAA, .data = "2001:db8::1",
		    .is_insecure = true } },
	    NULL, "mx record host-aaaa host-a ", { "tlsa=none" } },
	{ "one kind fails, the other is signed", "a.example", {
		MX_OF("mx.a.example"), A_OF("mx.a.example"),
		{ .name = "mx.a.example", .type = DNS_AAAA,
		    .is_failed = true },
		{ .name = "_25._tcp.mx.a.example", .type = DNS_TLSA,
		    .data = USABLE } },
	    NULL, NULL, { "addresses=present", "dane=usable-all" } },
	{ "addresses fail behind a signed MX", "a.example", {
		MX_OF("mx.a.example"), { .name = "mx.a.example",
		    .type = DNS_A, .is_failed = true } },
	    NULL, NULL, { "addresses=unknown", "dane=unknown",
	      "dane_error=A of mx.a.example: SERVFAIL" } },
	{ "addresses fail behind an unsigned MX", "a.example", {
		{ .name = "a.example", .type = DNS_MX,
		    .data = "10 mx.a.example", .is_insecure = true },
		{ .name = "mx.a.example", .type = DNS_A, .is_failed = true } },
	    NULL, NULL, { "addresses=unknown", "dane=none",
	      "refresh_at=1000010" } },
	{ "addresses are bogus behind an unsigned MX", "a.example", {
		{ .name = "a.example", .type = DNS_MX,
		    .data = "10 mx.a.example", .is_insecure = true },
		{ .name = "mx.a.example", .type = DNS_A,
		    .result = DNS_BOGUS } },
	    NULL, NULL, { "dane=unknown" } },

	/* aliases: RFC 7672, 2.2.2 and 2.2.3 */
	{ "TLSA at the alias' end", "a.example", { MX_OF("mx.a.example"),
		{ .name = "mx.a.example", .type = DNS_A, .data = "192.0.2.1",
		    .alias_end = "real.b.example" },
		{ .name = "_25._tcp.real.b.example", .type = DNS_TLSA,
		    .data = USABLE } },
	    NULL, "mx record host-aaaa host-a tlsa ", { "dane=usable-all" } },
	{ "TLSA at the alias itself", "a.example", { MX_OF("mx.a.example"),
		{ .name = "mx.a.example", .type = DNS_A, .data = "192.0.2.1",
		    .alias_end = "real.b.example" },
		{ .name = "_25._tcp.mx.a.example", .type = DNS_TLSA,
		    .data = USABLE } },
	    NULL, "mx record host-aaaa host-a tlsa tlsa-original ",
	    { "dane=usable-all" } },
	{ "signed alias to an unsigned name", "a.example", {
		MX_OF("mx.a.example"), { .name = "mx.a.example",
		    .type = DNS_A, .data = "192.0.2.1", .is_insecure = true,
		    .alias_end = "real.b.example" },
		{ .name = "mx.a.example", .type = DNS_CNAME, .data = "" },
		{ .name = "_25._tcp.mx.a.example", .type = DNS_TLSA,
		    .data = USABLE } },
	    NULL, "mx record host-aaaa host-a host-alias tlsa-original ",
	    { "dane=usable-all" } },
	{ "unsigned alias", "a.example", { MX_OF("mx.a.example"),
		{ .name = "mx.a.example", .type = DNS_A, .data = "192.0.2.1",
		    .is_insecure = true, .alias_end = "real.b.example" },
		{ .name = "mx.a.example", .type = DNS_CNAME, .data = "",
		    .is_insecure = true } },
	    NULL, "mx record host-aaaa host-a host-alias ",
	    { "dane=none" } },
	{ "alias that cannot be asked for", "a.example", {
		MX_OF("mx.a.example"), { .name = "mx.a.example",
		    .type = DNS_A, .data = "192.0.2.1", .is_insecure = true,
		    .alias_end = "real.b.example" },
		{ .name = "mx.a.example", .type = DNS_CNAME,
		    .is_failed = true } },
	    NULL, NULL, { "dane=unknown",
	      "dane_error=CNAME of mx.a.example: SERVFAIL" } },
	{ "alias to a name that is none", "a.example", {
		MX_OF("mx.a.example"), { .name = "mx.a.example",
		    .type = DNS_A, .data = "192.0.2.1", .alias_end = "" } },
	    NULL, "mx record host-aaaa host-a tlsa ", { "dane=none" } },

	/* MTA-STS: RFC 8461, 3 */
	{ "record and policy", "a.example", { RECORD("1"), POLICY_A }, POLICY,
	    "mx record policy-aaaa policy-a fetch ",
	    { "record=present", "record_id=1", "policy_id=1",
	      "fetched_at=1000000", "expires_at=1604800",
	      "policy=mode: enforce" } },
	{ "two records are none", "a.example", {
		{ .name = "_mta-sts.a.example", .type = DNS_TXT,
		    .data = "v=STSv1; id=1;|v=STSv1; id=1;" } },
	    POLICY, "mx record ", { "record=absent", "record_error=" } },
	{ "other TXT records are none", "a.example", {
		{ .name = "_mta-sts.a.example", .type = DNS_TXT,
		    .data = "v=spf1 -all" } },
	    POLICY, "mx record ", { "record=absent" } },
	{ "record fails", "a.example", { { .name = "_mta-sts.a.example",
		.type = DNS_TXT, .is_failed = true } }, POLICY, "mx record ",
	    { "record=unknown", "refresh_at=1000010",
	      "record_error=TXT of _mta-sts.a.example: SERVFAIL" } },
	{ "record is bogus", "a.example", { { .name = "_mta-sts.a.example",
		.type = DNS_TXT, .result = DNS_BOGUS } }, POLICY,
	    "mx record ", { "record=unknown",
	      "record_error=TXT of _mta-sts.a.example is bogus: SERVFAIL" } },
	{ "policy host without address", "a.example", { RECORD("1") }, POLICY,
	    "mx record policy-aaaa policy-a ",
	    { "fetch_finding=policy-fetch-failed", "fetch_failed_count=1",
	      "fetch_error=mta-sts.a.example has no address" } },
	{ "policy host's addresses fail: soon again", "a.example", {
		RECORD("1"), { .name = "mta-sts.a.example", .type = DNS_A,
		    .is_failed = true } },
	    POLICY, NULL, { "record=present", "refresh_at=1000060",
	      "record_error=A of mta-sts.a.example: SERVFAIL" } },
	{ "policy that does not parse", "a.example", { RECORD("1"), POLICY_A },
	    "version: STSv1\n", NULL, { "fetch_finding=policy-invalid",
	      "fetch_failed_id=1", "fetch_error=RFC 8461 3.2" } },
	{ "fetch fails: again after 5 minutes", "a.example",
	    { RECORD("1"), POLICY_A }, NULL, NULL,
	    { "fetch_finding=policy-fetch-failed", "fetch_failed_at=1000000",
	      "fetch_failed_count=1", "fetch_error=HTTP status 404",
	      "refresh_at=1000300" } },

	/* when to look again */
	{ "TTL is kept between 5 minutes", "a.example", {
		{ .name = "a.example", .type = DNS_MX, .data = "0 .",
		    .ttl_s = 5 } }, NULL, NULL, { "refresh_at=1000300" } },
	{ "and an hour", "a.example", {
		{ .name = "a.example", .type = DNS_MX, .data = "0 .",
		    .ttl_s = 86400 },
		{ .name = "_mta-sts.a.example", .type = DNS_TXT, .data = "x",
		    .ttl_s = 7200 } }, NULL, NULL, { "refresh_at=1003600" } },
	{ "the smallest counts", "a.example", {
		{ .name = "a.example", .type = DNS_MX, .data = "0 .",
		    .ttl_s = 900 } }, NULL, NULL, { "refresh_at=1000900" } },
};

static void
test_rows(void)
{
	const struct row *row;
	struct buffer asked, record;
	struct facts *facts;
	char label[200];
	size_t i, k;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		row = &rows[i];
		buffer_init(&asked, 65536);
		buffer_init(&record, FACTS_RECORD_MAX_BYTES);
		facts = run_plan(row, NULL, false, true, &asked);
		facts_format(facts, &record);
		if (row->asked != NULL)
			check_text(row->label, buffer_text(&asked), row->asked);
		for (k = 0; k < WANTED_MAX && row->wanted[k] != NULL; k++) {
			snprintf(label, sizeof(label), "%s: %s", row->label,
			    row->wanted[k]);
			check_contains(label, buffer_text(&record),
			    row->wanted[k]);
		}
		facts_free(facts);
		buffer_clear(&asked);
		buffer_clear(&record);
	}
}

/* ------------------------------------------------------ what was known */

static const struct row world = {
	"world", "a.example", { RECORD("2"), POLICY_A }, POLICY, NULL, { NULL }
};
static const struct row no_record = {
	"no record", "a.example", { POLICY_A }, POLICY, NULL, { NULL }
};
static const struct row bad_host = {
	"bad policy host", "a.example", { RECORD("2"), POLICY_A }, NULL, NULL,
	{ NULL }
};
static const struct row dead = {
	"DNS is dead", "a.example", {
		{ .name = "a.example", .type = DNS_MX, .is_failed = true },
		{ .name = "_mta-sts.a.example", .type = DNS_TXT,
		    .is_failed = true } }, NULL, NULL, { NULL }
};

/* Facts that hold a policy of that id, fetched before NOW. */
static struct facts *
known_policy(const char *id, int64_t age_s, int64_t refetch_at)
{
	struct mtasts_policy policy;
	struct next_hop hop;
	struct facts *f;
	const char *why;

	next_hop_parse(text_of("a.example"), &hop, &why);
	f = facts_new(&hop);
	if (mtasts_policy_parse(POLICY, strlen(POLICY), &policy, &why) == -1)
		abort();
	facts_set_policy(f, &policy, id, NOW - age_s);
	f->refetch_at = refetch_at;
	return f;
}

static struct facts *
known_failure(const char *id, int64_t failed_at, unsigned count)
{
	struct next_hop hop;
	struct facts *f;
	const char *why;

	next_hop_parse(text_of("a.example"), &hop, &why);
	f = facts_new(&hop);
	snprintf(f->fetch_failed_id, sizeof(f->fetch_failed_id), "%s", id);
	f->fetch_failed_at = failed_at;
	f->fetch_failed_count = count;
	f->fetch_finding = FINDING_POLICY_FETCH_FAILED;
	facts_set_error(f->fetch_error, "as before");
	return f;
}

/* Runs row over known facts, which it frees; the caller frees the result. */
static struct facts *
run_known(const char *label, const struct row *row, struct facts *known,
    bool must_refresh, bool wants_fetch)
{
	struct buffer asked;
	struct facts *facts;

	buffer_init(&asked, 65536);
	facts = run_plan(row, known, must_refresh, true, &asked);
	check_bool(label, strstr(buffer_text(&asked), "fetch") != NULL,
	    wants_fetch);
	buffer_clear(&asked);
	facts_free(known);
	return facts;
}

static void
test_fetch_due(void)
{
	static const struct {
		const char	*label;
		const struct row *row;
		const char	*id;
		int64_t		 age_s, refetch_at;
		bool		 must_refresh, wants_fetch, keeps_policy;
	} held[] = {
		{ "same id: held", &world, "2", 100, NOW + 1, false, false,
		  true },
		{ "same id, refetch due", &world, "2", 100, NOW, false, true,
		  true },
		{ "same id, must refresh", &world, "2", 100, NOW + 1, true,
		  true, true },
		{ "other id", &world, "1", 100, NOW + 1, false, true, true },
		{ "expired", &world, "2", 604800, NOW + 1, false, true, true },
		{ "no record, held", &no_record, "2", 100, NOW + 1, false,
		  false, true },
		{ "no record, refetch due", &no_record, "2", 100, NOW, false,
		  true, true },
		{ "no record, expired", &no_record, "2", 604800, NOW, true,
		  false, false },
		{ "fetch fails, held stays", &bad_host, "1", 100, NOW + 1,
		  false, true, true },
		{ "DNS is dead, held stays", &dead, "1", 100, NOW + 1, false,
		  false, true },
	};
	static const struct {
		const char	*label;
		const char	*id;
		int64_t		 ago_s;
		unsigned	 count;
		bool		 must_refresh, wants_fetch;
	} failed[] = {
		{ "failed 4 minutes ago", "2", 299, 1, false, false },
		{ "failed 5 minutes ago", "2", 300, 1, false, true },
		{ "failed twice: 10 minutes", "2", 599, 2, false, false },
		{ "failed twice: over", "2", 600, 2, false, true },
		{ "failed often: an hour", "2", 3599, 99, false, false },
		{ "failed often: over", "2", 3600, 99, false, true },
		{ "failed for another id", "1", 1, 99, false, true },
		{ "failed, must refresh", "2", 1, 99, true, true },
	};
	struct facts *f;
	size_t i;

	for (i = 0; i < sizeof(held) / sizeof(held[0]); i++) {
		f = run_known(held[i].label, held[i].row,
		    known_policy(held[i].id, held[i].age_s,
		    held[i].refetch_at), held[i].must_refresh,
		    held[i].wants_fetch);
		check_bool(held[i].label, f->has_policy,
		    held[i].keeps_policy);
		facts_free(f);
	}
	for (i = 0; i < sizeof(failed) / sizeof(failed[0]); i++) {
		f = run_known(failed[i].label, &world,
		    known_failure(failed[i].id, NOW - failed[i].ago_s,
		    failed[i].count), failed[i].must_refresh,
		    failed[i].wants_fetch);
		check_int(failed[i].label, f->fetch_failed_count,
		    failed[i].wants_fetch ? 0 : failed[i].count);
		facts_free(f);
	}
}

static void
test_failures(void)
{
	struct facts *f;

	f = run_known("failed again", &bad_host, known_failure("2", NOW - 300,
	    1), false, true);
	check_int("failed again: counted", f->fetch_failed_count, 2);
	check_int("failed again: 10 minutes", f->refresh_at, NOW + 600);
	facts_free(f);
	f = run_known("failed for a new id", &bad_host, known_failure("1",
	    NOW - 1, 7), false, true);
	check_int("failed for a new id: counted anew", f->fetch_failed_count,
	    1);
	check_text("failed for a new id", f->fetch_failed_id, "2");
	facts_free(f);
	f = run_known("still waiting", &world, known_failure("2", NOW - 100,
	    1), false, false);
	check_text("still waiting: reason stays", f->fetch_error, "as before");
	check_int("still waiting: look when it is over", f->refresh_at,
	    NOW + 200);
	facts_free(f);
	f = run_known("record unknown", &dead, known_failure("2", NOW - 100,
	    1), false, false);
	check_int("record unknown: failure is not forgotten",
	    f->fetch_failed_count, 1);
	facts_free(f);
}

static void
test_policy_id(void)
{
	struct facts *f;

	f = run_known("no record", &no_record, known_policy("1", 100, NOW),
	    false, true);
	check_text("fetched without record: id stays", f->policy_id, "1");
	check_int("max_age counts anew", f->expires_at, NOW + 604800);
	facts_free(f);
	f = run_known("new id", &world, known_policy("1", 100, NOW + 1),
	    false, true);
	check_text("new id", f->policy_id, "2");
	facts_free(f);
}

static void
test_growing_retry(void)
{
	static const struct {
		const char	*label;
		int64_t		 before, want;
	} cases[] = {
		{ "after a good look", 300, 10 },
		{ "after a look with a due fetch", 61, 10 },
		{ "first failure", 10, 20 },
		{ "grows", 20, 40 },
		{ "to a minute", 40, 60 },
		{ "and no further", 60, 60 },
	};
	struct facts *known, *f;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		known = known_policy("1", 100, NOW + 100000);
		known->looked_at = NOW - 1000;
		known->refresh_at = known->looked_at + cases[i].before;
		f = run_known(cases[i].label, &dead, known, false, false);
		check_int(cases[i].label, f->refresh_at - f->looked_at,
		    cases[i].want);
		facts_free(f);
	}
}

static void
test_refetch_at(void)
{
	static const uint32_t ages[] = { 0, 1, 60, 86400, 172800, 604800,
	    31557600 };
	char name[32];
	int64_t at, low = INT64_MAX, high = 0;
	size_t i;

	for (i = 0; i < sizeof(ages) / sizeof(ages[0]); i++) {
		at = lookup_refetch_at("a.example", ages[i], NOW);
		check_bool("not later than half of max_age",
		    at <= NOW + ages[i] / 2, true);
		check_bool("not later than a day", at <= NOW + 86400, true);
		check_bool("not before now", at >= NOW, true);
	}
	for (i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "d%zu.example", i);
		at = lookup_refetch_at(name, 604800, NOW);
		low = at < low ? at : low;
		high = at > high ? at : high;
	}
	check_bool("spread over hours", high - low > 3 * 3600, true);
	check_bool("about a day", low >= NOW + 64800, true);
}

/* --------------------------------------------------------------- the rest */

static void
test_not_validating(void)
{
	struct buffer asked;
	struct facts *f;

	buffer_init(&asked, 65536);
	f = run_plan(&rows[0], NULL, false, false, &asked);
	check_int("resolver does not validate: DANE unknown", f->dane,
	    DANE_UNKNOWN);
	check_contains("and why", f->dane_error, "does not validate");
	check_int("and look again soon", f->refresh_at, NOW + 300);
	facts_free(f);
	buffer_clear(&asked);
}

/* DNS is told while the fetch is under way, and the policy afterwards. */
static void
test_early(void)
{
	struct lookup_question q;
	struct lookup_plan plan;
	struct next_hop hop;
	struct facts *f;
	const char *why;

	next_hop_parse(text_of("a.example"), &hop, &why);
	f = facts_new(&hop);
	lookup_plan_init(&plan, f, NULL, false, true);
	check_bool("nothing is told at first", lookup_plan_has_dns(&plan),
	    false);
	while (lookup_plan_next(&plan, &q) == LOOKUP_ASK)
		answer_question(&plan, &world, &q);
	check_int("fetch is under way", lookup_plan_next(&plan, &q),
	    LOOKUP_WAIT);
	check_bool("DNS is told", lookup_plan_has_dns(&plan), true);
	lookup_plan_conclude(&plan, NOW);
	check_bool("early: no policy yet", f->has_policy, false);
	check_int("early: look again in a minute", f->refresh_at, NOW + 60);
	lookup_plan_fetched(&plan, FINDING_OK, text_of(POLICY), "", NOW + 20);
	check_int("then done", lookup_plan_next(&plan, &q), LOOKUP_DONE);
	lookup_plan_conclude(&plan, NOW + 20);
	check_bool("late: policy", f->has_policy, true);
	check_int("late: counts from then", f->fetched_at, NOW + 20);
	check_int("late: look again by TTL", f->refresh_at, NOW + 1800);
	lookup_plan_clear(&plan);
	facts_free(f);
}

/* DNS had a gap, and the fetch outlasted the wait for another look at it. */
static void
test_gap_and_slow_fetch(void)
{
	static const struct row row = { "gap", "a.example", { RECORD("2"),
		POLICY_A, { .name = "a.example", .type = DNS_MX,
		    .is_failed = true } }, POLICY, NULL, { NULL } };
	struct lookup_question q;
	struct lookup_plan plan;
	struct next_hop hop;
	struct facts *f;
	const char *why;

	next_hop_parse(text_of("a.example"), &hop, &why);
	f = facts_new(&hop);
	lookup_plan_init(&plan, f, NULL, false, true);
	while (lookup_plan_next(&plan, &q) == LOOKUP_ASK)
		answer_question(&plan, &row, &q);
	lookup_plan_conclude(&plan, NOW);
	check_int("gap: again in 10 s", f->refresh_at, NOW + 10);
	lookup_plan_fetched(&plan, FINDING_POLICY_FETCH_FAILED, text_of(""),
	    "timed out", NOW + 60);
	lookup_plan_conclude(&plan, NOW + 60);
	check_int("gap: not in the past", f->refresh_at, NOW + 70);
	lookup_plan_clear(&plan);
	facts_free(f);
}

static void
test_our_failure(void)
{
	struct lookup_question q;
	struct lookup_plan plan;
	struct next_hop hop;
	struct facts *f;
	const char *why;

	next_hop_parse(text_of("a.example"), &hop, &why);
	f = facts_new(&hop);
	lookup_plan_init(&plan, f, NULL, false, true);
	while (lookup_plan_next(&plan, &q) == LOOKUP_ASK)
		answer_question(&plan, &world, &q);
	lookup_plan_fetched(&plan, FINDING_UNKNOWN, text_of(""),
	    "too many fetches are waiting", NOW);
	lookup_plan_conclude(&plan, NOW);
	check_int("our failure is not the domain's", f->fetch_failed_count, 0);
	check_text("but it is said", f->record_error,
	    "too many fetches are waiting");
	check_int("and tried again soon", f->refresh_at, NOW + 60);
	lookup_plan_clear(&plan);
	facts_free(f);
}

/* A name so long that nothing can stand below it. */
static void
test_long_name(void)
{
	static struct row row = { .label = "long name" };
	char name[HOST_NAME_SIZE];
	struct buffer asked;
	struct facts *f;
	size_t i;

	memset(name, 'x', sizeof(name));
	for (i = 0; i < 3; i++)
		name[i * 64 + 63] = '.';
	name[HOST_NAME_MAX_BYTES] = '\0';
	row.hop = name;
	row.records[0] = (struct record){ .name = name, .type = DNS_A,
	    .data = "192.0.2.1" };
	buffer_init(&asked, 65536);
	f = run_plan(&row, NULL, false, true, &asked);
	check_text("long name: no question that cannot be asked",
	    buffer_text(&asked), "mx host-aaaa host-a ");
	check_int("long name: no TLSA", f->dane, DANE_NONE);
	check_int("long name: no record", f->record_state, FACT_ABSENT);
	facts_free(f);
	buffer_clear(&asked);
}

static void
test_many_hosts(void)
{
	struct lookup_question q = { .topic = LOOKUP_MX };
	struct dns_answer answer = { .result = DNS_PRESENT, .why = "" };
	struct text *records = xcalloc(2000, sizeof(*records));
	unsigned char (*storage)[64] = xcalloc(2000, sizeof(*storage));
	struct lookup_plan plan;
	struct next_hop hop;
	struct facts *f;
	const char *why;
	char data[32];
	size_t i, asked = 0;

	for (i = 0; i < 2000; i++) {
		snprintf(data, sizeof(data), "%zu h%zu.a.example", i % 100, i);
		records[i] = wire(DNS_MX, text_of(data), storage[i]);
	}
	answer.records = records;
	answer.record_count = 2000;
	next_hop_parse(text_of("a.example"), &hop, &why);
	f = facts_new(&hop);
	lookup_plan_init(&plan, f, NULL, false, true);
	lookup_plan_next(&plan, &q);
	lookup_plan_answer(&plan, &q, &answer, NOW);
	check_int("2000 MX records: bounded", (int64_t)f->host_count,
	    FACTS_HOSTS_MAX);
	check_bool("2000 MX records: cut", f->hosts_are_cut, true);
	check_int("2000 MX records: the best are kept",
	    f->hosts[FACTS_HOSTS_MAX - 1].preference, 6);
	while (lookup_plan_next(&plan, &q) == LOOKUP_ASK)
		asked++;
	check_int("2000 MX records: questions", (int64_t)asked,
	    1 + 2 * FACTS_HOSTS_MAX);
	lookup_plan_clear(&plan);
	facts_free(f);
	free(records);
	free(storage);
}

int
main(void)
{
	test_rows();
	test_fetch_due();
	test_failures();
	test_policy_id();
	test_growing_retry();
	test_refetch_at();
	test_not_validating();
	test_early();
	test_gap_and_slow_fetch();
	test_our_failure();
	test_long_name();
	test_many_hosts();
	return check_end();
}
