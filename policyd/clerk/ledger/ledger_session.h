/*
 * What a session is counted under: from the log's sessions, or TLSRPT
 * datagrams, to domain and key of a tally.
 */

#ifndef HOPSEAL_LEDGER_SESSION_H
#define HOPSEAL_LEDGER_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/tlsrpt/tally.h"

struct datagram;
struct ledger;
struct promises;

/*
 * One count, completed by what was promised; false when the ledger does not
 * keep its day any more.
 */
bool	ledger_count_session(struct ledger *l, struct promises *promises,
	    const struct tls_session *s, enum tally_source source);
/* One count for each of its policies (RFC 8460, 4.2); now is its time. */
void	ledger_count_datagram(struct ledger *l, const struct datagram *d,
	    int64_t now);

#endif
