/*
 * Bounds first, then jansson, which is strict: broken UTF-8, U+0000, numbers
 * that do not fit, members that stand twice and what follows the object are
 * refused.  UTF-8 alone is mended, as mail servers pass on what others said.
 */

#include "shared/tlsrpt/json_read.h"

#include <stdlib.h>
#include <string.h>

#include "shared/xalloc.h"

/*
 * Where the string whose first octet is data[begin] ends; t.len if it does
 * not.  A quote ends it behind an even number of backslashes.
 */
static size_t
string_end(struct text t, size_t begin)
{
	const char *quote;
	size_t end, slash;

	for (end = begin; end < t.len; end++) {
		quote = memchr(t.data + end, '"', t.len - end);
		if (quote == NULL)
			break;
		end = slash = (size_t)(quote - t.data);
		while (slash > begin && t.data[slash - 1] == '\\')
			slash--;
		if ((end - slash) % 2 == 0)
			return end;
	}
	return t.len;
}

/* Counts what jansson would allocate; the grammar is left to it. */
static const char *
bounds_check(struct text t, const struct json_limits *limits)
{
	size_t depth = 0, values = 0, i, end;

	for (i = 0; i < t.len; i++)
		switch (t.data[i]) {
		case '"':
			end = string_end(t, i + 1);
			if (end - i - 1 > limits->string_max)
				return "JSON: a string is too long";
			i = end;
			break;
		case '[':
		case '{':
			if (++depth > limits->depth_max)
				return "JSON: nested too deep";
			/* FALLTHROUGH */
		case ',':
		case ':':
			if (++values > limits->values_max)
				return "JSON: too many values";
			break;
		case ']':
		case '}':
			if (depth > 0)
				depth--;
			break;
		}
	return NULL;
}

/* A copy with '?' for each octet that is no UTF-8. */
static char *
mended(struct text t, size_t *repaired)
{
	char *copy = xmemdup(t.data, t.len);
	struct text rest = t;
	size_t len;

	for (; rest.len > 0; rest.data += len, rest.len -= len) {
		len = text_utf8_char(rest);
		if (len > 0)
			continue;
		copy[rest.data - t.data] = '?';
		(*repaired)++;
		len = 1;
	}
	return copy;
}

static json_t *
load(const char *data, size_t len, enum json_error_code *code)
{
	json_error_t error;
	json_t *value = json_loadb(data, len, JSON_REJECT_DUPLICATES, &error);

	if (value == NULL)
		*code = json_error_code(&error);
	return value;
}

static json_t *
read_value(struct text t, const struct json_limits *limits,
    size_t *repaired, const char **why)
{
	enum json_error_code code;
	const char *beyond = bounds_check(t, limits);
	json_t *value;
	char *copy;

	*repaired = 0;
	if (beyond != NULL) {
		*why = beyond;
		return NULL;
	}
	value = load(t.data, t.len, &code);
	if (value == NULL && code == json_error_invalid_utf8) {
		copy = mended(t, repaired);
		value = load(copy, t.len, &code);
		free(copy);
	}
	if (value == NULL)
		*why = code == json_error_duplicate_key ?
		    "JSON: a member stands twice" :
		    "JSON: breaks the grammar (RFC 8259)";
	return value;
}

/* Takes value; NULL when it is of another type. */
static json_t *
of_type(json_t *value, json_type type, const char *complaint,
    const char **why)
{
	if (value == NULL || json_typeof(value) == type)
		return value;
	json_decref(value);
	*why = complaint;
	return NULL;
}

json_t *
json_read_object(struct text t, const struct json_limits *limits,
    size_t *repaired, const char **why)
{
	return of_type(read_value(t, limits, repaired, why), JSON_OBJECT,
	    "JSON: no object", why);
}

json_t *
json_read_array(struct text t, const struct json_limits *limits,
    size_t *repaired, const char **why)
{
	return of_type(read_value(t, limits, repaired, why), JSON_ARRAY,
	    "JSON: no array", why);
}

const char *
json_read_words(const json_t *object, const char *name)
{
	const char *words = json_string_value(json_object_get(object, name));

	return words != NULL && words[0] != '\0' ? words : NULL;
}

const char *
json_read_either(const json_t *object, const char *name, const char *other)
{
	const char *words = json_read_words(object, name);

	return words != NULL ? words : json_read_words(object, other);
}

const char **
json_read_list(const json_t *array, size_t *count)
{
	const char **list;
	json_t *element;
	size_t i;

	*count = 0;
	if (json_array_size(array) == 0)
		return NULL;
	list = xcalloc(json_array_size(array), sizeof(*list));
	json_array_foreach(array, i, element)
		if (json_is_string(element))
			list[(*count)++] = json_string_value(element);
	return list;
}

json_t *
json_read_mended(const char *words)
{
	struct text t = text_of(words);
	size_t repaired = 0;
	char *copy = mended(t, &repaired);
	json_t *string = json_stringn(copy, t.len);

	free(copy);
	return string;
}
