/*
 * The link against a scripted server in the same loop: what each odd answer
 * makes of the questions and of the state.  The real server's turn is in
 * tests/integration.
 */

#include "shared/io/redis_link.h"

#include <sys/socket.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "shared/buffer.h"
#include "shared/io/endpoint.h"
#include "tests/unit/check.h"

static struct event_base *base;
static struct endpoint endpoint;
static char address[ENDPOINT_TEXT_SIZE];

/* ------------------------------------------------------------ the server */

#define CLOSE	"close"		/* instead of an answer */
#define MASTER	"*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"
#define REPLICA	"*5\r\n$5\r\nslave\r\n$1\r\nh\r\n:1\r\n$7\r\nconnect\r\n:-1\r\n"

/* What a command is answered; "" is nothing at all. */
struct line {
	const char *command, *answer;
};

static const struct line usual[] = {
	{ "PING", "+PONG\r\n" }, { "ROLE", MASTER }, { "GET", "$1\r\nv\r\n" },
	{ "SET", "+OK\r\n" }, { "AUTH", "+OK\r\n" }, { "SELECT", "+OK\r\n" },
	{ "SUBSCRIBE", "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n" },
	{ NULL, NULL }
};

static const struct line *script;	/* before the usual; NULL-terminated */
static const char *greeting;		/* said at once, or NULL */
static struct buffer seen;		/* commands, a blank behind each word */
static int listener, peer = -1;
static struct event *listener_event, *peer_event;
static struct redis_reader *requests;
static unsigned accepted;

static void
peer_close(void)
{
	if (peer == -1)
		return;
	event_free(peer_event);
	close(peer);
	peer = -1;
	redis_reader_free(requests);
}

/* The link may be gone already. */
static void
peer_say(const char *text)
{
	ssize_t ignored = send(peer, text, strlen(text), MSG_NOSIGNAL);

	(void)ignored;
}

static const char *
answer_to(struct text command)
{
	const struct line *l;

	for (l = script; l != NULL && l->command != NULL; l++)
		if (text_equals(command, l->command))
			return l->answer;
	for (l = usual; l->command != NULL; l++)
		if (text_equals(command, l->command))
			return l->answer;
	return "-ERR unknown command\r\n";
}

static void
on_request(evutil_socket_t fd, short what, void *arg)
{
	struct redis_reply *request;
	struct buffer said;
	const char *answer, *why;
	char data[65536];
	ssize_t got;
	size_t i;

	(void)what, (void)arg;
	got = recv(fd, data, sizeof(data), 0);
	if (got <= 0) {
		peer_close();
		return;
	}
	buffer_init(&said, sizeof(data));
	redis_reader_feed(requests, data, (size_t)got);
	while (peer != -1 && redis_reader_next(requests, &request, &why) ==
	    REDIS_READER_DONE) {
		for (i = 0; i < request->count; i++) {
			buffer_add(&seen, request->elements[i]->text.data,
			    request->elements[i]->text.len);
			buffer_add_text(&seen, " ");
		}
		answer = answer_to(request->elements[0]->text);
		redis_reply_free(request);
		if (strcmp(answer, CLOSE) == 0) {
			if (said.len > 0)
				peer_say(buffer_text(&said));
			peer_close();
		} else {
			buffer_add_text(&said, answer);
		}
	}
	if (peer != -1 && said.len > 0)
		peer_say(buffer_text(&said));
	buffer_clear(&said);
}

static void
on_accept(evutil_socket_t fd, short what, void *arg)
{
	(void)what, (void)arg;
	peer_close();
	peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	requests = redis_reader_new();
	peer_event = event_new(base, peer, EV_READ | EV_PERSIST, on_request,
	    NULL);
	event_add(peer_event, NULL);
	accepted++;
	if (greeting != NULL)
		peer_say(greeting);
}

