/*
 * Testing alerts: policyd sends, here is shown how it went.
 */

#include "ctl/status_alert.h"

#include "ctl/answer.h"
#include "ctl/ask.h"
#include "ctl/screen.h"

#define STATE_WIDTH	9

static void
show_destination(const json_t *destination, bool is_ok)
{
	screen_label(answer_text(destination, "way"));
	screen_put(is_ok ? TONE_GOOD : TONE_BAD, STATE_WIDTH, is_ok ? "sent" :
	    "failed");
	screen_putf(TONE_PLAIN, 0, "%s: %s", answer_text(destination, "to"),
	    answer_text(destination, "answer"));
	screen_end_line();
}

enum ctl_exit
status_test_alert(const struct ctl_options *options)
{
	enum ctl_exit status;
	json_t *answer = ask_policyd(options, json_pack("{s:s}", "command",
	    "test-alert"), &status);
	const json_t *destination;
	bool is_ok;
	size_t i;

	if (answer == NULL)
		return status;
	status = CTL_FINE;
	if (options->is_json)
		ask_print(answer);
	json_array_foreach(json_object_get(answer, "destinations"), i,
	    destination) {
		is_ok = answer_is_true(destination, "ok");
		if (!is_ok)
			status = CTL_CRITICAL;
		if (!options->is_json)
			show_destination(destination, is_ok);
	}
	json_decref(answer);
	return status;
}
