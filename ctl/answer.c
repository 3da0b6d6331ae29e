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

/* ------------------------------------------------------------------- parts */

static const char *const state_words[] = {
	[PART_OK] = "ok", [PART_WARNING] = "warning",
	[PART_UNKNOWN] = "unknown", [PART_CRITICAL] = "critical"
};

static enum part_state
state_of(const json_t *answer)
{
	enum part_state state = PART_OK;

	while (state < PART_CRITICAL &&
	    !answer_is(answer, "state", state_words[state]))
		state++;
	return state;
}

static json_t *
ok_of(enum part_state state)
{
	return state == PART_UNKNOWN ? json_null() :
	    json_boolean(state == PART_OK);
}

void
answer_add_part(json_t *answer, const char *name, enum part_state state,
    const char *detail, const char *advice)
{
	json_array_append_new(json_object_get(answer, "parts"), json_pack(
	    "{s:s, s:o, s:s, s:s, s:s?}", "name", name, "ok", ok_of(state),
	    "detail", detail, "state", state_words[state], "advice",
	    state == PART_OK ? NULL : advice));
	if (state <= state_of(answer))
		return;
	json_object_set_new(answer, "state", json_string(state_words[state]));
	json_object_set_new(answer, "ok", ok_of(state));
}
