/*
 * Lists of certificate transparency.  Both forms are arrays of objects:
 *
 *	certspotter: dns_names [], issuer.name, not_before, not_after,
 *	    cert_sha256, tbs_sha256, cert.sha256, cert.data (base64)
 *	crt.sh: common_name, name_value (lines), issuer_name, serial_number,
 *	    not_before, not_after (both without an offset)
 *
 * The members of either are looked for, so that a mixture is read, too.
 */

#include "shared/ct_list.h"

#include <stdlib.h>
#include <string.h>

#include "shared/buffer.h"
#include "shared/tlsrpt/json_read.h"
#include "shared/tlsrpt/mime.h"
#include "shared/xalloc.h"

/* -------------------------------------------------------------------- names */

static void
add_name(struct ct_entry *e, struct text name)
{
	name = text_trim(name);
	if (name.len == 0 || e->name_count == CT_NAMES_MAX)
		return;
	/* The common name mostly stands among the others, too. */
	if (e->name_count > 0 && e->names[0].len == name.len &&
	    memcmp(e->names[0].data, name.data, name.len) == 0)
		return;
	e->names = xreallocarray(e->names, e->name_count + 1,
	    sizeof(*e->names));
	e->names[e->name_count++] = name;
}

static void
add_names(struct ct_entry *e, struct text lines)
{
	struct text line;

	while (text_next_line(&lines, &line))
		add_name(e, line);
}

static void
read_names(const json_t *object, struct ct_entry *e)
{
	static const char *const members[] = { "common_name", "name_value" };
	const json_t *array = json_object_get(object, "dns_names"), *name;
	const char *words;
	size_t i;

	json_array_foreach(array, i, name)
		if (json_is_string(name))
			add_names(e, text_of(json_string_value(name)));
	for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		words = json_read_words(object, members[i]);
		if (words != NULL)
			add_names(e, text_of(words));
	}
}

/* ----------------------------------------------------------------- identity */

static void
read_hex(const json_t *object, const char *name, bool is_number, char *out,
    size_t size)
{
	const char *words = json_read_words(object, name);

	if (words != NULL)
		cert_identity_hex(text_of(words), is_number, out, size);
}

/* The certificate itself says all; else what stands beside it. */
static void
read_identity(const json_t *object, struct cert_identity *id)
{
	const json_t *cert = json_object_get(object, "cert");
	const char *data = json_read_words(cert, "data"), *issuer;
	struct buffer der;

	buffer_init(&der, CT_LIST_STRING_MAX);
	if (data != NULL && mime_decode(text_of("base64"), text_of(data),
	    &der) && cert_identity_read((struct text){ buffer_text(&der),
	    der.len }, id)) {
		buffer_clear(&der);
		return;
	}
	buffer_clear(&der);
	read_hex(cert, "sha256", false, id->sha256, sizeof(id->sha256));
	read_hex(object, "cert_sha256", false, id->sha256,
	    sizeof(id->sha256));
	read_hex(object, "tbs_sha256", false, id->tbs_sha256,
	    sizeof(id->tbs_sha256));
	read_hex(object, "serial_number", true, id->serial,
	    sizeof(id->serial));
	issuer = json_read_words(object, "issuer_name");
	if (issuer == NULL)
		issuer = json_read_words(json_object_get(object, "issuer"),
		    "name");
	if (issuer != NULL)
		text_quote(id->issuer, sizeof(id->issuer), text_of(issuer));
}

/* ------------------------------------------------------------------ entries */

static bool
read_time(const json_t *object, const char *name, int64_t *out)
{
	const char *words = json_read_words(object, name);
	bool has_offset;

	return words != NULL && text_parse_time(text_of(words), out,
	    &has_offset);
}

/* NULL, or why it is no certificate. */
static const char *
read_entry(const json_t *object, struct ct_entry *e)
{
	if (!json_is_object(object))
		return "an element is no object";
	if (!read_time(object, "not_before", &e->not_before) ||
	    !read_time(object, "not_after", &e->not_after))
		return "not_before or not_after is missing or no time";
	read_names(object, e);
	if (e->name_count == 0)
		return "dns_names and name_value are both missing";
	read_identity(object, &e->id);
	return NULL;
}

int
ct_list_parse(struct text t, struct ct_list *out, const char **why)
{
	static const struct json_limits limits = {
		.depth_max = CT_LIST_DEPTH_MAX,
		.values_max = CT_LIST_VALUES_MAX,
		.string_max = CT_LIST_STRING_MAX
	};
	struct ct_list list = { 0 };
	const json_t *object;
	const char *skips;
	size_t i, repaired;
	json_t *json;

	if (t.len > CT_LIST_MAX_BYTES) {
		*why = "the list is longer than 16 MiB: ask for fewer names";
		return -1;
	}
	json = json_read_array(t, &limits, &repaired, why);
	if (json == NULL)
		return -1;
	list.json = json;
	list.entries = xcalloc(json_array_size(json) + 1,
	    sizeof(*list.entries));
	json_array_foreach(json, i, object) {
		skips = read_entry(object, &list.entries[list.count]);
		if (skips == NULL) {
			list.count++;
			continue;
		}
		free(list.entries[list.count].names);
		list.entries[list.count] = (struct ct_entry){ 0 };
		if (list.skipped_count++ == 0)
			list.skipped_why = skips;
	}
	if (list.count == 0 && list.skipped_count > 0) {
		*why = list.skipped_why;
		ct_list_clear(&list);
		return -1;
	}
	*out = list;
	return 0;
}

void
ct_list_clear(struct ct_list *list)
{
	size_t i;

	for (i = 0; i < list->count; i++)
		free(list->entries[i].names);
	free(list->entries);
	json_decref(list->json);
	*list = (struct ct_list){ 0 };
}
