/*
 * The link to Redis: a socket, the greeting, the questions in their order, and
 * what becomes of all of them when the other side is slow, sick or gone.
 *
 * A connection goes through the steps below; step_ask says what each of them
 * asks and step_answer what its answer means.  Plain events and hiredis'
 * formatter: its own asynchronous interface has no deadlines before 1.0.
 */

#include "shared/io/redis_link.h"

#include <sys/queue.h>
#include <sys/socket.h>

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/util.h>
#include <hiredis/hiredis.h>

#include "shared/buffer.h"
#include "shared/io/redis_address.h"
#include "shared/xalloc.h"

#define BACKOFF_MIN_MS		100
#define BACKOFF_MAX_MS		5000
#define GREETING_MS		1000	/* connecting and the steps to READY */
#define OUT_BYTES_MAX		(4 * 1024 * 1024)
#define READ_BYTES		65536
#define COMMAND_SIZE		16	/* a command's name, cut */
#define REASON_SIZE		256

enum step {
	STEP_RESTING,		/* until the next attempt */
	STEP_CONNECTING,
	STEP_AUTH, STEP_SELECT, STEP_PING, STEP_ROLE, STEP_SUBSCRIBE,
	STEP_READY
};

struct redis_question {
	TAILQ_ENTRY(redis_question) entry;
	redis_link_reply_cb	*callback;	/* NULL: cancelled */
	void			*arg;
	int64_t			 late_at_ms;
	char			 command[COMMAND_SIZE];
};
TAILQ_HEAD(question_list, redis_question);

struct redis_link {
	struct redis_address	 address;
	struct endpoint_address	 addresses[ENDPOINT_ADDRESS_MAX];
	size_t			 address_count, next_address;
	char			 resolve_error[ENDPOINT_ERROR_SIZE];
	char			*user, *password;
	unsigned		 deadline_ms, heartbeat_ms;

	enum step		 step;
	int			 fd;
	struct event_base	*base;
	struct event		*readable, *writable;	/* NULL without fd */
	struct event		*timer;		/* attempt, greeting, idling */
	struct event		*late_timer;	/* of the first question */
	struct event		*writer;	/* for out, once a turn */
	struct event		*failer;	/* for unanswered, below */
	unsigned		 backoff_ms;
	int64_t			 ready_at_ms;

	struct buffer		 greeting;	/* sent before READY */
	struct buffer		 out;		/* sent when READY */
	struct redis_reader	*reader;
	struct question_list	 waiting;	/* in their answers' order */
	size_t			 waiting_count;
	struct question_list	 unanswered;	/* to be told so by failer */

	enum redis_link_state	 state;
	char			 trouble[COMMAND_SIZE];	/* who met the state */
	redis_link_state_cb	*on_state;
	void			*state_arg;
	struct redis_link_counters counters;

	char			*channel;	/* subscribers only */
	redis_link_message_cb	*on_message;
	void			*message_arg;
	bool			 is_ping_open;	/* subscribers' heartbeat */
};

static const char *const state_names[] = {
	[REDIS_LINK_STARTING] = "starting", [REDIS_LINK_DOWN] = "down",
	[REDIS_LINK_REFUSED] = "refused", [REDIS_LINK_LOADING] = "loading",
	[REDIS_LINK_READ_ONLY] = "read-only", [REDIS_LINK_FULL] = "full",
	[REDIS_LINK_UP] = "up"
};

/* Errors that tell of the server and not of the question. */
static const struct {
	const char		*word;
	enum redis_link_state	 state;
} troubles[] = {
	{ "LOADING",	REDIS_LINK_LOADING },	/* reads its file */
	{ "MASTERDOWN",	REDIS_LINK_LOADING },	/* a replica without data */
	{ "BUSY",	REDIS_LINK_LOADING },	/* runs a script */
	{ "CLUSTERDOWN", REDIS_LINK_LOADING },
	{ "READONLY",	REDIS_LINK_READ_ONLY },
	{ "MISCONF",	REDIS_LINK_READ_ONLY },	/* cannot write its file */
	{ "NOREPLICAS",	REDIS_LINK_READ_ONLY },
	{ "OOM",	REDIS_LINK_FULL },
	{ "NOAUTH",	REDIS_LINK_REFUSED },
	{ "WRONGPASS",	REDIS_LINK_REFUSED },
	{ "NOPERM",	REDIS_LINK_REFUSED },
	{ "DENIED",	REDIS_LINK_REFUSED },	/* protected mode */
};

