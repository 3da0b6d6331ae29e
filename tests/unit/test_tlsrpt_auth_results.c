/*
 * What our verifier's Authentication-Results says of a domain's signature.
 */

#include "shared/tlsrpt/auth_results.h"

#include "tests/unit/check.h"

#define ROWS(table) (sizeof(table) / sizeof(table[0]))
#define ID	"mx.own.example"
#define DOMAIN	"sender.example"

static const struct {
	const char	*label, *value;
	enum auth_dkim	 want;
} rows[] = {
	{ "a pass", ID "; dkim=pass header.d=" DOMAIN, AUTH_DKIM_PASSED },
	{ "with version, comments and folds (RFC 8601, B)",
	    " (a) mx.OWN.example (b(c)) 1 (d) ; (e) dkim (f) / 1 = pass (good)"
	    "\r\n\treason=\"2048-bit; key\" header (x) . (y) d\r\n ="
	    " sender.example (z)", AUTH_DKIM_PASSED },
	{ "a quoted authserv-id", "\"" ID "\"; dkim=pass header.d=" DOMAIN,
	    AUTH_DKIM_PASSED },
	{ "a signer without a dot", ID "; dkim=pass header.d=example",
	    AUTH_DKIM_FAILED },
	{ "a semicolon at the end", ID "; dkim=pass header.d=" DOMAIN "; ",
	    AUTH_DKIM_PASSED },
	{ "two semicolons", ID "; dkim=pass header.d=" DOMAIN ";; spf=pass",
	    AUTH_DKIM_FAILED },
	{ "letter case", ID "; DKIM=Pass Header.D=Sender.EXAMPLE",
	    AUTH_DKIM_PASSED },
	{ "header.i alone", ID "; dkim=pass header.i=@" DOMAIN,
	    AUTH_DKIM_PASSED },
	{ "header.i with a local part",
	    ID "; dkim=pass header.i=a.b@" DOMAIN " header.s=x header.b=ab/c+",
	    AUTH_DKIM_PASSED },
	{ "header.d goes before header.i",
	    ID "; dkim=pass header.d=evil.example header.i=@" DOMAIN,
	    AUTH_DKIM_FAILED },
	{ "header.i without a domain", ID "; dkim=pass header.i=" DOMAIN,
	    AUTH_DKIM_FAILED },
	{ "the second signature", ID "; dkim=fail header.d=" DOMAIN
	    "; dkim=pass header.d=" DOMAIN, AUTH_DKIM_PASSED },
	{ "the first signature", ID "; dkim=pass header.d=" DOMAIN
	    "; dkim=none; spf=fail smtp.mailfrom=a@b.example",
	    AUTH_DKIM_PASSED },
	{ "another's signature", ID "; dkim=pass header.d=evil.example",
	    AUTH_DKIM_FAILED },
	{ "a domain below signs", ID "; dkim=pass header.d=a." DOMAIN,
	    AUTH_DKIM_FAILED },
	{ "a domain that ends alike",
	    ID "; dkim=pass header.d=r.example header.i=@" DOMAIN,
	    AUTH_DKIM_FAILED },
	{ "no domain", ID "; dkim=pass", AUTH_DKIM_FAILED },
	{ "fail", ID "; dkim=fail header.d=" DOMAIN, AUTH_DKIM_FAILED },
	{ "none", ID "; dkim=none", AUTH_DKIM_FAILED },
	{ "temperror", ID "; dkim=temperror header.d=" DOMAIN,
	    AUTH_DKIM_FAILED },
	{ "a result that begins with pass",
	    ID "; dkim=passed header.d=" DOMAIN, AUTH_DKIM_FAILED },
	{ "pass in a comment", ID "; dkim=fail (dkim=pass) header.d=" DOMAIN,
	    AUTH_DKIM_FAILED },
	{ "pass in quotes", ID "; dkim=fail reason=\"; dkim=pass header.d="
	    DOMAIN "\"", AUTH_DKIM_FAILED },
	{ "other methods", ID "; spf=pass smtp.mailfrom=" DOMAIN
	    "; dmarc=pass header.from=" DOMAIN, AUTH_DKIM_SILENT },
	{ "no results", ID "; none", AUTH_DKIM_SILENT },
	{ "nothing behind the id", ID, AUTH_DKIM_SILENT },
	{ "another's header", "evil.example; dkim=pass header.d=" DOMAIN,
	    AUTH_DKIM_SILENT },
	{ "ours as a comment", "(" ID ") evil.example; dkim=pass header.d="
	    DOMAIN, AUTH_DKIM_SILENT },
	{ "ours as a prefix", ID ".evil.example; dkim=pass header.d=" DOMAIN,
	    AUTH_DKIM_SILENT },
	{ "version 2", ID " 2; dkim=pass header.d=" DOMAIN, AUTH_DKIM_SILENT },
	{ "empty", "", AUTH_DKIM_SILENT },
	{ "a method without a result", ID "; dkim", AUTH_DKIM_FAILED },
	{ "a method without a name", ID "; =pass header.d=" DOMAIN,
	    AUTH_DKIM_FAILED },
	{ "an empty result", ID "; dkim= ; spf=pass", AUTH_DKIM_FAILED },
	{ "an empty method version", ID "; dkim/=pass header.d=" DOMAIN,
	    AUTH_DKIM_FAILED },
	{ "a property without a value", ID "; dkim=pass header.d=",
	    AUTH_DKIM_FAILED },
	{ "a property without a name", ID "; dkim=pass header.=" DOMAIN,
	    AUTH_DKIM_FAILED },
	{ "a property without \"=\"", ID "; dkim=pass header.d " DOMAIN,
	    AUTH_DKIM_FAILED },
	{ "a property that is none", ID "; dkim=pass =" DOMAIN,
	    AUTH_DKIM_FAILED },
	{ "broken behind a pass", ID "; dkim=pass header.d=" DOMAIN "; spf",
	    AUTH_DKIM_FAILED },
	{ "a quote that does not end",
	    ID "; dkim=pass header.d=" DOMAIN " reason=\"a", AUTH_DKIM_FAILED },
	{ "a quote that ends in a backslash",
	    ID "; dkim=pass header.d=\"" DOMAIN "\\", AUTH_DKIM_FAILED },
	{ "a comment that does not end",
	    ID "; dkim=pass header.d=" DOMAIN " (a", AUTH_DKIM_FAILED },
	{ "comments too deep", ID "; dkim=pass header.d=" DOMAIN
	    " (((((((((((((((((a)))))))))))))))))", AUTH_DKIM_FAILED },
	{ "a signer that is no name", ID "; dkim=pass header.d=a..b",
	    AUTH_DKIM_FAILED },
};

