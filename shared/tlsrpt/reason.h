/*
 * The words in which a mail server's TLS library says why a certificate failed
 * verification, and the finding that each means.
 */

#ifndef HOPSEAL_TLSRPT_REASON_H
#define HOPSEAL_TLSRPT_REASON_H

#include <stdbool.h>

#include "shared/policy/finding.h"
#include "shared/text.h"

/*
 * "self-signed certificate", as OpenSSL's X509_verify_cert_error_string has
 * it, with blanks or underscores; and Postfix's own: "tls-handshake-failure".
 * False where the words tell no finding; *out untouched then.
 */
bool	reason_parse(struct text words, enum finding *out);

#endif
