/*
 * Reports that the clerk hands over (shared/report_message.h): finds where they
 * go and sends each by mail or HTTPS, once.  Whether to try again is the
 * clerk's.
 */

#ifndef HOPSEAL_REPORT_SEND_H
#define HOPSEAL_REPORT_SEND_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/text.h"

struct dns;
struct event_base;
struct report_sender;

struct report_send_options {
	const char	*ca_file, *ca_path;
	/* special-use networks that may be contacted by HTTPS */
	const char	*allow_networks;
};

/* A report_result's payload for the request of that number. */
typedef void report_send_tell_cb(uint64_t number, struct text result,
    void *arg);

/* dns is borrowed for as long as it lives. */
struct report_sender *report_sender_new(struct event_base *base,
		    struct dns *dns, report_send_tell_cb *tell, void *arg);
/* What is under way is cut off; nobody is told. */
void		 report_sender_free(struct report_sender *sender);
/* options are borrowed until the next call. */
void		 report_sender_configure(struct report_sender *sender,
		    const struct report_send_options *options);
/* False for a payload that is no request. */
bool		 report_sender_start(struct report_sender *sender,
		    uint64_t number, struct text payload);

#endif
