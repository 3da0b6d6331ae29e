/*
 * Where the mail log is.
 */

#ifndef HOPSEAL_MAIL_LOG_PATH_H
#define HOPSEAL_MAIL_LOG_PATH_H

struct config;
struct site;

/*
 * The option's path, or Postfix's maillog_file, or the first of the usual ones
 * that is there; NULL with *why when there is none.  Borrowed from config and
 * site.
 */
const char *mail_log_path(const struct config *config,
	    const struct site *site, const char **why);

#endif
