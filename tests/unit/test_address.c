/*
 * Addresses as text, the special-use ranges by IANA's registries, and lists
 * of networks in the form of mynetworks.
 */

#include "shared/address.h"

#include "tests/unit/check.h"

#define ROWS(table) (sizeof(table) / sizeof(table[0]))

static struct address
address_of(const char *text)
{
	struct address a = { 0 };

	if (!address_parse(text_of(text), &a))
		check_text("an address", text, NULL);
	return a;
}

static void
test_text(void)
{
	static const struct {
		const char *text, *want;	/* NULL: refused */
	} rows[] = {
		{ "192.0.2.1", "192.0.2.1" },
		{ "[192.0.2.1]", "192.0.2.1" },
		{ "2001:db8::1", "2001:db8::1" },
		{ "[2001:DB8:0:0::1]", "2001:db8::1" },
		{ "::ffff:192.0.2.1", "::ffff:192.0.2.1" },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
		    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
		{ "", NULL }, { "[]", NULL }, { "[", NULL },
		{ "[192.0.2.1", NULL }, { "192.0.2.1]", NULL },
		{ "[[::1]]", NULL }, { "192.0.2", NULL },
		{ "192.0.2.256", NULL }, { "192.0.2.1.1", NULL },
		{ "0x7f.0.0.1", NULL }, { "127.1", NULL },
		{ "::1%lo", NULL }, { "1::2::3", NULL }, { "::g", NULL },
		{ " 192.0.2.1", NULL }, { "192.0.2.1/32", NULL },
		{ "IPv6:::1", NULL }, { "mx.example.org", NULL },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.2555", NULL },
	};
	struct address a, b;
	char out[ADDRESS_TEXT_SIZE], *exact;
	size_t i;

	for (i = 0; i < ROWS(rows); i++) {
		exact = check_exact(rows[i].text, strlen(rows[i].text));
		check_bool(rows[i].text, address_parse((struct text){ exact,
		    strlen(rows[i].text) }, &a), rows[i].want != NULL);
		free(exact);
		if (rows[i].want != NULL)
			check_text("formatted", address_format(&a, out),
			    rows[i].want);
	}
	check_bool("NUL inside", address_parse((struct text){
	    "192.0.2.1\0", 10 }, &a), false);
	a = address_of("192.0.2.1");
	b = address_of("[192.0.2.1]");
	check_bool("equal", address_equals(&a, &b), true);
	b = address_of("192.0.2.2");
	check_bool("not equal", address_equals(&a, &b), false);
	b = address_of("c000:201::");
	check_bool("same octets, other family", address_equals(&a, &b), false);
}

