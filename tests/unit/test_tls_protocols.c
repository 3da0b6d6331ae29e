/*
 * Postfix's lists of TLS versions (postconf(5)).
 */

#include "shared/postfix/tls_protocols.h"

#include "tests/unit/check.h"

static const struct {
	const char *label, *setting, *protocol;
	bool want;
} rows[] = {
	{ "empty permits all", "", "TLSv1", true },
	{ "floor, below", ">=TLSv1.2", "TLSv1.1", false },
	{ "floor, at", ">=TLSv1.2", "TLSv1.2", true },
	{ "floor, above", ">=TLSv1.2", "TLSv1.3", true },
	{ "ceiling, above", "<=TLSv1.2", "TLSv1.3", false },
	{ "ceiling, at", "<=TLSv1.2", "TLSv1.2", true },
	{ "both", ">=TLSv1.1, <=TLSv1.2", "TLSv1.3", false },
	{ "exclusion of others", "!SSLv2, !SSLv3", "TLSv1", true },
	{ "exclusion", "!SSLv2, !SSLv3, !TLSv1", "TLSv1", false },
	{ "exclusion by colons", "!SSLv2:!SSLv3:!TLSv1:!TLSv1.1", "TLSv1.1",
	    false },
	{ "inclusion", "TLSv1.2 TLSv1.3", "TLSv1.3", true },
	{ "inclusion of others", "TLSv1.2 TLSv1.3", "TLSv1.1", false },
	{ "inclusion and exclusion", "TLSv1 TLSv1.2 !TLSv1", "TLSv1", false },
	{ "letter case", ">=tlsv1.2", "TLSv1", false },
	{ "unknown words count for nothing", "!TLSv9, foo", "TLSv1", true },
	{ "only separators", " , : ", "TLSv1", true },
};

static const struct {
	const char *label, *setting, *want;
} newest[] = {
	{ "newest, of all", "", "TLSv1.3" },
	{ "newest, below a ceiling", "<=TLSv1.2", "TLSv1.2" },
	{ "newest, not excluded", "!TLSv1.3 !TLSv1.2", "TLSv1.1" },
	{ "newest, included", "TLSv1", "TLSv1" },
	{ "newest, of none", ">=TLSv1.3 !TLSv1.3", NULL },
};

int
main(void)
{
	size_t i;
	const char *got;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_bool(rows[i].label, tls_protocols_permit(
		    text_of(rows[i].setting), rows[i].protocol),
		    rows[i].want);
	for (i = 0; i < sizeof(newest) / sizeof(newest[0]); i++) {
		got = tls_protocols_newest(text_of(newest[i].setting));
		check_text(newest[i].label, got != NULL ? got : "none",
		    newest[i].want != NULL ? newest[i].want : "none");
	}
	return check_end();
}
