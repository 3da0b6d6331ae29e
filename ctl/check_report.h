/*
 * A judged look for programs (one JSON object) and for people, who read what
 * the object says.
 */

#ifndef HOPSEAL_CHECK_REPORT_H
#define HOPSEAL_CHECK_REPORT_H

#include <jansson.h>

#include "ctl/check_judge.h"

/* The caller's. */
json_t	*check_report(const struct check *check);
void	 check_show(const json_t *report);

#endif
