/*
 * Names of domains and hosts: the one spelling.  Every question from Postfix
 * comes through here, so that ASCII names are folded in one pass; only names
 * with U-labels meet libidn2.
 */

#include "shared/host_name.h"

#include <idn2.h>
#include <string.h>

#include "shared/buffer.h"

#define LABEL_MAX_BYTES		63
/* More characters than a name has octets come from no honest hand. */
#define UTF8_NAME_MAX_BYTES	(4 * HOST_NAME_MAX_BYTES)

static bool
is_ascii(struct text t)
{
	size_t i;

	for (i = 0; i < t.len; i++)
		if ((unsigned char)t.data[i] > 0x7f)
			return false;
	return true;
}

/* One label's octets in lower case to out; *is_numeric when all are digits. */
static int
fold_label(struct text label, char *out, bool *is_numeric, const char **why)
{
	size_t i;
	char c;

	if (label.len == 0) {
		*why = "empty label in a name";
		return -1;
	}
	if (label.len > LABEL_MAX_BYTES) {
		*why = "label longer than 63 octets";
		return -1;
	}
	*is_numeric = true;
	for (i = 0; i < label.len; i++) {
		c = label.data[i];
		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if (c < '0' || c > '9')
			*is_numeric = false;
		if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') &&
		    c != '-' && c != '_') {
			*why = "character that no name holds";
			return -1;
		}
		out[i] = c;
	}
	if (out[0] == '-' || out[label.len - 1] == '-') {
		*why = "hyphen at the end of a label";
		return -1;
	}
	return 0;
}

static int
normalize_ascii(struct text name, char out[HOST_NAME_SIZE], const char **why)
{
	char folded[HOST_NAME_SIZE];
	struct text rest = name, label;
	bool is_numeric = false;
	size_t at;

	if (rest.len > 0 && rest.data[rest.len - 1] == '.')
		rest.len--;
	if (rest.len == 0) {
		*why = "empty name";
		return -1;
	}
	if (rest.len > HOST_NAME_MAX_BYTES) {
		*why = "name longer than 253 octets";
		return -1;
	}
	for (at = 0; text_next_field(&rest, '.', &label); at += label.len + 1) {
		if (fold_label(label, folded + at, &is_numeric, why) == -1)
			return -1;
		folded[at + label.len] = '.';
	}
	if (is_numeric) {
		*why = "address where a name is wanted";
		return -1;
	}
	folded[at - 1] = '\0';
	memcpy(out, folded, at);
	return 0;
}

/*
 * A U-label by IDNA2008 with the mapping of UTS 46, which also turns the full
 * stops of other scripts into dots: what is added may be several labels.
 */
static int
add_converted(struct buffer *ascii, struct text label, const char **why)
{
	uint8_t terminated[UTF8_NAME_MAX_BYTES + 1], *converted;

	if (memchr(label.data, '\0', label.len) != NULL) {
		*why = "character that no name holds";
		return -1;
	}
	memcpy(terminated, label.data, label.len);
	terminated[label.len] = '\0';
	if (idn2_lookup_u8(terminated, &converted, IDN2_NFC_INPUT |
	    IDN2_NONTRANSITIONAL) != IDN2_OK) {
		*why = "invalid U-label";
		return -1;
	}
	buffer_add_text(ascii, (char *)converted);
	idn2_free(converted);
	return 0;
}

/* Label by label, so that an A-label beside a U-label is taken as it is. */
static int
normalize_utf8(struct text name, char out[HOST_NAME_SIZE], const char **why)
{
	struct buffer ascii;
	struct text rest = name, label;
	int result = -1;

	buffer_init(&ascii, HOST_NAME_SIZE);	/* with a final dot */
	if (name.len > UTF8_NAME_MAX_BYTES)
		ascii.is_overfull = true;
	while (!ascii.is_overfull && text_next_field(&rest, '.', &label)) {
		if (is_ascii(label))
			buffer_add(&ascii, label.data, label.len);
		else if (add_converted(&ascii, label, why) == -1)
			goto out;
		if (rest.data != NULL)
			buffer_add(&ascii, ".", 1);
	}
	if (ascii.is_overfull)
		*why = "name longer than 253 octets";
	else
		result = normalize_ascii((struct text){ ascii.data,
		    ascii.len }, out, why);
out:
	buffer_clear(&ascii);
	return result;
}

int
host_name_normalize(struct text name, char out[HOST_NAME_SIZE],
    const char **why)
{
	if (is_ascii(name))
		return normalize_ascii(name, out, why);
	return normalize_utf8(name, out, why);
}

bool
host_name_is_normal(struct text name)
{
	char normal[HOST_NAME_SIZE];
	const char *why;

	return is_ascii(name) && normalize_ascii(name, normal, &why) == 0 &&
	    text_equals(name, normal);
}

bool
host_name_is_private(const char *name)
{
	static const char *const zones[] = {
		"internal",	/* reserved by ICANN in 2024 */
		"local",	/* RFC 6762 */
		"lan",
		"home.arpa",	/* RFC 8375 */
		"localhost",	/* RFC 6761 */
	};
	size_t i;

	if (strchr(name, '.') == NULL)
		return true;
	for (i = 0; i < sizeof(zones) / sizeof(zones[0]); i++)
		if (host_name_is_below(name, zones[i]))
			return true;
	return false;
}

bool
host_name_is_below(const char *name, const char *zone)
{
	size_t name_len = strlen(name), zone_len = strlen(zone);
	const char *tail;

	if (name_len < zone_len)
		return false;
	tail = name + (name_len - zone_len);
	return strcmp(tail, zone) == 0 && (tail == name || tail[-1] == '.');
}
