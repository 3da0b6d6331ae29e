/*
 * hopseal lint map-reply: what a Postfix of that version makes of a reply of
 * its TLS policy map.
 */

#include "ctl/lint.h"

#include "shared/postfix/map_reply_check.h"

/* One value, or with more than one of that name an array in their order. */
static void
add_attribute(json_t *attributes, const char *name, const char *value)
{
	json_t *known = json_object_get(attributes, name);
	json_t *text = json_string(value);

	if (json_is_array(known))
		json_array_append_new(known, text);
	else if (known != NULL)
		json_object_set_new(attributes, name,
		    json_pack("[O, o]", known, text));
	else
		json_object_set_new(attributes, name, text);
}

/* The line end of an editor or of echo is no part of a reply. */
static struct text
without_line_end(struct text t)
{
	if (t.len > 0 && t.data[t.len - 1] == '\n')
		t.len--;
	if (t.len > 0 && t.data[t.len - 1] == '\r')
		t.len--;
	return t;
}

json_t *
lint_map_reply(char *const *arguments, struct text input, const char **why)
{
	struct map_reply reply;
	json_t *attributes = NULL, *object;
	const char *error, *level = NULL;
	unsigned version;
	size_t i;

	if (!map_reply_version_parse(text_of(arguments[0]), &version)) {
		*why = "the version is not one like 3.7";
		return NULL;
	}
	if (map_reply_check(without_line_end(input), version, &reply,
	    &error) == -1)
		return json_pack("{s:b, s:n, s:n, s:s}", "valid", 0,
		    "level", "attributes", "error", error);
	if (reply.status == MAP_REPLY_OK) {
		level = tls_level_name(reply.level);
		attributes = json_object();
		for (i = 0; i < reply.attribute_count; i++)
			add_attribute(attributes, reply.attributes[i].name,
			    reply.attributes[i].value);
	}
	object = json_pack("{s:b, s:s?, s:o?, s:n}", "valid", 1,
	    "level", level, "attributes", attributes, "error");
	map_reply_clear(&reply);
	return object;
}
