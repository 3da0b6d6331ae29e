/*
 * States are kept by name, file and SNI name of a certificate.  One that is no
 * longer found is forgotten without a word: somebody has removed it.
 */

#include "policyd/clerk/cert_states.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/buffer.h"
#include "shared/io/file.h"
#include "shared/io/log.h"
#include "shared/xalloc.h"

#define FILE_MAX_BYTES	(1024 * 1024)
#define KEY_SIZE	2048

struct cert_states {
	char		*path;
	cert_states_cb	*callback;
	void		*arg;
	json_t		*states;	/* key: the state as told last */
	json_t		*report;	/* or NULL */
	int64_t		 seen_at;
};

static const char *
text_in(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text != NULL ? text : "";
}

struct cert_states *
cert_states_new(const char *path, cert_states_cb *callback, void *arg)
{
	struct cert_states *s = xcalloc(1, sizeof(*s));
	struct buffer text;

	s->path = xstrdup(path);
	s->callback = callback;
	s->arg = arg;
	buffer_init(&text, FILE_MAX_BYTES);
	if (file_read(path, &text) == 0)
		s->states = json_loadb(buffer_text(&text), text.len, 0, NULL);
	if (!json_is_object(s->states)) {
		json_decref(s->states);
		s->states = json_object();
	}
	buffer_clear(&text);
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

/* ----------------------------------------------------------------- changes */

/* What is wrong, and how near the end is: whatever changes it is news. */
static json_t *
state_of(const json_t *certificate)
{
	struct buffer b;
	const json_t *word;
	json_t *state;
	size_t i;

	buffer_init(&b, KEY_SIZE);
	json_array_foreach(json_object_get(certificate, "findings"), i, word)
		buffer_addf(&b, "%s ", json_is_string(word) ?
		    json_string_value(word) : "");
	buffer_addf(&b, "%lld", (long long)json_integer_value(
	    json_object_get(certificate, "stage")));
	state = json_string(buffer_text(&b));
	buffer_clear(&b);
	return state;
}

/* A certificate that was never seen is news only when something is wrong. */
static bool
is_news(const json_t *old, const json_t *certificate)
{
	return old != NULL ||
	    strcmp(text_in(certificate, "finding"), "ok") != 0;
}

static void
tell(const struct cert_states *s, const json_t *certificate)
{
	const json_t *problems = json_object_get(certificate, "problems"),
	    *days = json_object_get(certificate, "days"), *p;
	struct cert_change change = {
		.name = text_in(certificate, "name"),
		.file = text_in(certificate, "file"),
		.sni = text_in(certificate, "sni"),
		.finding = text_in(certificate, "finding"),
		.words = "", .advice = "",
		.days = json_is_integer(days) ? json_integer_value(days) : -1
	};
	size_t i;

	json_array_foreach(problems, i, p) {
		if (strcmp(text_in(p, "finding"), change.finding) != 0)
			continue;
		change.words = text_in(p, "words");
		change.advice = text_in(p, "advice");
		change.severity = strcmp(text_in(p, "severity"),
		    "critical") == 0 ? CERT_BROKEN : CERT_DOUBTFUL;
		break;
	}
	s->callback(&change, s->arg);
}

static void
keep(const struct cert_states *s)
{
	char *text = json_dumps(s->states, JSON_COMPACT | JSON_SORT_KEYS);

	if (text != NULL && file_replace(s->path, text_of(text)) == -1)
		log_warn("states of certificates are not kept, a restart "
		    "tells them again: path=%s, reason=%s", s->path,
		    strerror(errno));
	free(text);
}

bool
cert_states_take(struct cert_states *s, struct text text, int64_t now)
{
	json_t *report = json_loadb(text.data, text.len, 0, NULL),
	    *states = json_object(), *state;
	const json_t *certificates = json_object_get(report, "certificates"),
	    *certificate, *old;
	char key[KEY_SIZE];
	size_t i;

	if (!json_is_array(certificates)) {
		json_decref(report);
		json_decref(states);
		return false;
	}
	json_array_foreach(certificates, i, certificate) {
		snprintf(key, sizeof(key), "%s|%s|%s",
		    text_in(certificate, "name"),
		    text_in(certificate, "file"), text_in(certificate, "sni"));
		old = json_object_get(s->states, key);
		state = state_of(certificate);
		if (!json_equal(old, state) && is_news(old, certificate))
			tell(s, certificate);
		json_object_set_new(states, key, state);
	}
	json_decref(s->report);
	s->report = report;
	s->seen_at = now;
	if (json_equal(s->states, states)) {
		json_decref(states);
		return true;
	}
	json_decref(s->states);
	s->states = states;
	keep(s);
	return true;
}

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
