/*
 * Telling a person: each change goes once to the operator's alert_command, many
 * together in one call, and calls stay apart.
 */

#ifndef HOPSEAL_ALERTS_H
#define HOPSEAL_ALERTS_H

#include "shared/text.h"

#define ALERTS_WAITING_MAX	200	/* more are counted */

struct alerts;
struct event_base;

enum alert_severity { ALERT_OK, ALERT_WARNING, ALERT_CRITICAL };

struct alerts	*alerts_new(struct event_base *base);
/* "" tells nobody; what waits is dropped. */
void		 alerts_set_command(struct alerts *alerts,
		    const char *command);
/*
 * kind is a word ("certificate"), subject what it is about; line says what
 * happened and what to do.  All are quoted.
 */
void		 alerts_raise(struct alerts *alerts,
		    enum alert_severity severity, const char *kind,
		    const char *subject, const char *line);
void		 alerts_free(struct alerts *alerts);	/* NULL is fine */

#endif
