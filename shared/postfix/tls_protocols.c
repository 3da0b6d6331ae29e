/*
 * Postfix's lists of TLS versions: exclusions, inclusions, and the bounds that
 * Postfix 3.6 brought.
 */

#include "shared/postfix/tls_protocols.h"

#include <stddef.h>
#include <string.h>

static const char *const versions[] = {	/* oldest first */
	"SSLv2", "SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"
};
#define VERSION_COUNT (sizeof(versions) / sizeof(versions[0]))

/* The index, or VERSION_COUNT for a word that names no version. */
static size_t
find_version(struct text word)
{
	size_t i;

	for (i = 0; i < VERSION_COUNT; i++)
		if (text_equals_nocase(word, versions[i]))
			break;
	return i;
}

/* Cuts the next word; blanks, commas and colons separate. */
static bool
next_word(struct text *rest, struct text *word)
{
	size_t i;

	do {
		if (rest->len == 0)
			return false;
		for (i = 0; i < rest->len; i++)
			if (strchr(" \t\r\n,:", rest->data[i]) != NULL)
				break;
		*word = (struct text){ rest->data, i };
		i += i < rest->len;
		*rest = (struct text){ rest->data + i, rest->len - i };
	} while (word->len == 0);
	return true;
}

static bool
cut_prefix(struct text *word, const char *prefix)
{
	size_t len = text_of(prefix).len;

	if (!text_starts_with(*word, prefix))
		return false;
	*word = (struct text){ word->data + len, word->len - len };
	return true;
}

bool
tls_protocols_permit(struct text setting, const char *protocol)
{
	size_t wanted = find_version(text_of(protocol)), version;
	bool is_included = false, has_inclusion = false, is_excluded = false;
	bool is_floor, is_ceiling, is_not;
	struct text word;

	while (next_word(&setting, &word)) {
		is_floor = cut_prefix(&word, ">=");
		is_ceiling = !is_floor && cut_prefix(&word, "<=");
		is_not = !is_floor && !is_ceiling && cut_prefix(&word, "!");
		version = find_version(word);
		if (version == VERSION_COUNT)
			continue;
		if (is_floor)
			is_excluded |= wanted < version;
		else if (is_ceiling)
			is_excluded |= wanted > version;
		else if (is_not)
			is_excluded |= wanted == version;
		else {
			has_inclusion = true;
			is_included |= wanted == version;
		}
	}
	return !is_excluded && (is_included || !has_inclusion);
}

const char *
tls_protocols_newest(struct text setting)
{
	size_t i = VERSION_COUNT;

	while (i-- > 0)
		if (tls_protocols_permit(setting, versions[i]))
			return versions[i];
	return NULL;
}