static void connect_next(struct redis_link *link, const char *reason);

static int64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void
start_timer(struct event *timer, int64_t ms)
{
	struct timeval tv = { 0, 0 };

	if (ms > 0) {
		tv.tv_sec = (time_t)(ms / 1000);
		tv.tv_usec = (suseconds_t)(ms % 1000 * 1000);
	}
	event_add(timer, &tv);
}

static void
set_state(struct redis_link *link, enum redis_link_state state,
    const char *reason)
{
	if (link->state == state)
		return;
	link->state = state;
	link->on_state(state, reason, link->state_arg);
}

/* ------------------------------------------------------------- questions */

/* False when it does not fit. */
static bool
format_command(struct buffer *out, int argc, const char **argv,
    const size_t *lens)
{
	bool fits;
	char *text;
	long long len;

	len = redisFormatCommandArgv(&text, argc, argv, lens);
	if (len < 0)
		abort();
	fits = (size_t)len <= out->limit - out->len;
	if (fits)
		buffer_add(out, text, (size_t)len);
	redisFreeCommand(text);
	return fits;
}

static void
question_finish(struct redis_link *link, struct redis_question *q,
    const struct redis_reply *reply)
{
	if (reply == NULL)
		link->counters.failed++;
	else {
		link->counters.answered++;
		link->counters.last_took_ms = now_ms() + link->deadline_ms -
		    q->late_at_ms;
	}
	if (q->callback != NULL)
		q->callback(reply, q->arg);
	free(q);
}

/* All that wait, sent or not, get no answer; they are told from the loop. */
static void
fail_waiting(struct redis_link *link)
{
	buffer_reset(&link->out);
	TAILQ_CONCAT(&link->unanswered, &link->waiting, entry);
	link->waiting_count = 0;
	event_del(link->late_timer);
	if (!TAILQ_EMPTY(&link->unanswered))
		event_active(link->failer, 0, 0);
}

static void
on_failer(evutil_socket_t fd, short what, void *arg)
{
	struct redis_link *link = arg;
	struct redis_question *q;
	struct question_list list;

	(void)fd, (void)what;
	/* What is asked meanwhile and fails is for the next turn. */
	TAILQ_INIT(&list);
	TAILQ_CONCAT(&list, &link->unanswered, entry);
	while ((q = TAILQ_FIRST(&list)) != NULL) {
		TAILQ_REMOVE(&list, q, entry);
		question_finish(link, q, NULL);
	}
}

/* ----------------------------------------------------------- disconnecting */

static void
disconnect(struct redis_link *link)
{
	if (link->fd == -1)
		return;
	event_free(link->readable);
	event_free(link->writable);
	link->readable = link->writable = NULL;
	close(link->fd);
	link->fd = -1;
	redis_reader_free(link->reader);
	link->reader = NULL;
	buffer_reset(&link->greeting);
}

/* Half of the back-off and up to as much again, so that hosts do not march. */
static void
rest(struct redis_link *link)
{
	unsigned half = link->backoff_ms / 2;
	uint32_t random;

	evutil_secure_rng_get_bytes(&random, sizeof(random));
	link->step = STEP_RESTING;
	start_timer(link->timer, half + random % (half + 1));
	link->backoff_ms *= 2;
	if (link->backoff_ms > BACKOFF_MAX_MS)
		link->backoff_ms = BACKOFF_MAX_MS;
}

