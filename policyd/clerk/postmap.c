/*
 * Asks Postfix's tables.  Behind each table postmap gets one that always
 * answers, so that "not there" is said and never concluded: a key without any
 * answer is UNKNOWN, whatever the exit status.
 */

#include "policyd/clerk/postmap.h"

#include <sys/queue.h>

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policyd/process/command.h"
#include "shared/buffer.h"
#include "shared/io/clock.h"
#include "shared/io/log.h"
#include "shared/siphash.h"
#include "shared/xalloc.h"

#define NOT_THERE	"hopseal-found-nothing"
#define BUCKETS		4096	/* a power of two */
#define OUTPUT_MAX	(256 * 1024)
#define PROXY		"proxy:"

/* A question, then its answer. */
struct answer {
	LIST_ENTRY(answer)	 in_bucket;
	TAILQ_ENTRY(answer)	 in_order;	/* of waiting, or of known */
	struct source		*source;
	bool			 is_asked;	/* in a run, in neither list */
	enum table_answer	 state;
	int64_t			 ends_at_ms;	/* when not PENDING */
	char			*value;		/* when FOUND */
	size_t			 key_len;
	char			 key[];
};
TAILQ_HEAD(answers, answer);

/*
 * A table of one Postfix.  One run of postmap at a time, so that a table that
 * hangs holds up nobody else's.
 */
struct source {
	LIST_ENTRY(source)	 next;
	struct postmap		*postmap;
	char			*config_dir;	/* or NULL */
	char			*table;
	bool			 has_failed;	/* said already */
	struct answers		 waiting;
	struct command		*command;	/* or NULL */
	struct answer		*keys[POSTMAP_KEYS_MAX];	/* of it */
	size_t			 key_count;
};

struct postmap {
	struct event_base	*base;
	postmap_cb		*on_answers;
	void			*arg;
	bool			 reaches_proxymap;
	struct siphash_key	 hash_key;
	LIST_HEAD(, source)	 sources;
	LIST_HEAD(, answer)	 buckets[BUCKETS];
	struct answers		 known;		/* the oldest first */
	size_t			 answer_count, run_count;
	struct event		*start;	/* of runs, once the loop is back */
};

static void	postmap_start_runs(struct postmap *p);

/* ---------------------------------------------------------------- answers */

static struct source *
source_find(struct postmap *p, const char *config_dir, struct text table)
{
	struct source *s;

	LIST_FOREACH(s, &p->sources, next)
		if (text_equals(table, s->table) &&
		    (config_dir == NULL) == (s->config_dir == NULL) &&
		    (config_dir == NULL ||
		    strcmp(config_dir, s->config_dir) == 0))
			return s;
	s = xcalloc(1, sizeof(*s));
	s->postmap = p;
	TAILQ_INIT(&s->waiting);
	s->table = xstrndup(table.data, table.len);
	if (config_dir != NULL)
		s->config_dir = xstrdup(config_dir);
	LIST_INSERT_HEAD(&p->sources, s, next);
	return s;
}

static size_t
bucket_of(const struct postmap *p, struct text key)
{
	return siphash(&p->hash_key, key.data, key.len) & (BUCKETS - 1);
}

static void
answer_free(struct postmap *p, struct answer *a)
{
	if (a->state != TABLE_PENDING)
		TAILQ_REMOVE(&p->known, a, in_order);
	else if (!a->is_asked)
		TAILQ_REMOVE(&a->source->waiting, a, in_order);
	LIST_REMOVE(a, in_bucket);
	p->answer_count--;
	free(a->value);
	free(a);
}

static struct answer *
answer_find(const struct postmap *p, const struct source *source,
    struct text key)
{
	struct answer *a;

	LIST_FOREACH(a, &p->buckets[bucket_of(p, key)], in_bucket)
		if (a->source == source && a->key_len == key.len &&
		    memcmp(a->key, key.data, key.len) == 0)
			return a;
	return NULL;
}

static void
answer_add(struct postmap *p, struct source *source, struct text key)
{
	struct answer *a = xcalloc(1, sizeof(*a) + key.len);

	a->source = source;
	a->state = TABLE_PENDING;
	a->key_len = key.len;
	memcpy(a->key, key.data, key.len);
	LIST_INSERT_HEAD(&p->buckets[bucket_of(p, key)], a, in_bucket);
	TAILQ_INSERT_TAIL(&source->waiting, a, in_order);
	p->answer_count++;
}

