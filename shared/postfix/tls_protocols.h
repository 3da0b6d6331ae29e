/*
 * Postfix's lists of TLS versions, as smtp_tls_mandatory_protocols has them
 * (postconf(5)): ">=TLSv1.2", "!SSLv2, !SSLv3", "TLSv1.2 TLSv1.3".
 */

#ifndef HOPSEAL_TLS_PROTOCOLS_H
#define HOPSEAL_TLS_PROTOCOLS_H

#include <stdbool.h>

#include "shared/text.h"

/*
 * True when setting permits protocol, "TLSv1" to "TLSv1.3".  An empty setting
 * permits all; words that name no version count for nothing, as one that is
 * unknown here may be newer.
 */
bool	tls_protocols_permit(struct text setting, const char *protocol);
/* The newest that setting permits, a constant string; NULL when it is none. */
const char *tls_protocols_newest(struct text setting);

#endif
