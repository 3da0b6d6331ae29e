/*
 * Packed facts come back as they were, to the last field, and take as little
 * room as they should.
 */

#include "shared/policy/facts_pack.h"

#include "tests/unit/check.h"

#define HEAD	"hopseal-facts 1\nnext_hop=a.example\nlooked_at=1800000000\n" \
		"refresh_at=1800003000\n"
#define NEGATIVE HEAD "learned_at=1800000000\nmx=present\ndane=none\n" \
		"record=absent\n"
#define HOST(name) "host=" name "\npreference=10\naddresses=present\n" \
		"tlsa=none\n"
#define SEEN	"finding=cert-expired\ndane_finding=tlsa-mismatch\n" \
		"seen_at=1799990000\nnot_after=1799980000\nseen_count=3\n" \
		"detail=CN=R3, O=Let's Encrypt\n"

static const struct {
	const char	*label, *record;
	int64_t		 bytes_max;
} rows[] = {
	{ "nothing known", "hopseal-facts 1\nnext_hop=a.example\nmx=unknown\n"
	    "dane=unknown\nrecord=unknown\n", 2 },
	{ "known, no host", NEGATIVE, 4 },
	{ "hosts below the domain", NEGATIVE HOST("mx1.a.example")
	    "address=192.0.2.1\n" HOST("mx2.a.example")
	    "address=192.0.2.2\n", 28 },
	{ "the domain itself", NEGATIVE HOST("a.example"), 10 },
	{ "nearly the domain itself", NEGATIVE HOST("ba.example"), 18 },
	{ "hosts like each other", NEGATIVE HOST("mx.mail.provider.test")
	    HOST("alt1.mx.mail.provider.test") HOST("alt2.mail.provider.test"),
	    50 },
	{ "like nobody", NEGATIVE HOST("mx.b.test") HOST("mx.c.ttt"), 32 },
	{ "addresses", NEGATIVE HOST("mx.a.example") "address=2001:db8::1\n"
	    "address=192.0.2.1\naddress=198.51.100.255\n", 40 },
	{ "what was seen", NEGATIVE HOST("mx.a.example") "address=192.0.2.1\n"
	    SEEN "address=2001:db8::1\n" SEEN, 500 },
	{ "signed", HEAD "mx=present\nmx_is_secure=1\ndane=usable-some\n"
	    "record=present\nrecord_id=20260101T000000\nhost=mx.a.example\n"
	    "preference=65535\naddresses=absent\nhost_is_secure=1\n"
	    "tlsa=usable\nhost_error=NXDOMAIN\n", 50 },
	{ "null MX", HEAD "mx=absent\nmx_is_implicit=1\nmx_is_null=1\n"
	    "hosts_are_cut=1\ndane=none-usable\nrecord=absent\n", 4 },
	{ "errors", HEAD "mx=unknown\nmx_error=SERVFAIL\ndane=unknown\n"
	    "dane_error=bogus\nrecord=unknown\nrecord_error=timeout\n", 30 },
	{ "a fetch that failed", HEAD "mx=unknown\ndane=usable-all\n"
	    "record=present\nrecord_id=7\nfetch_failed_id=7\n"
	    "fetch_failed_at=1800000001\nfetch_failed_count=12\n"
	    "fetch_finding=policy-fetch-failed\nfetch_error=HTTP status 404\n",
	    40 },
	{ "a policy", HEAD "mx=unknown\ndane=none\nrecord=present\n"
	    "record_id=7\npolicy_id=7\nfetched_at=1799999999\n"
	    "expires_at=1800086399\nrefetch_at=1800000100\n"
	    "policy=version: STSv1\npolicy=mode: enforce\n"
	    "policy=mx: mx.a.example\npolicy=max_age: 86400\n", 90 },
	{ "never looked at", "hopseal-facts 1\nnext_hop=[a.example]:25\n"
	    "mx=unknown\ndane=unknown\nrecord=unknown\nhost=a.example\n"
	    "preference=0\naddresses=unknown\ntlsa=unknown\n"
	    "address=192.0.2.1\n" SEEN, 300 },
	{ "times far away", "hopseal-facts 1\nnext_hop=a.example:587\n"
	    "looked_at=1\nrefresh_at=2\nlearned_at=1099511627776\nmx=unknown\n"
	    "dane=unknown\nrecord=unknown\n", 10 },
};

int
main(void)
{
	struct buffer packed, again;
	struct facts *f, *unpacked;
	const char *why;
	char *exact;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		f = facts_parse(text_of(rows[i].record), &why);
		if (f == NULL) {
			check_text(rows[i].label, why, "a record");
			continue;
		}
		buffer_init(&packed, FACTS_RECORD_MAX_BYTES);
		facts_pack(f, &packed);
		if ((int64_t)packed.len > rows[i].bytes_max)
			check_int(rows[i].label, (int64_t)packed.len,
			    rows[i].bytes_max);
		exact = check_exact(packed.data, packed.len);
		unpacked = facts_unpack((struct text){ exact, packed.len },
		    &f->hop, f->looked_at, f->refresh_at);
		buffer_init(&again, FACTS_RECORD_MAX_BYTES);
		facts_format(unpacked, &again);
		check_text(rows[i].label, buffer_text(&again), rows[i].record);
		buffer_clear(&again);
		facts_free(unpacked);
		free(exact);
		buffer_clear(&packed);
		facts_free(f);
	}
	return check_end();
}
