/*
 * hopseal explain: would my next mail to a domain be delivered, over what TLS,
 * and if not, why.
 */

#include <stdio.h>
#include <string.h>

#include "ctl/answer.h"
#include "ctl/ask.h"
#include "ctl/ctl.h"
#include "ctl/host_show.h"
#include "ctl/screen.h"
#include "shared/policy/finding.h"

static enum ctl_exit
exit_of(const json_t *answer)
{
	if (answer_is(answer, "verdict", "undeliverable"))
		return CTL_CRITICAL;
	if (!answer_is(answer, "verdict", "deliverable"))
		return CTL_UNKNOWN;
	return answer_is_true(answer, "degraded") ? CTL_WARNING : CTL_FINE;
}

static enum tone
tone_of_exit(enum ctl_exit status)
{
	return status == CTL_FINE ? TONE_GOOD :
	    status == CTL_CRITICAL ? TONE_BAD : TONE_DOUBT;
}

/* A line of its own, when there is something to say. */
static void
show_toned(enum tone tone, const char *label, const char *text)
{
	if (text == NULL || text[0] == '\0')
		return;
	screen_label(label);
	screen_put(tone, 0, text);
	screen_end_line();
}

static void
show_line(const char *label, const char *text)
{
	show_toned(TONE_PLAIN, label, text);
}

/* ", WORD 3m 2s ago", ", WORD for another 3m 2s"; nothing without a time. */
static void
show_past(const char *word, int64_t when, int64_t now)
{
	char span[TEXT_TIME_SIZE];

	if (when != 0)
		screen_putf(TONE_PLAIN, 0, ", %s %s ago", word,
		    answer_span(span, when, now));
}

static void
show_future(const char *word, int64_t when, int64_t now)
{
	char span[TEXT_TIME_SIZE];

	if (when > now)
		screen_putf(TONE_PLAIN, 0, ", %s %s", word,
		    answer_span(span, now, when));
	else if (when != 0)
		screen_putf(TONE_PLAIN, 0, ", %s: now", word);
}

/* Where this site's mail for the domain goes, when that is not its MX hosts. */
static void
show_route(const json_t *answer)
{
	const json_t *route = json_object_get(answer, "route"), *hop;
	size_t i;

	if (route == NULL || json_is_null(route) ||
	    answer_is(route, "state", "direct"))
		return;
	screen_label("mail goes");
	if (answer_is(route, "state", "none"))
		screen_putf(TONE_PLAIN, 0, "to no other host: %s",
		    answer_text(route, "because"));
	else if (answer_is(route, "state", "unknown"))
		screen_putf(TONE_DOUBT, 0, "where is not known, and nothing "
		    "is judged: %s", answer_text(route, "because"));
	else
		screen_putf(TONE_DOUBT, 0, "elsewhere, by %s:",
		    answer_text(route, "because"));
	json_array_foreach(json_object_get(route, "next_hops"), i, hop)
		screen_putf(TONE_DOUBT, 0, " %s", json_string_value(hop));
	screen_end_line();
}

static void
show_verdict(const json_t *answer, int64_t now)
{
	const json_t *warnings = json_object_get(answer, "warnings"), *warning;
	size_t i;

	screen_put(TONE_PLAIN, 0, answer_text(answer, "next_hop"));
	screen_put(TONE_PLAIN, 0, ": ");
	screen_put(tone_of_exit(exit_of(answer)), 0,
	    answer_text(answer, "verdict"));
	if (answer_is_true(answer, "degraded"))
		screen_put(TONE_DOUBT, 0, ", degraded");
	screen_end_line();
	show_route(answer);
	show_line("reason", answer_text(answer, "reason"));
	show_line("action", answer_text(answer, "action"));
	screen_label("rule");
	if (answer_text(answer, "rule")[0] == '\0')
		screen_put(TONE_PLAIN, 0, "none");
	else
		screen_putf(TONE_PLAIN, 0, "%s (line %lld)",
		    answer_text(answer, "rule"),
		    (long long)answer_number(answer, "rule_line"));
	screen_end_line();
	json_array_foreach(warnings, i, warning)
		show_toned(TONE_DOUBT, "warning", json_string_value(warning));
	screen_label("known from");
	screen_put(TONE_PLAIN, 0, answer_text(answer, "source"));
	show_past("looked at", answer_time(answer, "looked_at"), now);
	show_future("next look in", answer_time(answer, "refresh_at"), now);
	screen_end_line();
	show_toned(TONE_DOUBT, "trouble", answer_text(answer, "lookup_error"));
}

