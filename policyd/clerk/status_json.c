/*
 * The answer to "status".  Each part is judged by one function from what the
 * other processes said; nothing is asked here.
 */

#include "policyd/clerk/status_json.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "policyd/clerk/alert/alerts.h"
#include "policyd/clerk/cert_group.h"
#include "policyd/clerk/cert_states.h"
#include "policyd/clerk/ledger/ledger_status.h"
#include "policyd/clerk/report/report_out.h"
#include "policyd/clerk/value_json.h"

#define DETAIL_SIZE	512
#define NAME_SIZE	64

static const char *
state_word(enum control_state state)
{
	static const char *const words[] = {
		[CONTROL_BAD] = "critical", [CONTROL_OK] = "ok",
		[CONTROL_UNKNOWN] = "unknown", [CONTROL_WARNING] = "warning"
	};

	return words[state];
}

static json_t *
ok_value(enum control_state state)
{
	if (state == CONTROL_UNKNOWN)
		return json_null();
	return json_boolean(state == CONTROL_OK);
}

/* Parts as they are judged, and the worst of them. */
struct report {
	json_t			*parts;
	enum control_state	 worst;
};

static void
report_part(struct report *r, const struct control_part *part)
{
	/* from the harmless to the worst */
	static const int weight[] = {
		[CONTROL_OK] = 0, [CONTROL_WARNING] = 1,
		[CONTROL_UNKNOWN] = 2, [CONTROL_BAD] = 3
	};

	if (weight[part->state] > weight[r->worst])
		r->worst = part->state;
	json_array_append_new(r->parts, json_pack("{s:o, s:o, s:o, s:s, s:o}",
	    "name", json_text(part->name), "ok", ok_value(part->state),
	    "detail", json_text(part->detail),
	    "state", state_word(part->state),
	    "advice", part->advice.len > 0 ? json_text(part->advice) :
	    json_null()));
}

static void
report_add(struct report *r, const char *name, enum control_state state,
    const char *detail, const char *advice)
{
	struct control_part part = { text_of(name), state, text_of(detail),
	    text_of(advice) };

	report_part(r, &part);
}

/* ------------------------------------------------------------ processes */

static int64_t
parse_time(const char *text)
{
	struct tm tm = { 0 };

	if (text == NULL || strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm) == NULL)
		return 0;
	return (int64_t)timegm(&tm);
}

static void
judge_child(struct report *r, const struct status *s, enum role role,
    json_t *children, json_t *counters)
{
	int pid = 0, restarts = 0;
	const char *name, *since = NULL;
	char age[TEXT_TIME_SIZE], detail[DETAIL_SIZE] = "no news of it";
	char counter[NAME_SIZE];
	json_t *child;
	size_t i;

	json_array_foreach(children, i, child) {
		name = json_string_value(json_object_get(child, "name"));
		if (name == NULL || strcmp(name, role_name(role)) != 0)
			continue;
		json_unpack(child, "{s?i, s?i, s?s}", "pid", &pid,
		    "restarts", &restarts, "up_since", &since);
		snprintf(counter, sizeof(counter), "restarts_%s", name);
		json_object_set_new(counters, counter, json_integer(restarts));
		if (pid > 0)
			snprintf(detail, sizeof(detail), "pid %d, up %s, "
			    "restarted %d times", pid, text_format_age(age,
			    s->now - parse_time(since)), restarts);
		else
			snprintf(detail, sizeof(detail), "not running, "
			    "restarted %d times", restarts);
	}
	if (!s->is_there[role])
		report_add(r, role_name(role), CONTROL_BAD, detail,
		    "policyd starts it again by itself; if it stays away, its "
		    "log says why");
	else if (role == ROLE_FRONT && s->front == NULL)
		report_add(r, role_name(role), CONTROL_BAD, "does not answer",
		    "policyd replaces it within seconds; if this stays, see "
		    "its log");
	else
		report_add(r, role_name(role), CONTROL_OK, detail, "");
}

static void
judge_processes(struct report *r, const struct status *s, json_t *counters)
{
	char detail[DETAIL_SIZE];
	json_t *root, *children;
	enum role role;

	snprintf(detail, sizeof(detail), "version %s, settings generation %llu",
	    HOPSEAL_VERSION, (unsigned long long)s->settings->generation);
	report_add(r, "policyd", CONTROL_OK, detail, "");
	root = json_loads(s->children != NULL ? s->children : "{}", 0, NULL);
	children = json_object_get(root, "children");
	for (role = ROLE_FRONT; role < ROLE_COUNT; role++)
		judge_child(r, s, role, children, counters);
	json_decref(root);
}

