/*
 * Parts of "hopseal status" about the host that policyd cannot see from its
 * processes: Postfix's tables and name servers, Redis, disk and clock.
 */

#ifndef HOPSEAL_SURROUNDINGS_H
#define HOPSEAL_SURROUNDINGS_H

#include <jansson.h>

struct config;
struct postfix_view;

/* Adds them to policyd's answer. */
void	surroundings_add(const struct config *config,
	    const struct postfix_view *view, json_t *answer);

#endif
