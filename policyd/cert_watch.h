/*
 * Has our own certificates looked at from time to time, by running "hopseal
 * certs", which finds them, reads them and asks those who serve them.
 */

#ifndef HOPSEAL_CERT_WATCH_H
#define HOPSEAL_CERT_WATCH_H

#include <stdint.h>

#include "shared/text.h"

struct cert_watch;
struct event_base;
struct load;
struct settings;

/* report is the JSON object that the command printed. */
typedef void cert_watch_cb(const char *report, void *arg);

/*
 * The first look comes soon, then one each cert_interval, and each five minutes
 * while something is wrong.  load and what it names live as long as the watch.
 */
struct cert_watch *cert_watch_new(struct event_base *base,
	    const struct load *load, cert_watch_cb *callback, void *arg);
/* The interval of these settings; now a look is due. */
void	cert_watch_configure(struct cert_watch *watch,
	    const struct settings *settings);
/*
 * The files behind the certificates, a line each: when one changes, a look is
 * due as soon as they have settled.  None: a look is due.  So it is when the
 * next certificate has ended, at next_end (0: none).
 */
void	cert_watch_set_files(struct cert_watch *watch, struct text paths,
	    int64_t next_end);
void	cert_watch_free(struct cert_watch *watch);	/* NULL is fine */

/*
 * Seconds until the next look of the host, whose looks have their own place in
 * each interval, so that those of many hosts are spread: more than half an
 * interval and less than one and a half.
 */
unsigned cert_watch_delay_s(const char *host, unsigned interval_s,
	    int64_t now);

#endif
