/*
 * Parts of "hopseal status" that are learned from outside, as Postfix would:
 * do the endpoints answer?
 */

#ifndef HOPSEAL_ENDPOINTS_H
#define HOPSEAL_ENDPOINTS_H

#include <jansson.h>

#include "shared/io/config.h"

#define ENDPOINTS_ASK_MS 1000	/* for each; they are on this host */

/*
 * Adds to policyd's answer the parts "map", "access" and "milter", where the
 * options name endpoints for them, and makes "ok" and "state" those of the
 * whole.
 */
void	endpoints_add(const struct config *config, json_t *answer);

#endif
