/*
 * hopseal report --rfc8460: the reports of a domain and day as they would be
 * sent.
 */

#ifndef HOPSEAL_REPORT_PREVIEW_H
#define HOPSEAL_REPORT_PREVIEW_H

#include <jansson.h>

#include "ctl/ctl.h"

/* Takes request, a "report" with its day and domain. */
enum ctl_exit	report_preview_run(const struct ctl_options *options,
		    json_t *request);

#endif
