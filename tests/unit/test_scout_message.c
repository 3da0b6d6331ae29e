/*
 * The payloads between front and scout: what was formatted parses to the
 * same, and no proper prefix of it, nor more than it, parses at all.
 */

#include "shared/scout_message.h"

#include "shared/pack.h"
#include "tests/unit/check_payload.h"

#define ROWS(table)	(sizeof(table) / sizeof(table[0]))

static bool
parse_lookup(struct text t)
{
	struct scout_lookup m;

	return scout_lookup_parse(t, &m);
}

static bool
parse_resolver(struct text t)
{
	struct scout_resolver m;

	return scout_resolver_parse(t, &m);
}

static const struct {
	const char *label, *hop;
	bool must_refresh;
	struct text known;
} lookups[] = {
	{ "a domain", "example.com", false, { "", 0 } },
	{ "a port, again now", "example.com:587", true, { "", 0 } },
	{ "a host, something known", "[mx.example.com]:25", false,
	    { "hopseal-facts 1\n\0\377", 18 } },
};

static void
test_lookups(void)
{
	struct scout_lookup m, got;
	char hop[NEXT_HOP_TEXT_SIZE];
	const char *why;
	size_t i;

	for (i = 0; i < ROWS(lookups); i++) {
		next_hop_parse(text_of(lookups[i].hop), &m.hop, &why);
		m.must_refresh = lookups[i].must_refresh;
		m.known = lookups[i].known;
		scout_lookup_format(&m, &payload);
		check_bool(lookups[i].label,
		    scout_lookup_parse(payload_text(), &got), true);
		check_text(" next hop", next_hop_format(&got.hop, hop),
		    lookups[i].hop);
		check_bool(" refresh", got.must_refresh,
		    lookups[i].must_refresh);
		check_bool(" known", got.known.len == m.known.len &&
		    memcmp(got.known.data, m.known.data, m.known.len) == 0,
		    true);
		check_only_whole(" all of it", parse_lookup);
	}
	pack_string(&payload, ".example.com");
	pack_u8(&payload, 0);
	pack_string(&payload, "");
	check_bool("a next hop that is none", parse_lookup(payload_text()),
	    false);
	buffer_reset(&payload);
	pack_u32(&payload, UINT32_MAX);
	check_bool("a length beyond the end", parse_lookup(payload_text()),
	    false);
	buffer_reset(&payload);
}

static const struct {
	const char *label;
	uint8_t validates, postfix_ad;
	struct text detail;
	bool is_good;
} resolvers[] = {
	{ "both do", SCOUT_CHECK_YES, SCOUT_CHECK_YES, { "", 0 }, true },
	{ "not checked", SCOUT_CHECK_UNKNOWN, SCOUT_CHECK_UNKNOWN,
	    { "no answer", 9 }, true },
	{ "one does not", SCOUT_CHECK_YES, SCOUT_CHECK_NO,
	    { "127.0.0.1 sets no AD", 20 }, true },
	{ "unknown word for ours", SCOUT_CHECK_YES + 1, SCOUT_CHECK_NO,
	    { "", 0 }, false },
	{ "unknown word for Postfix's", SCOUT_CHECK_NO, 255, { "", 0 },
	    false },
	{ "detail with a line end", SCOUT_CHECK_NO, SCOUT_CHECK_NO,
	    { "a\nb", 3 }, false },
	{ "detail with a NUL", SCOUT_CHECK_NO, SCOUT_CHECK_NO,
	    { "a\0b", 3 }, false },
	{ "detail that is not ASCII", SCOUT_CHECK_NO, SCOUT_CHECK_NO,
	    { "\303\244", 2 }, false },
};

static void
test_resolvers(void)
{
	struct scout_resolver got;
	size_t i;

	for (i = 0; i < ROWS(resolvers); i++) {
		pack_u8(&payload, resolvers[i].validates);
		pack_u8(&payload, resolvers[i].postfix_ad);
		pack_text(&payload, resolvers[i].detail);
		check_bool(resolvers[i].label, scout_resolver_parse(
		    payload_text(), &got), resolvers[i].is_good);
		buffer_reset(&payload);
		if (!resolvers[i].is_good)
			continue;
		check_int(" ours", got.validates, resolvers[i].validates);
		check_int(" Postfix's", got.postfix_ad,
		    resolvers[i].postfix_ad);
		got.detail = resolvers[i].detail;
		scout_resolver_format(&got, &payload);
		check_only_whole(" all of it", parse_resolver);
	}
}

static const struct {
	const char	*label, *host;
	int64_t		 ahead_s;
	bool		 is_good;
} dates[] = {
	{ "our clock is ahead", "192.0.2.1", 301, true },
	{ "our clock is behind", "2001:db8::1", -86400, true },
	{ "a century", "192.0.2.1", SCOUT_DATE_MAX_S, true },
	{ "a century behind", "192.0.2.1", -SCOUT_DATE_MAX_S, true },
	{ "more than a century", "192.0.2.1", SCOUT_DATE_MAX_S + 1, false },
	{ "more than a century behind", "192.0.2.1", -SCOUT_DATE_MAX_S - 1,
	    false },
	{ "what has no absolute value", "192.0.2.1", INT64_MIN, false },
	{ "a host that is no address", "mta-sts.example.com", 0, false },
	{ "no host", "", 0, false },
};

static bool
parse_date(struct text t)
{
	struct scout_date m;

	return scout_date_parse(t, &m);
}

static void
test_dates(void)
{
	char host[ADDRESS_TEXT_SIZE];
	struct scout_date got;
	size_t i;

	for (i = 0; i < ROWS(dates); i++) {
		pack_string(&payload, dates[i].host);
		pack_u64(&payload, (uint64_t)dates[i].ahead_s);
		check_bool(dates[i].label, scout_date_parse(payload_text(),
		    &got), dates[i].is_good);
		buffer_reset(&payload);
		if (!dates[i].is_good)
			continue;
		check_text(" host", address_format(&got.host, host),
		    dates[i].host);
		check_int(" ahead", got.ahead_s, dates[i].ahead_s);
		scout_date_format(&got, &payload);
		check_only_whole(" all of it", parse_date);
	}
}

int
main(void)
{
	buffer_init(&payload, 65536);
	test_lookups();
	test_resolvers();
	test_dates();
	buffer_clear(&payload);
	return check_end();
}
