/*
 * hopseal certs --group: what all hosts that share a Redis found of their own
 * certificates at their latest look, as policyd knows it.
 */

#include "ctl/certs.h"

#include "ctl/answer.h"
#include "ctl/ask.h"
#include "ctl/screen.h"

#define HOST_WIDTH	26

/* Those of whom there is more to say than their certificates do. */
static void
show_hosts(const json_t *answer)
{
	const json_t *hosts = json_object_get(answer, "hosts"), *h;
	int64_t left_out;
	size_t i;

	json_array_foreach(hosts, i, h) {
		left_out = answer_number(h, "left_out");
		if (answer_is_true(h, "heard") && left_out == 0)
			continue;
		screen_put(TONE_PLAIN, HOST_WIDTH, answer_text(h, "host"));
		if (!answer_is_true(h, "heard"))
			screen_putf(TONE_DOUBT, 0, "not heard of since %s ",
			    answer_text(h, "seen_at"));
		if (left_out > 0)
			screen_putf(TONE_PLAIN, 0, "%lld more certificates",
			    (long long)left_out);
		screen_end_line();
	}
	if (answer_text(answer, "note")[0] != '\0') {
		screen_put(TONE_DOUBT, 0, answer_text(answer, "note"));
		screen_end_line();
	}
}

enum ctl_exit
certs_group_run(const struct ctl_options *options)
{
	enum ctl_exit status = CTL_UNKNOWN;
	json_t *answer = ask_policyd(options, json_pack("{s:s}", "command",
	    "certificates"), &status);

	if (answer == NULL)
		return status;
	if (options->is_json)
		ask_print(answer);
	else if (json_array_size(json_object_get(answer, "hosts")) == 0)
		ctl_complain("no host has looked at its certificates yet");
	else {
		certs_show(answer);
		show_hosts(answer);
	}
	status = certs_exit(answer);
	json_decref(answer);
	return status;
}
