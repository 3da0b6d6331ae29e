/*
 * The types of the frames (shared/frame.h) that our processes exchange, and
 * who sends which to whom.  Each pair of processes has one channel.
 */

#ifndef HOPSEAL_MESSAGE_H
#define HOPSEAL_MESSAGE_H

enum role { ROLE_PARENT, ROLE_FRONT, ROLE_SCOUT, ROLE_CLERK, ROLE_COUNT };

enum message_type {
	/* parent to each child */
	MESSAGE_SETTINGS = 1,	/* settings_format; at start, at each reload */
	MESSAGE_PEER,		/* number: role of the other end; with descriptor */
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
	MESSAGE_RELOAD
};

/* "front", "scout", "clerk", "parent" */
const char	*role_name(enum role role);

#endif
