/*
 * A scout of our own: the command is its parent and its front.  It gets
 * settings as policyd would give them, from the same configuration and from
 * postconf, and answers questions (shared/message.h).
 */

#ifndef HOPSEAL_SCOUT_CLIENT_H
#define HOPSEAL_SCOUT_CLIENT_H

#include <stdint.h>

#include "ctl/ctl.h"
#include "shared/buffer.h"
#include "shared/frame.h"
#include "shared/message.h"
#include "shared/scout_message.h"

struct scout_client;

/*
 * extra_overrides are "name=value" lines that apply before those of the
 * command line.  NULL after saying on standard error what is wrong; *status is
 * then set.
 */
struct scout_client *scout_client_start(const struct ctl_options *options,
		    const char *extra_overrides, enum ctl_exit *status);
void		 scout_client_stop(struct scout_client *client);

void		 scout_client_ask(struct scout_client *client,
		    enum message_type type, uint64_t number,
		    const struct buffer *payload);

enum scout_client_result {
	SCOUT_CLIENT_FRAME,	/* *out is set, until the next call */
	SCOUT_CLIENT_LATE,
	SCOUT_CLIENT_GONE	/* the scout has ended */
};
/* The next answer, up to deadline_ms (clock_monotonic_ms). */
enum scout_client_result scout_client_next(struct scout_client *client,
		    int64_t deadline_ms, struct frame *out);
/*
 * Its word about the resolvers, which comes before all answers; *out is then
 * set, until the next call.
 */
enum scout_client_result scout_client_next_resolver(
		    struct scout_client *client, struct scout_resolver *out);
/* Of that word, waited for once: does the resolver validate DNSSEC? */
enum scout_client_result scout_client_validates(
		    struct scout_client *client, bool *out);
/*
 * The first of SCOUT_CLIENT_BLOCK numbers that no question has had: an answer
 * to a question of an earlier block comes too late.
 */
#define SCOUT_CLIENT_BLOCK	(UINT64_C(1) << 32)
uint64_t	 scout_client_numbers(struct scout_client *client);

#endif