static void
server_start(const struct line *lines, const char *at_once)
{
	const struct endpoint_access access = { 0600, (uid_t)-1, (gid_t)-1 };
	int fds[ENDPOINT_ADDRESS_MAX];
	char error[ENDPOINT_ERROR_SIZE];
	size_t count;

	script = lines;
	greeting = at_once;
	accepted = 0;
	buffer_init(&seen, 1024 * 1024);
	if (endpoint_bind(&endpoint, SOCK_STREAM, &access, fds, &count,
	    error) == -1)
		abort();
	listener = fds[0];
	listener_event = event_new(base, listener, EV_READ | EV_PERSIST,
	    on_accept, NULL);
	event_add(listener_event, NULL);
}

static void
server_stop(void)
{
	peer_close();
	event_free(listener_event);
	close(listener);
	unlink(endpoint.path);
	buffer_clear(&seen);
}

/* -------------------------------------------------------------- the asker */

static char states[1024], last_reason[256];
static char answers[8192];
static unsigned message_count;
static unsigned heartbeat_ms;

static void
on_state(enum redis_link_state state, const char *reason, void *arg)
{
	(void)arg;
	strncat(states, redis_link_state_name(state), 100);
	strncat(states, " ", 2);
	snprintf(last_reason, sizeof(last_reason), "%s", reason);
}

/* Notes "NAME=answer "; arg is the name. */
static void
on_reply(const struct redis_reply *reply, void *arg)
{
	char text[64];

	if (reply == NULL)
		snprintf(text, sizeof(text), "none");
	else
		text_quote(text, sizeof(text), reply->text);
	if (strlen(answers) + 100 < sizeof(answers))
		snprintf(answers + strlen(answers), 100, "%s=%s ",
		    (const char *)arg, text);
}

static void
on_message(struct text message, void *arg)
{
	(void)arg;
	check_bool("message", text_equals(message, "hello"), true);
	message_count++;
}

static struct redis_question *
ask(struct redis_link *link, const char *name, const char *command)
{
	static char names[8][8];
	static unsigned next;
	const char *argv[] = { command, "key" };
	char *kept = names[next++ % 8];

	snprintf(kept, 8, "%s", name);
	return redis_link_ask(link, on_reply, kept, 2, argv, NULL);
}

static struct redis_link *
link_start(const char *user, const char *password)
{
	struct redis_link_options options = { address, user, password, 100,
	    heartbeat_ms };

	states[0] = answers[0] = last_reason[0] = '\0';
	message_count = 0;
	return redis_link_new(base, &options, on_state, NULL);
}

static void
run_ms(unsigned ms)
{
	struct timeval tv = { ms / 1000, (suseconds_t)(ms % 1000) * 1000 };

	event_base_loopexit(base, &tv);
	event_base_dispatch(base);
}

/* Until the text says so, at most two seconds. */
static void
run_until(const char *text, const char *part)
{
	unsigned i;

	for (i = 0; i < 200 && strstr(text, part) == NULL; i++)
		run_ms(10);
}

/* ------------------------------------------------------------------ tests */

