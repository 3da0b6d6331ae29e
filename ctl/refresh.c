/*
 * hopseal refresh and forget: ask again now, and drop what is cached.
 */

#include <stdio.h>

#include "ctl/answer.h"
#include "ctl/ask.h"
#include "ctl/ctl.h"

static enum ctl_exit
run(const struct ctl_options *options, const char *command, const char *domain,
    const char *done)
{
	enum ctl_exit status;
	json_t *answer;

	answer = ask_about(options, command, domain, &status);
	if (answer == NULL)
		return status;
	status = answer_is_true(answer, "done") ? CTL_FINE : CTL_CRITICAL;
	if (options->is_json)
		ask_print(answer);
	else if (status == CTL_FINE)
		printf("%s: %s\n", domain, done);
	else
		ctl_complain("%s: not done: %s", domain,
		    answer_text(answer, "reason"));
	json_decref(answer);
	return status;
}

static enum ctl_exit
refresh_run(const struct ctl_options *options, int operand_count,
    char *const *operands)
{
	(void)operand_count;
	return run(options, "refresh", operands[0], "asked again");
}

static enum ctl_exit
forget_run(const struct ctl_options *options, int operand_count,
    char *const *operands)
{
	(void)operand_count;
	return run(options, "forget", operands[0], options->values[CTL_POLICY] != NULL ?
	    "forgotten, its policy too" : "forgotten");
}

const struct ctl_command refresh_command = {
	.name = "refresh",
	.operands = "DOMAIN",
	.operand_min = 1,
	.operand_max = 1,
	.summary = "look at DOMAIN again now",
	.help = "Exit 0 done, 2 not done.\n",
	.run = refresh_run
};

const struct ctl_command forget_command = {
	.name = "forget",
	.operands = "DOMAIN",
	.operand_min = 1,
	.operand_max = 1,
	.takes = CTL_TAKES(CTL_POLICY),
	.summary = "drop what is cached of DOMAIN, on all hosts",
	.help =
	    "An unexpired policy stays until a new fetch succeeds, unless "
	    "--policy is given.\nExit 0 done, 2 not done.\n",
	.run = forget_run
};