/* Of one that is asked. */
static void
answer_set(struct postmap *p, struct answer *a, enum table_answer state,
    struct text value)
{
	a->is_asked = false;
	a->state = state;
	a->ends_at_ms = clock_monotonic_ms() + POSTMAP_TTL_S * 1000;
	if (state == TABLE_FOUND)
		a->value = xstrndup(value.data, value.len);
	TAILQ_INSERT_TAIL(&p->known, a, in_order);
}

/* What is too old, and the oldest where there are too many. */
static void
drop_old(struct postmap *p)
{
	int64_t now_ms = clock_monotonic_ms();
	struct answer *a;

	while ((a = TAILQ_FIRST(&p->known)) != NULL &&
	    (a->ends_at_ms <= now_ms ||
	    p->answer_count >= POSTMAP_ANSWERS_MAX))
		answer_free(p, a);
}

/* ------------------------------------------------------------------- runs */

/* "key\tvalue" in the order of the keys; false when it is anything else. */
static bool
read_answer(struct text *output, const struct answer *a, struct text *value)
{
	struct text line;

	if (!text_next_line(output, &line) || line.len <= a->key_len ||
	    memcmp(line.data, a->key, a->key_len) != 0 ||
	    line.data[a->key_len] != '\t')
		return false;
	value->data = line.data + a->key_len + 1;
	value->len = line.len - a->key_len - 1;
	return true;
}

static const char *
end_words(enum command_end end)
{
	switch (end) {
	case COMMAND_EXITED:
		return "postmap gave no answer";
	case COMMAND_KILLED:
		return "postmap was killed";
	case COMMAND_NOT_STARTED:
		return "postmap could not be run";
	case COMMAND_LATE:
	case COMMAND_LINGERS:
		return "postmap took longer than 2 s";
	case COMMAND_LOUD:
		return "postmap printed too much";
	}
	return "";
}

/* Once for each table, until it works again. */
static void
note_failure(struct source *source, const struct command_result *result)
{
	struct text complaint = result->complaint, line = { "", 0 };
	char words[300];

	if (source->has_failed)
		return;
	source->has_failed = true;
	text_next_line(&complaint, &line);
	log_warn("table cannot be asked, what hangs on it is not judged: "
	    "table=%s, reason=%s%s%s", source->table, end_words(result->end),
	    line.len > 0 ? ": " : "", text_quote(words, sizeof(words), line));
}

/* Those that wait for longest. */
static void
take_keys(struct source *source)
{
	struct answer *a;

	while (source->key_count < POSTMAP_KEYS_MAX &&
	    (a = TAILQ_FIRST(&source->waiting)) != NULL) {
		TAILQ_REMOVE(&source->waiting, a, in_order);
		a->is_asked = true;
		source->keys[source->key_count++] = a;
	}
}

static void
fail_keys(struct source *source)
{
	while (source->key_count > 0)
		answer_set(source->postmap,
		    source->keys[--source->key_count], TABLE_UNKNOWN,
		    text_of(""));
}

static void
run_on_end(const struct command_result *result, void *arg)
{
	struct source *source = arg;
	struct postmap *p = source->postmap;
	struct text output = result->output, value = { "", 0 };
	bool is_sound = result->end == COMMAND_EXITED && result->status == 0;
	size_t i;

	source->command = NULL;
	p->run_count--;
	for (i = 0; i < source->key_count && is_sound; i++) {
		is_sound = read_answer(&output, source->keys[i], &value);
		answer_set(p, source->keys[i], !is_sound ? TABLE_UNKNOWN :
		    text_equals(value, NOT_THERE) ? TABLE_NOT_FOUND :
		    TABLE_FOUND, value);
	}
	memmove(source->keys, source->keys + i,
	    (source->key_count - i) * sizeof(source->keys[0]));
	source->key_count -= i;
	fail_keys(source);
	if (!is_sound)
		note_failure(source, result);
	else if (source->has_failed) {
		source->has_failed = false;
		log_info("table can be asked again: table=%s", source->table);
	}
	/* Who waits for a table that hangs has waited enough. */
	while (result->end == COMMAND_LATE && !TAILQ_EMPTY(&source->waiting)) {
		take_keys(source);
		fail_keys(source);
	}
	p->on_answers(p->arg);
	postmap_start_runs(p);
}

