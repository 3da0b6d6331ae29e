/*
 * hopseal rules: which lines of the operator's table apply to a domain, and
 * why.
 */

#include <stdio.h>

#include "ctl/answer.h"
#include "ctl/ask.h"
#include "ctl/ctl.h"
#include "ctl/screen.h"

static void
show_rule(const json_t *rule)
{
	int64_t past_line = answer_number(rule, "past_line");

	if (answer_text(rule, "rule")[0] != '\0') {
		screen_label(answer_text(rule, "direction"));
		screen_putf(TONE_PLAIN, 0, "line %lld: %s",
		    (long long)answer_number(rule, "line"),
		    answer_text(rule, "rule"));
		screen_end_line();
		screen_label("");
		screen_putf(TONE_PLAIN, 0, "%s: %s",
		    answer_text(rule, "pattern"), answer_text(rule, "why"));
		screen_end_line();
	}
	if (answer_text(rule, "warning")[0] != '\0') {
		screen_label("");
		screen_putf(TONE_DOUBT, 0, "warning: %s",
		    answer_text(rule, "warning"));
		screen_end_line();
	}
	if (past_line != 0) {
		screen_label("");
		screen_putf(TONE_DOUBT, 0, "line %lld would apply, but its "
		    "date is past", (long long)past_line);
		screen_end_line();
	}
}

static void
show(const json_t *answer)
{
	const json_t *also = json_object_get(answer, "also");

	screen_putf(TONE_PLAIN, 0, "%s%s", answer_text(answer, "domain"),
	    answer_text(answer, "rule")[0] == '\0' ? ": no rule applies" : "");
	screen_end_line();
	show_rule(answer);
	if (json_is_object(also))
		show_rule(also);
}

static enum ctl_exit
rules_run(const struct ctl_options *options, int operand_count,
    char *const *operands)
{
	enum ctl_exit status;
	json_t *answer;

	(void)operand_count;
	answer = ask_about(options, "rules", operands[0], &status);
	if (answer == NULL)
		return status;
	if (options->is_json)
		ask_print(answer);
	else
		show(answer);
	json_decref(answer);
	return CTL_FINE;
}

const struct ctl_command rules_command = {
	.name = "rules",
	.operands = "DOMAIN",
	.operand_min = 1,
	.operand_max = 1,
	.summary = "which of the operator's rules apply to DOMAIN, and why",
	.help = "Exit 0, also when none does.\n",
	.run = rules_run
};
