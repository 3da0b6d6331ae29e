/*
 * The TLSRPT TXT record (RFC 8460, 3).  A field that breaks the grammar makes
 * the record invalid; a destination that is unusable is skipped and said, as
 * its neighbours are not to blame.
 */

#include "shared/tlsrpt/record.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "shared/buffer.h"
#include "shared/dns_text.h"
#include "shared/host_name.h"
#include "shared/policy/mtasts_record.h"
#include "shared/xalloc.h"

#define VERSION			"v=TLSRPTv1"
#define LOCAL_PART_MAX_BYTES	64	/* RFC 5321, 4.5.3.1.1 */

/* Characters of an atom beside letters and digits (RFC 5322, 3.2.3). */
#define ATOM_SPECIALS	"!#$%&'*+-/=?^_`{|}~"

/* Cuts t before the first c; true when there is one, and *rest is behind it. */
static bool
cut_at(struct text *t, char c, struct text *rest)
{
	*rest = *t;
	text_next_field(rest, c, t);
	return rest->data != NULL;
}

/*
 * Undoes %XX, once (RFC 3986, 2.1).  out has the size of t.  What comes out is
 * printable ASCII or UTF-8: a control character would end a line of mail.
 */
static int
percent_decode(struct text t, char *out, size_t *out_len, const char **why)
{
	size_t i, len = 0;
	int octet;

	for (i = 0; i < t.len; i++) {
		out[len] = t.data[i];
		if (t.data[i] == '%') {
			octet = text_hex_octet((struct text){ t.data + i + 1,
			    t.len - i - 1 });
			if (octet == -1) {
				*why = "RFC 3986 2.1: % without two digits";
				return -1;
			}
			out[len] = (char)octet;
			i += 2;
		}
		if ((unsigned char)out[len] < 0x20 || out[len] == 0x7f) {
			*why = "RFC 8460 3: an encoded control character";
			return -1;
		}
		len++;
	}
	*out_len = len;
	return 0;
}

static bool
is_dot_atom(struct text t)
{
	size_t i;

	for (i = 0; i < t.len; i++)
		if (t.data[i] == '.') {
			if (i == 0 || i == t.len - 1 || t.data[i - 1] == '.')
				return false;
		} else if (!text_is_alphanumeric(t.data[i]) &&
		    strchr(ATOM_SPECIALS, t.data[i]) == NULL)
			return false;
	return t.len > 0;
}

/* "a b" with its quotes, backslashes in order (RFC 5321, 4.1.2). */
static bool
is_quoted_string(struct text t)
{
	size_t i;

	if (t.len < 2 || t.data[0] != '"' || t.data[t.len - 1] != '"')
		return false;
	for (i = 1; i < t.len - 1; i++) {
		if (t.data[i] == '"')
			return false;
		if (t.data[i] == '\\' && ++i == t.len - 1)
			return false;
	}
	return true;
}

/* Local-part as RCPT TO wants it, quoted where it is no dot-atom. */
static int
add_local_part(struct text t, struct buffer *out, const char **why)
{
	size_t i;

	if (t.len == 0 || t.len > LOCAL_PART_MAX_BYTES ||
	    !text_is_printable(t)) {
		*why = "RFC 5321 4.1.2: the local part is empty, too long or "
		    "not ASCII";
		return -1;
	}
	if (is_dot_atom(t) || is_quoted_string(t)) {
		buffer_add(out, t.data, t.len);
		return 0;
	}
	buffer_add_text(out, "\"");
	for (i = 0; i < t.len; i++)
		buffer_addf(out, "%s%c", t.data[i] == '"' ||
		    t.data[i] == '\\' ? "\\" : "", t.data[i]);
	buffer_add_text(out, "\"");
	return 0;
}

/*
 *	mailtoURI	= "mailto:" [ to ] [ hfields ]	(RFC 6068, 2)
 *
 * Of what hfields ask for nothing is done.  The last "@" counts: an earlier
 * one belongs to the local part.
 */
