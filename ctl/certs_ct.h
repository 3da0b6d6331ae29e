/*
 * hopseal certs --ct: what a monitor of certificate transparency lists,
 * compared with the certificates that are here.
 */

#ifndef HOPSEAL_CERTS_CT_H
#define HOPSEAL_CERTS_CT_H

#include "ctl/certs.h"

/*
 * Reads the list in path ("-" is standard input), after certs_read and
 * certs_add_domains, and tells of those for our names that are not here.  Good
 * without one, broken where a name of this mail system is in it, and unknown
 * where there was nothing to read or to compare with.
 */
enum ctl_exit	certs_ct_run(const struct certs *certs, const char *path,
		    bool is_json);

#endif
