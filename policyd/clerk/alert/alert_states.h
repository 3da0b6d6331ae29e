/*
 * Troubles that last: noted as often as they are seen, told once when they
 * have lasted and once when they have been gone for as long.  One that comes
 * and goes has to last longer each time.  No I/O, no clock.
 */

#ifndef HOPSEAL_ALERT_STATES_H
#define HOPSEAL_ALERT_STATES_H

#include "policyd/clerk/alert/alert_queue.h"

#define ALERT_STATES_MAX	2000
#define ALERT_STATE_KEPT_S	(30 * 86400)	/* without any news of it */

/* What somebody sees. */
struct alert_note {
	const char		*kind, *subject; /* "domain", "example.com" */
	bool			 is_bad;
	enum alert_severity	 severity;	/* while it is bad */
	unsigned		 hold_s;	/* to last before it is told */
	const char		*words;
};

struct alert_state {
	char			 kind[ALERT_KIND_SIZE];
	char			 subject[ALERT_SUBJECT_SIZE];
	char			 words[ALERT_WORDS_SIZE];
	enum alert_severity	 severity;
	bool			 is_bad;	/* as it was noted last */
	bool			 is_told_bad;	/* as people know it */
	int64_t			 since;		/* it is as it is */
	int64_t			 noted_at, told_at;
	unsigned		 hold_s;
	unsigned		 turns;		/* told lately */
};

struct alert_states;

struct alert_states *alert_states_new(void);
void		 alert_states_free(struct alert_states *s);

/* A trouble that nobody knows of and that is over is no news. */
void		 alert_states_note(struct alert_states *s,
		    const struct alert_note *note, int64_t now);
/* Whatever it was: it is no trouble of this site any more. */
void		 alert_states_forget(struct alert_states *s, const char *kind,
		    const char *subject);
/* NULL when there is none. */
const struct alert_state *alert_states_find(const struct alert_states *s,
		    const char *kind, const char *subject);
/* By number, from 0; NULL behind the last. */
const struct alert_state *alert_states_at(const struct alert_states *s,
		    size_t i);

/*
 * One that is to be told now, or NULL; then _told or _forget.  Those of the
 * kind held (or NULL) wait.  It is valid until the next call of any.
 */
struct alert_state *alert_states_next(struct alert_states *s,
		    const char *held, int64_t now);
/* That one, if it is; the same. */
struct alert_state *alert_states_due(struct alert_states *s, const char *kind,
		    const char *subject, int64_t now);
void		 alert_states_told(struct alert_states *s,
		    struct alert_state *state, int64_t now);

/* Something is to be written down; asked once for each change. */
bool		 alert_states_have_changed(struct alert_states *s);
json_t		*alert_states_format(const struct alert_states *s);
/* Into an empty one.  What cannot be read is left out. */
void		 alert_states_parse(struct alert_states *s,
		    const json_t *from);

#endif
