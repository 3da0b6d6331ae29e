/*
 * A state is kept as it is answered: one JSON object a domain.
 */

#include "policyd/clerk/own_promises.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/clerk/value_json.h"
#include "shared/buffer.h"
#include "shared/io/file.h"
#include "shared/io/log.h"
#include "shared/xalloc.h"

#define FILE_MAX_BYTES	(256 * 1024)
#define FINDINGS_MAX	4096

struct own_promises {
	char		*path;
	json_t		*domains;	/* name: state */
	own_promises_cb	*callback;
	void		*arg;
	bool		 has_changed;	/* since it was written */
};

struct own_promises *
own_promises_new(const char *path, own_promises_cb *callback, void *arg)
{
	struct own_promises *s = xcalloc(1, sizeof(*s));

	s->path = xstrdup(path);
	s->callback = callback;
	s->arg = arg;
	s->domains = json_file_object(path, FILE_MAX_BYTES);
	return s;
}

void
own_promises_free(struct own_promises *s)
{
	if (s == NULL)
		return;
	json_decref(s->domains);
	free(s->path);
	free(s);
}

static void
set_text(json_t *state, const char *name, const char *value)
{
	json_object_set_new(state, name, json_string(value));
}

/* Each word once, in the order of the problems. */
static void
add_findings(const json_t *problems, struct buffer *out)
{
	const json_t *p, *before;
	const char *word;
	size_t i, j;

	json_array_foreach(problems, i, p) {
		word = json_text_in(p, "finding");
		json_array_foreach(problems, j, before)
			if (strcmp(json_text_in(before, "finding"), word) == 0)
				break;
		if (i == j)
			buffer_addf(out, "%s%s", i > 0 ? " " : "", word);
	}
}

/*
 * What could not be looked at is as before.  Trouble is told when the next look
 * sees the same, its end at once.
 */
static void
judge(const struct own_promises *s, const json_t *domain, json_t *state)
{
	const json_t *problems = json_object_get(domain, "problems"),
	    *first = json_array_get(problems, 0);
	struct promise_change change = { .domain = json_text_in(domain, "domain"),
	    .words = json_text_in(first, "words"),
	    .advice = json_text_in(first, "advice"),
	    .is_broken = strcmp(json_text_in(domain, "overall"), "broken") == 0 };
	struct buffer findings;

	if (!json_is_array(problems) || strcmp(json_text_in(domain, "overall"),
	    "unknown") == 0)
		return;
	buffer_init(&findings, FINDINGS_MAX);
	add_findings(problems, &findings);
	change.findings = buffer_text(&findings);
	if (strcmp(change.findings, json_text_in(state, "findings")) != 0 &&
	    (findings.len == 0 ||
	    strcmp(change.findings, json_text_in(state, "seen")) == 0)) {
		set_text(state, "findings", change.findings);
		s->callback(&change, s->arg);
	}
	set_text(state, "seen", change.findings);
	buffer_clear(&findings);
}

/* old (or NULL) as it is after a look at the domain. */
static json_t *
state_after(const json_t *old, const json_t *domain, int64_t now)
{
	json_t *state = json_is_object(old) ? json_deep_copy(old) :
	    json_object();
	const char *mode = json_text_in(domain, "mode"), *id = json_text_in(domain,
	    "id"), *hash = json_text_in(domain, "policy_hash");
	char since[TEXT_TIME_SIZE];

	if (mode[0] != '\0' && strcmp(mode, json_text_in(state, "mode")) != 0) {
		set_text(state, "mode", mode);
		set_text(state, "since", text_format_time(since, now));
	}
	/* Of a policy the first that was seen under its id counts. */
	if (id[0] != '\0' && hash[0] != '\0' &&
	    strcmp(id, json_text_in(state, "id")) != 0) {
		set_text(state, "id", id);
		set_text(state, "policy_hash", hash);
	}
	return state;
}

void
own_promises_keep(struct own_promises *s)
{
	char *text;

	if (!s->has_changed)
		return;
	text = json_dumps(s->domains, JSON_COMPACT | JSON_SORT_KEYS);
	s->has_changed = file_replace(s->path, text_of(text)) == -1;
	if (s->has_changed)
		log_warn("since when domains promise what they do is not "
		    "kept: path=%s, reason=%s", s->path, strerror(errno));
	free(text);
}

void
own_promises_take(struct own_promises *s, struct text text, int64_t now)
{
	json_t *report = json_loadb(text.data, text.len, 0, NULL),
	    *domains = json_object(), *state;
	const json_t *array = json_object_get(report, "domains"), *domain;
	const char *name;
	size_t i;

	json_array_foreach(array, i, domain) {
		name = json_text_in(domain, "domain");
		if (name[0] == '\0')
			continue;
		state = state_after(json_object_get(s->domains, name), domain,
		    now);
		judge(s, domain, state);
		json_object_set_new(domains, name, state);
	}
	/* Whose names could not all be found out has not given one up. */
	if (json_is_true(json_object_get(report, "partial")))
		json_object_update_missing(domains, s->domains);
	if (json_is_array(array) && !json_equal(s->domains, domains)) {
		json_decref(s->domains);
		s->domains = json_incref(domains);
		s->has_changed = true;
	}
	json_decref(domains);
	json_decref(report);
}

void
own_promises_forget_told(struct own_promises *s)
{
	const char *name;
	json_t *state;

	json_object_foreach(s->domains, name, state)
		json_object_del(state, "findings");
	s->has_changed = true;
}

char *
own_promises_line(const struct own_promises *s)
{
	json_t *answer = json_pack("{s:O}", "domains", s->domains);
	char *line = json_dumps(answer, JSON_COMPACT | JSON_ENSURE_ASCII |
	    JSON_SORT_KEYS);

	json_decref(answer);
	return line;
}
