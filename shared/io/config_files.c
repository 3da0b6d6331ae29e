/*
 * The files that a daemon reads before it works.
 */

#include "shared/io/config_files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "shared/io/file.h"

#define CONFIG_MAX_BYTES	(256 * 1024)
#define RULES_MAX_BYTES		(6 * 1024 * 1024)
#define PASSWORD_MAX_BYTES	1024

static char *
read_text(const char *path, size_t limit, bool may_be_missing,
    struct buffer *errors)
{
	struct buffer content;

	buffer_init(&content, limit);
	if (file_read(path, &content) == -1 &&
	    !(errno == ENOENT && may_be_missing))
		buffer_addf(errors, "%s: %s\n", path, strerror(errno));
	else if (memchr(buffer_text(&content), '\0', content.len) != NULL)
		buffer_addf(errors, "%s: holds a NUL: not a text file\n",
		    path);
	else
		return buffer_take(&content);
	buffer_clear(&content);
	return NULL;
}

char *
config_read_file(const char *path, bool may_be_missing, struct buffer *errors)
{
	return read_text(path, CONFIG_MAX_BYTES, may_be_missing, errors);
}

char *
config_read_rules(const struct config *c, struct buffer *errors)
{
	struct config *defaults = config_new();
	bool may_be_missing = c->rules_file[0] == '\0' ||
	    strcmp(c->rules_file, defaults->rules_file) == 0;

	config_free(defaults);
	return read_text(c->rules_file, RULES_MAX_BYTES, may_be_missing,
	    errors);
}

bool
config_read_password(const char *path, char **out, struct buffer *errors)
{
	char *password;

	*out = NULL;
	if (path[0] == '\0')
		return true;
	password = read_text(path, PASSWORD_MAX_BYTES, false, errors);
	if (password == NULL)
		return false;
	password[strcspn(password, "\r\n")] = '\0';
	*out = password;
	if (password[0] == '\0')
		buffer_addf(errors, "%s: its first line is empty, where the "
		    "password should be\n", path);
	return password[0] != '\0';
}
