/*
 * The metrics.  Most are a counter of "status" under another name: a row of the
 * table.  A family's rows stand together, as the format demands.
 */

#include "policyd/clerk/http/metrics.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "policyd/clerk/ledger/session_counts.h"
#include "shared/latency.h"
#include "shared/policy/finding.h"
#include "shared/text.h"

#define NAME_SIZE	64
#define LABELS_MAX	16384

struct row {
	const char	*family, *type, *help;
	const char	*counter;	/* its name in "status" */
	const char	*labels;	/* "service=\"map\"", or "" */
};

#define REQUESTS "requests_total", "counter", "Questions of Postfix"
#define ANSWERS "answers_total", "counter", "Answers to Postfix"
#define BAD "bad_requests_total", "counter", \
	"Connections closed for what is no question"
#define HITS "cache_hits_total", "counter", \
	"Domains that memory or Redis knew"
#define MISSES "cache_misses_total", "counter", "Domains that neither knew"
#define ENTRIES "cache_entries", "gauge", "Domains in memory"
#define BYTES "cache_bytes", "gauge", "Octets of the domains in memory"
#define EVICTED "cache_evictions_total", "counter", \
	"Domains that had to leave memory for others"
#define CONNECTIONS "connections", "gauge", "Postfix's connections"
#define LOOKUPS "lookups_total", "counter", "Look-ups by the scout"
#define BREAKER "breaker_open", "gauge", \
	"1 while nothing is deferred or held, as too much goes wrong"
#define REDIS_UP "redis_up", "gauge", "1 while Redis answers and can be written"
#define REDIS_LAST "redis_latency_milliseconds", "gauge", \
	"How long Redis' last answer took"
#define REDIS_ASKED "redis_questions_total", "counter", "Questions to Redis"
#define RESTARTS "process_restarts_total", "counter", \
	"How often a process was started again"
#define LOG_LINES "ledger_log_lines_total", "counter", \
	"Lines read of the mail log"
#define LOG_LAG "ledger_log_lag_bytes", "gauge", \
	"Octets of the mail log that are not read yet"
#define LOG_GAPS "ledger_log_gaps_total", "counter", \
	"Times that lines of the mail log were missed"
#define DATAGRAMS "ledger_datagrams_total", "counter", \
	"TLSRPT datagrams of Postfix"
#define JOURNAL "ledger_journal_bytes", "gauge", "Octets of the journal"
#define MEMORY "ledger_memory_bytes", "gauge", "Octets of the ledger in memory"
#define REPORTS_SENT "reports_sent_total", "counter", \
	"Tries to send RFC 8460 reports, and how they ended"
#define REPORTS_RECEIVED "reports_received_total", "counter", \
	"RFC 8460 reports that others sent us"
#define ALERTS "alerts_sent_total", "counter", \
	"Tries to tell somebody of changes, and how they ended"