static void
test_special(void)
{
	static const struct {
		const char *first, *last;	/* of a special range */
		const char *before, *behind;	/* ordinary, or NULL */
	} rows[] = {
		{ "0.0.0.0", "0.255.255.255", NULL, "1.0.0.0" },
		{ "10.0.0.0", "10.255.255.255", "9.255.255.255", "11.0.0.0" },
		{ "100.64.0.0", "100.127.255.255", "100.63.255.255",
		    "100.128.0.0" },
		{ "127.0.0.0", "127.255.255.255", "126.255.255.255",
		    "128.0.0.0" },
		{ "169.254.0.0", "169.254.255.255", "169.253.255.255",
		    "169.255.0.0" },
		{ "172.16.0.0", "172.31.255.255", "172.15.255.255",
		    "172.32.0.0" },
		{ "192.0.0.0", "192.0.0.255", "191.255.255.255",
		    "192.0.1.0" },
		{ "192.0.2.0", "192.0.2.255", "192.0.1.255", "192.0.3.0" },
		{ "192.88.99.0", "192.88.99.255", "192.88.98.255",
		    "192.88.100.0" },
		{ "192.168.0.0", "192.168.255.255", "192.167.255.255",
		    "192.169.0.0" },
		{ "198.18.0.0", "198.19.255.255", "198.17.255.255",
		    "198.20.0.0" },
		{ "198.51.100.0", "198.51.100.255", "198.51.99.255",
		    "198.51.101.0" },
		{ "203.0.113.0", "203.0.113.255", "203.0.112.255",
		    "203.0.114.0" },
		{ "224.0.0.0", "255.255.255.255", "223.255.255.255", NULL },

		{ "::", "::", NULL, NULL },
		{ "::1", "::1", NULL, NULL },
		{ "::8.8.8.8", "::8.8.8.8", NULL, NULL },
		{ "::ffff:8.8.8.8", "::ffff:10.0.0.1", NULL, NULL },
		{ "::ffff:0:8.8.8.8", "::ffff:0:10.0.0.1", NULL, NULL },
		{ "64:ff9b::10.0.0.0", "64:ff9b::10.255.255.255",
		    "64:ff9b::9.255.255.255", "64:ff9b::11.0.0.0" },
		{ "64:ff9b::1:0:0", "64:ff9b:1::8.8.8.8", NULL, NULL },
		{ "100::", "100::ffff:ffff:ffff:ffff", NULL, NULL },
		{ "100:0:0:1::", "1fff:ffff::", NULL, "2000::" },
		{ "2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff",
		    "2000:ffff::", "2001:200::" },
		{ "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
		    "2001:db7:ffff::", "2001:db9::" },
		{ "2002:7f00::", "2002:7fff:ffff::", "2002:7eff:ffff::",
		    "2002:8000::" },
		{ "3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff",
		    "3ffe:ffff::", "3fff:1000::" },
		{ "4000::", "5f00::", NULL, NULL },
		{ "fc00::", "fdff::1", NULL, NULL },
		{ "fe80::1", "febf::1", NULL, NULL },
		{ "fec0::1", "feff::1", NULL, NULL },
		{ "ff02::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		    NULL, NULL },
	};
	static const char *const ordinary[] = {
		"8.8.8.8", "192.31.196.1", "193.0.14.129", "2001:4860::8888",
		"2a00:1450::1b", "64:ff9b::8.8.8.8", "2002:808:808::1",
	};
	struct address a;
	size_t i;

	for (i = 0; i < ROWS(rows); i++) {
		a = address_of(rows[i].first);
		check_bool(rows[i].first, address_is_special(&a), true);
		a = address_of(rows[i].last);
		check_bool(rows[i].last, address_is_special(&a), true);
		if (rows[i].before != NULL) {
			a = address_of(rows[i].before);
			check_bool(rows[i].before, address_is_special(&a),
			    false);
		}
		if (rows[i].behind != NULL) {
			a = address_of(rows[i].behind);
			check_bool(rows[i].behind, address_is_special(&a),
			    false);
		}
	}
	for (i = 0; i < ROWS(ordinary); i++) {
		a = address_of(ordinary[i]);
		check_bool(ordinary[i], address_is_special(&a), false);
	}
}

/* The list as "ADDRESS/BITS ADDRESS/BITS". */
static const char *
list_format(const struct network_list *list)
{
	static char out[512];
	char text[ADDRESS_TEXT_SIZE];
	size_t at = 0, i;

	out[0] = '\0';
	for (i = 0; i < list->count; i++)
		at += (size_t)snprintf(out + at, sizeof(out) - at, "%s%s/%u",
		    i > 0 ? " " : "",
		    address_format(&list->networks[i].address, text),
		    list->networks[i].prefix_bits);
	return out;
}

static void
test_list(void)
{
	static const struct {
		const char *label, *text, *want;	/* NULL: refused */
		size_t skipped;
		const char *why;
	} rows[] = {
		{ "nothing", "", "", 0, NULL },
		{ "only separators", " ,\n\t\r\n", "", 0, NULL },
		{ "as postconf prints it",
		    "127.0.0.0/8 [::ffff:127.0.0.0]/104 [::1]/128",
		    "127.0.0.0/8 ::ffff:127.0.0.0/104 ::1/128", 0, NULL },
		{ "commas, tabs and lines", "10.0.0.1,\t10.0.0.2,10.0.0.3\n"
		    "[fe80::]/10", "10.0.0.1/32 10.0.0.2/32 10.0.0.3/32 "
		    "fe80::/10", 0, NULL },
		{ "IPv6 without brackets", "fe80::/10 2001:db8::1",
		    "fe80::/10 2001:db8::1/128", 0, NULL },
		{ "everything", "0.0.0.0/0 [::]/0", "0.0.0.0/0 ::/0", 0,
		    NULL },
		{ "a file", "/etc/postfix/networks 10.0.0.1", "10.0.0.1/32",
		    1, NULL },
		{ "tables", "cidr:/etc/postfix/cidr hash:nets 10.0.0.1",
		    "10.0.0.1/32", 2, NULL },
		{ "a table whose name could begin an address",
		    "cafe:/etc/postfix/cafe", "", 1, NULL },
		{ "an inline table", "inline:{ 10.0.0.1=x, {a b=c} } 10.0.0.2",
		    "10.0.0.2/32", 1, NULL },
		{ "a network taken out", "!10.0.0.1 10.0.0.0/8", "10.0.0.0/8",
		    1, NULL },
		{ "a name", "10.0.0.1 localhost", NULL, 0, "neither" },
		{ "too few octets", "10.0.0/24", NULL, 0, "neither" },
		{ "prefix inside the brackets", "[::1/128]", NULL, 0,
		    "neither" },
		{ "a colon first", ":1", NULL, 0, "neither" },
		{ "prefix too long", "10.0.0.0/33", NULL, 0, "prefix" },
		{ "IPv6 prefix too long", "[::1]/129", NULL, 0, "prefix" },
		{ "prefix missing", "10.0.0.0/", NULL, 0, "prefix" },
		{ "netmask", "10.0.0.0/255.0.0.0", NULL, 0, "prefix" },
		{ "host bits", "10.0.0.1/8", NULL, 0, "host bits" },
		{ "IPv6 host bits", "fe80::1/64", NULL, 0, "host bits" },
		{ "last host bit", "10.0.0.1/31", NULL, 0, "host bits" },
	};
	struct network_list list;
	const char *why;
	size_t skipped, i;
	int result;

	for (i = 0; i < ROWS(rows); i++) {
		skipped = 0;
		why = NULL;
		result = network_list_parse(text_of(rows[i].text), &list,
		    &skipped, &why);
		check_int(rows[i].label, result,
		    rows[i].want != NULL ? 0 : -1);
		if (result == -1) {
			check_contains("its reason", why, rows[i].why);
			continue;
		}
		check_text("networks", list_format(&list), rows[i].want);
		check_int("skipped", (int64_t)skipped,
		    (int64_t)rows[i].skipped);
		network_list_clear(&list);
		check_int("cleared", (int64_t)list.count, 0);
	}
}

static void
test_contains(void)
{
	static const struct {
		const char *address;
		bool is_inside;
	} rows[] = {
		{ "10.0.0.0", true }, { "10.255.255.255", true },
		{ "9.255.255.255", false }, { "11.0.0.0", false },
		{ "192.0.2.127", true }, { "192.0.2.128", false },
		{ "198.51.100.7", true }, { "198.51.100.6", false },
		{ "2001:db8:0:1f::1", true }, { "2001:db8:0:20::1", false },
		{ "::1", true }, { "::2", false }, { "a00::", false },
	};
	struct network_list list;
	struct address a;
	const char *why;
	size_t skipped, i;

	check_int("list", network_list_parse(text_of("10.0.0.0/8, 192.0.2.0/25,"
	    " 198.51.100.7, [2001:db8::]/59, [::1]"), &list, &skipped, &why),
	    0);
	for (i = 0; i < ROWS(rows); i++) {
		a = address_of(rows[i].address);
		check_bool(rows[i].address, network_list_contains(&list, &a),
		    rows[i].is_inside);
	}
	network_list_clear(&list);
	check_bool("an empty list holds nothing",
	    network_list_contains(&list, &a), false);
}

int
main(void)
{
	test_text();
	test_special();
	test_list();
	test_contains();
	return check_end();
}
