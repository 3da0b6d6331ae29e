/*
 * Asks Postfix for its settings by running postconf, without waiting for it:
 * the answer comes as the text that site_parse reads.
 */

#ifndef HOPSEAL_SITE_QUERY_H
#define HOPSEAL_SITE_QUERY_H

struct event_base;
struct site_query;

/* text is the whole output, or "# words" when Postfix could not be asked. */
typedef void site_query_cb(const char *text, void *arg);

/*
 * config_dirs: Postfix configuration directories, blanks or commas between;
 * empty for postconf's own default and the instances that it names.  One after
 * the other, 10 s for each question.  The callback comes once, never before return;
 * then the query is gone.
 */
struct site_query *site_query_start(struct event_base *base,
	    const char *config_dirs, site_query_cb *callback, void *arg);
void	site_query_cancel(struct site_query *q);

#endif