static const struct row rows[] = {
	{ REQUESTS, "map_requests", "service=\"map\"" },
	{ REQUESTS, "access_requests", "service=\"access\"" },
	{ ANSWERS, "map_found", "service=\"map\",answer=\"found\"" },
	{ ANSWERS, "map_not_found", "service=\"map\",answer=\"not-found\"" },
	{ ANSWERS, "map_temporary", "service=\"map\",answer=\"temporary\"" },
	{ ANSWERS, "map_permanent", "service=\"map\",answer=\"permanent\"" },
	{ ANSWERS, "access_dunno", "service=\"access\",answer=\"dunno\"" },
	{ ANSWERS, "access_deferred", "service=\"access\",answer=\"defer\"" },
	{ ANSWERS, "access_held", "service=\"access\",answer=\"hold\"" },
	{ ANSWERS, "access_rejected", "service=\"access\",answer=\"reject\"" },
	{ BAD, "bad_requests", "" },
	{ HITS, "memory_hits", "cache=\"memory\"" },
	{ HITS, "cache_hits", "cache=\"redis\"" },
	{ MISSES, "lookups", "" },
	{ ENTRIES, "cache_entries", "" },
	{ BYTES, "cache_bytes", "" },
	{ EVICTED, "cache_evicted", "" },
	{ CONNECTIONS, "connections", "" },
	{ LOOKUPS, "lookups_answered", "result=\"answered\"" },
	{ LOOKUPS, "lookups_failed", "result=\"failed\"" },
	{ BREAKER, "breaker_open", "" },
	{ REDIS_UP, "redis_up", "" },
	{ REDIS_LAST, "redis_last_ms", "" },
	{ REDIS_ASKED, "redis_answered", "result=\"answered\"" },
	{ REDIS_ASKED, "redis_failed", "result=\"failed\"" },
	{ RESTARTS, "restarts_front", "process=\"front\"" },
	{ RESTARTS, "restarts_scout", "process=\"scout\"" },
	{ RESTARTS, "restarts_clerk", "process=\"clerk\"" },
	{ LOG_LINES, "ledger_log_lines", "" },
	{ LOG_LAG, "ledger_log_lag_bytes", "" },
	{ LOG_GAPS, "ledger_log_gaps", "" },
	{ DATAGRAMS, "ledger_datagrams", "result=\"counted\"" },
	{ DATAGRAMS, "ledger_datagrams_refused", "result=\"refused\"" },
	{ DATAGRAMS, "ledger_datagrams_lost", "result=\"lost\"" },
	{ JOURNAL, "ledger_journal_bytes", "" },
	{ MEMORY, "ledger_memory_bytes", "" },
	{ REPORTS_SENT, "reports_sent", "result=\"sent\"" },
	{ REPORTS_SENT, "reports_failed", "result=\"failed\"" },
	{ REPORTS_SENT, "reports_doubtful", "result=\"doubtful\"" },
	{ REPORTS_SENT, "reports_given_up", "result=\"given-up\"" },
	{ REPORTS_RECEIVED, "reports_verified", "result=\"verified\"" },
	{ REPORTS_RECEIVED, "reports_unverified", "result=\"unverified\"" },
	{ ALERTS, "alerts_command_sent", "way=\"command\",result=\"sent\"" },
	{ ALERTS, "alerts_command_failed",
	    "way=\"command\",result=\"failed\"" },
	{ ALERTS, "alerts_command_given_up",
	    "way=\"command\",result=\"given-up\"" },
	{ ALERTS, "alerts_mail_sent", "way=\"mail\",result=\"sent\"" },
	{ ALERTS, "alerts_mail_failed", "way=\"mail\",result=\"failed\"" },
	{ ALERTS, "alerts_mail_given_up", "way=\"mail\",result=\"given-up\"" },
	{ ALERTS, "alerts_webhook_sent", "way=\"webhook\",result=\"sent\"" },
	{ ALERTS, "alerts_webhook_failed",
	    "way=\"webhook\",result=\"failed\"" },
	{ ALERTS, "alerts_webhook_given_up",
	    "way=\"webhook\",result=\"given-up\"" },
};

static void
add_family(struct buffer *out, const char *name, const char *type,
    const char *help)
{
	buffer_addf(out, "# HELP hopseal_%s %s.\n# TYPE hopseal_%s %s\n", name,
	    help, name, type);
}

static void
add_sample(struct buffer *out, const char *name, const char *labels,
    uint64_t value)
{
	buffer_addf(out, "hopseal_%s%s%s%s %" PRIu64 "\n", name,
	    labels[0] != '\0' ? "{" : "", labels, labels[0] != '\0' ? "}" : "",
	    value);
}

/* False when "status" has no such counter. */
static bool
counter_of(const json_t *counters, const char *name, uint64_t *out)
{
	const json_t *value = json_object_get(counters, name);

	if (!json_is_integer(value))
		return false;
	*out = (uint64_t)json_integer_value(value);
	return true;
}

static void
add_rows(struct buffer *out, const json_t *counters)
{
	const char *family = "";
	uint64_t value;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!counter_of(counters, rows[i].counter, &value))
			continue;
		if (strcmp(family, rows[i].family) != 0)
			add_family(out, rows[i].family, rows[i].type,
			    rows[i].help);
		family = rows[i].family;
		add_sample(out, family, rows[i].labels, value);
	}
}

/* ------------------------------------------------------------- durations */

/* The counters of one struct latency, named by latency_name. */
static void
add_histogram(struct buffer *out, const json_t *counters, const char *prefix,
    const char *family, const char *labels)
{
	const char *comma = labels[0] != '\0' ? "," : "";
	char name[NAME_SIZE];
	uint64_t value, sum = 0;
	unsigned i;

	for (i = 0; i < LATENCY_BUCKETS; i++) {
		if (!counter_of(counters, latency_name(prefix, i, name,
		    sizeof(name)), &value))
			return;
		sum += value;
		if (i < LATENCY_BUCKETS - 1)
			buffer_addf(out, "hopseal_%s_bucket{%s%sle=\"%g\"} %"
			    PRIu64 "\n", family, labels, comma,
			    latency_limit_ms(i) / 1000.0, sum);
		else
			buffer_addf(out, "hopseal_%s_bucket{%s%sle=\"+Inf\"} %"
			    PRIu64 "\n", family, labels, comma, sum);
	}
	snprintf(name, sizeof(name), "%s_took_ms", prefix);
	if (!counter_of(counters, name, &value))
		value = 0;
	buffer_addf(out, "hopseal_%s_sum%s%s%s %.3f\nhopseal_%s_count%s%s%s %"
	    PRIu64 "\n", family, labels[0] != '\0' ? "{" : "", labels,
	    labels[0] != '\0' ? "}" : "", (double)value / 1000, family,
	    labels[0] != '\0' ? "{" : "", labels, labels[0] != '\0' ? "}" : "",
	    sum);
}

