/*
 * The types of the frames (shared/frame.h) that our processes exchange, and
 * who sends which to whom.  Each pair of processes has one channel.  A command
 * that starts a scout of its own is its parent and its front.
 */

#ifndef HOPSEAL_SHARED_MESSAGE_H
#define HOPSEAL_SHARED_MESSAGE_H

#define MESSAGE_OPEN_TLSRPT	1000
#define MESSAGE_OPEN_JOURNAL	1001

/* Added to a frame's type: a descriptor comes with its first octet. */
#define MESSAGE_HAS_FD	0x80

enum role { ROLE_PARENT, ROLE_FRONT, ROLE_SCOUT, ROLE_CLERK, ROLE_COUNT };

enum message_type {
	/* parent to each child */
	MESSAGE_SETTINGS = 1,	/* settings_format; at start, at each reload */
	MESSAGE_PEER,		/* number: the other end's role; with descriptor */
	MESSAGE_LEAVE,		/* finish what is in hand and exit */
	/* each child to the parent, twice a second */
	MESSAGE_TICK,
	/* parent to clerk: one JSON object, the children (pid, restarts) */
	MESSAGE_CHILDREN,
	/* front and scout to clerk: level (u8), pid (u32), line (text) */
	MESSAGE_LOG,
	/* front to scout, scout to front (shared/scout_message.h) */
	MESSAGE_LOOKUP,
	MESSAGE_FACTS,		/* payload: the facts record */
	MESSAGE_RESOLVER,
	/* clerk to front: a question of the control socket; front to clerk: its
	   answer, the same number (control_message.h) */
	MESSAGE_QUESTION,
	MESSAGE_ANSWER,
	/* clerk to parent: read configuration and tables again */
	MESSAGE_RELOAD,
	/* front to scout, scout to front (shared/probe_message.h) */
	MESSAGE_PROBE,
	MESSAGE_OBSERVATION,
	/* the same: the TXT records of a name (shared/probe_message.h) */
	MESSAGE_TXT,
	MESSAGE_TXT_ANSWER,
	/* parent to clerk: why the settings on disk are refused; empty: they
	   are in force */
	MESSAGE_REFUSAL,
	/* scout to front: a policy host's time (shared/scout_message.h) */
	MESSAGE_DATE,
	/* front to clerk: the way of a mail; clerk to front: its answer, the same
	   number (policyd/process/route_message.h) */
	MESSAGE_ROUTE,
	MESSAGE_ROUTE_ANSWER,
	/* clerk to parent: number 0 the mail log, with where to begin in a
	   journal (clerk/journald_follow.h); n the n-th newest of its older
	   files, MESSAGE_OPEN_TLSRPT the socket; parent to clerk: the same
	   number, or MESSAGE_OPEN_JOURNAL for 0 where the log is there, with
	   descriptor, or why there is none; the log also unasked, when
	   another took its place */
	MESSAGE_OPEN,
	MESSAGE_OPENED,
	/* parent to clerk: what "hopseal certs --json" printed */
	MESSAGE_CERTS,
	/* front to clerk: what was promised for a domain, and a client's session
	   (policyd/process/session_message.h) */
	MESSAGE_PROMISE,
	MESSAGE_SESSION,
	/* clerk to front: how a session with a mail host ended (the same) */
	MESSAGE_OUTCOME,
	/* clerk to scout: a report or an alert; its end, the same number
	   (shared/errand_message.h); clerks ask for TXT records too */
	MESSAGE_ERRAND,
	MESSAGE_ERRAND_DONE,
	/* clerk to parent: the files behind our certificates, a line each; empty:
	   let them be looked at soon.  Its number: when the next one ends, or 0 */
	MESSAGE_CERT_FILES,
	/* clerk to front: when what our ports serve ends
	   (policyd/process/cert_ends.h) */
	MESSAGE_CERT_ENDS,
	/* front to clerk: whether a domain can be sent mail to
	   (policyd/process/session_message.h) */
	MESSAGE_VERDICT
};

#endif
