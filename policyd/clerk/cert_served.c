/*
 * What is expected of an endpoint is what it served at the look before.  One
 * that is on disk is a renewal of ours, whatever changed with it.  A change
 * that nobody undoes is what is expected when it was spoken of long enough.
 */

#include "policyd/clerk/cert_served.h"

#include <stdio.h>
#include <string.h>

#include "shared/policy/cert_history.h"
#include "shared/text.h"

#define KEY_SIZE	512
#define WORD		"cert-changed"

static void
copy_digest(char out[FACTS_CERT_ID_SIZE], const json_t *object,
    const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	snprintf(out, FACTS_CERT_ID_SIZE, "%s", text != NULL ? text : "");
}

/* False when no certificate came. */
static bool
read_cert(const json_t *object, struct facts_cert *out)
{
	*out = (struct facts_cert){ .from = 0 };
	copy_digest(out->id, object, "id");
	copy_digest(out->issuer, object, "issuer");
	copy_digest(out->key, object, "key");
	copy_digest(out->names, object, "names");
	return out->id[0] != '\0';
}

static void
report_change(json_t *certificate, const json_t *served,
    const struct facts_cert *expected, const struct facts_cert *seen)
{
	json_t *finding = json_object_get(certificate, "finding");
	const char *word = json_string_value(finding);

	json_array_append_new(json_object_get(certificate, "findings"),
	    json_string(WORD));
	json_array_append_new(json_object_get(certificate, "problems"),
	    json_pack("{s:s, s:s, s:o, s:s}", "finding", WORD,
	    "severity", "warning", "words", json_sprintf("port %d serves "
	    "another%s%s%s than before, and no file here was renewed",
	    (int)json_integer_value(json_object_get(served, "port")),
	    strcmp(expected->issuer, seen->issuer) != 0 ? " issuer" : "",
	    strcmp(expected->key, seen->key) != 0 ? " key" : "",
	    strcmp(expected->names, seen->names) != 0 ? " names" : ""),
	    "advice", "find out who answers there: a proxy, a container, "
	    "another host?"));
	if (word != NULL && strcmp(word, "ok") == 0)
		json_object_set_new(certificate, "finding", json_string(WORD));
}

/* What to expect of one endpoint from now on; NULL: nothing is known. */
static json_t *
compare_one(const json_t *before, const json_t *ours, const json_t *served,
    json_t *certificate, bool *is_told, int64_t now)
{
	json_t *came = json_object_get(served, "seen"), *next;
	int64_t since = json_integer_value(json_object_get(before,
	    "changed_at"));
	struct facts_cert expected, seen;

	if (!read_cert(came, &seen))
		return before != NULL ? json_deep_copy(before) : NULL;
	if (!read_cert(before, &expected) ||
	    json_object_get(ours, seen.id) != NULL ||
	    !cert_history_differs(&expected, &seen) ||
	    (since != 0 && now - since >= CERT_HISTORY_SHOWN_S))
		return json_deep_copy(came);
	if (!*is_told)
		report_change(certificate, served, &expected, &seen);
	*is_told = true;
	next = json_deep_copy(before);
	json_object_set_new(next, "changed_at", json_integer(since != 0 ?
	    since : now));
	return next;
}

json_t *
cert_served_compare(const json_t *before, const json_t *ours,
    json_t *certificate, int64_t now)
{
	const json_t *array = json_object_get(certificate, "served"), *served;
	json_t *next = json_object();
	const char *address, *sni;
	bool is_told = false;
	char key[KEY_SIZE];
	size_t i;

	json_array_foreach(array, i, served) {
		address = json_string_value(json_object_get(served,
		    "address"));
		sni = json_string_value(json_object_get(served, "sni"));
		snprintf(key, sizeof(key) - 1, "%d %s %s",
		    (int)json_integer_value(json_object_get(served, "port")),
		    address != NULL ? address : "", sni != NULL ? sni : "");
		/* Asked once more, by another version of TLS. */
		if (json_object_get(next, key) != NULL)
			strcat(key, "+");
		json_object_set_new(next, key, compare_one(
		    json_object_get(before, key), ours, served, certificate,
		    &is_told, now));
	}
	return next;
}

bool
cert_served_is_nameless(const char *endpoint, uint64_t *port)
{
	struct text rest = text_of(endpoint), number, address;

	if (!text_next_word(&rest, &number) ||
	    !text_parse_u64(number, UINT16_MAX, port) ||
	    !text_next_word(&rest, &address))
		return false;
	rest = text_trim(rest);
	return rest.len == 0 || text_equals(rest, "+");
}