/*
 * The end of a connection, or of the attempt at one.  Only one that has lasted
 * makes the next attempt soon: a server that greets and then sleeps is not
 * asked ten times a second.
 */
static void
drop(struct redis_link *link, enum redis_link_state state, const char *reason)
{
	if (link->step == STEP_READY) {
		link->counters.lost++;
		if (now_ms() - link->ready_at_ms >= BACKOFF_MAX_MS)
			link->backoff_ms = BACKOFF_MIN_MS;
	}
	disconnect(link);
	rest(link);
	fail_waiting(link);
	set_state(link, state, reason);
}

static void
drop_garbage(struct redis_link *link, const char *what)
{
	char reason[REASON_SIZE];

	snprintf(reason, sizeof(reason), "not a Redis answer: %s", what);
	drop(link, REDIS_LINK_DOWN, reason);
}

/* ---------------------------------------------------------------- health */

/* The state that an error tells of, or UP for one that tells of nothing. */
static enum redis_link_state
trouble_of(const struct redis_reply *reply)
{
	struct text rest_of = reply->text, word;
	size_t i;

	if (reply->type == REDIS_ERROR && text_next_word(&rest_of, &word))
		for (i = 0; i < sizeof(troubles) / sizeof(troubles[0]); i++)
			if (text_equals(word, troubles[i].word))
				return troubles[i].state;
	return REDIS_LINK_UP;
}

/* True for an array that begins with the word. */
static bool
is_array_of(const struct redis_reply *reply, const char *word)
{
	return reply->type == REDIS_ARRAY && reply->count > 0 &&
	    text_equals(reply->elements[0]->text, word);
}

static char *
quote_reply(char out[REASON_SIZE], const struct redis_reply *reply)
{
	return text_quote(out, REASON_SIZE, reply->text);
}

/* A master's replicas: each an address, a port and what it has confirmed. */
static void
note_replicas(struct redis_link *link, const struct redis_reply *role)
{
	struct redis_link_counters *counters = &link->counters;
	const struct redis_reply *list, *replica;
	uint64_t written, confirmed;
	size_t i;

	counters->replicas = counters->lag_bytes = 0;
	if (!is_array_of(role, "master") || role->count < 3 ||
	    role->elements[1]->type != REDIS_INTEGER ||
	    role->elements[2]->type != REDIS_ARRAY)
		return;
	written = (uint64_t)role->elements[1]->integer;
	list = role->elements[2];
	for (i = 0; i < list->count; i++) {
		replica = list->elements[i];
		if (replica->type != REDIS_ARRAY || replica->count < 3 ||
		    !text_parse_u64(replica->elements[2]->text, INT64_MAX,
		    &confirmed))
			continue;
		counters->replicas++;
		if (confirmed < written &&
		    written - confirmed > counters->lag_bytes)
			counters->lag_bytes = written - confirmed;
	}
}

/*
 * What an answer says of the server.  Trouble ends when the command that met
 * it succeeds: a full Redis answers GET as if nothing were.  To a subscriber
 * it is all the same.
 */
static void
note_health(struct redis_link *link, const char *command,
    const struct redis_reply *reply)
{
	enum redis_link_state state = trouble_of(reply);
	char words[REASON_SIZE];
	const char *reason = NULL;

	if (link->channel != NULL)
		return;
	if (strcmp(command, "ROLE") == 0) {
		/* Those who may not ask it (ACLs) find out by READONLY. */
		if (reply->type == REDIS_ERROR)
			return;
		note_replicas(link, reply);
		if (is_array_of(reply, "slave")) {
			state = REDIS_LINK_READ_ONLY;
			reason = "the server is a replica";
		}
	}
	if (state != REDIS_LINK_UP && state != link->state) {
		snprintf(link->trouble, sizeof(link->trouble), "%s", command);
		set_state(link, state, reason != NULL ? reason :
		    quote_reply(words, reply));
	} else if (reply->type != REDIS_ERROR && state == REDIS_LINK_UP &&
	    strcmp(command, link->trouble) == 0) {
		link->trouble[0] = '\0';
		set_state(link, REDIS_LINK_UP, "it works again");
	}
}

