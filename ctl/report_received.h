/*
 * hopseal report --received and --import: TLS reports that others sent us.
 */

#ifndef HOPSEAL_REPORT_RECEIVED_H
#define HOPSEAL_REPORT_RECEIVED_H

#include <jansson.h>

#include "ctl/ctl.h"

/* policyd's answer for people. */
void		report_received_show(const json_t *answer);
/* Takes in a mail, or a report as it stands in a file. */
enum ctl_exit	report_received_import(const struct ctl_options *options,
		    const char *path);

#endif
