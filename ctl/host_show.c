/*
 * A mail host in an answer, for people.
 */

#include "ctl/host_show.h"

#include <string.h>

#include "ctl/answer.h"

enum tone
host_show_tone(const char *finding)
{
	return strcmp(finding, "ok") == 0 ? TONE_GOOD :
	    strcmp(finding, "unknown") == 0 ? TONE_DOUBT : TONE_BAD;
}

void
host_show(const json_t *host)
{
	const json_t *in_policy = json_object_get(host, "in_policy");
	const char *finding = answer_text(host, "finding");

	screen_putf(TONE_PLAIN, 0, "  %5lld ",
	    (long long)answer_number(host, "preference"));
	screen_putf(TONE_PLAIN, HOST_SHOW_WIDTH, "%s ",
	    answer_text(host, "host"));
	screen_put(host_show_tone(finding), 0, finding);
	if (json_is_boolean(in_policy))
		screen_put(json_is_true(in_policy) ? TONE_PLAIN : TONE_BAD, 0,
		    json_is_true(in_policy) ? ", in the policy" :
		    ", not in the policy");
	screen_putf(TONE_PLAIN, 0, ", TLSA %s", answer_text(host, "tlsa"));
}

void
host_show_address(const json_t *address)
{
	screen_putf(TONE_PLAIN, HOST_SHOW_WIDTH + 8, "       %s ",
	    answer_text(address, "address"));
}