/* ----------------------------------------------------------------- steps */

static void
greet(struct redis_link *link, int argc, const char **argv)
{
	format_command(&link->greeting, argc, argv, NULL);
	event_add(link->writable, NULL);
}

static void
become_ready(struct redis_link *link)
{
	link->step = STEP_READY;
	link->ready_at_ms = now_ms();
	link->is_ping_open = false;
	link->counters.connected++;
	start_timer(link->timer, link->heartbeat_ms);
	if (link->out.len > 0)
		event_add(link->writable, NULL);
	if (link->trouble[0] == '\0')
		set_state(link, REDIS_LINK_UP, "connected");
}

/* Asks what the step asks, or goes on to one that asks something. */
static void
step_ask(struct redis_link *link)
{
	const char *auth[] = { "AUTH", link->user, link->password };
	char database[16];
	const char *select[] = { "SELECT", database };
	const char *ping[] = { "PING" }, *role[] = { "ROLE" };
	const char *subscribe[] = { "SUBSCRIBE", link->channel };

	switch (link->step) {
	case STEP_RESTING:
	case STEP_CONNECTING:
		break;
	case STEP_AUTH:
		if (link->password[0] == '\0') {
			link->step = STEP_SELECT;
			step_ask(link);
		} else if (link->user[0] == '\0') {
			auth[1] = link->password;
			greet(link, 2, auth);
		} else {
			greet(link, 3, auth);
		}
		break;
	case STEP_SELECT:
		if (link->address.database == 0) {
			link->step = STEP_PING;
			step_ask(link);
		} else {
			snprintf(database, sizeof(database), "%u",
			    link->address.database);
			greet(link, 2, select);
		}
		break;
	case STEP_PING:
		greet(link, 1, ping);
		break;
	case STEP_ROLE:
		greet(link, 1, role);
		break;
	case STEP_SUBSCRIBE:
		greet(link, 2, subscribe);
		break;
	case STEP_READY:
		break;
	}
}

/* The greeting ends with an error: what it says, or that we are not wanted. */
static void
drop_refused(struct redis_link *link, const struct redis_reply *reply)
{
	enum redis_link_state state = trouble_of(reply);
	char reason[REASON_SIZE];

	drop(link, state == REDIS_LINK_UP ? REDIS_LINK_REFUSED : state,
	    quote_reply(reason, reply));
}

/* A subscriber is sent messages, and the answers to its pings. */
static void
take_push(struct redis_link *link, const struct redis_reply *reply)
{
	if (is_array_of(reply, "message") && reply->count == 3 &&
	    reply->elements[2]->type == REDIS_TEXT)
		link->on_message(reply->elements[2]->text, link->message_arg);
	else if (is_array_of(reply, "pong"))
		link->is_ping_open = false;
	else
		drop_garbage(link, "neither a message nor a pong");
}

static void
take_answer(struct redis_link *link, const struct redis_reply *reply)
{
	struct redis_question *q = TAILQ_FIRST(&link->waiting);

	if (q == NULL) {
		drop_garbage(link, "an answer that nobody asked for");
		return;
	}
	TAILQ_REMOVE(&link->waiting, q, entry);
	link->waiting_count--;
	if (reply->type == REDIS_ERROR)
		link->counters.refused++;
	note_health(link, q->command, reply);
	question_finish(link, q, reply);
}

