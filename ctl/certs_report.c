/*
 * What there is to tell of our certificates: one object for programs, and for
 * people and monitoring what the object says.
 */

#include "ctl/certs.h"

#include <stdio.h>
#include <string.h>

#include "ctl/answer.h"
#include "ctl/screen.h"
#include "shared/text.h"

#define NAME_WIDTH	26
#define DAYS_WIDTH	7

/* ------------------------------------------------------------------ object */

/* The worst, and of equals the first. */
static const char *
item_finding(const struct certs_item *item)
{
	const char *warning = NULL;
	size_t i;

	for (i = 0; i < item->problem_count; i++) {
		if (item->problems[i].severity == CERTS_CRITICAL)
			return item->problems[i].word;
		if (warning == NULL)
			warning = item->problems[i].word;
	}
	return warning != NULL ? warning : finding_name(FINDING_OK);
}

/* By which another look tells whether it is the same. */
static json_t *
seen_object(const struct facts_cert *cert)
{
	char end[TEXT_TIME_SIZE];

	if (cert->id[0] == '\0')
		return json_null();
	return json_pack("{s:s, s:s, s:s, s:s, s:s}", "id", cert->id,
	    "issuer", cert->issuer, "key", cert->key, "names", cert->names,
	    "not_after", text_format_time(end, cert->to));
}

static json_t *
served_array(const struct certs_item *item)
{
	char address[ADDRESS_TEXT_SIZE];
	json_t *array = json_array();
	const struct certs_served *s;
	size_t i;

	for (i = 0; i < item->served_count; i++) {
		s = &item->served[i];
		json_array_append_new(array, json_pack(
		    "{s:i, s:s, s:s?, s:s, s:o}",
		    "port", (int)s->port->port, "address",
		    address_format(&s->port->address, address),
		    "sni", s->sni[0] != '\0' ? s->sni : NULL,
		    "finding", s->finding, "seen", seen_object(&s->cert)));
	}
	return array;
}

static void
add_file(json_t *array, const char *path)
{
	if (path != NULL)
		json_array_append_new(array, json_string(path));
}

/* All whose change may make another certificate of it. */
static json_t *
file_array(const struct own_certificate *own)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < own->file_count; i++)
		add_file(array, own->files[i]);
	add_file(array, own->key_file);
	add_file(array, own->map_source);
	add_file(array, own->map_file);
	return array;
}

static void
add_problems(const struct certs_item *item, json_t *findings,
    json_t *problems)
{
	const struct certs_problem *p;
	char words[CERTS_WORDS_SIZE];
	size_t i, j;
	json_t *known;

	for (i = 0; i < item->problem_count; i++) {
		p = &item->problems[i];
		json_array_foreach(findings, j, known)
			if (strcmp(json_string_value(known), p->word) == 0)
				break;
		if (j == json_array_size(findings))
			json_array_append_new(findings, json_string(p->word));
		text_quote(words, sizeof(words), text_of(p->words));
		json_array_append_new(problems, json_pack(
		    "{s:s, s:s, s:s, s:s}", "finding", p->word, "severity",
		    p->severity == CERTS_CRITICAL ? "critical" : "warning",
		    "words", words, "advice", p->advice));
	}
}

static json_t *
item_object(const struct certs *certs, const struct certs_item *item)
{
	json_t *findings = json_array(), *problems = json_array(),
	    *names = json_array();
	char end[TEXT_TIME_SIZE], id[FACTS_CERT_ID_SIZE] = "";
	size_t i;

	if (item->has_result)
		snprintf(id, sizeof(id), "%.*s", (int)sizeof(id) - 1,
		    item->result.certs[0].sha256);
	add_problems(item, findings, problems);
	for (i = 0; item->has_result && i < item->result.name_count; i++)
		json_array_append_new(names,
		    json_string(item->result.names[i]));
	return json_pack("{s:s, s:s, s:s?, s:s, s:o, s:s?, s:o, s:o, s:o, "
	    "s:s?, s:i, s:o, s:s?, s:o}",
	    "name", item->name, "file", item->file,
	    "sni", item->own->sni,
	    "finding", item_finding(item), "findings", findings,
	    "not_after", item->has_result ? text_format_time(end,
	    item->result.not_after) : NULL,
	    "days", item->has_result ?
	    json_integer(certs_days_left(certs, item)) : json_null(),
	    "served", served_array(item), "names", names,
	    "issuer", item->has_result ? item->result.certs[0].issuer : NULL,
	    "stage", (int)item->stage, "problems", problems,
	    "id", id[0] != '\0' ? id : NULL, "files", file_array(item->own));
}

