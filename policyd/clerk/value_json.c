/*
 * The few kinds of value that all answers are made of.  Formatting only.
 */

#include "policyd/clerk/value_json.h"

#include <assert.h>
#include <stdlib.h>

#include "shared/io/file.h"
#include "shared/xalloc.h"

json_t *
json_text(struct text t)
{
	char *quoted = xcalloc(1, t.len + 4);
	json_t *value = json_string(text_quote(quoted, t.len + 4, t));

	free(quoted);
	return value;
}

json_t *
json_words(const char *words)
{
	if (words == NULL || words[0] == '\0')
		return json_null();
	return json_text(text_of(words));
}

json_t *
json_time(int64_t time_s)
{
	char text[TEXT_TIME_SIZE];

	if (time_s == 0)
		return json_null();
	return json_string(text_format_time(text, time_s));
}

const char *
json_text_in(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text != NULL ? text : "";
}

json_t *
json_file_object(const char *path, size_t max)
{
	json_t *object = NULL;
	struct buffer text;

	buffer_init(&text, max);
	if (file_read(path, &text) == 0)
		object = json_loadb(buffer_text(&text), text.len, 0, NULL);
	buffer_clear(&text);
	if (json_is_object(object))
		return object;
	json_decref(object);
	return json_object();
}

json_t *
json_values(json_t *object)
{
	json_t *values = json_array(), *value;
	const char *name;

	json_object_foreach(object, name, value)
		json_array_append(values, value);
	json_decref(object);
	return values;
}

char *
json_line(json_t *value)
{
	char *line = json_dumps(value, JSON_ENSURE_ASCII);

	assert(line != NULL);
	json_decref(value);
	return line;
}

char *
json_error_line(const char *words)
{
	return json_line(json_pack("{s:o}", "error", json_words(words)));
}