/* What an answer means; the twin of step_ask. */
static void
step_answer(struct redis_link *link, const struct redis_reply *reply)
{
	switch (link->step) {
	case STEP_RESTING:
	case STEP_CONNECTING:
		assert(false);
		break;
	case STEP_AUTH:
	case STEP_SELECT:
		if (reply->type == REDIS_ERROR) {
			drop_refused(link, reply);
		} else if (reply->type != REDIS_STATUS) {
			drop_garbage(link, "the greeting");
		} else {
			link->step++;
			step_ask(link);
		}
		break;
	case STEP_PING:
		/* MISCONF refuses even PING, though reads are answered. */
		if (reply->type == REDIS_ERROR &&
		    trouble_of(reply) != REDIS_LINK_READ_ONLY) {
			drop_refused(link, reply);
		} else if (reply->type != REDIS_ERROR &&
		    !text_equals(reply->text, "PONG")) {
			drop_garbage(link, "the answer to PING");
		} else {
			note_health(link, "PING", reply);
			link->step = link->channel != NULL ? STEP_SUBSCRIBE :
			    STEP_ROLE;
			step_ask(link);
		}
		break;
	case STEP_ROLE:
		if (reply->type != REDIS_ERROR && reply->type != REDIS_ARRAY) {
			drop_garbage(link, "the answer to ROLE");
		} else {
			note_health(link, "ROLE", reply);
			become_ready(link);
		}
		break;
	case STEP_SUBSCRIBE:
		if (reply->type == REDIS_ERROR)
			drop_refused(link, reply);
		else if (is_array_of(reply, "subscribe"))
			become_ready(link);
		else
			drop_garbage(link, "the answer to SUBSCRIBE");
		break;
	case STEP_READY:
		if (link->channel != NULL)
			take_push(link, reply);
		else
			take_answer(link, reply);
		break;
	}
}

/* ------------------------------------------------------------------ input */

/* Takes each reply that is complete; the link may be dropped on the way. */
static void
take_replies(struct redis_link *link)
{
	struct redis_reply *reply;
	const char *why;

	while (link->fd != -1) {
		switch (redis_reader_next(link->reader, &reply, &why)) {
		case REDIS_READER_DONE:
			step_answer(link, reply);
			redis_reply_free(reply);
			break;
		case REDIS_READER_MORE:
			return;
		case REDIS_READER_BAD:
			drop_garbage(link, why);
			return;
		}
	}
}

static void
read_some(struct redis_link *link)
{
	char data[READ_BYTES];
	ssize_t got;

	got = recv(link->fd, data, sizeof(data), 0);
	if (got > 0) {
		redis_reader_feed(link->reader, data, (size_t)got);
		take_replies(link);
	} else if (got == 0) {
		drop(link, REDIS_LINK_DOWN, "the server closed the connection");
	} else if (errno != EAGAIN && errno != EINTR) {
		drop(link, REDIS_LINK_DOWN, strerror(errno));
	}
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	read_some(arg);
}

/* ----------------------------------------------------------------- output */

static void
write_some(struct redis_link *link, struct buffer *b)
{
	ssize_t sent;

	if (b->len == 0)
		return;
	sent = send(link->fd, b->data, b->len, MSG_NOSIGNAL);
	if (sent == -1 && errno != EAGAIN && errno != EINTR) {
		drop(link, REDIS_LINK_DOWN, strerror(errno));
		return;
	}
	if (sent > 0)
		buffer_drain(b, (size_t)sent);
	if (b->len > 0)
		event_add(link->writable, NULL);
}

/* What was asked in this turn of the loop goes out at once and together. */
static void
on_writer(evutil_socket_t fd, short what, void *arg)
{
	struct redis_link *link = arg;

	(void)fd, (void)what;
	if (link->step == STEP_READY &&
	    !event_pending(link->writable, EV_WRITE, NULL))
		write_some(link, &link->out);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct redis_link *link = arg;
	socklen_t len = sizeof(int);
	int reason = 0;

	(void)what;
	if (link->step == STEP_READY) {
		write_some(link, &link->out);
		return;
	}
	if (link->step == STEP_CONNECTING) {
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &reason, &len);
		if (reason != 0) {
			disconnect(link);
			connect_next(link, strerror(reason));
			return;
		}
		event_add(link->readable, NULL);
		link->step = STEP_AUTH;
		step_ask(link);
	}
	write_some(link, &link->greeting);
}