static void
judge_front(struct report *r, const struct status *s, json_t *counters)
{
	struct control_counter counter;
	struct control_part part;
	char name[NAME_SIZE];
	struct unpack u;

	if (s->front == NULL)
		return;
	unpack_init(&u, s->front->data, s->front->len);
	for (;;) {
		switch (control_status_next(&u, &part, &counter)) {
		case CONTROL_ITEM_PART:
			report_part(r, &part);
			break;
		case CONTROL_ITEM_COUNTER:
			json_object_set_new(counters,
			    text_quote(name, sizeof(name), counter.name),
			    json_integer((json_int_t)counter.value));
			break;
		case CONTROL_ITEM_MALFORMED:
			report_add(r, "front", CONTROL_BAD,
			    "its status cannot be read", "were programs "
			    "replaced under it?  Restart hopseal-policyd");
			return;
		case CONTROL_ITEM_END:
			return;
		}
	}
}

static void
judge_ledger(struct report *r, const struct ledger_status *ledger,
    json_t *counters)
{
	char name[NAME_SIZE];
	size_t i;

	report_part(r, &ledger->part);
	for (i = 0; i < ledger->counter_count; i++)
		json_object_set_new(counters, text_quote(name, sizeof(name),
		    ledger->counters[i].name),
		    json_integer((json_int_t)ledger->counters[i].value));
}

/* ----------------------------------------------------------- the site */

static void
judge_postfix(struct report *r, const struct status *s)
{
	const struct site *site = s->settings->site;
	char detail[DETAIL_SIZE];

	if (!site->is_known || site->message != NULL) {
		report_add(r, "postfix", CONTROL_WARNING,
		    site->message != NULL ? site->message :
		    "its settings are not known yet",
		    "see that postconf works, or set postfix_config_dir, "
		    "own_domains and site_tls_level");
		return;
	}
	snprintf(detail, sizeof(detail), "%s, version %u.%u, "
	    "smtp_tls_security_level %s", site->myhostname != NULL ?
	    site->myhostname : "name unknown", site->mail_version / 100,
	    site->mail_version % 100, site->smtp_tls_level != TLS_LEVEL_UNSET ?
	    tls_level_name(site->smtp_tls_level) : "empty");
	report_add(r, "postfix", CONTROL_OK, detail, "");
}

static void
judge_resolver(struct report *r, const struct status *s)
{
	char detail[DETAIL_SIZE];

	if (s->resolver == NULL ||
	    s->resolver->validates == SCOUT_CHECK_UNKNOWN) {
		report_add(r, "resolver", CONTROL_UNKNOWN, s->resolver != NULL ?
		    text_quote(detail, sizeof(detail), s->resolver->detail) :
		    STATUS_NOT_CHECKED, "if this stays, see dns_servers: no "
		    "name server has answered");
		return;
	}
	text_quote(detail, sizeof(detail), s->resolver->detail);
	if (s->resolver->validates == SCOUT_CHECK_NO &&
	    s->settings->config->dane != CONFIG_DANE_OFF)
		report_add(r, "resolver", CONTROL_WARNING, detail, "the name "
		    "servers strip DNSSEC or the trust anchor is wrong: see "
		    "dns_servers and dns_trust_anchor");
	else
		report_add(r, "resolver", CONTROL_OK, detail, "");
}

static void
judge_tables(struct report *r, const struct status *s)
{
	char detail[DETAIL_SIZE], table[DETAIL_SIZE / 2];

	if (s->failing_table == NULL)
		return;
	snprintf(detail, sizeof(detail), "table %s cannot be asked: what "
	    "hangs on it is not judged", text_quote(table, sizeof(table),
	    text_of(s->failing_table)));
	report_add(r, "next_hops", CONTROL_WARNING, detail, "the log has the "
	    "reason; let the option user's account read the table, or set "
	    "next_hops");
}

