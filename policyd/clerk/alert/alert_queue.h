/*
 * What people are to be told, and who has been told how much of it.  Each
 * destination gets one message of all that is new, then nothing for a quiet
 * time; what fails is tried again, not for ever.  No I/O, no clock.
 */

#ifndef HOPSEAL_ALERT_QUEUE_H
#define HOPSEAL_ALERT_QUEUE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ALERTS_KEPT_MAX		200	/* more are counted, and in the log */
#define ALERT_DESTINATIONS_MAX	12
#define ALERT_GATHER_S		5	/* one trouble seldom comes alone */
#define ALERT_TRIES_MAX		5
#define ALERT_RETRY_S		30	/* then four times as long each time */
#define ALERT_QUIET_MAX_S	86400

#define ALERT_KIND_SIZE		16
#define ALERT_SUBJECT_SIZE	260
#define ALERT_WORDS_SIZE	500

enum alert_severity { ALERT_OK, ALERT_WARNING, ALERT_CRITICAL };
const char	*alert_severity_name(enum alert_severity severity);

/* Texts are printable ASCII. */
struct alert {
	uint64_t		 number;	/* from 1 */
	int64_t			 at;
	enum alert_severity	 severity;
	char			 kind[ALERT_KIND_SIZE];	/* "domain" */
	char			 subject[ALERT_SUBJECT_SIZE];
	char			 words[ALERT_WORDS_SIZE];
};

enum alert_way { ALERT_COMMAND, ALERT_MAIL, ALERT_WEBHOOK, ALERT_WAY_COUNT };
const char	*alert_way_name(enum alert_way way);

struct alert_destination {
	enum alert_way	 way;
	char		*target;	/* a program, a mailbox, a URL */
	uint64_t	 done;		/* it has heard of all up to this */
	uint64_t	 upto;		/* of the message in hand; 0: none */
	unsigned	 tries;		/* of that */
	int64_t		 next_at;	/* not before */
	bool		 is_sending;
	bool		 is_failing;	/* the last try, for people: */
	char		 words[200];
};

/*
 * For people: the program, the mailbox, of a URL no more than its host, as what
 * stands before and behind that may be a secret.
 */
#define ALERT_LABEL_SIZE	300
char		*alert_destination_label(const struct alert_destination *d,
		    char out[ALERT_LABEL_SIZE]);

/* Slices of the queue, valid until it changes. */
struct alert_message {
	uint64_t		 number;	/* the same in each try */
	enum alert_severity	 worst;
	size_t			 total;	/* those that were not kept, too */
	size_t			 count;
	/* oldest first */
	const struct alert	*alerts[ALERTS_KEPT_MAX];
};

struct alert_queue_counts {
	uint64_t	sent, failed, given_up;
};

struct alert_queue;

struct alert_queue *alert_queue_new(void);
void		 alert_queue_free(struct alert_queue *q);
/*
 * Adds a destination, or keeps the one that is there; between begin and end
 * what is not added leaves.  A new one hears of what comes from now on.
 */
void		 alert_queue_begin_destinations(struct alert_queue *q);
void		 alert_queue_add_destination(struct alert_queue *q,
		    enum alert_way way, const char *target);
void		 alert_queue_end_destinations(struct alert_queue *q);
size_t		 alert_queue_destination_count(const struct alert_queue *q);
struct alert_destination *alert_queue_destination(struct alert_queue *q,
		    size_t i);

/* The texts are quoted and cut.  Without a destination nothing is kept. */
void		 alert_queue_add(struct alert_queue *q,
		    enum alert_severity severity, const char *kind,
		    const char *subject, const char *words, int64_t now);
/* How many one destination or another has not heard of. */
size_t		 alert_queue_waiting(const struct alert_queue *q);

/* One whose message is due: is_sending then, until _ended; or NULL. */
struct alert_destination *alert_queue_next(struct alert_queue *q, int64_t now);
void		 alert_queue_message(const struct alert_queue *q,
		    const struct alert_destination *d,
		    struct alert_message *out);
/* words: what the other side said, quoted here. */
void		 alert_queue_ended(struct alert_queue *q,
		    struct alert_destination *d, bool was_taken,
		    const char *words, unsigned quiet_s, int64_t now);
const struct alert_queue_counts *alert_queue_counts(
		    const struct alert_queue *q, enum alert_way way);

/* The whole, for a file; targets are not in it, as they may hold secrets. */
json_t		*alert_queue_format(const struct alert_queue *q);
/*
 * Before destinations are added; true when there were any.  What cannot be read
 * is left out.
 */
bool		 alert_queue_parse(struct alert_queue *q, const json_t *from);

#endif
