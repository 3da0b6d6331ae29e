/*
 * The values behind the "=" of a rule's options: NULL, or what is wrong with
 * one, a constant string.
 */

#ifndef HOPSEAL_DOMAIN_RULE_VALUE_H
#define HOPSEAL_DOMAIN_RULE_VALUE_H

#include <stdint.h>

#include "shared/text.h"

/* Takes the quotes away; what remains is printable and not empty. */
const char	*rule_value_unquote(struct text *value);
/* "2026-12-01", UTC: *out is the first second after that day. */
const char	*rule_value_parse_until(struct text value, int64_t *out);

/* Of smtp_tls_policy_maps (postconf(5)): any attribute, then each. */
const char	*rule_value_check_attribute(struct text value);
const char	*rule_value_check_names(struct text value);
const char	*rule_value_check_fingerprints(struct text value);
const char	*rule_value_check_protocols(struct text value);
const char	*rule_value_check_ciphers(struct text value);
const char	*rule_value_check_servername(struct text value);

#endif