static void
add_durations(struct buffer *out, const json_t *counters)
{
	add_family(out, "answer_seconds", "histogram", "How long Postfix "
	    "waited; answers from memory count as 0");
	add_histogram(out, counters, "map", "answer_seconds",
	    "service=\"map\"");
	add_histogram(out, counters, "access", "answer_seconds",
	    "service=\"access\"");
	add_family(out, "lookup_seconds", "histogram",
	    "How long look-ups took");
	add_histogram(out, counters, "lookup", "lookup_seconds", "");
}

/* -------------------------------------------------- findings and the ledger */

static void
add_probes(struct buffer *out, const json_t *counters)
{
	char name[NAME_SIZE], labels[NAME_SIZE];
	uint64_t value;
	int f;

	add_family(out, "probes_total", "counter",
	    "Mail hosts looked at by the scout, by what was found");
	for (f = FINDING_OK; f < FINDING_COUNT; f++) {
		snprintf(name, sizeof(name), "probes_%s", finding_name(f));
		if (!counter_of(counters, name, &value))
			continue;
		snprintf(labels, sizeof(labels), "finding=\"%s\"",
		    finding_name(f));
		add_sample(out, "probes_total", labels, value);
	}
}

static void
add_pair(struct buffer *out, const char *family, int direction,
    const char *label, const char *word, uint64_t value)
{
	char labels[NAME_SIZE * 2];

	snprintf(labels, sizeof(labels), "direction=\"%s\",%s=\"%s\"",
	    session_direction_name(direction), label, word);
	add_sample(out, family, labels, value);
}

static void
add_sessions(struct buffer *out, const struct session_counts *c)
{
	char labels[NAME_SIZE * 2];
	unsigned i;
	int d;

	add_family(out, "sessions_total", "counter",
	    "TLS sessions of the ledger since the start, by how they ended");
	for (d = 0; d < SESSION_DIRECTION_COUNT; d++)
		for (i = 0; i < SESSION_OUTCOMES; i++)
			add_pair(out, "sessions_total", d, "outcome",
			    tally_outcome_name(i), c->outcomes[d][i]);
	add_family(out, "sessions_verified_total", "counter",
	    "Those whose certificate Postfix verified");
	for (d = 0; d < SESSION_DIRECTION_COUNT; d++) {
		snprintf(labels, sizeof(labels), "direction=\"%s\"",
		    session_direction_name(d));
		add_sample(out, "sessions_verified_total", labels,
		    c->verified[d]);
	}
	add_family(out, "session_protocols_total", "counter",
	    "Those with a known TLS version");
	for (d = 0; d < SESSION_DIRECTION_COUNT; d++)
		for (i = 0; i < SESSION_PROTOCOLS; i++)
			add_pair(out, "session_protocols_total", d, "protocol",
			    session_protocol_name(i), c->protocols[d][i]);
	add_family(out, "session_failures_total", "counter",
	    "Failures by RFC 8460 result-type");
	for (d = 0; d < SESSION_DIRECTION_COUNT; d++)
		for (i = 0; i < SESSION_RESULTS; i++)
			add_pair(out, "session_failures_total", d,
			    "result_type", session_result_name(i),
			    c->results[d][i]);
	add_family(out, "certificate_refusals_total", "counter",
	    "Handshakes in which a peer refused our certificate");
	add_sample(out, "certificate_refusals_total", "", c->refusals);
}

/* ---------------------------------------------------------- parts of status */

/* Words of our own configuration, quoted as the format demands. */
static void
add_label(struct buffer *labels, const char *name, const char *value)
{
	buffer_addf(labels, "%s%s=\"", labels->len > 0 ? "," : "", name);
	for (; *value != '\0'; value++) {
		if (*value == '"' || *value == '\\')
			buffer_add(labels, "\\", 1);
		buffer_add(labels, *value == '\n' ? " " : value, 1);
	}
	buffer_add(labels, "\"", 1);
}

