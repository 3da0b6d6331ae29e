/*
 * Lists of certificate transparency, in both forms and in none; and what makes
 * two certificates the same.
 */

#include "shared/ct_list.h"

#include "tests/unit/check.h"

#define ROWS(table) (sizeof(table) / sizeof(table[0]))
#define A16	"aaaaaaaaaaaaaaaa"
#define A64	A16 A16 A16 A16
#define SPOTTER(more) "[{\"id\":\"1\",\"dns_names\":[\"a.example\"," \
		"\"*.a.example\"],\"not_before\":\"2026-11-01T00:00:00Z\"," \
		"\"not_after\":\"2027-01-30T00:00:00-00:00\"" more "}]"
#define CRT_SH(more) "[{\"issuer_ca_id\":5,\"common_name\":\"a.example\"," \
		"\"name_value\":\"a.example\\nb.example\",\"id\":7," \
		"\"not_before\":\"2026-11-01T00:00:00\"," \
		"\"not_after\":\"2027-01-30T00:00:00\"" more "}]"

/* ------------------------------------------------------------------- lists */

static const struct {
	const char	*label, *json;
	/* "names|sha256|tbs|serial|issuer" of the first; NULL: why */
	const char	*want, *why;
} lists[] = {
	{ "certspotter", SPOTTER(",\"cert_sha256\":\"AA:" A64 "\""),
	    "a.example *.a.example||||", NULL },
	{ "its digests", SPOTTER(",\"cert_sha256\":\"" A64 "\","
	    "\"tbs_sha256\":\"BB\""),
	    "a.example *.a.example|" A64 "|bb||", NULL },
	{ "its issuer", SPOTTER(",\"issuer\":{\"name\":\"C=US, O=E\"}"),
	    "a.example *.a.example||||C=US, O=E", NULL },
	{ "a digest inside", SPOTTER(",\"cert\":{\"sha256\":\"" A64 "\"}"),
	    "a.example *.a.example|" A64 "|||", NULL },
	{ "data that is none", SPOTTER(",\"cert\":{\"data\":\"MIIB\","
	    "\"sha256\":\"ab\"}"), "a.example *.a.example|ab|||", NULL },
	{ "members of other types", SPOTTER(",\"cert\":5,\"issuer\":[],"
	    "\"tbs_sha256\":{}"), "a.example *.a.example||||", NULL },
	{ "crt.sh", CRT_SH(",\"issuer_name\":\"C=US, O=E\\u0001\","
	    "\"serial_number\":\"00:0aFF\""),
	    "a.example b.example|||aff|C=US, O=E?", NULL },
	{ "a serial number that is none", CRT_SH(",\"serial_number\":\"5x\""),
	    "a.example b.example||||", NULL },
	{ "a serial number that is too long", CRT_SH(",\"serial_number\":\""
	    A64 "1\""), "a.example b.example||||", NULL },
	{ "a serial number of zeros", CRT_SH(",\"serial_number\":\"00\""),
	    "a.example b.example||||", NULL },
	{ "broken UTF-8", "[{\"name_value\":\"a\377.example\","
	    "\"not_before\":\"2026-11-01\",\"not_after\":\"2026-11-02\"}]",
	    NULL, "not_before or not_after" },
	{ "nothing", "[]", "", NULL },
	{ "no list", "{\"code\":\"rate_limited\"}", NULL, "no array" },
	{ "a page of words", "<html>busy</html>", NULL, "grammar" },
	{ "empty", "", NULL, "grammar" },
	{ "cut", "[{\"id\":1", NULL, "grammar" },
	{ "a member twice", "[{\"id\":1,\"id\":2}]", NULL, "twice" },
	{ "what follows", "[] []", NULL, "grammar" },
	{ "too deep", "[[[[[[[[[]]]]]]]]]", NULL, "too deep" },
	{ "an element that is none", "[5]", NULL, "no object" },
	{ "no time", "[{\"dns_names\":[\"a.example\"],\"not_before\":"
	    "\"2026-11-01T00:00:00Z\",\"not_after\":\"soon\"}]", NULL,
	    "not_after" },
	{ "no name", "[{\"dns_names\":[],\"name_value\":\"\",\"not_before\":"
	    "\"2026-11-01T00:00:00Z\",\"not_after\":"
	    "\"2026-11-02T00:00:00Z\"}]", NULL, "dns_names" },
};

static void
format_first(const struct ct_list *list, char *out, size_t size)
{
	const struct ct_entry *e = &list->entries[0];
	size_t at = 0, i;

	out[0] = '\0';
	if (list->count == 0)
		return;
	for (i = 0; i < e->name_count; i++)
		at += (size_t)snprintf(out + at, size - at, "%s%.*s",
		    i > 0 ? " " : "", (int)e->names[i].len, e->names[i].data);
	snprintf(out + at, size - at, "|%s|%s|%s|%s", e->id.sha256,
	    e->id.tbs_sha256, e->id.serial, e->id.issuer);
}