static int
parse_mailto(struct text address, struct tlsrpt_rua *out, const char **why)
{
	char *plain = xcalloc(1, address.len + 1), name[HOST_NAME_SIZE];
	struct text hfields, local, domain;
	struct buffer target;
	size_t len;
	char *at;
	int result = -1;

	buffer_init(&target, TLSRPT_RECORD_MAX_BYTES);
	cut_at(&address, '?', &hfields);
	if (percent_decode(address, plain, &len, why) == -1)
		goto out;
	at = memrchr(plain, '@', len);
	if (at == NULL) {
		*why = "RFC 6068 2: no address with an @";
		goto out;
	}
	local = (struct text){ plain, (size_t)(at - plain) };
	domain = (struct text){ at + 1, len - local.len - 1 };
	if (host_name_normalize(domain, name, why) == -1 ||
	    add_local_part(local, &target, why) == -1)
		goto out;
	buffer_addf(&target, "@%s", name);
	out->target = buffer_take(&target);
	buffer_addf(&target, "mailto:%.*s", (int)len, plain);
	out->uri = buffer_take(&target);
	result = 0;
out:
	buffer_clear(&target);
	free(plain);
	return result;
}

/* True for characters that a URI may hold (RFC 3986, 2). */
static bool
has_uri_characters(struct text t)
{
	size_t i;

	for (i = 0; i < t.len; i++)
		if (!text_is_alphanumeric(t.data[i]) &&
		    (t.data[i] == '\0' ||
		    strchr("-._~:/?#[]@!$&'()*+,;=%", t.data[i]) == NULL))
			return false;
	return t.len > 0;
}

/*
 *	https-URI	= "https" "://" authority path-abempty [ "?" query ]
 *			  (RFC 9110, 4.2.2)
 *
 * A user's name in front of the host is refused, and an address for it: no
 * certificate would name that.
 */
static int
parse_https(struct text url, struct tlsrpt_rua *out, const char **why)
{
	struct text host = url, rest;
	char *plain, name[HOST_NAME_SIZE];
	uint64_t port;
	size_t len, i;
	bool is_clean;

	host.data += strlen("https://");
	host.len -= strlen("https://");
	for (i = 0; i < host.len; i++)
		if (memchr("/?#", host.data[i], 3) != NULL)
			break;
	host.len = i;
	if (memchr(host.data, '@', host.len) != NULL) {
		*why = "RFC 9110 4.2.4: an https URL with a user";
		return -1;
	}
	if (cut_at(&host, ':', &rest) && rest.len > 0 &&
	    (!text_parse_u64(rest, 65535, &port) || port == 0)) {
		*why = "RFC 3986 3.2.3: the port is no number";
		return -1;
	}
	if (host_name_normalize(host, name, why) == -1)
		return -1;
	plain = xcalloc(1, url.len);
	is_clean = percent_decode(url, plain, &len, why) == 0;
	free(plain);
	if (!is_clean)
		return -1;
	out->uri = xstrndup(url.data, url.len);
	out->target = xstrndup(url.data, url.len);
	return 0;
}

/*
 * "!10m" behind a URI.  RFC 8460 has no such thing, but published records
 * took it over from DMARC (RFC 7489, 6.2).  Returns false where it is none.
 */
static bool
parse_size(struct text t, uint64_t *max_bytes)
{
	static const char units[] = "kmgt";
	const char *unit = NULL;
	uint64_t number;

	if (t.len > 1)
		unit = strchr(units, t.data[t.len - 1] | 0x20);
	if (unit != NULL)
		t.len--;
	if (!text_parse_u64(t, 999999, &number) || number == 0)
		return false;
	*max_bytes = number << (unit == NULL ? 0 : 10 * (unit - units + 1));
	return true;
}

static bool
begins_with_scheme(struct text t, const char *scheme)
{
	return t.len >= strlen(scheme) &&
	    strncasecmp(t.data, scheme, strlen(scheme)) == 0;
}

static int
parse_uri(struct text uri, struct tlsrpt_rua *out, const char **why)
{
	struct text size;

	if (cut_at(&uri, '!', &size) && !parse_size(size, &out->max_bytes)) {
		*why = "RFC 8460 3: \"!\" is not encoded";
		return -1;
	}
	if (!has_uri_characters(uri)) {
		*why = "RFC 8460 3: a destination is empty or holds a "
		    "character that no URI has";
		return -1;
	}
	if (begins_with_scheme(uri, "mailto:")) {
		out->scheme = TLSRPT_MAILTO;
		uri.data += strlen("mailto:");
		uri.len -= strlen("mailto:");
		return parse_mailto(uri, out, why);
	}
	if (begins_with_scheme(uri, "https://")) {
		out->scheme = TLSRPT_HTTPS;
		return parse_https(uri, out, why);
	}
	*why = "RFC 8460 3: a destination is neither mailto: nor https:";
	return -1;
}

