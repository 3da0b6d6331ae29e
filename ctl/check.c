/*
 * hopseal check: a full look at a domain or a host from outside, by a scout of
 * its own.
 */

#include <stdio.h>
#include <string.h>

#include "ctl/ask.h"
#include "ctl/check_report.h"
#include "ctl/ctl.h"
#include "ctl/scout_client.h"
#include "shared/io/clock.h"

/* An admin asked for it: no need to be as patient as the daemon. */
#define OVERRIDES	"probe_rate=1200\n"

/* "HOST:imaps", "HOST:993"; false where there is no port. */
static bool
cut_port(struct text *target, enum probe_service *service, uint16_t *port)
{
	const char *colon = memrchr(target->data, ':', target->len);
	struct text word;
	uint64_t number;

	if (colon == NULL)
		return false;
	word = (struct text){ colon + 1,
	    target->len - (size_t)(colon + 1 - target->data) };
	if (text_parse_u64(word, UINT16_MAX, &number) && number > 0) {
		*port = (uint16_t)number;
		*service = probe_service_of_port(*port);
	} else if (probe_service_parse(word, service))
		*port = probe_service_port(*service);
	else
		return false;
	target->len = (size_t)(colon - target->data);
	return true;
}

/* Brackets or a port make it a host; anything else may have MX records. */
static int
read_target(const char *operand, struct look *look)
{
	struct text target = text_of(operand);
	char key[NEXT_HOP_TEXT_SIZE];
	const char *why;
	uint16_t port;

	look->service = PROBE_SMTP;
	if (cut_port(&target, &look->service, &port)) {
		if (target.len > 1 && target.data[0] == '[')
			target = (struct text){ target.data + 1,
			    target.len - 2 };
		snprintf(key, sizeof(key), "[%.*s]:%u", (int)target.len,
		    target.data, port);
		next_hop_parse(text_of(key), &look->hop, &why);
	} else
		next_hop_parse(target, &look->hop, &why);
	if (look->hop.kind != NEXT_HOP_NONE)
		return 0;
	ctl_complain("%s: %s", operand, why);
	return -1;
}

static enum ctl_exit
exit_of(enum check_overall overall)
{
	switch (overall) {
	case CHECK_GOOD:
		return CTL_FINE;
	case CHECK_WARNINGS:
		return CTL_WARNING;
	case CHECK_BROKEN:
		return CTL_CRITICAL;
	case CHECK_UNKNOWN:
		break;
	}
	return CTL_UNKNOWN;
}

static enum ctl_exit
report(const struct ctl_options *options, struct look *look)
{
	struct check check;
	json_t *object;

	check_judge(look, clock_now_s(), &check);
	object = check_report(&check);
	if (options->is_json)
		ask_print(object);
	else
		check_show(object);
	json_decref(object);
	check_clear(&check);
	return exit_of(check.overall);
}

static enum ctl_exit
check_run(const struct ctl_options *options, int operand_count,
    char *const *operands)
{
	struct look look = { 0 };
	struct scout_client *scout;
	enum ctl_exit status;

	(void)operand_count;
	if (read_target(operands[0], &look) == -1)
		return CTL_USAGE;
	scout = scout_client_start(options, OVERRIDES, &status);
	if (scout == NULL)
		return status;
	if (!look_run(&look, scout))
		ctl_complain("the scout ended before it had answered");
	scout_client_stop(scout);
	status = report(options, &look);
	look_clear(&look);
	return status;
}

const struct ctl_command check_command = {
	.name = "check",
	.operands = "DOMAIN|HOST[:PORT]",
	.operand_min = 1,
	.operand_max = 1,
	.summary = "look at DOMAIN or HOST from outside, and say what to do",
	.help =
	    "PORT is a number or smtp, submission, smtps, imap, imaps, pop3, "
	    "pop3s.\nNeeds no daemon.  Exit 0 good, 1 warnings, 2 broken, "
	    "3 unknown.\n",
	.run = check_run
};