/*
 * No certificate at all is nothing that could be called good, and neither is a
 * domain that could not be looked at, nor a part of what there may be.
 */
static const char *
overall_of(const struct certs *certs)
{
	const char *overall = certs->item_count == 0 ? "unknown" : "good";
	const json_t *refusal;
	bool is_unknown = certs->is_partial;
	size_t i, j;

	json_array_foreach(certs->refused, i, refusal)
		if (answer_is(refusal, "severity", "warning"))
			overall = "warnings";
	for (i = 0; i < certs->domain_count; i++) {
		if (!certs_is_promised(&certs->domains[i]))
			continue;
		if (certs->domains[i].check.overall == CHECK_BROKEN)
			return "broken";
		if (certs->domains[i].check.overall == CHECK_WARNINGS)
			overall = "warnings";
		is_unknown |= certs->domains[i].check.overall == CHECK_UNKNOWN;
	}
	for (i = 0; i < certs->item_count; i++)
		for (j = 0; j < certs->items[i].problem_count; j++) {
			if (certs->items[i].problems[j].severity ==
			    CERTS_CRITICAL)
				return "broken";
			overall = "warnings";
		}
	return is_unknown && strcmp(overall, "good") == 0 ? "unknown" : overall;
}

json_t *
certs_report(const struct certs *certs)
{
	json_t *array = json_array();
	int64_t days, least = -1;
	size_t i;

	for (i = 0; i < certs->item_count; i++) {
		json_array_append_new(array, item_object(certs,
		    &certs->items[i]));
		days = certs_days_left(certs, &certs->items[i]);
		if (least == -1 || days < least)
			least = days;
	}
	return json_pack("{s:o, s:o, s:o, s:O?, s:s, s:b, s:o, s:o, s:o, s:b}",
	    "certificates", array, "domains", certs_domains_array(certs),
	    "next_hops", certs_hops_array(certs), "refused", certs->refused,
	    "overall", overall_of(certs), "partial", certs->is_partial,
	    "days", least >= 0 ? json_integer(least) : json_null(),
	    "warn_days", certs->warn_days >= 0 ?
	    json_integer(certs->warn_days) : json_null(),
	    "critical_days", certs->critical_days >= 0 ?
	    json_integer(certs->critical_days) : json_null(),
	    "keys_checked", certs->may_read_keys);
}

/* ------------------------------------------------------------------ people */

static enum tone
tone_of(const json_t *certificate)
{
	const json_t *problems = json_object_get(certificate, "problems"), *p;
	enum tone tone = TONE_GOOD;
	size_t i;

	json_array_foreach(problems, i, p) {
		if (answer_is(p, "severity", "critical"))
			return TONE_BAD;
		tone = TONE_DOUBT;
	}
	return tone;
}

/* "days=41;20;10;0" where thresholds were given, else "days=41;;;0". */
static void
show_performance(const json_t *report)
{
	static const char *const members[] = { "days", "warn_days",
	    "critical_days" };
	const json_t *value;
	size_t i;

	for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		value = json_object_get(report, members[i]);
		screen_put(TONE_PLAIN, 0, i == 0 ? " | days=" : ";");
		if (json_is_integer(value))
			screen_putf(TONE_PLAIN, 0, "%lld",
			    (long long)json_integer_value(value));
	}
	screen_put(TONE_PLAIN, 0, ";0");
}

