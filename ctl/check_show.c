/*
 * A judged look for people: the one word first, then what was found, then what
 * to do about it.
 */

#include "ctl/check_report.h"

#include <string.h>

#include "ctl/answer.h"
#include "ctl/host_show.h"
#include "ctl/screen.h"

#define WORD_WIDTH	24
#define CHAIN_SHOWN	5

static enum tone
tone_of_overall(const json_t *report)
{
	return answer_is(report, "overall", "good") ? TONE_GOOD :
	    answer_is(report, "overall", "broken") ? TONE_BAD : TONE_DOUBT;
}

static void
show_error(const json_t *object)
{
	if (answer_text(object, "error")[0] == '\0')
		return;
	screen_label("");
	screen_put(TONE_PLAIN, 0, answer_text(object, "error"));
	screen_end_line();
}

static void
show_mx(const json_t *mx)
{
	screen_label("MX");
	screen_put(TONE_PLAIN, 0, answer_is_true(mx, "null") ?
	    "null MX: takes no mail" : answer_is_true(mx, "implicit") ?
	    "none, the domain itself" : answer_text(mx, "state"));
	screen_put(TONE_PLAIN, 0, answer_is_true(mx, "secure") ?
	    ", signed" : ", not signed");
	screen_end_line();
	show_error(mx);
}

static void
show_domain(const json_t *report)
{
	const json_t *sts = json_object_get(report, "mta_sts");
	const json_t *dane = json_object_get(report, "dane");
	const json_t *tlsrpt = json_object_get(report, "tlsrpt");

	/* One host alone was looked at, whose MX records do not matter. */
	if (json_is_object(tlsrpt))
		show_mx(json_object_get(report, "mx"));
	screen_label("DANE");
	screen_put(TONE_PLAIN, 0, answer_text(dane, "state"));
	screen_end_line();
	show_error(dane);
	screen_label("MTA-STS");
	if (json_is_string(json_object_get(sts, "mode")))
		screen_putf(TONE_PLAIN, 0, "%s, policy id %s",
		    answer_text(sts, "mode"), answer_text(sts, "id"));
	else
		screen_put(TONE_PLAIN, 0, answer_is(sts, "record",
		    "present") ? "a record, but no policy to be had" :
		    answer_text(sts, "state"));
	screen_end_line();
	show_error(sts);
	if (!json_is_object(tlsrpt))
		return;
	screen_label("TLS-RPT");
	screen_put(TONE_PLAIN, 0, answer_text(tlsrpt, "state"));
	if (answer_text(tlsrpt, "record")[0] != '\0')
		screen_putf(TONE_PLAIN, 0, ", %s",
		    answer_text(tlsrpt, "record"));
	screen_end_line();
}

static void
show_chain(const json_t *address, int64_t now)
{
	const json_t *chain = json_object_get(address, "chain"), *cert;
	char span[TEXT_TIME_SIZE];
	int64_t end;
	size_t i;

	json_array_foreach(chain, i, cert) {
		if (i == CHAIN_SHOWN) {
			screen_put(TONE_PLAIN, 0, "         ...");
			screen_end_line();
			break;
		}
		end = answer_time(cert, "not_after");
		screen_putf(TONE_PLAIN, 0, "         %s", answer_text(cert,
		    "subject"));
		screen_putf(end < now ? TONE_BAD : TONE_PLAIN, 0, ", %s %s",
		    end < now ? "expired" : "for", answer_span(span,
		    end < now ? end : now, end < now ? now : end));
		if (end < now)
			screen_put(TONE_BAD, 0, " ago");
		screen_putf(TONE_PLAIN, 0, ", %s %lld",
		    answer_text(cert, "key"),
		    (long long)answer_number(cert, "bits"));
		screen_end_line();
	}
}

/* "TLSv1.2 TLSv1.3" */
static void
show_offers(const json_t *address)
{
	const json_t *offers = json_object_get(address, "offers");
	static const char *const versions[] = {
		"TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"
	};
	size_t i;

	if (answer_text(address, "without_sni")[0] == '\0')
		return;
	screen_put(TONE_PLAIN, 0, "         offers");
	for (i = 0; i < sizeof(versions) / sizeof(versions[0]); i++)
		if (answer_is_true(offers, versions[i]))
			screen_putf(i < 2 ? TONE_DOUBT : TONE_PLAIN, 0, " %s",
			    versions[i]);
	if (answer_is_true(offers, "weak_ciphers"))
		screen_put(TONE_DOUBT, 0, ", weak ciphers");
	screen_putf(TONE_PLAIN, 0, "; without SNI: %s",
	    answer_text(address, "without_sni"));
	screen_end_line();
}

static void
show_address(const json_t *address, int64_t now)
{
	const json_t *dane = json_object_get(address, "dane");
	const char *finding = answer_text(address, "finding");

	host_show_address(address);
	screen_put(host_show_tone(finding), 0, finding);
	if (answer_text(address, "protocol")[0] != '\0')
		screen_putf(TONE_PLAIN, 0, ", %s %s, %s",
		    answer_text(address, "protocol"),
		    answer_text(address, "cipher"),
		    answer_text(address, "key_exchange"));
	if (answer_is(dane, "state", "match"))
		screen_putf(TONE_GOOD, 0, ", TLSA %s",
		    answer_text(dane, "match"));
	screen_end_line();
	show_chain(address, now);
	show_offers(address);
}

static void
show_host(const json_t *host, int64_t now)
{
	const json_t *addresses = json_object_get(host, "addresses"), *address;
	size_t i;

	host_show(host);
	screen_end_line();
	show_error(host);
	json_array_foreach(addresses, i, address)
		show_address(address, now);
}

static void
show_problem(const json_t *problem)
{
	screen_put(TONE_PLAIN, 2, "");
	screen_put(answer_is_true(problem, "warning") ? TONE_DOUBT : TONE_BAD,
	    WORD_WIDTH, answer_text(problem, "finding"));
	if (answer_text(problem, "host")[0] != '\0') {
		screen_putf(TONE_PLAIN, 0, "%s%s%s%s",
		    answer_text(problem, "host"),
		    answer_text(problem, "address")[0] != '\0' ? "[" : "",
		    answer_text(problem, "address"),
		    answer_text(problem, "address")[0] != '\0' ? "]" : "");
		screen_end_line();
		screen_put(TONE_PLAIN, WORD_WIDTH + 2, "");
	}
	screen_put(TONE_PLAIN, 0, answer_text(problem, "reason"));
	screen_end_line();
	screen_put(TONE_PLAIN, WORD_WIDTH + 2, "");
	screen_putf(TONE_PLAIN, 0, "-> %s", answer_text(problem, "advice"));
	screen_end_line();
}

void
check_show(const json_t *report)
{
	const json_t *hosts = json_object_get(report, "hosts");
	const json_t *problems = json_object_get(report, "problems"), *item;
	int64_t now = answer_time(report, "time");
	size_t i;

	screen_putf(TONE_PLAIN, 0, "%s: ", answer_text(report, "next_hop"));
	screen_put(tone_of_overall(report), 0, answer_text(report, "overall"));
	screen_end_line();
	screen_end_line();
	show_domain(report);
	if (json_array_size(hosts) > 0)
		screen_end_line();
	json_array_foreach(hosts, i, item)
		show_host(item, now);
	if (json_array_size(problems) > 0)
		screen_end_line();
	json_array_foreach(problems, i, item)
		show_problem(item);
}
