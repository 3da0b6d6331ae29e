/*
 * States are kept by name, file and SNI name of a certificate: what was told of
 * it last, its digest, since when trouble is held back, and what its ports are
 * expected to serve.  One that is no longer found is forgotten without a word
 * after a day: somebody has removed it, or the finding failed for once.
 */

#include "policyd/clerk/cert_states.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/clerk/cert_served.h"
#include "policyd/clerk/value_json.h"
#include "shared/io/file.h"
#include "shared/io/log.h"
#include "shared/xalloc.h"

#define FILE_MAX_BYTES	(8 * 1024 * 1024)
#define KEY_SIZE	2048

struct cert_states {
	char		*path;
	cert_states_cb	*callback;
	void		*arg;
	json_t		*states;	/* by key */
	json_t		*report;	/* or NULL */
	int64_t		 seen_at;
	bool		 has_changed;	/* since it was written */
};

static int64_t
number_in(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

struct cert_states *
cert_states_new(const char *path, cert_states_cb *callback, void *arg)
{
	struct cert_states *s = xcalloc(1, sizeof(*s));

	s->path = xstrdup(path);
	s->callback = callback;
	s->arg = arg;
	s->states = json_file_object(path, FILE_MAX_BYTES);
	return s;
}

void
cert_states_free(struct cert_states *s)
{
	if (s == NULL)
		return;
	json_decref(s->states);
	json_decref(s->report);
	free(s->path);
	free(s);
}

/* --------------------------------------------------------------- the words */

static void
add_findings(const json_t *certificate, struct buffer *out)
{
	const json_t *findings = json_object_get(certificate, "findings"),
	    *word;
	size_t i;

	json_array_foreach(findings, i, word)
		buffer_addf(out, "%s%s", i > 0 ? " " : "",
		    json_is_string(word) ? json_string_value(word) : "");
}

/* What is wrong, and how near the end is; "" for nothing. */
static void
add_words(const json_t *certificate, struct buffer *out)
{
	add_findings(certificate, out);
	if (out->len > 0)
		buffer_addf(out, " %lld",
		    (long long)number_in(certificate, "stage"));
}

static bool
has_word(const char *words, const char *word)
{
	struct text rest = text_of(words), one;

	while (text_next_word(&rest, &one))
		if (text_equals(one, word))
			return true;
	return false;
}

/* ------------------------------------------------------------ holding back */

/*
 * A port may be busy for once; and who renews a file reloads the server a
 * moment later, so that a look between both sees the old one served.
 */
static bool
may_pass(const char *word, bool is_renewed)
{
	return strcmp(word, "unknown") == 0 || (is_renewed &&
	    (strcmp(word, "served-stale") == 0 ||
	    strcmp(word, "sni-map-stale") == 0));
}

/* Since when trouble that may pass was seen; 0 where there is none. */
static int64_t
held_since(const json_t *old, const json_t *certificate, int64_t now)
{
	const json_t *findings = json_object_get(certificate, "findings"),
	    *word;
	const char *before = json_text_in(old, "id"), *id = json_text_in(certificate,
	    "id");
	int64_t since = number_in(old, "held_since");
	/* One that cannot be read is no renewal. */
	bool is_renewed = since != 0 || (before[0] != '\0' &&
	    id[0] != '\0' && strcmp(before, id) != 0);
	size_t i;

	json_array_foreach(findings, i, word)
		if (json_is_string(word) &&
		    may_pass(json_string_value(word), is_renewed) &&
		    !has_word(json_text_in(old, "told"), json_string_value(word)))
			return since != 0 ? since : now;
	return 0;
}

/* ----------------------------------------------------------------- telling */

static void
tell(const struct cert_states *s, const json_t *certificate)
{
	const json_t *problems = json_object_get(certificate, "problems"),
	    *days = json_object_get(certificate, "days"), *p;
	struct cert_change change = {
		.name = json_text_in(certificate, "name"),
		.file = json_text_in(certificate, "file"),
		.sni = json_text_in(certificate, "sni"),
		.finding = json_text_in(certificate, "finding"),
		.words = "", .advice = "",
		.days = json_is_integer(days) ? json_integer_value(days) : -1
	};
	struct buffer findings;
	size_t i;

	buffer_init(&findings, KEY_SIZE);
	add_findings(certificate, &findings);
	change.findings = buffer_text(&findings);
	json_array_foreach(problems, i, p) {
		if (strcmp(json_text_in(p, "finding"), change.finding) != 0)
			continue;
		change.words = json_text_in(p, "words");
		change.advice = json_text_in(p, "advice");
		change.severity = strcmp(json_text_in(p, "severity"),
		    "critical") == 0 ? CERT_BROKEN : CERT_DOUBTFUL;
		break;
	}
	s->callback(&change, s->arg);
	buffer_clear(&findings);
}

/* Tells what is new, and returns the state that is then known. */
static json_t *
take_certificate(const struct cert_states *s, const json_t *old,
    const json_t *ours, json_t *certificate, int64_t now)
{
	json_t *served = cert_served_compare(json_object_get(old, "served"),
	    ours, certificate, now), *state;
	int64_t since = held_since(old, certificate, now);
	bool is_held = since != 0 && now - since < CERT_STATES_HOLD_S;
	const char *id = json_text_in(certificate, "id");
	struct buffer words;

	buffer_init(&words, KEY_SIZE);
	if (is_held) {
		buffer_add_text(&words, json_text_in(old, "told"));
		if (words.len == 0)
			json_object_set_new(certificate, "settling",
			    json_true());
	} else {
		add_words(certificate, &words);
		if (strcmp(buffer_text(&words), json_text_in(old, "told")) != 0)
			tell(s, certificate);
	}
	state = json_pack("{s:s, s:s, s:I, s:o}", "told", buffer_text(&words),
	    "id", id[0] != '\0' ? id : json_text_in(old, "id"), "held_since",
	    (json_int_t)(is_held ? since : 0), "served", served);
	buffer_clear(&words);
	return state;
}

void
cert_states_forget_told(struct cert_states *s)
{
	const char *key;
	json_t *state;

	json_object_foreach(s->states, key, state)
		json_object_del(state, "told");
	s->has_changed = true;
}

/* -------------------------------------------------------------- the report */

const char *
cert_states_worse(const char *a, const char *b)
{
	static const char *const order[] = { "broken", "warnings",
	    "unknown" };
	size_t i;

	for (i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if (strcmp(a, order[i]) == 0 || strcmp(b, order[i]) == 0)
			return order[i];
	return "good";
}

/* overall, with what these rows are by their severity. */
static const char *
worse_of(const char *overall, const json_t *rows)
{
	const json_t *row;
	const char *severity;
	size_t i;

	json_array_foreach(rows, i, row) {
		severity = json_text_in(row, "severity");
		overall = cert_states_worse(overall,
		    strcmp(severity, "critical") == 0 ? "broken" :
		    strcmp(severity, "info") == 0 ? "good" : "warnings");
	}
	return overall;
}

/* As the command says it, but without what is held back. */
static const char *
overall_of(const json_t *report)
{
	const json_t *certificates = json_object_get(report, "certificates"),
	    *domains = json_object_get(report, "domains"), *c;
	const char *overall = json_array_size(certificates) == 0 ||
	    json_is_true(json_object_get(report, "partial")) ? "unknown" :
	    "good";
	size_t i;

	overall = worse_of(overall, json_object_get(report, "refused"));
	json_array_foreach(domains, i, c)
		overall = cert_states_worse(overall, json_text_in(c, "overall"));
	json_array_foreach(certificates, i, c)
		if (!json_is_true(json_object_get(c, "settling")))
			overall = worse_of(overall, json_object_get(c,
			    "problems"));
	return overall;
}

/* ------------------------------------------------------------------ keeping */

void
cert_states_keep(struct cert_states *s)
{
	char *text;

	if (!s->has_changed)
		return;
	text = json_dumps(s->states, JSON_COMPACT | JSON_SORT_KEYS);
	s->has_changed = file_replace(s->path, text_of(text)) == -1;
	if (s->has_changed)
		log_warn("states of certificates are not kept, a restart "
		    "tells them again: path=%s, reason=%s", s->path,
		    strerror(errno));
	free(text);
}

/* The digest of each on disk, now and at the look before. */
static json_t *
digests_of(json_t *states, const json_t *certificates)
{
	json_t *digests = json_object(), *state;
	const json_t *certificate;
	const char *key;
	size_t i;

	json_object_foreach(states, key, state)
		json_object_set_new(digests, json_text_in(state, "id"),
		    json_true());
	json_array_foreach(certificates, i, certificate)
		json_object_set_new(digests, json_text_in(certificate, "id"),
		    json_true());
	return digests;
}

/* Those of before that are not in states, for a day. */
static void
remember_gone(json_t *old_states, json_t *states, int64_t now)
{
	const char *key;
	json_t *old;
	int64_t since;

	json_object_foreach(old_states, key, old) {
		since = number_in(old, "gone_since");
		if (json_object_get(states, key) != NULL ||
		    !json_is_object(old) ||
		    (since != 0 && now - since >= CERT_STATES_GONE_S))
			continue;
		json_object_set(states, key, old);
		json_object_set_new(old, "gone_since", json_integer(
		    since != 0 ? since : now));
	}
}

static json_t *
take_certificates(struct cert_states *s, const json_t *certificates,
    int64_t now)
{
	json_t *states = json_object(), *ours = digests_of(s->states,
	    certificates), *certificate;
	char key[KEY_SIZE];
	size_t i;

	json_array_foreach(certificates, i, certificate) {
		snprintf(key, sizeof(key), "%s|%s|%s",
		    json_text_in(certificate, "name"),
		    json_text_in(certificate, "file"), json_text_in(certificate, "sni"));
		/* The next key of the same files. */
		while (json_object_get(states, key) != NULL &&
		    strlen(key) < sizeof(key) - 1)
			strcat(key, "+");
		json_object_set_new(states, key, take_certificate(s,
		    json_object_get(s->states, key), ours, certificate, now));
	}
	json_decref(ours);
	return states;
}

bool
cert_states_take(struct cert_states *s, struct text text, int64_t now)
{
	json_t *report = json_loadb(text.data, text.len, 0, NULL),
	    *before, *states;
	const json_t *certificates = json_object_get(report, "certificates");

	if (!json_is_array(certificates)) {
		json_decref(report);
		return false;
	}
	before = json_deep_copy(s->states);
	states = take_certificates(s, certificates, now);
	remember_gone(s->states, states, now);
	json_object_set_new(report, "overall",
	    json_string(overall_of(report)));
	json_decref(s->report);
	json_decref(s->states);
	s->report = report;
	s->states = states;
	s->seen_at = now;
	s->has_changed |= !json_equal(before, states);
	json_decref(before);
	return true;
}

/* ------------------------------------------------------------------ asking */

const json_t *
cert_states_report(const struct cert_states *s)
{
	return s->report;
}

int64_t
cert_states_seen_at(const struct cert_states *s)
{
	return s->seen_at;
}

void
cert_states_add_files(const struct cert_states *s, struct buffer *out)
{
	const json_t *array = json_object_get(s->report, "certificates"),
	    *certificate, *file;
	size_t i, j;

	json_array_foreach(array, i, certificate)
		json_array_foreach(json_object_get(certificate, "files"), j,
		    file)
			if (json_is_string(file))
				buffer_addf(out, "%s\n",
				    json_string_value(file));
}

/* The earlier one, of those after now. */
static int64_t
next_of(int64_t next, const json_t *of, int64_t now)
{
	bool has_offset;
	int64_t at = 0;

	text_parse_time(text_of(json_text_in(of, "not_after")), &at,
	    &has_offset);
	return at > now && (next == 0 || at < next) ? at : next;
}

int64_t
cert_states_next_end(const struct cert_states *s, int64_t now)
{
	const json_t *array = json_object_get(s->report, "certificates"),
	    *certificate, *served;
	int64_t next = 0;
	size_t i, j;

	json_array_foreach(array, i, certificate) {
		next = next_of(next, certificate, now);
		json_array_foreach(json_object_get(certificate, "served"), j,
		    served)
			next = next_of(next, json_object_get(served, "seen"),
			    now);
	}
	return next;
}

static void
add_end(struct cert_ends *out, uint64_t port, const json_t *seen)
{
	bool has_offset;
	int64_t at;

	if (text_parse_time(text_of(json_text_in(seen, "not_after")), &at,
	    &has_offset))
		cert_ends_add(out, (uint16_t)port, at);
}

static void
add_kept_ends(const struct cert_states *s, struct cert_ends *out)
{
	const char *key, *endpoint;
	json_t *state, *seen;
	uint64_t port;

	json_object_foreach(s->states, key, state) {
		if (json_object_get(state, "gone_since") != NULL)
			continue;
		json_object_foreach(json_object_get(state, "served"), endpoint,
		    seen)
			if (cert_served_is_nameless(endpoint, &port))
				add_end(out, port, seen);
	}
}

void
cert_states_add_ends(const struct cert_states *s, struct cert_ends *out)
{
	const json_t *array = json_object_get(s->report, "certificates"),
	    *certificate, *served;
	size_t i, j;

	if (s->report == NULL)
		add_kept_ends(s, out);
	json_array_foreach(array, i, certificate)
		json_array_foreach(json_object_get(certificate, "served"), j,
		    served)
			if (json_is_null(json_object_get(served, "sni")))
				add_end(out, (uint64_t)number_in(served,
				    "port"), json_object_get(served, "seen"));
}

const json_t *
cert_states_kept(const struct cert_states *s)
{
	return s->states;
}

void
cert_states_recall(struct cert_states *s, const json_t *kept)
{
	if (json_is_object(kept) && json_object_size(s->states) == 0) {
		json_decref(s->states);
		s->states = json_deep_copy(kept);
		s->has_changed = true;
	}
}