/* What the greeting makes of the state. */
static const struct {
	const char *label, *at_once;
	struct line lines[3];
	const char *states, *reason;
} greetings[] = {
	{ "all is well", NULL, { { NULL, NULL } }, "up ", "connected" },
	{ "a replica", NULL, { { "ROLE", REPLICA } }, "read-only ",
	    "the server is a replica" },
	{ "ROLE is not allowed", NULL, { { "ROLE",
	    "-NOPERM this user has no permissions\r\n" } }, "up ",
	    "connected" },
	{ "loading", NULL, { { "PING", "-LOADING Redis is loading\r\n" } },
	    "loading ", "LOADING Redis is loading" },
	{ "no password", NULL, { { "PING", "-NOAUTH Authentication\r\n" } },
	    "refused ", "NOAUTH Authentication" },
	{ "wrong password", NULL, { { "AUTH", "-WRONGPASS invalid\r\n" } },
	    "refused ", "WRONGPASS invalid" },
	{ "wrong password, Redis 5", NULL,
	    { { "AUTH", "-ERR invalid password\r\n" } },
	    "refused ", "ERR invalid password" },
	{ "cannot write its file", NULL,
	    { { "PING", "-MISCONF Redis is configured\r\n" } },
	    "read-only ", "MISCONF Redis is configured" },
	{ "refused before anything is asked",
	    "-DENIED Redis is running in protected mode\r\n",
	    { { NULL, NULL } }, "refused ",
	    "DENIED Redis is running in protected mode" },
	{ "not Redis", "220 mx.example ESMTP\r\n", { { NULL, NULL } },
	    "down ", "not a Redis answer: no RESP2" },
	{ "a status for AUTH", NULL, { { "AUTH", ":1\r\n" } }, "down ",
	    "not a Redis answer: the greeting" },
	{ "PONG for PING", NULL, { { "PING", "+PANG\r\n" } }, "down ",
	    "not a Redis answer: the answer to PING" },
	{ "an array for ROLE", NULL, { { "ROLE", "+master\r\n" } }, "down ",
	    "not a Redis answer: the answer to ROLE" },
	{ "closes", NULL, { { "PING", CLOSE } }, "down ",
	    "the server closed the connection" },
	{ "says nothing", NULL, { { "PING", "" } }, "down ",
	    "no greeting in time" },
};

static void
test_greetings(void)
{
	struct redis_link_options options = { NULL, "u", "p", 0, 0 };
	struct redis_link *link;
	size_t i;

	options.address = address;
	for (i = 0; i < sizeof(greetings) / sizeof(greetings[0]); i++) {
		server_start(greetings[i].lines, greetings[i].at_once);
		states[0] = '\0';
		link = redis_link_new(base, &options, on_state, NULL);
		check_text("nothing is said early", states, "");
		run_until(states, " ");
		check_text(greetings[i].label, states, greetings[i].states);
		check_text(greetings[i].label, last_reason,
		    greetings[i].reason);
		redis_link_free(link);
		server_stop();
	}
}

#define A_REPLICA(offset) \
	"*3\r\n$7\r\n1.2.3.4\r\n$4\r\n6379\r\n$4\r\n" offset "\r\n"

static const struct {
	const char *label;
	struct line lines[2];
	int64_t replicas, lag_bytes;
} roles[] = {
	{ "a master alone", { { "ROLE", MASTER } }, 0, 0 },
	{ "one behind, one not", { { "ROLE", "*3\r\n$6\r\nmaster\r\n:2000\r\n"
	    "*2\r\n" A_REPLICA("1900") A_REPLICA("2000") } }, 2, 100 },
	{ "one that is ahead", { { "ROLE", "*3\r\n$6\r\nmaster\r\n:2000\r\n"
	    "*1\r\n" A_REPLICA("2001") } }, 1, 0 },
	{ "none that can be read", { { "ROLE", "*3\r\n$6\r\nmaster\r\n"
	    ":2000\r\n*2\r\n:1\r\n" A_REPLICA("-200") } }, 0, 0 },
	{ "no list", { { "ROLE", "*3\r\n$6\r\nmaster\r\n:2000\r\n:1\r\n" } },
	    0, 0 },
	{ "a replica itself", { { "ROLE", REPLICA } }, 0, 0 },
};

static void
test_replicas(void)
{
	const struct redis_link_counters *counters;
	struct redis_link *link;
	size_t i;

	for (i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		server_start(roles[i].lines, NULL);
		link = link_start("", "");
		run_until(states, " ");
		counters = redis_link_counters(link);
		check_int(roles[i].label, (int64_t)counters->replicas,
		    roles[i].replicas);
		check_int(" how far behind", (int64_t)counters->lag_bytes,
		    roles[i].lag_bytes);
		redis_link_free(link);
		server_stop();
	}
}

