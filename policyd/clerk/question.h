/*
 * Questions that the front must answer: each waits for the front to be there
 * and for its answer, and neither for long.  A question that was under way when
 * the front went away is put to the next one: all of them may be asked twice.
 */

#ifndef HOPSEAL_QUESTION_H
#define HOPSEAL_QUESTION_H

#include <stdint.h>

#include "policyd/process/control_message.h"

#define QUESTION_AWAY_S		3	/* for a front to come back */
#define QUESTION_ANSWER_S	18	/* for an answer, perhaps a lookup */
#define QUESTION_STATUS_S	3	/* for one that never is */

struct channel;
struct event_base;
struct questions;

/*
 * The answer of the front, or NULL with why.  connection is the asker's; both q
 * and answer are borrowed for the call.
 */
typedef void question_cb(uint64_t connection,
    const struct control_question *q, const struct text *answer,
    const char *why, void *arg);

struct questions *questions_new(struct event_base *base, question_cb *on_answer,
		    void *arg);
void		 questions_free(struct questions *questions);
/* The channel to the front, borrowed; NULL while it is away. */
void		 questions_set_front(struct questions *questions,
		    struct channel *front);
/* The callback comes later, exactly once. */
void		 questions_ask(struct questions *questions, uint64_t connection,
		    const struct control_question *q);
/* A MESSAGE_ANSWER of the front; one that nobody waits for is ignored. */
void		 questions_on_answer(struct questions *questions,
		    uint64_t number, struct text answer);

#endif