/* The first line is a monitoring plugin's. */
static void
show_first_line(const json_t *report, size_t bad_count, size_t count)
{
	if (answer_is(report, "overall", "good"))
		screen_put(TONE_GOOD, 0, "HOPSEAL OK");
	else if (answer_is(report, "overall", "warnings"))
		screen_put(TONE_DOUBT, 0, "HOPSEAL WARNING");
	else if (answer_is(report, "overall", "broken"))
		screen_put(TONE_BAD, 0, "HOPSEAL CRITICAL");
	else
		screen_put(TONE_DOUBT, 0, "HOPSEAL UNKNOWN");
	if (count == 0)
		screen_put(TONE_PLAIN, 0, " - no certificates found: is "
		    "Postfix's TLS on? see the option certificate");
	else if (bad_count == 0)
		screen_putf(TONE_PLAIN, 0, " - %zu certificates", count);
	else
		screen_putf(TONE_PLAIN, 0, " - %zu of %zu certificates need "
		    "a look", bad_count, count);
	if (answer_is_true(report, "partial"))
		screen_put(TONE_DOUBT, 0, ", there may be more");
	if (count > 0)
		show_performance(report);
	screen_end_line();
}

/* "25 587 465 (mail.example.org)" */
static void
show_ports(const json_t *certificate)
{
	const json_t *served = json_object_get(certificate, "served"), *s;
	json_int_t port, last = 0;
	size_t i;

	json_array_foreach(served, i, s) {
		port = answer_number(s, "port");
		if (port != last)
			screen_putf(answer_is(s, "finding", "ok") ?
			    TONE_PLAIN : TONE_BAD, 0, "%s%lld",
			    i == 0 ? " on " : " ", (long long)port);
		last = port;
	}
}

void
certs_show_problems(const json_t *of)
{
	const json_t *problems = json_object_get(of, "problems"), *p;
	const char *host;
	size_t i;

	json_array_foreach(problems, i, p) {
		host = answer_text(p, "host");
		screen_putf(answer_is(p, "severity", "critical") ? TONE_BAD :
		    TONE_DOUBT, 0, "    %s: %s%s%s%s", answer_text(p,
		    "finding"), host, answer_is_true(p, "fallback") ?
		    " (a fallback)" : "", host[0] != '\0' ? ": " : "",
		    answer_text(p, "words"));
		screen_end_line();
		screen_putf(TONE_PLAIN, 0, "      -> %s",
		    answer_text(p, "advice"));
		screen_end_line();
	}
}

static void
show_certificate(const json_t *certificate)
{
	const json_t *days = json_object_get(certificate, "days");

	if (answer_text(certificate, "host")[0] != '\0')
		screen_put(TONE_PLAIN, NAME_WIDTH, answer_text(certificate,
		    "host"));
	screen_put(TONE_PLAIN, NAME_WIDTH, answer_text(certificate, "name"));
	if (json_is_integer(days))
		screen_putf(TONE_PLAIN, DAYS_WIDTH, "%lld d",
		    (long long)json_integer_value(days));
	else
		screen_put(TONE_PLAIN, DAYS_WIDTH, "-");
	screen_putf(tone_of(certificate), 0, "%s",
	    answer_text(certificate, "finding"));
	screen_putf(TONE_PLAIN, 0, "  %s", answer_text(certificate, "file"));
	if (answer_text(certificate, "sni")[0] != '\0')
		screen_putf(TONE_PLAIN, 0, " for %s",
		    answer_text(certificate, "sni"));
	show_ports(certificate);
	screen_end_line();
	certs_show_problems(certificate);
}

void
certs_show(const json_t *report)
{
	static const enum tone order[] = { TONE_BAD, TONE_DOUBT, TONE_GOOD };
	const json_t *array = json_object_get(report, "certificates"), *c;
	size_t i, j, bad_count = 0;

	json_array_foreach(array, j, c)
		bad_count += tone_of(c) != TONE_GOOD;
	show_first_line(report, bad_count, json_array_size(array));
	for (i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		json_array_foreach(array, j, c)
			if (tone_of(c) == order[i])
				show_certificate(c);
	certs_show_beside(report);
	if (!answer_is_true(report, "keys_checked") &&
	    json_array_size(array) > 0) {
		screen_put(TONE_DOUBT, 0, "private keys are unchecked: that "
		    "takes root");
		screen_end_line();
	}
}

enum ctl_exit
certs_exit(const json_t *report)
{
	return answer_is(report, "overall", "good") ? CTL_FINE :
	    answer_is(report, "overall", "warnings") ? CTL_WARNING :
	    answer_is(report, "overall", "broken") ? CTL_CRITICAL :
	    CTL_UNKNOWN;
}