/* ------------------------------------------------------------- connecting */

static void
connect_begin(struct redis_link *link)
{
	link->reader = redis_reader_new();
	link->readable = event_new(link->base, link->fd, EV_READ | EV_PERSIST,
	    on_readable, link);
	link->writable = event_new(link->base, link->fd, EV_WRITE, on_writable,
	    link);
	link->trouble[0] = '\0';
	link->step = STEP_CONNECTING;
	event_add(link->writable, NULL);
	start_timer(link->timer, GREETING_MS);
}

/* The next address of this round, or the end of it. */
static void
connect_next(struct redis_link *link, const char *reason)
{
	const struct endpoint_address *address;

	while (link->next_address < link->address_count) {
		address = &link->addresses[link->next_address++];
		link->fd = endpoint_connect(address, SOCK_STREAM);
		if (link->fd != -1) {
			connect_begin(link);
			return;
		}
		reason = strerror(errno);
	}
	drop(link, REDIS_LINK_DOWN, reason);
}

/* ----------------------------------------------------------------- timers */

static void
note_nothing(const struct redis_reply *reply, void *arg)
{
	(void)reply, (void)arg;		/* note_health has seen it */
}

/* Finds a dead peer on an idle link, and the end of a replica's time. */
static void
heartbeat(struct redis_link *link)
{
	const char *ping[] = { "PING" }, *role[] = { "ROLE" };

	if (link->is_ping_open) {
		drop(link, REDIS_LINK_DOWN, "no answer to PING");
		return;
	}
	if (link->channel == NULL) {
		redis_link_ask(link, note_nothing, NULL, 1, ping, NULL);
		redis_link_ask(link, note_nothing, NULL, 1, role, NULL);
	} else {
		format_command(&link->out, 1, ping, NULL);
		event_add(link->writable, NULL);
		link->is_ping_open = true;
	}
	start_timer(link->timer, link->heartbeat_ms);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct redis_link *link = arg;

	(void)fd, (void)what;
	if (link->step == STEP_RESTING) {
		link->next_address = 0;
		connect_next(link, link->resolve_error);
	} else if (link->step == STEP_CONNECTING) {
		disconnect(link);
		connect_next(link, "no connection in time");
	} else if (link->step == STEP_READY) {
		heartbeat(link);
	} else {
		drop(link, REDIS_LINK_DOWN, "no greeting in time");
	}
}

/* The first question is late, unless its answer lies here unread. */
static void
on_late(evutil_socket_t fd, short what, void *arg)
{
	struct redis_link *link = arg;
	const struct redis_question *q;
	char reason[REASON_SIZE];
	int64_t left_ms;

	(void)fd, (void)what;
	if (link->step == STEP_READY)
		read_some(link);
	q = TAILQ_FIRST(&link->waiting);
	if (q == NULL)
		return;
	left_ms = q->late_at_ms - now_ms();
	if (left_ms > 0) {
		start_timer(link->late_timer, left_ms);
		return;
	}
	snprintf(reason, sizeof(reason), "no answer within %u ms",
	    link->deadline_ms);
	drop(link, REDIS_LINK_DOWN, reason);
}

/* ----------------------------------------------------------------- public */