/* In the order in which a person would set it right. */
static void
judge_dane(struct report *r, const struct status *s)
{
	const struct site *site = s->settings->site;
	const struct scout_resolver *resolver = s->resolver;

	if (s->settings->config->dane == CONFIG_DANE_OFF)
		report_add(r, "dane", CONTROL_OK, "off by dane = off", "");
	else if (!site->is_known)
		report_add(r, "dane", CONTROL_UNKNOWN, "off while Postfix's "
		    "settings are unknown; MTA-STS applies",
		    "see the part postfix");
	else if (!site->can_dane)
		report_add(r, "dane", CONTROL_WARNING, "off: Postfix does not "
		    "look at DNSSEC; MTA-STS applies", "postconf -e "
		    "smtp_dns_support_level=dnssec smtp_host_lookup=dns, or "
		    "set dane = off");
	else if (resolver == NULL ||
	    resolver->validates == SCOUT_CHECK_UNKNOWN)
		report_add(r, "dane", CONTROL_UNKNOWN,
		    "the resolver has not been checked yet",
		    "see the part resolver");
	else if (resolver->validates == SCOUT_CHECK_NO)
		report_add(r, "dane", CONTROL_WARNING, "off: our resolver does "
		    "not validate; MTA-STS applies",
		    "put the resolver right, or set dane = off");
	else if (resolver->postfix_ad != SCOUT_CHECK_YES)
		report_add(r, "dane", resolver->postfix_ad == SCOUT_CHECK_NO ?
		    CONTROL_WARNING : CONTROL_UNKNOWN, "off: the resolver that "
		    "Postfix uses does not set AD on a signed name; MTA-STS "
		    "applies", "name a validating resolver in "
		    "/etc/resolv.conf, such as unbound on this host, or set "
		    "dane = off");
	else
		report_add(r, "dane", CONTROL_OK, "on", "");
}

static void
judge_configuration(struct report *r, const struct status *s)
{
	char detail[DETAIL_SIZE], advice[DETAIL_SIZE], why[DETAIL_SIZE / 2];

	if (s->refusal[0] == '\0') {
		report_add(r, "configuration", CONTROL_OK,
		    s->settings->config_path, "");
		return;
	}
	snprintf(detail, sizeof(detail), "hopseal.conf or rules on disk are "
	    "refused, the old stay: %s", text_quote(why, sizeof(why),
	    text_of(s->refusal)));
	snprintf(advice, sizeof(advice), "hopseal-policyd -n -c %s lists all "
	    "mistakes; put them right, then systemctl reload hopseal-policyd",
	    s->settings->config_path);
	report_add(r, "configuration", CONTROL_WARNING, detail, advice);
}

static void
judge_rules(struct report *r, const struct status *s)
{
	const struct domain_rules *rules = s->settings->rules;
	size_t count = domain_rules_count(rules), past_count = 0, i;
	const struct domain_rule *rule, *past = NULL;
	char detail[DETAIL_SIZE], advice[DETAIL_SIZE];

	for (i = 0; i < count; i++) {
		rule = domain_rules_at(rules, i);
		if (rule->until != 0 && rule->until <= s->now) {
			past_count++;
			past = rule;
		}
	}
	if (past == NULL) {
		snprintf(detail, sizeof(detail), "%zu in %s", count,
		    s->settings->config->rules_file);
		report_add(r, "rules", CONTROL_OK, detail, "");
		return;
	}
	snprintf(detail, sizeof(detail), "%zu, of them %zu past their date, "
	    "such as %s in line %u", count, past_count, past->pattern,
	    past->line);
	snprintf(advice, sizeof(advice), "remove them from %s, or give them "
	    "another date", s->settings->config->rules_file);
	report_add(r, "rules", CONTROL_WARNING, detail, advice);
}

/* Of domains and of those who refused us; detail stays where all is well. */
static void
add_trouble_beside(const json_t *report, char detail[DETAIL_SIZE])
{
	const json_t *domains = json_object_get(report, "domains"), *of,
	    *refused = json_object_get(report, "refused"), *first;
	size_t i;

	json_array_foreach(refused, i, of)
		if (strcmp(json_text_in(of, "severity"), "warning") == 0)
			snprintf(detail, DETAIL_SIZE, "refused by %lld peers "
			    "on %s: %s", (long long)json_integer_value(
			    json_object_get(of, "peers")),
			    json_text_in(of, "service"), json_text_in(of, "reason"));
	json_array_foreach(domains, i, of) {
		first = json_array_get(json_object_get(of, "problems"), 0);
		if (first == NULL)
			continue;
		snprintf(detail, DETAIL_SIZE, "%s: %s", json_text_in(of, "domain"),
		    json_text_in(first, "finding"));
		break;
	}
}

