/*
 * What there is to tell of our domains, of those who refused us and of the next
 * hops: objects for programs, and for people what these say.
 */

#include "ctl/certs.h"

#include <string.h>

#include "ctl/answer.h"
#include "ctl/screen.h"

#define NAME_WIDTH	26

/* ------------------------------------------------------------------ objects */

/* Others use it only where a better one does not answer: nobody notices. */
static bool
is_fallback(const struct facts *f, const char *host)
{
	size_t i;

	for (i = 1; f != NULL && i < f->host_count; i++)
		if (strcmp(f->hosts[i].name, host) == 0)
			return f->hosts[i].preference >
			    f->hosts[0].preference;
	return false;
}

static json_t *
problems_of(const struct look *look, const struct check *check, bool is_ours)
{
	json_t *problems = json_array();
	const struct check_problem *p;
	size_t i;

	for (i = 0; i < check->problem_count; i++) {
		p = &check->problems[i];
		json_array_append_new(problems, json_pack(
		    "{s:s, s:s, s:s?, s:b, s:s, s:s}",
		    "finding", is_ours ? certs_promise_word(p) : p->word,
		    "severity",
		    p->is_warning ? "warning" : "critical",
		    "host", p->host[0] != '\0' ? p->host : NULL,
		    "fallback", is_fallback(look->facts, p->host),
		    "words", p->words, "advice", p->advice));
	}
	return problems;
}

static json_t *
domain_object(const struct certs_domain *d)
{
	const struct facts *f = d->look.facts;
	bool has_policy = f != NULL && f->has_policy;
	char hash[CERTS_HASH_SIZE];

	if (has_policy)
		certs_policy_hash(f, hash);
	return json_pack("{s:s, s:s, s:s?, s:s?, s:s?, s:o}",
	    "domain", d->look.hop.name,
	    "overall", check_overall_name(d->check.overall),
	    "mode", has_policy ? mtasts_mode_name(f->policy.mode) : NULL,
	    "id", has_policy && f->record_id[0] != '\0' ? f->record_id :
	    NULL, "policy_hash", has_policy ? hash : NULL,
	    "problems", problems_of(&d->look, &d->check, true));
}

json_t *
certs_domains_array(const struct certs *certs)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < certs->domain_count; i++)
		if (certs_is_promised(&certs->domains[i]))
			json_array_append_new(array,
			    domain_object(&certs->domains[i]));
	return array;
}

json_t *
certs_hops_array(const struct certs *certs)
{
	json_t *array = json_array();
	const struct certs_hop *h;
	size_t i;

	for (i = 0; i < certs->hop_count; i++) {
		h = &certs->hops[i];
		json_array_append_new(array, json_pack("{s:s, s:s, s:s, s:o}",
		    "next_hop", h->text, "for", h->key,
		    "overall", check_overall_name(h->check.overall),
		    "problems", problems_of(&h->look, &h->check,
		    false)));
	}
	return array;
}

/* ------------------------------------------------------------------- people */

static void
show_all(const json_t *array, const char *name, const char *subject,
    const char *good)
{
	const char *overall;
	const json_t *of;
	size_t i;

	json_array_foreach(array, i, of) {
		overall = answer_text(of, "overall");
		screen_putf(TONE_PLAIN, NAME_WIDTH, "%s ", answer_text(of,
		    name));
		screen_putf(strcmp(overall, "good") == 0 ? TONE_GOOD :
		    strcmp(overall, "broken") == 0 ? TONE_BAD : TONE_DOUBT,
		    0, "%s %s", subject, strcmp(overall, "good") == 0 ?
		    good : overall);
		screen_end_line();
		certs_show_problems(of);
	}
}

static void
show_refused(const json_t *refused)
{
	const json_t *r;
	size_t i;

	json_array_foreach(refused, i, r) {
		screen_putf(answer_is(r, "severity", "warning") ? TONE_BAD :
		    TONE_DOUBT, 0, "our certificate was refused on %s: %s, "
		    "%lld times by %lld peers since %.16s, such as %s[%s]",
		    answer_text(r, "service"), answer_text(r, "reason"),
		    (long long)answer_number(r, "count"),
		    (long long)answer_number(r, "peers"),
		    answer_text(r, "since"), answer_text(r, "host"),
		    answer_text(r, "address"));
		screen_end_line();
	}
}

void
certs_show_beside(const json_t *report)
{
	show_all(json_object_get(report, "domains"), "domain",
	    "what it promises is", "kept");
	show_all(json_object_get(report, "next_hops"), "next_hop",
	    "as a next hop it is", "good");
	show_refused(json_object_get(report, "refused"));
}
