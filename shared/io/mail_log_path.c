/*
 * Where the mail log is.  Only looked for, never opened.
 */

#include "shared/io/mail_log_path.h"

#include <string.h>
#include <unistd.h>

#include "shared/io/config.h"
#include "shared/postfix/site.h"

#define JOURNAL_SOCKET	"/run/systemd/journal/socket"

enum mail_log_kind
mail_log_find(const struct config *config, const struct site *site,
    const char **path, const char **why)
{
	static const char *const usual[] = {
		"/var/log/mail.log", "/var/log/maillog"
	};
	size_t i;

	if (strcmp(config->maillog, "none") == 0) {
		*why = "maillog = none";
		return MAIL_LOG_NONE;
	}
	if (strcmp(config->maillog, "journal") == 0)
		return MAIL_LOG_JOURNAL;
	if (config->maillog[0] == '/') {
		*path = config->maillog;
		return MAIL_LOG_FILE;
	}
	if (site->maillog_file != NULL) {
		*path = site->maillog_file;
		return MAIL_LOG_FILE;
	}
	for (i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
		if (access(usual[i], F_OK) == 0) {
			*path = usual[i];
			return MAIL_LOG_FILE;
		}
	if (access(JOURNAL_SOCKET, F_OK) == 0)
		return MAIL_LOG_JOURNAL;
	*why = "no mail log was found: set maillog";
	return MAIL_LOG_NONE;
}
