/*
 * From log lines to sessions: lines are put together by the process that wrote
 * them, since what says "certificate has expired" names no queue id, and what
 * names the recipient says nothing of TLS.
 *
 * Outbound, one connection is one session, told with the delivery line that
 * names domain and status: each handshake that was begun, each host that was
 * left because TLS was missing, each connection in clear over which mail went
 * or might have gone.  Not told: a connection used again, one refused, cut or
 * turned away before TLS could be asked for, and our own configuration's
 * trouble.  With connection reuse tlsproxy shakes hands for smtp and both log
 * it; smtp's session is told, with tlsproxy's reasons.
 *
 * Inbound, connect to disconnect; Dovecot's login lines are whole sessions.
 *
 * What a session's finding is: a certificate that did not verify is a failure
 * only where the level demanded it, and then Postfix left the host with
 * "Server certificate not verified".  Mail that went over the connection shows
 * that nothing was demanded: such a session is ok, as RFC 8460 counts a
 * success where no policy was found, whatever its trust.  Without either line
 * (the log ends there) the reason given for the certificate stands.  A
 * handshake that failed is a failure at any level.  Unusable TLSA records are
 * one, too, although the mail goes out.  A session in clear is unknown.
 *
 * The order in which different processes write does not matter, apart from
 * smtp and its tlsproxy.
 */

#ifndef HOPSEAL_LOG_SESSIONS_H
#define HOPSEAL_LOG_SESSIONS_H

#include <stdint.h>

#include "shared/buffer.h"
#include "shared/postfix/log_line.h"
#include "shared/text.h"
#include "shared/tlsrpt/session.h"

/*
 * The last part of syslog_name of the transport that takes our own TLS reports:
 * its sessions are not told, or reports would be about reports (RFC 8460, 5.3).
 */
#define LOG_REPORT_SERVICE	"hopseal-report"
/* Beyond these the oldest are told as they are, and counted. */
#define LOG_PROCESSES_MAX	4096
#define LOG_PENDING_MAX		4096	/* sessions, of all processes */
/* What log_sessions_format writes at most. */
#define LOG_SESSIONS_STATE_MAX	(10 * 1024 * 1024)

struct log_sessions;

/* Slices of session are printable ASCII and valid during the call. */
typedef void	log_sessions_on_session(void *context,
		    const struct tls_session *session);

/* Since _new; not part of the state. */
struct log_sessions_counts {
	uint64_t	deliveries;	/* connections that have such a line */
	uint64_t	handshakes_out, handshakes_in;	/* "established" */
	uint64_t	connections_in;	/* "disconnect from" of smtpd */
	uint64_t	tlsrpt;		/* "TLSRPT: status=" */
	uint64_t	policy_errors;	/* our own map or configuration */
	uint64_t	evicted;	/* told early, for want of room */
};

struct log_sessions	*log_sessions_new(log_sessions_on_session *on_session,
			    void *context);
void			 log_sessions_free(struct log_sessions *s);
/* Takes the next line; at is its time in seconds since 1970. */
void			 log_sessions_feed(struct log_sessions *s,
			    const struct log_line *line, int64_t at);
/* Tells all that is pending and forgets every process: the log ends here. */
void			 log_sessions_flush(struct log_sessions *s);
const struct log_sessions_counts
			*log_sessions_counts(const struct log_sessions *s);

/*
 * The pending sessions and what is needed to count none twice, so that lines
 * read on after a restart give what they would have given without it.  Adds
 * to out, whose limit is to leave room for LOG_SESSIONS_STATE_MAX; typically
 * some kilobytes.
 */
void	log_sessions_format(const struct log_sessions *s, struct buffer *out);
/*
 * Takes a state over into s, which is new.  -1 with *why, and s is still new:
 * another version, cut, or not written by log_sessions_format.
 */
int	log_sessions_parse(struct log_sessions *s, struct text state,
	    const char **why);

#endif
