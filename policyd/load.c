/*
 * Reads what the parent alone may read.  The files are read here and parsed in
 * settings_new, the same way as in each child.
 */

#include "policyd/load.h"

#include <sys/stat.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "shared/io/config_files.h"

/*
 * The configuration alone, to learn where the other files are.  Its mistakes are
 * told by settings_new, together with those of the rules.
 */
static struct config *
load_config(const struct load *from, const char *text)
{
	struct config *config = config_new();
	struct text rest = text_of(from->overrides), line;
	struct buffer unread;

	buffer_init(&unread, 0);
	config_parse(config, from->config_path, text_of(text), &unread);
	while (text_next_line(&rest, &line))
		config_set(config, line, &unread);
	buffer_clear(&unread);
	return config;
}

/*
 * Files that others read later, the scout at each reload: without them it would
 * go on with less than the operator meant.
 */
static bool
are_there(const struct config *config, struct buffer *errors)
{
	const struct {
		const char	*option, *path;
		bool		 is_folder;
	} named[] = {
		{ "dns_trust_anchor", config->dns_trust_anchor, false },
		{ "tls_ca_file", config->tls_ca_file, false },
		{ "tls_ca_path", config->tls_ca_path, true },
		{ "mx_ca_file", config->mx_ca_file, false },
		{ "mx_ca_path", config->mx_ca_path, true },
		{ "crl_file", config->crl_file, false },
	};
	bool are_all = true;
	struct stat status;
	const char *why;
	size_t i;

	for (i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
		if (named[i].path[0] == '\0')
			continue;
		if (stat(named[i].path, &status) == -1)
			why = strerror(errno);
		else if (S_ISDIR(status.st_mode) != named[i].is_folder)
			why = strerror(named[i].is_folder ? ENOTDIR : EISDIR);
		else
			continue;
		buffer_addf(errors, "%s = %s: %s\n", named[i].option,
		    named[i].path, why);
		are_all = false;
	}
	return are_all;
}

struct settings *
load_settings(const struct load *from, const char *site_text,
    struct buffer *errors)
{
	struct settings *settings;
	struct config *config;
	char *text, *rules, *redis_password, *status_password;
	bool is_complete;

	text = config_read_file(from->config_path, from->config_may_be_missing,
	    errors);
	if (text == NULL)
		return NULL;
	config = load_config(from, text);
	rules = config_read_rules(config, errors);
	is_complete = rules != NULL;
	is_complete &= config_read_password(config->redis_password_file,
	    &redis_password, errors);
	is_complete &= config_read_password(config->status_password_file,
	    &status_password, errors);
	is_complete &= are_there(config, errors);
	/* Also when a file is missing: for the other mistakes. */
	settings = settings_new(from->config_path, text, from->overrides,
	    rules != NULL ? rules : "", site_text, errors);
	if (settings != NULL && !is_complete) {
		settings_free(settings);
		settings = NULL;
	}
	if (settings != NULL) {
		settings->redis_password = redis_password;
		settings->status_password = status_password;
	} else {
		free(redis_password);
		free(status_password);
	}
	config_free(config);
	free(rules);
	free(text);
	return settings;
}
