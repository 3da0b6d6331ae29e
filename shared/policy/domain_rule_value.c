/*
 * The values of the operator's table.  What is handed on to Postfix is held to
 * its grammar, so that no reply of the map can be spoilt by a rule.
 */

#include "shared/policy/domain_rule_value.h"

#include <string.h>
#include <time.h>

#include "shared/host_name.h"

#define DAY_S 86400

/* Takes the quotes away; one anywhere but at both ends is a mistake. */
const char *
rule_value_unquote(struct text *value)
{
	struct text rest = *value, before, within;

	text_next_field(&rest, '"', &before);
	if (rest.data != NULL) {
		if (before.len > 0)
			return "a quote within the value";
		text_next_field(&rest, '"', &within);
		if (rest.data == NULL)
			return "the quote is not closed";
		if (rest.len > 0)
			return "text behind the closing quote";
		*value = within;
	}
	if (value->len == 0)
		return "the value is empty";
	if (!text_is_printable(*value))
		return "only printable ASCII is allowed";
	return NULL;
}

/* "2026-12-01", UTC: *out is the first second after that day. */
const char *
rule_value_parse_until(struct text value, int64_t *out)
{
	uint64_t year, month, day;
	struct tm tm = { 0 };
	int64_t midnight;

	if (value.len != 10 || value.data[4] != '-' || value.data[7] != '-' ||
	    !text_parse_u64((struct text){ value.data, 4 }, 9999, &year) ||
	    !text_parse_u64((struct text){ value.data + 5, 2 }, 99, &month) ||
	    !text_parse_u64((struct text){ value.data + 8, 2 }, 99, &day))
		return "a date is written YYYY-MM-DD";
	if (year < 1970)
		return "no year before 1970";
	tm.tm_year = (int)year - 1900;
	tm.tm_mon = (int)month - 1;
	tm.tm_mday = (int)day;
	midnight = timegm(&tm);
	/* timegm makes 2 March of 30 February. */
	if (tm.tm_mon != (int)month - 1 || tm.tm_mday != (int)day)
		return "there is no such day";
	*out = midnight + DAY_S;
	return NULL;
}

/*
 * Postfix splits a policy at blanks and commas, an attribute at its "=", and
 * from 3.10 on gives braces a meaning.
 */
const char *
rule_value_check_attribute(struct text value)
{
	size_t i;

	for (i = 0; i < value.len; i++)
		if (strchr(" ,{}=", value.data[i]) != NULL)
			return "no blank, comma, brace or \"=\" may stand here";
	return NULL;
}

static bool
is_host_name(struct text t)
{
	char scratch[HOST_NAME_SIZE];
	const char *why;

	/* Postfix knows no final dot. */
	return t.len > 0 && t.data[t.len - 1] != '.' &&
	    host_name_normalize(t, scratch, &why) == 0;
}

static bool
is_one_of(struct text t, const char *const *names)
{
	for (; *names != NULL; names++)
		if (text_equals_nocase(t, *names))
			return true;
	return false;
}

/* Octets of two digits each, at least one. */
static bool
is_hexadecimal(struct text t)
{
	if (t.len == 0)
		return false;
	for (; t.len > 0; t = (struct text){ t.data + 2, t.len - 2 })
		if (t.len == 1 || text_hex_octet(t) == -1)
			return false;
	return true;
}

/* For verify and secure: "nexthop:mx.example.com:.example.com". */
const char *
rule_value_check_names(struct text value)
{
	struct text name;

	while (text_next_field(&value, ':', &name)) {
		if (text_starts_with(name, ".")) {
			name.data++;
			name.len--;
		}
		if (!is_host_name(name))
			return "names are wanted, with colons between";
	}
	return NULL;
}

/* For fingerprint: "AB:CD:...|01:23:...", colons at will. */
const char *
rule_value_check_fingerprints(struct text value)
{
	struct text digest, octets;

	while (text_next_field(&value, '|', &digest))
		while (text_next_field(&digest, ':', &octets))
			if (!is_hexadecimal(octets))
				return "hexadecimal fingerprints are wanted, "
				    "with \"|\" between";
	return NULL;
}

const char *
rule_value_check_protocols(struct text value)
{
	static const char *const names[] = { "SSLv2", "SSLv3", "TLSv1",
	    "TLSv1.1", "TLSv1.2", "TLSv1.3", NULL };
	struct text name;

	while (text_next_field(&value, ':', &name)) {
		if (text_starts_with(name, "!")) {
			name.data++;
			name.len--;
		}
		if (!is_one_of(name, names))
			return "SSLv2, SSLv3, TLSv1, TLSv1.1, TLSv1.2, TLSv1.3 "
			    "are known, with colons between and perhaps \"!\" "
			    "before";
	}
	return NULL;
}

const char *
rule_value_check_ciphers(struct text value)
{
	static const char *const grades[] = { "high", "medium", "low",
	    "export", "null", NULL };

	return is_one_of(value, grades) ? NULL :
	    "the grades are high, medium, low, export, null";
}

const char *
rule_value_check_servername(struct text value)
{
	return is_host_name(value) ? NULL :
	    "a host name, hostname or nexthop is wanted";
}
