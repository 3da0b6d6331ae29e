/*
 * The answer to "site": what the milter must know of this site to decide as
 * the front does, and whose mail is ours.
 */

#ifndef HOPSEAL_SITE_JSON_H
#define HOPSEAL_SITE_JSON_H

#include "policyd/process/cert_ends.h"
#include "policyd/process/settings.h"
#include "shared/policy/tls_decision.h"

/*
 * {"known", "plain", "own_domains", "own_networks", "dane", "level",
 * "fallback_relay", "strict", "breaker_open", "answers_nobody", "stale_ttl",
 * "good_ttl", "bad_ttl", "reprobe_after", "expired_ports"}: known is false until Postfix has
 * been asked, plain is true where "route" tells no more than the recipient's
 * domain and the lists here,
 * level is null where it is not known, times are seconds.  One line without
 * its end, which the caller frees.
 */
char	*site_line(const struct tls_site *site, const struct settings *settings,
	    const struct cert_ends *ends, int64_t now);

#endif
