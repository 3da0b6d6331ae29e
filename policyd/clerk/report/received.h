/*
 * Reports that others sent us: each is kept once, in a file for its day in
 * state_dir and in Redis for all hosts (docs/cache.md), and shown on demand.
 */

#ifndef HOPSEAL_RECEIVED_STORE_H
#define HOPSEAL_RECEIVED_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/text.h"

#define RECEIVED_FILE_MAX_BYTES	(4 * 1024 * 1024)	/* of a day */
/* Of it for those that are not verified: anybody can send them. */
#define RECEIVED_STRANGERS_MAX_BYTES	(1024 * 1024)

struct config;
struct event_base;
struct ledger_share;
struct received_store;

/* line is the answer, without its end, and the callee's to free. */
typedef void received_answer_cb(uint64_t connection, char *line, void *arg);

struct received_store *received_store_new(struct event_base *base,
		    struct ledger_share *share, const struct config *config,
		    received_answer_cb *on_answer, void *arg);
void		 received_store_free(struct received_store *store);
/* config is borrowed until the next. */
void		 received_store_set_config(struct received_store *store,
		    const struct config *config);
/* Before the connection to Redis is replaced. */
void		 received_store_abort(struct received_store *store);

/* Kept since the start, by whether they are verified. */
uint64_t	 received_store_count(const struct received_store *store,
		    bool is_verified);

/* The note {"command": "received", "record": LINE}; its answer. */
char		*received_store_take(struct received_store *store,
		    struct text request);
/*
 * False when the request "report" is not about what was received; else it is
 * answered, perhaps at once.
 */
bool		 received_store_ask(struct received_store *store,
		    uint64_t connection, struct text request);

#endif
