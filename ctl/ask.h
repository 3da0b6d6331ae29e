/*
 * A question to policyd on its control socket: one JSON object there, one back.
 */

#ifndef HOPSEAL_ASK_H
#define HOPSEAL_ASK_H

#include <jansson.h>

#include "ctl/ctl.h"

struct config;

/* policyd itself gives up after 18 s; then it has something to say. */
#define ASK_CONNECT_MS	3000
#define ASK_ANSWER_MS	20000

/*
 * Reads the configuration that options name into config.  0, or -1 when what is
 * wrong has been said and *status is set.
 */
int	 ask_read_config(const struct ctl_options *options,
	    struct config *config, enum ctl_exit *status);
/*
 * Takes request, adds its version and returns the answer, the caller's.  NULL
 * when there is none: what is wrong has then been said (ctl_complain) and
 * *status is set.
 */
json_t	*ask_policyd(const struct ctl_options *options, json_t *request,
	    enum ctl_exit *status);
/*
 * The same for a command about a domain, which may be written as any key of the
 * map; what could have no policy is wrong usage.
 */
json_t	*ask_about(const struct ctl_options *options, const char *command,
	    const char *domain, enum ctl_exit *status);
/*
 * An answer at a control_listen that nobody misses where policyd is away: NULL,
 * and nothing is said.  Takes request.
 */
json_t	*ask_quietly(const char *where, json_t *request);
/* As it came, in one line. */
void	 ask_print(const json_t *answer);
/* An object that says why there is no answer; nothing once there was one. */
void	 ask_print_error(const char *words);

#endif