/* The least that can be said: how many, and the first that needs a look. */
static void
judge_certificates(struct report *r, const struct status *s)
{
	const json_t *report = cert_states_report(s->certs), *array, *c;
	const char *overall, *finding;
	char detail[DETAIL_SIZE], age[TEXT_TIME_SIZE];
	size_t i;

	if (report == NULL) {
		report_add(r, "certificates", CONTROL_OK,
		    s->settings->config->cert_interval_s == 0 ?
		    "not looked at: cert_interval = 0" : "not looked at yet",
		    "");
		return;
	}
	array = json_object_get(report, "certificates");
	overall = json_string_value(json_object_get(report, "overall"));
	text_format_age(age, s->now - cert_states_seen_at(s->certs));
	snprintf(detail, sizeof(detail), "%zu, looked at %s ago",
	    json_array_size(array), age);
	add_trouble_beside(report, detail);
	json_array_foreach(array, i, c) {
		finding = json_string_value(json_object_get(c, "finding"));
		if (finding == NULL || strcmp(finding, "ok") == 0 ||
		    json_is_true(json_object_get(c, "settling")))
			continue;
		snprintf(detail, sizeof(detail), "%s: %s, looked at %s ago",
		    json_string_value(json_object_get(c, "file")), finding,
		    age);
		break;
	}
	if (overall != NULL && (strcmp(overall, "broken") == 0 ||
	    strcmp(overall, "warnings") == 0))
		report_add(r, "certificates", overall[0] == 'b' ?
		    CONTROL_BAD : CONTROL_WARNING, detail,
		    "hopseal certs tells all, and what mends it");
	else if (overall != NULL && strcmp(overall, "unknown") == 0 &&
	    (json_array_size(array) > 0 ||
	    json_is_true(json_object_get(report, "partial"))))
		report_add(r, "certificates", CONTROL_UNKNOWN, detail,
		    "some of it could not be looked at: hopseal certs says "
		    "what");
	else
		report_add(r, "certificates", CONTROL_OK, detail, "");
}

/* The trouble of others is no more than a warning here. */
static void
judge_group(struct report *r, const struct status *s)
{
	enum control_state state;
	char detail[DETAIL_SIZE];

	if (cert_group_judge(s->group, s->now, &state, detail,
	    sizeof(detail)))
		report_add(r, "group", state, detail, state == CONTROL_OK ?
		    "" : "hopseal certs --group tells all");
}

static void
count(json_t *counters, const char *name, uint64_t value)
{
	json_object_set_new(counters, name, json_integer((json_int_t)value));
}

static void
judge_reports(struct report *r, const struct status *s, json_t *counters)
{
	report_add(r, "reports", s->reports->state, s->reports->detail,
	    s->reports->advice);
	count(counters, "reports_sent", s->reports->sent);
	count(counters, "reports_failed", s->reports->failed);
	count(counters, "reports_doubtful", s->reports->doubtful);
	count(counters, "reports_given_up", s->reports->given_up);
	count(counters, "reports_verified", s->received_verified);
	count(counters, "reports_unverified", s->received_unverified);
}

static void
judge_alerts(struct report *r, const struct status *s, json_t *counters)
{
	const struct alert_queue_counts *c;
	enum alert_way way;
	char name[NAME_SIZE];

	report_add(r, "alerts", s->alerts->state, s->alerts->detail,
	    s->alerts->advice);
	for (way = 0; way < ALERT_WAY_COUNT; way++) {
		c = &s->alerts->counts[way];
		snprintf(name, sizeof(name), "alerts_%s_sent",
		    alert_way_name(way));
		count(counters, name, c->sent);
		snprintf(name, sizeof(name), "alerts_%s_failed",
		    alert_way_name(way));
		count(counters, name, c->failed);
		snprintf(name, sizeof(name), "alerts_%s_given_up",
		    alert_way_name(way));
		count(counters, name, c->given_up);
	}
}

char *
status_line(const struct status *s)
{
	struct report r = { json_array(), CONTROL_OK };
	json_t *counters = json_object();

	judge_processes(&r, s, counters);
	judge_front(&r, s, counters);
	judge_resolver(&r, s);
	judge_dane(&r, s);
	judge_postfix(&r, s);
	judge_configuration(&r, s);
	judge_tables(&r, s);
	judge_rules(&r, s);
	judge_ledger(&r, s->ledger, counters);
	judge_certificates(&r, s);
	judge_group(&r, s);
	judge_reports(&r, s, counters);
	judge_alerts(&r, s, counters);
	return json_line(json_pack("{s:o, s:o, s:s, s:o, s:o}",
	    "ok", ok_value(r.worst), "parts", r.parts,
	    "state", state_word(r.worst), "counters", counters,
	    "time", json_time(s->now)));
}