static void
test_order_of_greeting(void)
{
	struct redis_link *link;

	server_start(NULL, NULL);
	link = link_start("u", "p");
	run_until(states, "up");
	check_text("user and password", buffer_text(&seen),
	    "AUTH u p PING ROLE ");
	redis_link_free(link);
	server_stop();

	server_start(NULL, NULL);
	link = link_start(NULL, "p");
	run_until(states, "up");
	check_text("password alone", buffer_text(&seen),
	    "AUTH p PING ROLE ");
	redis_link_free(link);
	server_stop();

	server_start(NULL, NULL);
	link = link_start("", "");
	redis_link_subscribe(link, "c", on_message, NULL);
	run_until(states, "up");
	check_text("subscriber", buffer_text(&seen), "PING SUBSCRIBE c ");
	redis_link_free(link);
	server_stop();
}

static void
test_questions(void)
{
	const struct redis_link_counters *counters;
	struct redis_question *q;
	struct redis_link *link;

	server_start(NULL, NULL);
	link = link_start(NULL, NULL);
	ask(link, "a", "GET");
	check_text("nothing is answered early", answers, "");
	run_until(answers, "a=");
	check_text("asked before the greeting", answers, "a=v ");

	answers[0] = '\0';
	ask(link, "b", "SET");
	q = ask(link, "c", "GET");
	ask(link, "d", "NONE");
	ask(link, "e", "GET");
	redis_link_cancel(link, q);
	run_until(answers, "e=");
	check_text("order, errors, a cancelled one", answers,
	    "b=OK d=ERR unknown command e=v ");
	check_text("state", states, "up ");
	check_bool("is up", redis_link_is_up(link), true);
	counters = redis_link_counters(link);
	check_int("asked", (int64_t)counters->asked, 5);
	check_int("answered", (int64_t)counters->answered, 5);
	check_int("refused", (int64_t)counters->refused, 1);
	check_int("failed", (int64_t)counters->failed, 0);

	ask(link, "f", "GET");
	redis_link_free(link);
	run_ms(20);
	check_bool("freed while asked", strstr(answers, "f=") == NULL, true);
	server_stop();
}

static unsigned none_count, reply_count;

static void
count_reply(const struct redis_reply *reply, void *arg)
{
	(void)arg;
	if (reply == NULL)
		none_count++;
	else
		reply_count++;
}

static void
test_limits(void)
{
	const char *argv[] = { "GET", "key" }, *large[] = { "SET", NULL };
	size_t lens[] = { 3, 5 * 1024 * 1024 };
	struct redis_link *link;
	unsigned i;

	server_start(NULL, NULL);
	link = link_start(NULL, NULL);
	run_until(states, "up");
	none_count = reply_count = 0;
	for (i = 0; i < REDIS_LINK_QUESTIONS_MAX + 10; i++)
		redis_link_ask(link, count_reply, NULL, 2, argv, NULL);
	check_int("none is told early", none_count, 0);
	run_ms(200);
	check_int("a full queue answers", reply_count,
	    REDIS_LINK_QUESTIONS_MAX);
	check_int("what is beyond it is not asked", none_count, 10);

	large[1] = calloc(1, lens[1]);
	none_count = reply_count = 0;
	redis_link_ask(link, count_reply, NULL, 2, large, lens);
	redis_link_ask(link, count_reply, NULL, 2, argv, NULL);
	run_ms(100);
	check_int("too large a question is not asked", none_count, 1);
	check_int("the next one is", reply_count, 1);
	check_text("state", states, "up ");
	free((void *)(uintptr_t)large[1]);
	redis_link_free(link);
	server_stop();
}

/* Trouble in the middle: all that wait fail, and the link comes back. */
static const struct {
	const char *label, *answer, *reason;
} middles[] = {
	{ "late", "", "no answer within 100 ms" },
	{ "half an answer", "$100\r\nabc", "no answer within 100 ms" },
	{ "closes", CLOSE, "the server closed the connection" },
	{ "garbage", "hello\r\n", "not a Redis answer: no RESP2" },
	{ "too many values", "*99999\r\n",
	    "not a Redis answer: a reply of too many values" },
};

