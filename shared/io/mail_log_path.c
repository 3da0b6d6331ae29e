/*
 * Where the mail log is.  Only looked for, never opened.
 */

#include "shared/io/mail_log_path.h"

#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "shared/io/config.h"
#include "shared/postfix/site.h"

const char *
mail_log_path(const struct config *config, const struct site *site,
    const char **why)
{
	static const char *const usual[] = {
		"/var/log/mail.log", "/var/log/maillog"
	};
	size_t i;

	if (strcmp(config->maillog, "none") == 0) {
		*why = "maillog = none";
		return NULL;
	}
	if (strcmp(config->maillog, "journal") == 0) {
		*why = "maillog = journal, which this build cannot read: name "
		    "a file";
		return NULL;
	}
	if (config->maillog[0] == '/')
		return config->maillog;
	if (site->maillog_file != NULL)
		return site->maillog_file;
	for (i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
		if (access(usual[i], F_OK) == 0)
			return usual[i];
	*why = "no mail log was found: set maillog";
	return NULL;
}
