/*
 * Where the mail log is.
 */

#ifndef HOPSEAL_MAIL_LOG_PATH_H
#define HOPSEAL_MAIL_LOG_PATH_H

struct config;
struct site;

enum mail_log_kind { MAIL_LOG_NONE, MAIL_LOG_FILE, MAIL_LOG_JOURNAL };

/*
 * What the option says, else Postfix's maillog_file, or the first of the usual
 * files that is there, or systemd's journal.  *path: the file, borrowed from
 * config and site; *why when there is none.
 */
enum mail_log_kind mail_log_find(const struct config *config,
	    const struct site *site, const char **path, const char **why);

#endif