static void
test_middles(void)
{
	struct line lines[] = { { "HGET", NULL }, { NULL, NULL } };
	struct redis_link *link;
	size_t i;

	for (i = 0; i < sizeof(middles) / sizeof(middles[0]); i++) {
		lines[0].answer = middles[i].answer;
		server_start(lines, NULL);
		link = link_start(NULL, NULL);
		run_until(states, "up");
		ask(link, "a", "GET");
		ask(link, "b", "HGET");
		ask(link, "c", "SET");
		redis_link_cancel(link, ask(link, "d", "SET"));
		run_until(states, "down");
		ask(link, "e", "GET");
		check_text(middles[i].label, last_reason, middles[i].reason);
		run_until(answers, "e=");
		check_contains(middles[i].label, answers, "a=v b=");
		check_contains("fails at once while down", answers,
		    "e=none ");
		check_bool("cancelled", strstr(answers, "d=") == NULL, true);
		run_until(states, "down up");
		check_text("comes back", states, "up down up ");
		check_int("by a new connection", accepted, 2);
		answers[0] = '\0';
		ask(link, "f", "GET");
		run_until(answers, "f=");
		check_text("and answers", answers, "f=v ");
		redis_link_free(link);
		server_stop();
	}
}

static void
test_unasked(void)
{
	struct redis_link *link;

	server_start(NULL, NULL);
	link = link_start(NULL, NULL);
	run_until(states, "up");
	peer_say("+OK\r\n");
	run_until(states, "down");
	check_text("unasked", last_reason,
	    "not a Redis answer: an answer that nobody asked for");
	redis_link_free(link);
	server_stop();
}

/* Trouble that passes: who met it must succeed. */
static void
test_trouble(void)
{
	struct line lines[] = { { "SET", NULL }, { NULL, NULL } };
	static const struct {
		const char *label, *error, *states;
	} rows[] = {
		{ "OOM", "-OOM command not allowed\r\n", "up full up " },
		{ "READONLY", "-READONLY You can't write\r\n",
		    "up read-only up " },
		{ "MISCONF", "-MISCONF Redis is configured\r\n",
		    "up read-only up " },
		{ "NOREPLICAS", "-NOREPLICAS Not enough\r\n",
		    "up read-only up " },
		{ "LOADING", "-LOADING Redis is loading\r\n",
		    "up loading up " },
		{ "MASTERDOWN", "-MASTERDOWN Link with MASTER\r\n",
		    "up loading up " },
		{ "BUSY", "-BUSY Redis is busy\r\n", "up loading up " },
		{ "CLUSTERDOWN", "-CLUSTERDOWN The cluster\r\n",
		    "up loading up " },
		{ "NOPERM", "-NOPERM this user has no\r\n", "up refused up " },
		{ "NOAUTH", "-NOAUTH Authentication\r\n", "up refused up " },
		{ "ERR", "-ERR syntax error\r\n", "up " },
		{ "WRONGTYPE", "-WRONGTYPE Operation\r\n", "up " },
	};
	struct redis_link *link;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		lines[0].answer = rows[i].error;
		server_start(lines, NULL);
		link = link_start(NULL, NULL);
		run_until(states, "up");
		ask(link, "a", "SET");
		ask(link, "b", "GET");
		ask(link, "c", "SET");
		run_until(answers, "c=");
		check_contains("a read goes on", answers, "b=v ");
		check_bool("the link stays", redis_link_is_up(link), true);
		script = NULL;
		ask(link, "d", "SET");
		run_until(answers, "d=");
		check_text(rows[i].label, states, rows[i].states);
		check_int("one connection", accepted, 1);
		redis_link_free(link);
		server_stop();
	}
}