static void
add_parts(struct buffer *out, const json_t *parts)
{
	static const char *const states[] = { "ok", "warning", "unknown",
	    "critical" };
	const char *name, *state;
	struct buffer labels;
	json_t *part;
	size_t i;
	unsigned s;

	add_family(out, "part_state", "gauge", "Each part of \"hopseal "
	    "status\": 0 ok, 1 warning, 2 unknown, 3 critical");
	json_array_foreach(parts, i, part) {
		name = json_string_value(json_object_get(part, "name"));
		state = json_string_value(json_object_get(part, "state"));
		for (s = 0; name != NULL && state != NULL && s < 4; s++) {
			if (strcmp(state, states[s]) != 0)
				continue;
			buffer_init(&labels, LABELS_MAX);
			add_label(&labels, "part", name);
			add_sample(out, "part_state", buffer_text(&labels), s);
			buffer_clear(&labels);
		}
	}
}

/* 0 fine, 1 warnings, 2 something critical. */
static json_int_t
certificate_state(const json_t *certificate)
{
	const json_t *problems = json_object_get(certificate, "problems"), *p;
	const char *severity;
	json_int_t state = 0;
	size_t i;

	if (json_is_true(json_object_get(certificate, "settling")))
		return 0;
	json_array_foreach(problems, i, p) {
		severity = json_string_value(json_object_get(p, "severity"));
		if (severity != NULL && strcmp(severity, "critical") == 0)
			return 2;
		state = 1;
	}
	return state;
}

static bool
has_same_labels(const json_t *a, const json_t *b)
{
	return json_equal(json_object_get(a, "name"),
	    json_object_get(b, "name")) &&
	    json_equal(json_object_get(a, "file"),
	    json_object_get(b, "file")) &&
	    json_equal(json_object_get(a, "sni"), json_object_get(b, "sni"));
}

static void
add_certificate(struct buffer *out, const char *family,
    const json_t *certificate, json_int_t value)
{
	const char *name, *file, *sni;
	struct buffer labels;

	name = json_string_value(json_object_get(certificate, "name"));
	file = json_string_value(json_object_get(certificate, "file"));
	sni = json_string_value(json_object_get(certificate, "sni"));
	if (name == NULL || file == NULL)
		return;
	buffer_init(&labels, LABELS_MAX);
	add_label(&labels, "certificate", name);
	add_label(&labels, "file", file);
	add_label(&labels, "sni", sni != NULL ? sni : "");
	add_sample(out, family, buffer_text(&labels), (uint64_t)value);
	buffer_clear(&labels);
}

/* Of several keys in one file, which follow each other, the worst counts. */
static void
add_certificates(struct buffer *out, const json_t *certificates)
{
	size_t count = json_array_size(certificates), i, next;
	json_int_t state, days, value;
	const json_t *one, *other;
	struct buffer left;

	if (certificates == NULL)
		return;
	buffer_init(&left, out->limit);
	add_family(&left, "certificate_days_left", "gauge",
	    "Whole days until one of our own certificates ends");
	add_family(out, "certificate_state", "gauge",
	    "Our own certificates: 0 fine, 1 warnings, 2 critical");
	for (i = 0; i < count; i = next) {
		one = json_array_get(certificates, i);
		state = certificate_state(one);
		days = -1;
		for (next = i; next < count; next++) {
			other = json_array_get(certificates, next);
			if (next > i && !has_same_labels(one, other))
				break;
			value = certificate_state(other);
			if (value > state)
				state = value;
			other = json_object_get(other, "days");
			value = json_integer_value(other);
			if (json_is_integer(other) && (days == -1 ||
			    value < days))
				days = value;
		}
		add_certificate(out, "certificate_state", one, state);
		if (days >= 0)
			add_certificate(&left, "certificate_days_left", one,
			    days);
	}
	buffer_add(out, buffer_text(&left), left.len);
	buffer_clear(&left);
}

void
metrics_format(const json_t *status, const struct session_counts *counts,
    const json_t *certificates, struct buffer *out)
{
	const json_t *counters = json_object_get(status, "counters");

	add_family(out, "build_info", "gauge", "Always 1");
	add_sample(out, "build_info", "version=\"" HOPSEAL_VERSION "\"", 1);
	add_parts(out, json_object_get(status, "parts"));
	add_rows(out, counters);
	add_durations(out, counters);
	add_probes(out, counters);
	add_sessions(out, counts);
	add_certificates(out, certificates);
}
