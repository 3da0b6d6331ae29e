/*
 * Parts of "hopseal status" that are learned from outside, as Postfix would:
 * do the endpoints answer?
 */

#ifndef HOPSEAL_ENDPOINTS_H
#define HOPSEAL_ENDPOINTS_H

#include <jansson.h>
#include <stdbool.h>

#include "shared/io/config.h"

struct postfix_view;

#define ENDPOINTS_ASK_MS 1000	/* for each; they are on this host */

/*
 * Adds to policyd's answer the parts "map", "access" and "milter", where the
 * options name endpoints for them.  is_set_up: Postfix's settings should name
 * them by now.
 */
void	endpoints_add(const struct config *config,
	    const struct postfix_view *view, bool is_set_up, json_t *answer);

#endif
