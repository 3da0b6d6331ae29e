/*
 * hopseal status: is each part of policyd well, and what to do where it is not.
 */

#include <stdio.h>
#include <string.h>

#include "ctl/answer.h"
#include "ctl/ask.h"
#include "ctl/ctl.h"
#include "ctl/endpoints.h"
#include "ctl/postfix_view.h"
#include "ctl/screen.h"
#include "ctl/status_alert.h"
#include "ctl/surroundings.h"

#define STATE_WIDTH	9

static enum ctl_exit
exit_of(const json_t *answer)
{
	if (answer_is(answer, "state", "ok"))
		return CTL_FINE;
	if (answer_is(answer, "state", "warning"))
		return CTL_WARNING;
	return answer_is(answer, "state", "critical") ? CTL_CRITICAL :
	    CTL_UNKNOWN;
}

static enum tone
tone_of(const json_t *part)
{
	const json_t *ok = json_object_get(part, "ok");

	return json_is_true(ok) ? TONE_GOOD :
	    json_is_false(ok) ? TONE_BAD : TONE_DOUBT;
}

static void
show_part(const json_t *part)
{
	screen_label(answer_text(part, "name"));
	screen_put(tone_of(part), STATE_WIDTH, answer_text(part, "state"));
	screen_put(TONE_PLAIN, 0, answer_text(part, "detail"));
	screen_end_line();
	if (answer_text(part, "advice")[0] == '\0')
		return;
	screen_label("");
	screen_put(TONE_PLAIN, STATE_WIDTH, "");
	screen_putf(TONE_PLAIN, 0, "-> %s", answer_text(part, "advice"));
	screen_end_line();
}

/* "all is well", or how much is not. */
static void
show_sum(const json_t *answer, const json_t *parts)
{
	size_t count = 0, i;
	const json_t *part;

	json_array_foreach(parts, i, part)
		count += !answer_is_true(part, "ok");
	if (count == 0)
		screen_put(TONE_GOOD, 0, "all is well");
	else
		screen_putf(tone_of(answer), 0, "%zu of %zu need%s a look",
		    count, json_array_size(parts), count == 1 ? "s" : "");
	screen_end_line();
}

static void
show(const json_t *answer)
{
	const json_t *parts = json_object_get(answer, "parts"), *part;
	size_t i;

	json_array_foreach(parts, i, part)
		show_part(part);
	show_sum(answer, parts);
}

/* What was cleared is no error, and neither is that there was nothing. */
static enum ctl_exit
clear(const struct ctl_options *options)
{
	const char *cleared;
	enum ctl_exit status;
	json_t *answer;

	answer = ask_policyd(options, json_pack("{s:s}", "command", "clear"),
	    &status);
	if (answer == NULL)
		return status;
	cleared = answer_text(answer, "cleared");
	if (options->is_json)
		ask_print(answer);
	else if (cleared[0] != '\0')
		printf("closed the breaker: %s\n", cleared);
	else
		puts("the breaker was closed already");
	status = answer_is_true(answer, "done") ? CTL_FINE : CTL_CRITICAL;
	json_decref(answer);
	return status;
}

static enum ctl_exit
status_run(const struct ctl_options *options, int operand_count,
    char *const *operands)
{
	struct postfix_view view;
	struct config *config;
	enum ctl_exit status;
	json_t *answer;

	(void)operand_count;
	(void)operands;
	if (options->values[CTL_CLEAR] != NULL)
		return clear(options);
	if (options->values[CTL_TEST_ALERT] != NULL)
		return status_test_alert(options);
	answer = ask_policyd(options, json_pack("{s:s}", "command", "status"),
	    &status);
	if (answer == NULL)
		return status;
	config = config_new();
	if (ask_read_config(options, config, &status) == 0) {
		postfix_view_read(&view, config);
		endpoints_add(config, &view, true, answer);
		surroundings_add(config, &view, answer);
		postfix_view_clear(&view);
	}
	config_free(config);
	if (options->is_json)
		ask_print(answer);
	else
		show(answer);
	status = exit_of(answer);
	json_decref(answer);
	return status;
}

const struct ctl_command status_command = {
	.name = "status",
	.operands = "",
	.takes = CTL_TAKES(CTL_CLEAR) | CTL_TAKES(CTL_TEST_ALERT),
	.summary = "is policyd well: its processes, cache, resolver, rules",
	.help =
	    "--clear closes the breaker, which then opens for new trouble "
	    "alone; --json has\ncounters, too.\n--test-alert sends a message to all who are told of "
	    "changes.\nExit 0 all is well, 1 warnings, 2 critical, 3 unknown.\n",
	.run = status_run
};