#define RECEIVED "Received: from a by b; now\r\n"
#define PASS	"Authentication-Results: " ID ";\r\n dkim=pass header.d=" \
		DOMAIN "\r\n"
#define FAIL	"Authentication-Results: " ID "; dkim=fail header.d=" \
		DOMAIN "\r\n"
#define SPF	"authentication-results: " ID "; spf=pass\r\n"
#define OTHER	"Authentication-Results: b.example; dkim=pass header.d=" \
		DOMAIN "\r\n"

static const struct {
	const char	*label, *mail;
	bool		 want;
} mails[] = {
	{ "one header", PASS "\r\n", true },
	{ "below other headers of ours", SPF OTHER RECEIVED PASS "\r\n",
	    true },
	{ "below one that failed: it came with the mail", FAIL PASS "\r\n",
	    false },
	{ "above one that failed", PASS FAIL "\r\n", true },
	{ "another's alone", OTHER "\r\n", false },
	{ "in the body", "A: b\r\n\r\n" PASS, false },
	{ "no header", "\r\n", false },
};

int
main(void)
{
	char *exact;
	size_t i, len;

	for (i = 0; i < ROWS(rows); i++) {
		len = strlen(rows[i].value);
		exact = check_exact(rows[i].value, len);
		check_int(rows[i].label, auth_results_dkim((struct text){
		    exact, len }, ID, DOMAIN), rows[i].want);
		free(exact);
	}
	for (i = 0; i < ROWS(mails); i++)
		check_bool(mails[i].label, auth_results_pass(
		    text_of(mails[i].mail), ID, DOMAIN), mails[i].want);
	check_int("a parent with a dot signs", auth_results_dkim(text_of(
	    ID "; dkim=pass header.d=" DOMAIN), ID, "mail." DOMAIN),
	    AUTH_DKIM_PASSED);
	return check_end();
}
