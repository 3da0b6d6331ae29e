/*
 * Postfix's lists of domains and networks (mydestination, relay_domains,
 * mynetworks; postconf(5)): names and networks, tables, and "!" before what is
 * excepted.  The first that matches decides.
 */

#ifndef HOPSEAL_MATCH_LIST_H
#define HOPSEAL_MATCH_LIST_H

#include "shared/address.h"
#include "shared/postfix/table.h"

/* Whether a pattern concerns the names below it, too. */
enum match_parents {
	MATCH_EXACTLY,		/* no */
	MATCH_DOT_PARENTS,	/* ".example" does */
	MATCH_PARENTS		/* "example" does */
};

/*
 * FOUND: name, in the one spelling, is in the list.  UNKNOWN and PENDING only
 * where the answer hangs on a table; a file ("/path") that was not read is
 * UNKNOWN.
 */
enum table_answer match_list_domain(const struct tables *tables,
		    struct text list, const char *name,
		    enum match_parents parents);
enum table_answer match_list_address(const struct tables *tables,
		    struct text list, const struct address *address);

#endif
