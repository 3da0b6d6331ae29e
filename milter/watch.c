/*
 * Keeps the setup up to date, on a thread of its own.  A bad file is refused
 * as a whole and said once; what was in force stays.
 */

#include "milter/watch.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "milter/cache_wait.h"
#include "milter/policyd_line.h"
#include "shared/io/clock.h"
#include "shared/io/log.h"

#define SITE_WAIT_MS		2000
#define ERRORS_MAX_BYTES	65536

struct watch {
	uint64_t	mark;		/* of the files when they were read */
	bool		is_silent;	/* policyd; said already */
	int64_t		site_at_ms;	/* when to ask it again */
};

static void
log_errors(const struct buffer *errors)
{
	struct text rest = text_of(buffer_text(errors)), line;

	while (text_next_line(&rest, &line))
		log_error("%.*s", (int)line.len, line.data);
	log_error("the old configuration and rules stay in force");
}

/* ------------------------------------------------------------------ files */

static void
check_files(struct watch *watch)
{
	struct setup *old = setup_hold(), *setup;
	uint64_t mark = setup_mark(old);
	struct buffer errors;

	if (mark == watch->mark) {
		setup_release(old);
		return;
	}
	watch->mark = mark;
	buffer_init(&errors, ERRORS_MAX_BYTES);
	setup = setup_load(old->source, old->site_line, &errors);
	if (setup == NULL)
		log_errors(&errors);
	else {
		log_info("configuration read again: rules=%zu",
		    domain_rules_count(setup->rules));
		cache_wait_set_redis(old->source->cache, setup->config->redis,
		    setup->config->redis_user, setup->redis_password);
		watch->mark = setup_mark(setup);
		setup_replace(setup);
	}
	buffer_clear(&errors);
	setup_release(old);
}

/* --------------------------------------------------------------- the site */

static void
take_site(const struct setup *old, const struct site_answer *site,
    const char *line)
{
	log_info("site: known=%s, own_domains=%zu, own_networks=%zu, dane=%s, "
	    "breaker=%s", site->is_known ? "yes" : "no",
	    site->own_domain_count, site->own_networks.count,
	    fact_state_name(site->tls.dane),
	    site->tls.breaker_is_open ? "open" : "closed");
	setup_replace(setup_with_site(old, line));
}

static void
note_silence(struct watch *watch, const char *why)
{
	if (why != NULL && !watch->is_silent)
		log_warn("policyd says nothing about this site: reason=%s",
		    why);
	else if (why == NULL && watch->is_silent)
		log_info("policyd answers again");
	watch->is_silent = why != NULL;
}

static void
check_site(struct watch *watch)
{
	struct site_answer site = { 0 };
	struct setup *old = setup_hold();
	struct buffer answer;
	bool is_complete;
	const char *why;

	buffer_init(&answer, POLICYD_ANSWER_MAX);
	if (policyd_line_ask(old->source->policyd, old->config->control_listen,
	    "{\"version\": 1, \"command\": \"site\"}", SITE_WAIT_MS, &answer,
	    &why) == -1 || site_answer_parse(text_of(buffer_text(&answer)),
	    &site, &why) == -1)
		note_silence(watch, why);
	else {
		note_silence(watch, NULL);
		if (old->site_line == NULL ||
		    strcmp(old->site_line, buffer_text(&answer)) != 0)
			take_site(old, &site, buffer_text(&answer));
	}
	/* A policyd that has just begun will soon know more. */
	is_complete = site.is_known ? site.tls.dane != FACT_UNKNOWN :
	    old->site.is_known;
	watch->site_at_ms = clock_monotonic_ms() + 1000 *
	    (is_complete ? WATCH_SITE_S : 1);
	site_answer_clear(&site);
	buffer_clear(&answer);
	setup_release(old);
}

static void *
run(void *arg)
{
	struct setup *first = setup_hold();
	struct watch watch = { .mark = setup_mark(first) };

	(void)arg;
	setup_release(first);
	for (;;) {
		if (clock_monotonic_ms() >= watch.site_at_ms)
			check_site(&watch);
		sleep(WATCH_FILES_S);
		check_files(&watch);
	}
	return NULL;
}

int
watch_start(void)
{
	pthread_t thread;

	errno = pthread_create(&thread, NULL, run, NULL);
	if (errno != 0)
		return -1;
	pthread_detach(thread);
	return 0;
}
