/*
 * What a child must know to work.  The texts travel, each process parses them
 * with the one parser there is.
 */

#include "policyd/process/settings.h"

#include <stdlib.h>
#include <string.h>

#include "shared/settings_message.h"
#include "shared/xalloc.h"

static int
settings_parse_config(struct settings *s, struct buffer *errors)
{
	struct text rest = text_of(s->overrides), line;
	int result = 0;

	if (config_parse(s->config, s->config_path, text_of(s->config_text),
	    errors) == -1)
		result = -1;
	while (text_next_line(&rest, &line))
		if (config_set(s->config, line, errors) == -1)
			result = -1;
	if (result == 0)
		result = config_check(s->config, errors);
	return result;
}

struct settings *
settings_new(const char *config_path, const char *config_text,
    const char *overrides, const char *rules_text, const char *site_text,
    struct buffer *errors)
{
	struct settings *s = xcalloc(1, sizeof(*s));
	const char *why;
	size_t skipped;
	int result;

	s->config_path = xstrdup(config_path);
	s->config_text = xstrdup(config_text);
	s->overrides = xstrdup(overrides);
	s->rules_text = xstrdup(rules_text);
	s->site_text = xstrdup(site_text);
	s->config = config_new();
	s->site = site_parse(text_of(site_text));
	result = settings_parse_config(s, errors);
	if (domain_rules_parse(s->config->rules_file, text_of(rules_text),
	    &s->rules, errors) == -1 || result == -1) {
		settings_free(s);
		return NULL;
	}
	/* config_check has found no mistake in it. */
	if (s->config->own_networks[0] != '\0')
		network_list_parse(text_of(s->config->own_networks),
		    &s->own_networks, &skipped, &why);
	return s;
}

void
settings_free(struct settings *s)
{
	if (s == NULL)
		return;
	config_free(s->config);
	domain_rules_free(s->rules);
	site_free(s->site);
	network_list_clear(&s->own_networks);
	free(s->redis_password);
	free(s->status_password);
	free(s->config_path);
	free(s->config_text);
	free(s->overrides);
	free(s->rules_text);
	free(s->site_text);
	free(s);
}

struct route_options
settings_route_options(const struct settings *s)
{
	return (struct route_options){ s->config->own_domains,
	    s->config->own_networks[0] != '\0' ? &s->own_networks : NULL,
	    s->config->next_hops };
}

void
settings_copy_secrets(struct settings *to, const struct settings *from)
{
	if (from->redis_password != NULL)
		to->redis_password = xstrdup(from->redis_password);
	if (from->status_password != NULL)
		to->status_password = xstrdup(from->status_password);
}

static struct text
text_or_none(const char *secret)
{
	return secret != NULL ? text_of(secret) : (struct text){ NULL, 0 };
}

static char *
copy_or_none(struct text secret)
{
	return secret.data != NULL ? xstrndup(secret.data, secret.len) : NULL;
}

void
settings_format(const struct settings *s, bool has_secrets,
    struct buffer *out)
{
	struct settings_message m = {
		.generation = s->generation,
		.config_path = text_of(s->config_path),
		.config_text = text_of(s->config_text),
		.overrides = text_of(s->overrides),
		.rules = text_of(s->rules_text), .site = text_of(s->site_text)
	};

	if (has_secrets) {
		m.redis_password = text_or_none(s->redis_password);
		m.status_password = text_or_none(s->status_password);
	}
	settings_message_format(&m, out);
}

struct settings *
settings_parse(struct text payload)
{
	struct settings_message m;
	struct settings *s = NULL;
	struct buffer errors;
	char *copies[5];
	size_t i;

	if (!settings_message_parse(payload, &m))
		return NULL;
	copies[0] = xstrndup(m.config_path.data, m.config_path.len);
	copies[1] = xstrndup(m.config_text.data, m.config_text.len);
	copies[2] = xstrndup(m.overrides.data, m.overrides.len);
	copies[3] = xstrndup(m.rules.data, m.rules.len);
	copies[4] = xstrndup(m.site.data, m.site.len);
	buffer_init(&errors, 4096);
	s = settings_new(copies[0], copies[1], copies[2], copies[3],
	    copies[4], &errors);
	if (s != NULL) {
		s->generation = m.generation;
		s->redis_password = copy_or_none(m.redis_password);
		s->status_password = copy_or_none(m.status_password);
	}
	buffer_clear(&errors);
	for (i = 0; i < 5; i++)
		free(copies[i]);
	return s;
}

bool
settings_redis_changed(const struct settings *s, char **known)
{
	struct buffer now;

	buffer_init(&now, 65536);
	buffer_addf(&now, "%s %s %s", s->config->redis, s->config->redis_user,
	    s->redis_password != NULL ? s->redis_password : "");
	if (*known != NULL && strcmp(*known, buffer_text(&now)) == 0) {
		buffer_clear(&now);
		return false;
	}
	free(*known);
	*known = buffer_take(&now);
	return true;
}
