/*
 * Questions that the front must answer.  What they mean is control_message's;
 * here is who waits for which, and until when.
 */

#include "policyd/clerk/question.h"

#include <sys/queue.h>

#include <event2/event.h>
#include <stdlib.h>

#include "policyd/process/channel.h"
#include "policyd/process/message.h"
#include "shared/xalloc.h"

struct question {
	TAILQ_ENTRY(question)	 entry;
	struct questions	*questions;
	struct control_question	 asked;
	uint64_t		 number, connection;
	struct event		*timer;
	bool			 is_sent;
};

struct questions {
	struct event_base	*base;
	struct channel		*front;
	question_cb		*on_answer;
	void			*arg;
	uint64_t		 last_number;
	TAILQ_HEAD(, question)	 list;
};

static void
question_free(struct question *q)
{
	TAILQ_REMOVE(&q->questions->list, q, entry);
	event_free(q->timer);
	free(q);
}

static void
question_finish(struct question *q, const struct text *answer, const char *why)
{
	q->questions->on_answer(q->connection, &q->asked, answer, why,
	    q->questions->arg);
	question_free(q);
}

static void
question_on_timeout(evutil_socket_t fd, short events, void *arg)
{
	struct question *q = arg;

	(void)fd;
	(void)events;
	question_finish(q, NULL, q->is_sent ?
	    "the front did not answer within 18 s" : "the front is away");
}

static void
question_set_timer(struct question *q, int seconds)
{
	struct timeval tv = { seconds, 0 };

	event_add(q->timer, &tv);
}

static void
question_send(struct question *q)
{
	struct buffer payload;

	buffer_init(&payload, FRAME_PAYLOAD_MAX);
	control_question_format(&q->asked, &payload);
	q->is_sent = channel_send(q->questions->front, MESSAGE_QUESTION,
	    q->number, (struct text){ payload.data, payload.len });
	question_set_timer(q, !q->is_sent ? QUESTION_AWAY_S :
	    q->asked.command >= CONTROL_STATUS ? QUESTION_STATUS_S :
	    QUESTION_ANSWER_S);
	buffer_clear(&payload);
}

struct questions *
questions_new(struct event_base *base, question_cb *on_answer, void *arg)
{
	struct questions *questions = xcalloc(1, sizeof(*questions));

	questions->base = base;
	questions->on_answer = on_answer;
	questions->arg = arg;
	TAILQ_INIT(&questions->list);
	return questions;
}

void
questions_free(struct questions *questions)
{
	if (questions == NULL)
		return;
	while (!TAILQ_EMPTY(&questions->list))
		question_free(TAILQ_FIRST(&questions->list));
	free(questions);
}

void
questions_set_front(struct questions *questions, struct channel *front)
{
	struct question *q;

	questions->front = front;
	TAILQ_FOREACH(q, &questions->list, entry)
		if (front != NULL)
			question_send(q);
		else {
			q->is_sent = false;
			question_set_timer(q, QUESTION_AWAY_S);
		}
}

void
questions_ask(struct questions *questions, uint64_t connection,
    const struct control_question *asked)
{
	struct question *q = xcalloc(1, sizeof(*q));

	q->questions = questions;
	q->asked = *asked;
	q->number = ++questions->last_number;
	q->connection = connection;
	q->timer = evtimer_new(questions->base, question_on_timeout, q);
	TAILQ_INSERT_TAIL(&questions->list, q, entry);
	if (questions->front != NULL)
		question_send(q);
	else
		question_set_timer(q, QUESTION_AWAY_S);
}

void
questions_on_answer(struct questions *questions, uint64_t number,
    struct text answer)
{
	struct question *q;

	TAILQ_FOREACH(q, &questions->list, entry)
		if (q->number == number && q->is_sent) {
			question_finish(q, &answer, NULL);
			return;
		}
}
