/*
 * Members of policyd's answers.
 */

#include "ctl/answer.h"

#include <string.h>
#include <time.h>

const char *
answer_text(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text != NULL ? text : "";
}

bool
answer_is(const json_t *object, const char *name, const char *text)
{
	return strcmp(answer_text(object, name), text) == 0;
}

bool
answer_is_true(const json_t *object, const char *name)
{
	return json_is_true(json_object_get(object, name));
}

int64_t
answer_number(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

int64_t
answer_time(const json_t *object, const char *name)
{
	struct tm tm = { 0 };

	if (strptime(answer_text(object, name), "%Y-%m-%dT%H:%M:%SZ",
	    &tm) == NULL)
		return 0;
	return (int64_t)timegm(&tm);
}

char *
answer_span(char out[TEXT_TIME_SIZE], int64_t from, int64_t to)
{
	return text_format_age(out, to - from);
}