static void
test_subscriber(void)
{
	static const char *const bad[] = {
		"+OK\r\n", "*0\r\n", "*2\r\n$7\r\nmessage\r\n$1\r\nc\r\n",
		"*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n:1\r\n", "-ERR x\r\n",
	};
	struct redis_link *link;
	size_t i;

	server_start(NULL, NULL);
	link = link_start(NULL, NULL);
	redis_link_subscribe(link, "c", on_message, NULL);
	run_until(states, "up");
	peer_say("*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$5\r\nhello\r\n"
	    "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$5\r\nhel");
	run_ms(50);
	check_int("one and a half messages", message_count, 1);
	peer_say("lo\r\n*2\r\n$4\r\npong\r\n$0\r\n\r\n");
	run_ms(50);
	check_int("two messages", message_count, 2);
	check_text("a pong is fine", states, "up ");
	redis_link_free(link);
	server_stop();

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		server_start(NULL, NULL);
		link = link_start(NULL, NULL);
		redis_link_subscribe(link, "c", on_message, NULL);
		run_until(states, "up");
		peer_say(bad[i]);
		run_until(states, "down");
		check_text("neither", last_reason,
		    "not a Redis answer: neither a message nor a pong");
		redis_link_free(link);
		server_stop();
	}
}

/* What an idle link finds out by itself. */
static void
test_heartbeat(void)
{
	static const struct line replica[] = { { "ROLE", REPLICA },
	    { NULL, NULL } };
	static const struct line silent[] = { { "PING", "" }, { NULL, NULL } };
	struct redis_link *link;

	heartbeat_ms = 50;
	server_start(replica, NULL);
	link = link_start(NULL, NULL);
	run_until(states, "read-only");
	script = NULL;
	run_until(states, "up");
	check_text("a replica becomes master", states, "read-only up ");
	script = replica;
	run_until(states, "up read-only");
	check_text("and replica again", states, "read-only up read-only ");
	script = silent;
	run_until(states, "down");
	check_text("silence", last_reason, "no answer within 100 ms");
	redis_link_free(link);
	server_stop();

	server_start(NULL, NULL);
	link = link_start(NULL, NULL);
	redis_link_subscribe(link, "c", on_message, NULL);
	run_until(states, "up");
	script = silent;
	run_until(states, "down");
	check_text("a subscriber's silence", last_reason,
	    "no answer to PING");
	redis_link_free(link);
	server_stop();
	heartbeat_ms = 0;
}

/* Nobody there, a name without address, and a server that sleeps at once. */
static void
test_nobody(void)
{
	struct redis_link_options options = { "redis://name.invalid", NULL,
	    NULL, 0, 0 };
	struct redis_link *link;

	link = link_start(NULL, NULL);
	ask(link, "a", "GET");
	run_until(answers, "a=");
	check_text("nobody listens", answers, "a=none ");
	check_text("nobody listens", states, "down ");
	check_text("nobody listens", last_reason,
	    "No such file or directory");
	run_ms(300);
	server_start(NULL, NULL);
	run_until(states, "up");
	check_text("said once, then it came", states, "down up ");
	redis_link_free(link);
	server_stop();

	states[0] = answers[0] = '\0';
	link = redis_link_new(base, &options, on_state, NULL);
	ask(link, "a", "GET");
	run_until(answers, "a=");
	check_text("no address", states, "down ");
	check_text("no address", answers, "a=none ");
	redis_link_free(link);
	redis_link_free(NULL);
}

int
main(void)
{
	char folder[] = "/tmp/hopseal-test-redis-XXXXXX";

	if (mkdtemp(folder) == NULL)
		abort();
	endpoint.kind = ENDPOINT_UNIX;
	snprintf(endpoint.path, sizeof(endpoint.path), "%s/s", folder);
	endpoint_format(&endpoint, address);
	base = event_base_new();
	test_greetings();
	test_replicas();
	test_order_of_greeting();
	test_questions();
	test_limits();
	test_middles();
	test_unasked();
	test_trouble();
	test_subscriber();
	test_heartbeat();
	test_nobody();
	event_base_free(base);
	rmdir(folder);
	return check_end();
}
