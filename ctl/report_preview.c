/*
 * Reports before they are sent, as JSON for people and programs alike.
 */

#include "ctl/report_preview.h"

#include <stdio.h>

#include "ctl/answer.h"
#include "ctl/ask.h"

enum ctl_exit
report_preview_run(const struct ctl_options *options, json_t *request)
{
	json_t *answer, *reports, *report;
	enum ctl_exit status;
	size_t i;

	/* The day that is sent next, unless another is named. */
	if (json_object_get(request, "day") == NULL)
		json_object_set_new(request, "day", json_string("yesterday"));
	json_object_set_new(request, "rfc8460", json_true());
	answer = ask_policyd(options, request, &status);
	if (answer == NULL)
		return status;
	reports = json_object_get(answer, "reports");
	if (answer_text(answer, "note")[0] != '\0')
		ctl_complain("%s", answer_text(answer, "note"));
	if (options->is_json)
		ask_print(answer);
	else
		json_array_foreach(reports, i, report) {
			json_dumpf(report, stdout, JSON_ENSURE_ASCII |
			    JSON_INDENT(2));
			putchar('\n');
		}
	if (json_array_size(reports) == 0)
		ctl_complain("no session of that domain and day is known");
	status = json_array_size(reports) > 0 ? CTL_FINE : CTL_UNKNOWN;
	json_decref(answer);
	return status;
}