struct redis_link *
redis_link_new(struct event_base *base,
    const struct redis_link_options *options, redis_link_state_cb *on_state,
    void *arg)
{
	struct redis_link *link = xcalloc(1, sizeof(*link));
	const char *why;
	int result;

	result = redis_address_parse(text_of(options->address), &link->address,
	    &why);
	assert(result == 0);
	link->user = xstrdup(options->user != NULL ? options->user : "");
	link->password = xstrdup(options->password != NULL ?
	    options->password : "");
	link->deadline_ms = options->deadline_ms > 0 ? options->deadline_ms :
	    REDIS_LINK_DEADLINE_MS;
	link->heartbeat_ms = options->heartbeat_ms > 0 ?
	    options->heartbeat_ms : REDIS_LINK_HEARTBEAT_MS;
	if (endpoint_resolve(&link->address.endpoint, ENDPOINT_TO_CONNECT,
	    link->addresses, &link->address_count, link->resolve_error) == -1)
		link->address_count = 0;
	link->fd = -1;
	link->base = base;
	link->on_state = on_state;
	link->state_arg = arg;
	link->backoff_ms = BACKOFF_MIN_MS;
	buffer_init(&link->greeting, OUT_BYTES_MAX);
	buffer_init(&link->out, OUT_BYTES_MAX);
	TAILQ_INIT(&link->waiting);
	TAILQ_INIT(&link->unanswered);
	link->timer = evtimer_new(base, on_timer, link);
	link->late_timer = evtimer_new(base, on_late, link);
	link->writer = event_new(base, -1, 0, on_writer, link);
	link->failer = event_new(base, -1, 0, on_failer, link);
	start_timer(link->timer, 0);
	return link;
}

void
redis_link_free(struct redis_link *link)
{
	struct redis_question *q;

	if (link == NULL)
		return;
	disconnect(link);
	TAILQ_CONCAT(&link->unanswered, &link->waiting, entry);
	while ((q = TAILQ_FIRST(&link->unanswered)) != NULL) {
		TAILQ_REMOVE(&link->unanswered, q, entry);
		free(q);
	}
	event_free(link->failer);
	event_free(link->writer);
	event_free(link->late_timer);
	event_free(link->timer);
	buffer_clear(&link->out);
	buffer_clear(&link->greeting);
	free(link->channel);
	free(link->password);
	free(link->user);
	free(link);
}

/* Only while nothing is known of the server yet does a question wait for it. */
static bool
can_wait(const struct redis_link *link)
{
	return (link->step == STEP_READY ||
	    link->state == REDIS_LINK_STARTING) &&
	    link->waiting_count < REDIS_LINK_QUESTIONS_MAX;
}

struct redis_question *
redis_link_ask(struct redis_link *link, redis_link_reply_cb *callback,
    void *arg, int argc, const char **argv, const size_t *lens)
{
	struct redis_question *q = xcalloc(1, sizeof(*q));
	size_t len;

	assert(argc > 0 && link->channel == NULL);
	q->callback = callback;
	q->arg = arg;
	q->late_at_ms = now_ms() + link->deadline_ms;
	len = lens != NULL ? lens[0] : strlen(argv[0]);
	memcpy(q->command, argv[0], len < COMMAND_SIZE ? len :
	    COMMAND_SIZE - 1);
	link->counters.asked++;
	if (!can_wait(link) || !format_command(&link->out, argc, argv, lens)) {
		TAILQ_INSERT_TAIL(&link->unanswered, q, entry);
		event_active(link->failer, 0, 0);
		return q;
	}
	TAILQ_INSERT_TAIL(&link->waiting, q, entry);
	link->waiting_count++;
	if (!evtimer_pending(link->late_timer, NULL))
		start_timer(link->late_timer, link->deadline_ms);
	event_active(link->writer, 0, 0);
	return q;
}

void
redis_link_cancel(struct redis_link *link, struct redis_question *q)
{
	(void)link;
	q->callback = NULL;	/* its answer will still come */
}

void
redis_link_subscribe(struct redis_link *link, const char *channel,
    redis_link_message_cb *callback, void *arg)
{
	assert(link->channel == NULL && link->state == REDIS_LINK_STARTING);
	link->channel = xstrdup(channel);
	link->on_message = callback;
	link->message_arg = arg;
}

bool
redis_link_is_up(const struct redis_link *link)
{
	return link->step == STEP_READY;
}

enum redis_link_state
redis_link_state(const struct redis_link *link)
{
	return link->state;
}

const char *
redis_link_state_name(enum redis_link_state state)
{
	return state_names[state];
}

const struct redis_link_counters *
redis_link_counters(const struct redis_link *link)
{
	return &link->counters;
}