/*
 *	tlsrpt-rua	= %s"rua=" tlsrpt-uri *(*WSP "," *WSP tlsrpt-uri)
 */
static void
parse_rua(struct text value, struct tlsrpt_record *record)
{
	struct tlsrpt_rua rua;
	struct text uri;
	const char *why;

	while (text_next_field(&value, ',', &uri)) {
		rua = (struct tlsrpt_rua){ .uri = NULL };
		if (record->rua_count == TLSRPT_RUA_MAX_COUNT)
			why = "more than 16 destinations";
		else if (parse_uri(text_trim(uri), &rua, &why) == 0) {
			record->ruas = xreallocarray(record->ruas,
			    record->rua_count + 1, sizeof(*record->ruas));
			record->ruas[record->rua_count++] = rua;
			continue;
		}
		if (record->skipped_count++ == 0)
			record->skipped_why = why;
	}
}

/* 1*(%x21-3A / %x3C / %x3E-7E) */
static bool
is_extension_value(struct text t)
{
	return t.len > 0 && text_is_printable(t) &&
	    memchr(t.data, ' ', t.len) == NULL &&
	    memchr(t.data, '=', t.len) == NULL;
}

/*
 *	tlsrpt-field	 = tlsrpt-rua / tlsrpt-extension
 *	tlsrpt-extension = tlsrpt-ext-name "=" tlsrpt-ext-value
 */
static int
parse_field(struct text field, struct tlsrpt_record *record, const char **why)
{
	struct text name = field, value;

	if (!cut_at(&name, '=', &value) || !mtasts_is_field_name(name)) {
		*why = "RFC 8460 3: a field is not name=value";
		return -1;
	}
	if (text_equals(name, "rua")) {
		parse_rua(value, record);
		return 0;
	}
	if (is_extension_value(value))
		return 0;
	*why = "RFC 8460 3: a field's value is empty or holds a character "
	    "that it may not";
	return -1;
}

/*
 *	tlsrpt-record	= tlsrpt-version 1*(field-delim tlsrpt-field)
 *			  [field-delim]
 *	field-delim	= *WSP ";" *WSP
 */
static int
parse_record(struct text t, struct tlsrpt_record *out, const char **why)
{
	struct tlsrpt_record record = { .ruas = NULL };
	struct text rest = t, field;

	text_next_field(&rest, ';', &field);	/* the version, seen before */
	while (text_next_field(&rest, ';', &field)) {
		field = text_trim(field);
		if (rest.data == NULL && field.len == 0)
			break;			/* after the last delimiter */
		if (parse_field(field, &record, why) == -1) {
			tlsrpt_record_clear(&record);
			return -1;
		}
	}
	if (record.rua_count == 0) {
		*why = record.skipped_count > 0 ? record.skipped_why :
		    "RFC 8460 3: rua is missing";
		return -1;
	}
	*out = record;
	return 0;
}

enum tlsrpt_record_result
tlsrpt_record_choose(const struct text *records, size_t record_count,
    struct tlsrpt_record *out, const char **why)
{
	const struct text *chosen;
	size_t count;

	count = dns_text_versioned(records, record_count, VERSION, &chosen);
	if (count == 0)
		return TLSRPT_RECORD_ABSENT;
	if (count > 1) {
		*why = "RFC 8460 3: more than one record";
		return TLSRPT_RECORD_INVALID;
	}
	if (chosen->len > TLSRPT_RECORD_MAX_BYTES) {
		*why = "the record is longer than 16 KiB";
		return TLSRPT_RECORD_INVALID;
	}
	return parse_record(*chosen, out, why) == 0 ?
	    TLSRPT_RECORD_PRESENT : TLSRPT_RECORD_INVALID;
}

void
tlsrpt_record_clear(struct tlsrpt_record *record)
{
	size_t i;

	for (i = 0; i < record->rua_count; i++) {
		free(record->ruas[i].uri);
		free(record->ruas[i].target);
	}
	free(record->ruas);
	*record = (struct tlsrpt_record){ .ruas = NULL };
}