static void
show_mx(const json_t *answer, int64_t now)
{
	const json_t *mx = json_object_get(answer, "mx");

	screen_label("MX");
	if (answer_text(answer, "next_hop")[0] == '[') {
		screen_put(TONE_PLAIN, 0, "no MX look-up: a host by name");
		screen_end_line();
		return;
	}
	if (mx == NULL || json_is_null(mx)) {
		screen_put(TONE_DOUBT, 0, "nothing is known");
		screen_end_line();
		return;
	}
	screen_put(TONE_PLAIN, 0,
	    answer_is_true(mx, "null") ? "null MX: takes no mail" :
	    answer_is_true(mx, "implicit") ? "none, the domain itself" :
	    answer_text(mx, "state"));
	screen_put(TONE_PLAIN, 0, answer_is_true(mx, "secure") ?
	    ", signed" : ", not signed");
	if (answer_is_true(mx, "cut"))
		screen_put(TONE_DOUBT, 0, ", too many hosts, some left out");
	show_past("DNS answered", answer_time(mx, "learned"), now);
	show_future("asked again in", answer_time(mx, "refresh"), now);
	screen_end_line();
	show_toned(TONE_DOUBT, "", answer_text(mx, "error"));
}

static void
show_dane(const json_t *dane, int64_t now)
{
	screen_label("DANE");
	screen_put(answer_is(dane, "state", "unknown") ? TONE_DOUBT :
	    answer_is(dane, "state", "off") ? TONE_BAD : TONE_PLAIN, 0,
	    answer_text(dane, "state"));
	if (answer_is(dane, "state", "off"))
		screen_put(TONE_PLAIN, 0,
		    " at this site; \"hopseal status\" says why");
	else if (answer_is(dane, "site", "unknown"))
		screen_put(TONE_DOUBT, 0, ", and not yet known whether this "
		    "site can use it");
	show_past("DNS answered", answer_time(dane, "learned"), now);
	show_future("asked again in", answer_time(dane, "refresh"), now);
	screen_end_line();
	show_toned(TONE_DOUBT, "", answer_text(dane, "error"));
}

static void
show_sts(const json_t *sts, int64_t now)
{
	const json_t *mx = json_object_get(sts, "mx");
	const json_t *failed = json_object_get(sts, "fetch_failed");
	const json_t *pattern;
	size_t i;

	screen_label("MTA-STS");
	if (json_is_string(json_object_get(sts, "mode"))) {
		screen_putf(TONE_PLAIN, 0, "%s, policy id %s",
		    answer_text(sts, "mode"), answer_text(sts, "id"));
		show_past("fetched", answer_time(sts, "fetched"), now);
		show_future("lasts another", answer_time(sts, "expires"), now);
		show_future("next fetch in", answer_time(sts, "refetch"), now);
	} else
		screen_put(answer_is(sts, "state", "unknown") ? TONE_DOUBT :
		    TONE_PLAIN, 0, answer_is(sts, "record", "present") ?
		    "a record, but no policy to be had" :
		    answer_text(sts, "state"));
	screen_end_line();
	screen_label("  record");
	screen_put(TONE_PLAIN, 0, answer_text(sts, "record"));
	if (answer_text(sts, "record_id")[0] != '\0')
		screen_putf(TONE_PLAIN, 0, ", id %s",
		    answer_text(sts, "record_id"));
	show_past("DNS answered", answer_time(sts, "record_learned"), now);
	show_future("asked again in", answer_time(sts, "record_refresh"), now);
	screen_end_line();
	json_array_foreach(mx, i, pattern)
		show_line(i == 0 ? "  mx" : "", json_string_value(pattern));
	show_toned(TONE_BAD, "  trouble", answer_text(sts, "error"));
	if (failed == NULL)
		return;
	screen_label("  fetch failed");
	screen_putf(TONE_BAD, 0, "%lld times",
	    (long long)answer_number(failed, "count"));
	show_past("last", answer_time(failed, "time"), now);
	screen_end_line();
}

