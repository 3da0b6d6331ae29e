/*
 * Asks Postfix's tables with postmap -q: many keys of a table in one run, few
 * runs at once, each with a deadline, and answers that are kept for a while.
 * Runs as who we are: a table that only others may read cannot be asked.
 */

#ifndef HOPSEAL_POSTMAP_H
#define HOPSEAL_POSTMAP_H

#include "shared/postfix/table.h"

struct event_base;
struct postmap;

#define POSTMAP_RUNS_MAX	4	/* at once */
#define POSTMAP_KEYS_MAX	50	/* in one run */
#define POSTMAP_DEADLINE_MS	2000	/* for a run */
#define POSTMAP_TTL_S		60	/* of an answer, also of none */
#define POSTMAP_ANSWERS_MAX	20000	/* kept, and asked */

/* Some questions have been answered. */
typedef void postmap_cb(void *arg);

struct postmap	*postmap_new(struct event_base *base, postmap_cb *on_answers,
		    void *arg);
void		 postmap_free(struct postmap *postmap);
/* Other settings: all is asked anew. */
void		 postmap_forget(struct postmap *postmap);

/*
 * A table_lookup_cb whose arg is the postmap: what is known, or PENDING, and
 * on_answers comes later.  With too many questions open it is UNKNOWN.
 */
enum table_answer postmap_lookup(const char *config_dir, struct text table,
		    struct text key, struct text *value, void *arg);
/* A table that could not be asked when it was last tried, or NULL. */
const char	*postmap_failing(const struct postmap *postmap);
/*
 * Where Postfix's proxymap cannot be reached, "proxy:" tables are asked without
 * it.  queue_dir is the setting queue_directory.
 */
void		 postmap_set_queue_dir(struct postmap *postmap,
		    const char *queue_dir);

#endif
