/*
 * Reads and parses what the milter works with, and keeps the present one
 * behind a counted pointer.
 */

#include "milter/setup.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "shared/io/config_files.h"
#include "shared/io/file.h"
#include "shared/xalloc.h"

#define ERRORS_MAX_BYTES	65536

/* lock guards the pointer and the use_count of every setup. */
static struct {
	pthread_mutex_t	 lock;
	struct setup	*setup;
} present = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---------------------------------------------------------------- reading */

static struct config *
parse_config(const struct setup_source *source, const char *text,
    struct buffer *errors)
{
	struct text rest = text_of(source->overrides), line;
	struct config *config = config_new();
	int result = config_parse(config, source->config_path, text_of(text),
	    errors);

	while (text_next_line(&rest, &line))
		if (config_set(config, line, errors) == -1)
			result = -1;
	if (result == 0 && config_check(config, errors) == 0)
		return config;
	config_free(config);
	return NULL;
}

/* Until policyd has answered: what our own configuration says. */
static void
init_site(struct setup *setup)
{
	const struct config *config = setup->config;
	struct tls_site *site = &setup->site.tls;

	site->dane = config->dane == CONFIG_DANE_OFF ? FACT_ABSENT :
	    FACT_UNKNOWN;
	tls_level_parse(text_of(config->site_tls_level), &site->level);
	site->is_strict = config->strict;
	site->stale_ttl_s = config->stale_ttl_s;
	site->good_ttl_s = config->good_ttl_s;
	site->bad_ttl_s = config->bad_ttl_s;
	site->reprobe_after_s = config->reprobe_after_s;
}

static bool
may_act(const struct domain_rules *rules)
{
	const struct domain_rule *rule;
	size_t i;

	for (i = 0; i < domain_rules_count(rules); i++) {
		rule = domain_rules_at(rules, i);
		if (rule->direction == RULE_OUT &&
		    rule->action >= RULE_ACTION_TAG)
			return true;
	}
	return false;
}

static void
set_site(struct setup *setup, const char *site_line)
{
	const char *why;

	if (site_line == NULL || site_answer_parse(text_of(site_line),
	    &setup->site, &why) == -1)
		init_site(setup);
	else
		setup->site_line = xstrdup(site_line);
}

struct setup *
setup_load(const struct setup_source *source, const char *site_line,
    struct buffer *errors)
{
	struct setup *setup = xcalloc(1, sizeof(*setup));

	setup->source = source;
	setup->use_count = 1;
	setup->config_text = config_read_file(source->config_path,
	    source->config_may_be_missing, errors);
	if (setup->config_text == NULL)
		goto fail;
	setup->config = parse_config(source, setup->config_text, errors);
	if (setup->config == NULL)
		goto fail;
	setup->rules_text = config_read_rules(setup->config, errors);
	if (setup->rules_text == NULL ||
	    !config_read_password(setup->config->redis_password_file,
	    &setup->redis_password, errors) ||
	    domain_rules_parse(setup->config->rules_file,
	    text_of(setup->rules_text), &setup->rules, errors) == -1)
		goto fail;
	setup->may_act = may_act(setup->rules);
	set_site(setup, site_line);
	return setup;
fail:
	setup_free(setup);
	return NULL;
}

struct setup *
setup_with_site(const struct setup *old, const char *site_line)
{
	struct setup *setup = xcalloc(1, sizeof(*setup));
	struct buffer errors;

	buffer_init(&errors, ERRORS_MAX_BYTES);
	setup->source = old->source;
	setup->use_count = 1;
	setup->config_text = xstrdup(old->config_text);
	setup->rules_text = xstrdup(old->rules_text);
	if (old->redis_password != NULL)
		setup->redis_password = xstrdup(old->redis_password);
	setup->config = parse_config(old->source, setup->config_text, &errors);
	/* The very texts that were parsed before. */
	if (setup->config == NULL || domain_rules_parse(
	    setup->config->rules_file, text_of(setup->rules_text),
	    &setup->rules, &errors) == -1)
		abort();
	setup->may_act = old->may_act;
	set_site(setup, site_line);
	buffer_clear(&errors);
	return setup;
}

void
setup_free(struct setup *setup)
{
	if (setup == NULL)
		return;
	site_answer_clear(&setup->site);
	config_free(setup->config);
	domain_rules_free(setup->rules);
	free(setup->redis_password);
	free(setup->config_text);
	free(setup->rules_text);
	free(setup->site_line);
	free(setup);
}

uint64_t
setup_mark(const struct setup *setup)
{
	return file_mark(setup->source->config_path) +
	    3 * file_mark(setup->config->rules_file) +
	    5 * file_mark(setup->config->redis_password_file);
}

/* ------------------------------------------------------------ the present */

struct setup *
setup_hold(void)
{
	struct setup *setup;

	pthread_mutex_lock(&present.lock);
	setup = present.setup;
	if (setup != NULL)
		setup->use_count++;
	pthread_mutex_unlock(&present.lock);
	return setup;
}

void
setup_release(struct setup *setup)
{
	bool is_last;

	if (setup == NULL)
		return;
	pthread_mutex_lock(&present.lock);
	is_last = --setup->use_count == 0;
	pthread_mutex_unlock(&present.lock);
	if (is_last)
		setup_free(setup);
}

void
setup_replace(struct setup *setup)
{
	struct setup *old;

	pthread_mutex_lock(&present.lock);
	old = present.setup;
	present.setup = setup;
	pthread_mutex_unlock(&present.lock);
	setup_release(old);
}

/* ---------------------------------------------------------------- queries */

bool
setup_owns_domain(const struct setup *setup, const char *name)
{
	size_t i;

	for (i = 0; i < setup->site.own_domain_count; i++)
		if (strcmp(setup->site.own_domains[i], name) == 0)
			return true;
	return false;
}

bool
setup_owns_address(const struct setup *setup, const struct address *client)
{
	return address_is_loopback(client) ||
	    network_list_contains(&setup->site.own_networks, client);
}

bool
setup_is_reinject_port(const struct setup *setup, const char *port)
{
	struct text rest = text_of(setup->config->reinject_ports), item;

	while (port[0] != '\0' && text_next_item(&rest, &item))
		if (text_equals(item, port))
			return true;
	return false;
}

bool
setup_marks_port(const struct setup *setup, const char *port)
{
	uint64_t number;
	size_t i;

	if (setup->config->local_cert_action != CONFIG_LOCAL_CERT_TAG ||
	    !text_parse_u64(text_of(port), UINT16_MAX, &number))
		return false;
	for (i = 0; i < setup->site.expired_port_count; i++)
		if (setup->site.expired_ports[i] == number)
			return true;
	return false;
}
