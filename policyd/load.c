/*
 * Reads what the parent alone may read.  The files are read here and parsed in
 * settings_new, the same way as in each child.
 */

#include "policyd/load.h"

#include <sys/stat.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "shared/io/file.h"
#include "shared/xalloc.h"

#define CONFIG_MAX_BYTES	(256 * 1024)
#define RULES_MAX_BYTES		(6 * 1024 * 1024)
#define PASSWORD_MAX_BYTES	1024

/* The content, or NULL with a line in errors; a missing file may be empty. */
static char *
load_file(const char *path, size_t limit, bool may_be_missing,
    struct buffer *errors)
{
	struct buffer content;

	buffer_init(&content, limit);
	if (file_read(path, &content) == -1 &&
	    !(errno == ENOENT && may_be_missing)) {
		buffer_addf(errors, "%s: %s\n", path, strerror(errno));
		buffer_clear(&content);
		return NULL;
	}
	if (memchr(buffer_text(&content), '\0', content.len) != NULL) {
		buffer_addf(errors, "%s: holds a NUL: not a text file\n",
		    path);
		buffer_clear(&content);
		return NULL;
	}
	return buffer_take(&content);
}

/* The configuration alone, to learn where the other files are. */
static struct config *
load_config(const struct load *from, const char *text, struct buffer *errors)
{
	struct config *config = config_new();
	struct text rest = text_of(from->overrides), line;
	int result = config_parse(config, from->config_path, text_of(text),
	    errors);

	while (text_next_line(&rest, &line))
		if (config_set(config, line, errors) == -1)
			result = -1;
	if (result == 0)
		return config;
	config_free(config);
	return NULL;
}

static bool
is_default_rules_file(const struct config *config)
{
	struct config *defaults = config_new();
	bool is_default = strcmp(config->rules_file,
	    defaults->rules_file) == 0;

	config_free(defaults);
	return is_default;
}

static char *
load_password(const char *path, struct buffer *errors)
{
	char *password;

	if (path[0] == '\0')
		return NULL;
	password = load_file(path, PASSWORD_MAX_BYTES, false, errors);
	if (password != NULL)
		password[strcspn(password, "\r\n")] = '\0';
	return password;
}

struct settings *
load_settings(const struct load *from, const char *site_text,
    struct buffer *errors)
{
	struct settings *settings = NULL;
	struct config *config = NULL;
	char *rules = NULL, *password = NULL;
	char *text = load_file(from->config_path, CONFIG_MAX_BYTES,
	    from->config_may_be_missing, errors);

	if (text != NULL)
		config = load_config(from, text, errors);
	if (config == NULL)
		goto out;
	rules = load_file(config->rules_file, RULES_MAX_BYTES,
	    is_default_rules_file(config), errors);
	password = load_password(config->redis_password_file, errors);
	if (rules == NULL ||
	    (password == NULL && config->redis_password_file[0] != '\0'))
		goto out;
	settings = settings_new(from->config_path, text, from->overrides,
	    rules, site_text, errors);
	if (settings != NULL) {
		settings->redis_password = password;
		password = NULL;
	}
out:
	config_free(config);
	free(password);
	free(rules);
	free(text);
	return settings;
}

uint64_t
load_rules_mark(const struct settings *settings)
{
	struct stat status;

	if (stat(settings->config->rules_file, &status) == -1)
		return 0;
	return (uint64_t)status.st_mtim.tv_sec * UINT64_C(1000000007) ^
	    (uint64_t)status.st_mtim.tv_nsec ^
	    (uint64_t)status.st_ino << 20 ^ (uint64_t)status.st_size;
}
