/*
 * Names of domains and hosts: one spelling for each.  Lower case, A-labels
 * (RFC 5890), no final dot.  Everything behind this header works with that
 * spelling and compares octets.
 */

#ifndef HOPSEAL_HOST_NAME_H
#define HOPSEAL_HOST_NAME_H

#include <stdbool.h>

#include "shared/text.h"

#define HOST_NAME_MAX_BYTES	253
#define HOST_NAME_SIZE		(HOST_NAME_MAX_BYTES + 1)

/*
 * Writes the one spelling of name to out.  Accepts letters, digits, hyphens
 * and underscores in labels of 1 to 63 octets, at most 253 in all, one final
 * dot, and UTF-8 labels, which become A-labels (IDNA2008, UTS 46 mapping).
 * Returns 0, or -1 with *why for: empty, empty label, label or name too long,
 * an octet that no name holds, a hyphen at a label's end, an address literal
 * or all-numeric last label, an invalid U-label.
 */
int	host_name_normalize(struct text name, char out[HOST_NAME_SIZE],
	    const char **why);

/* True for a name that is already in the one spelling. */
bool	host_name_is_normal(struct text name);

/*
 * True for names that mean nothing outside this site: single labels and those
 * below internal, local, lan, home.arpa, localhost.  name is in the one spelling.
 */
bool	host_name_is_private(const char *name);

/* True when name is zone or lies below it; both in the one spelling. */
bool	host_name_is_below(const char *name, const char *zone);

#endif