/* What was seen in words; for "cert-expired" alone "certificate expired". */
static const char *
finding_text(const json_t *address)
{
	const char *name = answer_text(address, "finding");
	const char *reason = answer_text(address, "reason");
	enum finding finding;

	/* What Postfix lets pass has a reason all the same. */
	if (reason[0] != '\0' && strcmp(name, "ok") != 0)
		return reason;
	/* A newer policyd may know more findings. */
	return finding_parse(text_of(name), &finding) ?
	    finding_words(finding) : name;
}

/* "certificate expired 2026-11-01 (probe, seen 3m 2s ago, issuer R3)" */
static void
show_observation(const json_t *address, int64_t now)
{
	const char *text = finding_text(address);
	const char *issuer = answer_text(address, "issuer");
	int64_t not_after = answer_time(address, "not_after");
	char day[TEXT_TIME_SIZE];

	screen_put(host_show_tone(answer_text(address, "finding")), 0, text);
	if (answer_text(address, "source")[0] == '\0')
		return;
	screen_putf(TONE_PLAIN, 0, " (%s", answer_text(address, "source"));
	show_past("seen", answer_time(address, "time"), now);
	text_format_day(day, not_after);
	if (not_after != 0 && strstr(text, day) == NULL) {
		screen_putf(TONE_PLAIN, 0, ", not after %s", day);
		if (not_after > now)
			show_future("which is in", not_after, now);
	}
	if (strstr(text, issuer) == NULL)
		screen_putf(TONE_PLAIN, 0, ", issuer %s", issuer);
	screen_put(TONE_PLAIN, 0, ")");
}

static void
show_address(const json_t *address, int64_t now)
{
	host_show_address(address);
	show_observation(address, now);
	screen_end_line();
}

static void
show_host(const json_t *host, int64_t now)
{
	const json_t *addresses = json_object_get(host, "addresses"), *address;
	size_t i;

	host_show(host);
	if (!answer_is(host, "address_state", "present"))
		screen_putf(TONE_DOUBT, 0, ", addresses %s",
		    answer_text(host, "address_state"));
	screen_end_line();
	show_line("", answer_text(host, "error"));
	json_array_foreach(addresses, i, address)
		show_address(address, now);
}

static void
show(const json_t *answer)
{
	const json_t *hosts = json_object_get(answer, "hosts"), *host;
	const json_t *map = json_object_get(answer, "map");
	int64_t now = answer_time(answer, "time");
	size_t i;

	show_verdict(answer, now);
	screen_end_line();
	show_mx(answer, now);
	show_dane(json_object_get(answer, "dane"), now);
	show_sts(json_object_get(answer, "mta_sts"), now);
	if (json_array_size(hosts) > 0)
		screen_end_line();
	json_array_foreach(hosts, i, host)
		show_host(host, now);
	screen_end_line();
	show_line("QUERY", answer_text(map, "QUERY"));
	show_line("QUERYwithTLSRPT", answer_text(map, "QUERYwithTLSRPT"));
	show_line("access", answer_text(answer, "access"));
}

static enum ctl_exit
explain_run(const struct ctl_options *options, int operand_count,
    char *const *operands)
{
	enum ctl_exit status;
	json_t *answer;

	(void)operand_count;
	answer = ask_about(options, "explain", operands[0], &status);
	if (answer == NULL)
		return status;
	if (options->is_json)
		ask_print(answer);
	else
		show(answer);
	status = exit_of(answer);
	json_decref(answer);
	return status;
}

const struct ctl_command explain_command = {
	.name = "explain",
	.operands = "DOMAIN",
	.operand_min = 1,
	.operand_max = 1,
	.summary = "would mail to DOMAIN be delivered, over what TLS, and why",
	.help =
	    "DOMAIN may be any key of the map: [mx.example.com]:587.\n"
	    "Exit 0 deliverable, 1 degraded, 2 undeliverable, 3 unknown.\n",
	.run = explain_run
};
