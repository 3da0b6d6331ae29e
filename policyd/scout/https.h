/*
 * The fetch of a policy file from its policy host (RFC 8461, 3.3) at addresses
 * that DNS gave.  Behind this header stand libcurl and OpenSSL; what the answer
 * must look like is policy_answer's.
 */

#ifndef HOPSEAL_HTTPS_H
#define HOPSEAL_HTTPS_H

#include <stddef.h>

#include "shared/address.h"
#include "shared/policy/facts.h"
#include "shared/policy/finding.h"
#include "shared/text.h"

#define HTTPS_FETCHES_MAX	16	/* at a time; others wait */
#define HTTPS_SLOW_S		5	/* then it keeps nobody waiting */
#define HTTPS_SLOW_MAX		64	/* of those; the oldest is given up */
#define HTTPS_WAITING_MAX	256
#define HTTPS_TIMEOUT_S		60	/* connect, TLS and answer together */
#define HTTPS_ERROR_MAX_BYTES	FACTS_ERROR_MAX_BYTES

struct event_base;
struct https;
struct https_fetch;

struct https_options {
	/* PEM file, folder of hashed PEM files; both "": the system's store */
	const char	*ca_file, *ca_path;
	/* special-use networks that may be contacted (network_list_parse) */
	const char	*allow_networks;
};

/*
 * FINDING_OK with the policy file's bytes; policy-fetch-failed, policy-invalid
 * or policy-webpki-invalid with words for people; or unknown with words when it
 * failed on our side.  All is borrowed for the call.
 */
typedef void https_cb(enum finding finding, struct text body,
    const char *error, void *arg);

/*
 * A policy was fetched from that address, whose certificate is verified: our
 * clock was ahead of the Date that came with it, or, below 0, behind.
 */
typedef void https_date_cb(const struct address *host, int64_t ahead_s,
    void *arg);

struct https	*https_new(struct event_base *base, https_date_cb *on_date,
		    void *arg);
/* Fetches under way are forgotten; nobody is told. */
void		 https_free(struct https *https);
/*
 * For fetches that begin from now on.  -1 with words in error: what could not
 * be read stays as it was.  Without any trust store nothing is fetched.
 */
int		 https_configure(struct https *https,
		    const struct https_options *options,
		    char error[HTTPS_ERROR_MAX_BYTES + 1]);

/*
 * GET https://HOST/.well-known/mta-sts.txt, connecting to no other address than
 * those of host.  The answer comes through the loop, never before the return,
 * and after it the fetch is gone.
 */
struct https_fetch *https_start(struct https *https,
		    const struct facts_host *host, https_cb *callback,
		    void *arg);
void		 https_cancel(struct https_fetch *fetch);

#endif
