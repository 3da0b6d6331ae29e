/*
 * Whom we trust to vouch for MX hosts: the options mx_ca_file and mx_ca_path,
 * or else what Postfix itself uses, so that a probe sees what a delivery will.
 */

#ifndef HOPSEAL_MX_TRUST_H
#define HOPSEAL_MX_TRUST_H

#include "shared/policy/cert_check.h"
#include "shared/policy/facts.h"

struct config;
struct site;

/*
 * Reads all files anew, crl_file too.  The caller's until cert_store_free, or
 * NULL with words in error when nothing could be read; words beside a store
 * are a warning, else error is "".
 */
struct cert_store *mx_trust_load(const struct config *config,
		    const struct site *site,
		    char error[FACTS_ERROR_MAX_BYTES + 1]);

#endif