/* postmap [-c DIR] -q - TABLE static:... */
static void
run_start(struct source *source)
{
	struct postmap *p = source->postmap;
	const char *arguments[8], *table = source->table;
	struct command_recipe recipe = { .arguments = arguments,
	    .output_max = OUTPUT_MAX, .deadline_ms = POSTMAP_DEADLINE_MS };
	struct buffer input;
	size_t count = 0, i;

	if (!p->reaches_proxymap && strncmp(table, PROXY, strlen(PROXY)) == 0)
		table += strlen(PROXY);
	arguments[count++] = "postmap";
	if (source->config_dir != NULL) {
		arguments[count++] = "-c";
		arguments[count++] = source->config_dir;
	}
	arguments[count++] = "-q";
	arguments[count++] = "-";
	arguments[count++] = table;
	arguments[count++] = "static:" NOT_THERE;
	arguments[count] = NULL;
	take_keys(source);
	buffer_init(&input, COMMAND_INPUT_MAX);
	for (i = 0; i < source->key_count; i++) {
		buffer_add(&input, source->keys[i]->key,
		    source->keys[i]->key_len);
		buffer_add_text(&input, "\n");
	}
	recipe.input = (struct text){ input.data, input.len };
	p->run_count++;
	source->command = command_start(p->base, &recipe, run_on_end, source);
	buffer_clear(&input);
}

static void
postmap_start_runs(struct postmap *p)
{
	struct source *source;

	LIST_FOREACH(source, &p->sources, next)
		if (source->command == NULL && !TAILQ_EMPTY(&source->waiting) &&
		    p->run_count < POSTMAP_RUNS_MAX)
			run_start(source);
}

static void
postmap_on_start(evutil_socket_t fd, short events, void *arg)
{
	(void)fd;
	(void)events;
	postmap_start_runs(arg);
}

/* ----------------------------------------------------------------- others */

struct postmap *
postmap_new(struct event_base *base, postmap_cb *on_answers, void *arg)
{
	struct postmap *p = xcalloc(1, sizeof(*p));

	p->base = base;
	p->on_answers = on_answers;
	p->arg = arg;
	evutil_secure_rng_get_bytes(&p->hash_key, sizeof(p->hash_key));
	TAILQ_INIT(&p->known);
	p->start = evtimer_new(base, postmap_on_start, p);
	return p;
}

void
postmap_forget(struct postmap *p)
{
	struct source *source;
	struct answer *a;

	while ((source = LIST_FIRST(&p->sources)) != NULL) {
		command_cancel(source->command);
		p->run_count -= source->command != NULL;
		while (source->key_count > 0)
			answer_free(p, source->keys[--source->key_count]);
		while ((a = TAILQ_FIRST(&source->waiting)) != NULL)
			answer_free(p, a);
		LIST_REMOVE(source, next);
		free(source->config_dir);
		free(source->table);
		free(source);
	}
	while ((a = TAILQ_FIRST(&p->known)) != NULL)
		answer_free(p, a);
}

void
postmap_free(struct postmap *p)
{
	if (p == NULL)
		return;
	postmap_forget(p);
	event_free(p->start);
	free(p);
}

const char *
postmap_failing(const struct postmap *p)
{
	const struct source *source;

	LIST_FOREACH(source, &p->sources, next)
		if (source->has_failed)
			return source->table;
	return NULL;
}

void
postmap_set_queue_dir(struct postmap *p, const char *queue_dir)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/private/proxymap", queue_dir);
	p->reaches_proxymap = access(path, W_OK) == 0;
}

/* Questions of one search come together: they start when all are here. */
enum table_answer
postmap_lookup(const char *config_dir, struct text table, struct text key,
    struct text *value, void *arg)
{
	struct postmap *p = arg;
	struct source *source = source_find(p, config_dir, table);
	struct timeval at_once = { 0, 0 };
	struct answer *a;

	drop_old(p);
	a = answer_find(p, source, key);
	if (a != NULL) {
		if (a->state == TABLE_FOUND)
			*value = text_of(a->value);
		return a->state;
	}
	if (p->answer_count >= POSTMAP_ANSWERS_MAX)
		return TABLE_UNKNOWN;
	answer_add(p, source, key);
	event_add(p->start, &at_once);
	return TABLE_PENDING;
}
