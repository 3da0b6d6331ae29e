/*
 * How this host looks from Postfix's side: which account its processes are, which
 * of them live below the queue directory, and what its settings name.
 */

#ifndef HOPSEAL_POSTFIX_VIEW_H
#define HOPSEAL_POSTFIX_VIEW_H

#include <stdbool.h>

#include "shared/buffer.h"
#include "shared/io/account.h"
#include "shared/text.h"

struct config;

struct postfix_view {
	bool		 is_there;	/* a Postfix with a main.cf */
	bool		 has_owner;	/* owner is who its processes are */
	struct account	 owner;
	char		*config_dir;	/* for -c; NULL: the default */
	char		*queue_directory;
	/* "name = value", $names expanded, and the same with a service in front:
	   "smtp/inet/name = value". */
	struct buffer	 settings, overrides;
	struct buffer	 services;	/* as postconf -M */
};

/* Of several folders in postfix_config_dir the first one counts. */
void	postfix_view_read(struct postfix_view *view,
	    const struct config *config);
void	postfix_view_clear(struct postfix_view *view);

/* True where a process that runs command ("smtp") is below queue_directory. */
bool	postfix_view_is_chrooted(const struct postfix_view *view,
	    const char *command);
/*
 * True where the parameter names the endpoint, written as hopseal setup would,
 * in main.cf or for a service of master.cf.
 */
bool	postfix_view_names(const struct postfix_view *view,
	    const char *parameter, struct text endpoint);
/*
 * Becomes such a process for ever: its account, and where it is chrooted its
 * root.  -1 with errno.
 */
int	postfix_view_become(const struct postfix_view *view,
	    const char *command);

#endif
