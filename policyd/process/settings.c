/*
 * What a child must know to work.  The texts travel, each process parses them
 * with the one parser there is.
 */

#include "policyd/process/settings.h"

#include <stdlib.h>

#include "shared/pack.h"
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

static void
pack_secret(struct buffer *out, const char *secret)
{
	pack_u8(out, secret != NULL);
	pack_string(out, secret != NULL ? secret : "");
}

static char *
unpack_secret(struct unpack *u)
{
	bool is_there = unpack_u8(u) != 0;
	struct text secret = unpack_text(u);

	return is_there ? xstrndup(secret.data, secret.len) : NULL;
}

void
settings_copy_secrets(struct settings *to, const struct settings *from)
{
	if (from->redis_password != NULL)
		to->redis_password = xstrdup(from->redis_password);
	if (from->status_password != NULL)
		to->status_password = xstrdup(from->status_password);
}

void
settings_format(const struct settings *s, bool has_secrets,
    struct buffer *out)
{
	pack_u64(out, s->generation);
	pack_string(out, s->config_path);
	pack_string(out, s->config_text);
	pack_string(out, s->overrides);
	pack_string(out, s->rules_text);
	pack_string(out, s->site_text);
	pack_secret(out, has_secrets ? s->redis_password : NULL);
	pack_secret(out, has_secrets ? s->status_password : NULL);
}

struct settings *
settings_parse(struct text payload)
{
	struct settings *s = NULL;
	struct buffer errors;
	struct unpack u;
	struct text texts[5];
	char *copies[5], *redis_password, *status_password;
	uint64_t generation;
	size_t i;

	unpack_init(&u, payload.data, payload.len);
	generation = unpack_u64(&u);
	for (i = 0; i < 5; i++)
		texts[i] = unpack_text(&u);
	redis_password = unpack_secret(&u);
	status_password = unpack_secret(&u);
	if (!unpack_is_done(&u)) {
		free(redis_password);
		free(status_password);
		return NULL;
	}
	for (i = 0; i < 5; i++)
		copies[i] = xstrndup(texts[i].data, texts[i].len);
	buffer_init(&errors, 4096);
	s = settings_new(copies[0], copies[1], copies[2], copies[3],
	    copies[4], &errors);
	if (s != NULL) {
		s->generation = generation;
		s->redis_password = redis_password;
		s->status_password = status_password;
	} else {
		free(redis_password);
		free(status_password);
	}
	buffer_clear(&errors);
	for (i = 0; i < 5; i++)
		free(copies[i]);
	return s;
}
