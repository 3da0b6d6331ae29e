/*
 * One line of a mail log: when, which process, and what it says about TLS or
 * about a delivery, by Postfix 3.4 to 3.12 and Dovecot's login processes.
 * Knows the words only; what they mean is log_meaning's and log_sessions'.
 * Lines of other programs are refused after a look at their tag, and nothing
 * is copied or allocated.
 */

#ifndef HOPSEAL_LOG_LINE_H
#define HOPSEAL_LOG_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/text.h"
#include "shared/tlsrpt/session.h"

enum log_daemon {
	DAEMON_OTHER,
	DAEMON_SMTP,		/* also lmtp, and under any service's name */
	DAEMON_SMTPD,
	DAEMON_TLSPROXY,
	DAEMON_LOGIN		/* Dovecot: imap-login, pop3-login, ... */
};

/* A time as the line tells it; log_clock_read turns it into seconds. */
struct log_time {
	bool	has_year, has_zone;
	int64_t	at;		/* with a year; local as if UTC without zone */
	int	month, day, hour, minute, second;	/* without it */
};

struct log_line {
	struct log_time	time;
	enum log_daemon	daemon;
	struct text	tag;	/* "postfix/submission/smtpd", "dovecot" */
	uint32_t	pid;	/* 0: not told */
	struct text	message;	/* without "warning: " and the like */
};

/*
 * Cuts one line, without its line end: syslog's traditional time ("Nov  2
 * 04:18:45") or RFC 3339's, perhaps after "<22>"; a host's name or none; the
 * tag with pid.  False for every line that is of no use here: another
 * program's, or no log line at all.  Slices point into line.
 */
bool	log_line_parse(struct text line, struct log_line *out);
/*
 * The same from a journal's fields: identifier is the tag without pid.  The
 * caller knows the time.  False for other programs.
 */
bool	log_line_from_parts(struct text identifier, uint32_t pid,
	    struct text message, struct log_line *out);

/* How far local time is ahead of UTC at a local time, counted as if UTC. */
typedef int32_t	log_zone(int64_t local_s);

/* Reads times one after the other; zero but for now and zone at first. */
struct log_clock {
	int64_t		 now;	/* the caller's; may grow */
	log_zone	*zone;	/* NULL: local time is UTC */
	int64_t		 hour_at;	/* the hour read last; private */
	int		 month, day, hour;
};

/*
 * Seconds since 1970.  A year that is not told is the latest that has such a
 * date no more than a day after now.
 */
int64_t	log_clock_read(struct log_clock *clock, const struct log_time *time);

enum log_event_kind {
	EVENT_NONE,
	/* a TLS handshake, of either side */
	EVENT_ESTABLISHED,	/* peer, is_outbound, is_reused, trust,
				   protocol, cipher, bits */
	EVENT_CERT_TROUBLE,	/* peer, reason: "certificate has expired" */
	EVENT_HANDSHAKE_ERROR,	/* peer, is_outbound, reason: "-1" */
	EVENT_TLS_LIBRARY,	/* reason: OpenSSL's; alert */
	/* smtp, lmtp */
	EVENT_RESUMED_UNTRUSTED,	/* peer, reason */
	EVENT_TLSA_UNUSABLE,	/* peer, perhaps without address; reason */
	EVENT_TLSRPT,		/* peer, domain, is_failure, failure_type,
				   reason */
	EVENT_MX_NOT_IN_POLICY,	/* peer.host, domain, reason */
	EVENT_POLICY_LOOKUP,	/* peer.host, domain: next hop, reason */
	EVENT_TROUBLE,		/* queue_id, peer or none, reason: a host
				   failed, perhaps the next one does not */
	EVENT_DELIVERY,		/* queue_id, domain, peer or none, is_reused,
				   handoff, level, status, reason */
	/* smtpd, tlsproxy */
	EVENT_CONNECT,		/* peer */
	EVENT_CLIENT,		/* queue_id, peer, is_user */
	EVENT_CLIENT_REFUSED,	/* peer, reason: its certificate */
	EVENT_STARTTLS_REFUSED,	/* peer: by us */
	EVENT_DISCONNECT,	/* peer, starttls_count, starttls_ok_count */
	/* Dovecot: a whole session in one line */
	EVENT_LOGIN		/* peer.address, is_user, has_tls, is_failure,
				   protocol, cipher, bits, reason, alert */
};

/* "host[address]:port"; what was not told is empty or 0. */
struct log_peer {
	struct text	host, address;	/* or a socket's path as address */
	uint16_t	port;
};

/* The fields that its kind names; all else is empty. */
struct log_event {
	enum log_event_kind	kind;
	struct log_peer		peer;
	enum session_trust	trust;
	struct text		protocol, cipher;
	unsigned		bits;
	struct text		queue_id;
	struct text		domain;		/* as logged, of a recipient */
	struct text		status;		/* "sent" */
	struct text		reason;
	struct text		failure_type;	/* "certificate_expired" */
	struct text		alert;		/* the peer's: "unknown ca" */
	struct text		level;		/* tls= of 3.11: "may:none" */
	struct text		handoff;	/* delays: "0/0/0.1" */
	unsigned		starttls_count, starttls_ok_count;
	bool			is_outbound, is_reused, is_failure, is_user,
				has_tls;
};

/*
 * What a message says, by the daemon that said it.  The kind is EVENT_NONE
 * for what concerns neither TLS nor a delivery; its other fields may then
 * hold anything.
 */
void	log_event_parse(const struct log_line *line, struct log_event *out);

#endif
