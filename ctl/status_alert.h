/*
 * hopseal status --test-alert: does a message arrive with all who are told?
 */

#ifndef HOPSEAL_STATUS_ALERT_H
#define HOPSEAL_STATUS_ALERT_H

#include "ctl/ctl.h"

/* Prints what each destination answered; critical where one refuses. */
enum ctl_exit	status_test_alert(const struct ctl_options *options);

#endif
