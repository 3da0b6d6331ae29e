/*
 * The certificates of all hosts that share a Redis: each host writes what it
 * found of its own, and reads what the others did, so that any of them can show
 * all.  Nobody tells another's changes.
 */

#ifndef HOPSEAL_CERT_GROUP_H
#define HOPSEAL_CERT_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policyd/process/control_message.h"

/* How long a host is known that is not heard of. */
#define CERT_GROUP_LIFE_S	(7 * 86400)
/* More hosts are left out. */
#define CERT_GROUP_HOSTS_MAX	64

struct cert_group;
struct cert_states;
struct event_base;
struct ledger;
struct ledger_share;
struct settings;

/* All are borrowed; states without a file take what this host told last. */
struct cert_group *cert_group_new(struct event_base *base,
		    struct ledger_share *share, const struct ledger *ledger,
		    struct cert_states *states);
void		 cert_group_free(struct cert_group *group);
void		 cert_group_set_settings(struct cert_group *group,
		    const struct settings *settings);
/* Before the connection to Redis is replaced. */
void		 cert_group_abort(struct cert_group *group);
/* The states have a new report. */
void		 cert_group_tell(struct cert_group *group);

/*
 * The answer to "certificates", one view of all, the caller's: as "hopseal
 * certs --json", each with its host, and the hosts.
 */
char		*cert_group_line(const struct cert_group *group, int64_t now);
/* How the others are, in words; false when there are none. */
bool		 cert_group_judge(const struct cert_group *group, int64_t now,
		    enum control_state *state, char *detail, size_t size);

#endif
