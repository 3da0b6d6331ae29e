/*
 * A mail host in an answer, for people: the same line in explain and check.
 */

#ifndef HOPSEAL_HOST_SHOW_H
#define HOPSEAL_HOST_SHOW_H

#include <jansson.h>

#include "ctl/screen.h"

#define HOST_SHOW_WIDTH	34	/* of a host's column */

/* "ok" is good, "unknown" doubtful, and the others are bad. */
enum tone	 host_show_tone(const char *finding);
/* "10 mx.example.com  ok, in the policy, TLSA none"; the line goes on. */
void		 host_show(const json_t *host);
/* The begin of an address's line, below its host's. */
void		 host_show_address(const json_t *address);

#endif
