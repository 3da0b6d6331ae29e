/*
 * Certificates from one look to the next: what is an odd change, and who was
 * left behind.
 */

#include "shared/policy/cert_history.h"

#include "shared/probe_message.h"
#include "tests/unit/check.h"

#define ROWS(table) (sizeof(table) / sizeof(table[0]))
#define DAY	86400
#define OLD	"aaaaaaaaaaaaaaaa"
#define NEW	"bbbbbbbbbbbbbbbb"
#define THIRD	"cccccccccccccccc"

/* Of 90 days each, which begin with that day. */
static struct facts_cert
cert_of(const char *id, const char *key, const char *names, int day)
{
	struct facts_cert cert = { .from = day * (int64_t)DAY,
	    .to = (day + 90) * (int64_t)DAY };

	snprintf(cert.id, sizeof(cert.id), "%s", id);
	snprintf(cert.issuer, sizeof(cert.issuer), "R3");
	snprintf(cert.key, sizeof(cert.key), "%s", key);
	snprintf(cert.names, sizeof(cert.names), "%s", names);
	return cert;
}

static void
test_note(void)
{
	static const struct {
		const char	*label, *id, *key, *names, *issuer;
		int		 day;		/* of the look */
		const char	*before;
		bool		 want;
	} rows[] = {
		{ "the same one", OLD, "k", "n", "R3", 10, "", false },
		{ "another key, early", NEW, "K", "n", "R3", 10, "", true },
		{ "other names, early", NEW, "k", "N", "R3", 10, "", true },
		{ "another issuer, early", NEW, "k", "n", "E5", 10, "",
		    true },
		{ "the same key, names, issuer", NEW, "k", "n", "R3", 10, "",
		    false },
		{ "just before half of its life", NEW, "K", "n", "R3", 44, "",
		    true },
		{ "half of its life is over", NEW, "K", "n", "R3", 45, "",
		    false },
		{ "it had ended", NEW, "K", "n", "R3", 100, "", false },
		{ "back to the one before", NEW, "K", "n", "R3", 10, NEW,
		    false },
	};
	struct facts_address a;
	struct facts_cert seen;
	size_t i;

	for (i = 0; i < ROWS(rows); i++) {
		a = (struct facts_address){ .cert = cert_of(OLD, "k", "n",
		    0) };
		snprintf(a.cert_before, sizeof(a.cert_before), "%s",
		    rows[i].before);
		seen = cert_of(rows[i].id, rows[i].key, rows[i].names,
		    rows[i].day);
		snprintf(seen.issuer, sizeof(seen.issuer), "%s",
		    rows[i].issuer);
		check_bool(rows[i].label, cert_history_note(&a, &seen,
		    rows[i].day * (int64_t)DAY), rows[i].want);
		check_text("  it is kept", a.cert.id, rows[i].id);
		check_bool("  and told", cert_history_is_changed(&a,
		    rows[i].day * (int64_t)DAY), rows[i].want);
		check_bool("  for a week", cert_history_is_changed(&a,
		    (rows[i].day + 7) * (int64_t)DAY), false);
	}
	a = (struct facts_address){ .seen_at = 1 };
	seen = cert_of(NEW, "k", "n", 0);
	check_bool("the first is no change", cert_history_note(&a, &seen, 1),
	    false);
}

static void
test_renewed(void)
{
	static const struct {
		const char	*label;
		const char	*id, *names, *before;	/* of the other */
		int		 from, now;		/* days */
		bool		 want;
	} rows[] = {
		{ "it had the same", NEW, "n", OLD, 30, 31, true },
		{ "it had the same, long before the end", NEW, "n", OLD, 1, 2,
		    true },
		{ "never the same, long before the end", NEW, "n", THIRD, 30,
		    31, false },
		{ "never the same, near the end", NEW, "n", "", 60, 61, true },
		{ "it has the same", OLD, "n", "", 0, 80, false },
		{ "for other names", NEW, "N", OLD, 60, 80, false },
		{ "it is the older one", NEW, "n", OLD, -10, 80, false },
	};
	struct next_hop hop;
	struct facts_host *host;
	struct facts *f;
	struct address ip[2];
	const struct facts_host *got;
	const char *why;
	size_t i;

	next_hop_parse(text_of("a.example"), &hop, &why);
	address_parse(text_of("192.0.2.1"), &ip[0]);
	address_parse(text_of("192.0.2.2"), &ip[1]);
	for (i = 0; i < ROWS(rows); i++) {
		f = facts_new(&hop);
		host = facts_add_host(f, "mx1.a.example", 10);
		facts_add_address(host, &ip[0]);
		host->addresses[0].cert = cert_of(OLD, "k", "n", 0);
		host = facts_add_host(f, "mx2.a.example", 20);
		facts_add_address(host, &ip[1]);
		host->addresses[0].cert = cert_of(rows[i].id, "K",
		    rows[i].names, rows[i].from);
		snprintf(host->addresses[0].cert_before, FACTS_CERT_ID_SIZE,
		    "%s", rows[i].before);
		got = cert_history_renewed(f, &f->hosts[0].addresses[0],
		    rows[i].now * (int64_t)DAY);
		check_text(rows[i].label, got != NULL ? got->name : "nobody",
		    rows[i].want ? "mx2.a.example" : "nobody");
		facts_free(f);
	}
}

static void
test_read(void)
{
	struct observation o = { .cert_count = 1, .name_count = 2,
	    .tlsa_text = text_of("3 1 1 0123456789abcdef0123456789abcdef"),
	    .names = { text_of("a"), text_of("b") } };
	struct facts_cert cert, again;

	o.certs[0] = (struct observed_cert){ .issuer = text_of("CN=R3"),
	    .not_before = -5, .not_after = 7,
	    .sha256 = text_of("fedcba9876543210ffff") };
	if (!check_note(cert_history_read(&o, &cert), "a certificate"))
		return;
	check_text("its id", cert.id, "fedcba9876543210");
	check_text("its key", cert.key, "0123456789abcdef");
	check_int("no time before 1970", (int)cert.from, 0);
	check_int("its end", (int)cert.to, 7);
	o.names[0] = text_of("b");
	o.names[1] = text_of("a");
	cert_history_read(&o, &again);
	check_text("names in any order", again.names, cert.names);
	o.names[1] = text_of("c");
	cert_history_read(&o, &again);
	check_bool("other names", strcmp(again.names, cert.names) != 0, true);
	o.tlsa_text = text_of("");
	check_bool("without a key", cert_history_read(&o, &again), false);
	o.cert_count = 0;
	check_bool("without a certificate", cert_history_read(&o, &again),
	    false);
}

int
main(void)
{
	test_note();
	test_renewed();
	test_read();
	return check_end();
}