static void
test_lists(void)
{
	struct ct_list list;
	const char *why;
	char got[512], *copy;
	struct text t;
	size_t i;
	int result;

	for (i = 0; i < ROWS(lists); i++) {
		t = text_of(lists[i].json);
		copy = check_exact(t.data, t.len);
		why = NULL;
		result = ct_list_parse((struct text){ copy, t.len }, &list,
		    &why);
		if (lists[i].want == NULL)
			check_contains(lists[i].label, result == -1 ? why : "",
			    lists[i].why);
		else if (check_note(result == 0, lists[i].label)) {
			format_first(&list, got, sizeof(got));
			check_text(lists[i].label, got, lists[i].want);
		}
		if (result == 0)
			ct_list_clear(&list);
		free(copy);
	}
}

/* One that is broken costs none of the others. */
static void
test_skipped(void)
{
	static const char json[] = "[5," "{\"dns_names\":[\"a.example\"],"
	    "\"not_before\":\"2026-11-01T00:00:00Z\","
	    "\"not_after\":\"2026-11-02T00:00:00Z\"},{}]";
	struct ct_list list;
	const char *why;

	check_int("skipped: read", ct_list_parse(text_of(json), &list, &why),
	    0);
	check_int("skipped: the good one", (int64_t)list.count, 1);
	check_int("skipped: the others", (int64_t)list.skipped_count, 2);
	check_contains("skipped: why", list.skipped_why, "no object");
	check_int("times: from", list.entries[0].not_before, 1793491200);
	check_int("times: to", list.entries[0].not_after, 1793577600);
	ct_list_clear(&list);
}

/* Bounds are found out before anything is allocated. */
static void
test_bounds(void)
{
	size_t size = CT_LIST_MAX_BYTES + 1, i;
	char *text = malloc(size);
	struct ct_list list;
	const char *why;

	if (text == NULL)
		abort();
	memset(text, ' ', size);
	why = "";
	check_int("too long", ct_list_parse((struct text){ text, size },
	    &list, &why), -1);
	check_contains("too long: why", why, "16 MiB");
	for (i = 0; i < size; i++)
		text[i] = i == 0 ? '[' : ',';
	check_int("too many", ct_list_parse((struct text){ text, size - 1 },
	    &list, &why), -1);
	check_contains("too many: why", why, "too many");
	memset(text + 1, 'a', size - 1);
	text[1] = '"';
	check_int("a long string", ct_list_parse((struct text){ text,
	    CT_LIST_STRING_MAX + 5 }, &list, &why), -1);
	check_contains("a long string: why", why, "string is too long");
	free(text);
}

/* -------------------------------------------------------------- sameness */

#define ISSUER	"C=US, O=Let's Encrypt, CN=E1"

static const struct {
	const char		*label;
	struct cert_identity	 a, b;
	bool			 want;
} pairs[] = {
	{ "the same digest", { .sha256 = A64 }, { .sha256 = A64 }, true },
	{ "another digest", { .sha256 = A64 }, { .sha256 = "ab" }, false },
	{ "nothing known", { .sha256 = "" }, { .sha256 = "" }, false },
	{ "precertificate", { .sha256 = "ab", .tbs_sha256 = A64 },
	    { .sha256 = "cd", .tbs_sha256 = A64 }, true },
	{ "serial number and issuer", { .serial = "5", .issuer = ISSUER },
	    { .sha256 = A64, .serial = "5", .issuer = ISSUER }, true },
	{ "issuer quoted otherwise",
	    { .serial = "5", .issuer = "O=\"Let's, Encrypt\", CN=E1" },
	    { .serial = "5", .issuer = "O=Let's\\, Encrypt,CN=E1" }, true },
	{ "another issuer", { .serial = "5", .issuer = ISSUER },
	    { .serial = "5", .issuer = "C=US, O=Let's Encrypt, CN=E10" },
	    false },
	{ "no issuer", { .serial = "5" }, { .serial = "5" }, false },
	{ "another serial number", { .serial = "5", .issuer = ISSUER },
	    { .serial = "51", .issuer = ISSUER }, false },
};

static void
test_sameness(void)
{
	size_t i;

	for (i = 0; i < ROWS(pairs); i++) {
		check_bool(pairs[i].label, cert_identity_match(&pairs[i].a,
		    &pairs[i].b), pairs[i].want);
		check_bool(pairs[i].label, cert_identity_match(&pairs[i].b,
		    &pairs[i].a), pairs[i].want);
	}
}

int
main(void)
{
	test_lists();
	test_skipped();
	test_bounds();
	test_sameness();
	return check_end();
}
