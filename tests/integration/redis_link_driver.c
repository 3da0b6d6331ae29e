/*
 * A redis_link on standard input and output, for test_redis_link.py.
 *
 *	redis_link_driver ADDRESS USER PASSWORD [CHANNEL]
 *
 * Reads "ask NAME WORD ...", "cancel NAME" and "burst COUNT WORD ..."; writes
 * "state WORD REASON", "reply NAME ANSWER after MS", "burst ANSWERED NONE after
 * MS" and "message TEXT".
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "shared/buffer.h"
#include "shared/io/redis_link.h"
#include "shared/xalloc.h"

#define WORDS_MAX 16

struct asked {
	struct redis_question	*question;
	char			*name;
	long			 at_ms;
	struct asked		*next;
};

static struct event_base *base;
static struct redis_link *redis;
static struct asked *all_asked;
static unsigned burst_answered, burst_none, burst_left;
static long burst_at_ms;

static long
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void
on_state(enum redis_link_state state, const char *reason, void *arg)
{
	(void)arg;
	printf("state %s %s\n", redis_link_state_name(state), reason);
}

static void
on_message(struct text message, void *arg)
{
	char text[100];

	(void)arg;
	printf("message %s\n", text_quote(text, sizeof(text), message));
}

static void
asked_free(struct asked *a)
{
	struct asked **at;

	for (at = &all_asked; *at != a; at = &(*at)->next)
		;
	*at = a->next;
	free(a->name);
	free(a);
}

static void
on_reply(const struct redis_reply *reply, void *arg)
{
	struct asked *a = arg;
	char text[100] = "none";

	if (reply != NULL && reply->type == REDIS_INTEGER)
		snprintf(text, sizeof(text), "%lld",
		    (long long)reply->integer);
	else if (reply != NULL && reply->type == REDIS_NIL)
		snprintf(text, sizeof(text), "nil");
	else if (reply != NULL && reply->type == REDIS_ARRAY)
		snprintf(text, sizeof(text), "array of %zu", reply->count);
	else if (reply != NULL)
		text_quote(text, sizeof(text), reply->text);
	printf("reply %s %s after %ld\n", a->name, text, now_ms() - a->at_ms);
	asked_free(a);
}

static void
on_burst(const struct redis_reply *reply, void *arg)
{
	(void)arg;
	if (reply != NULL)
		burst_answered++;
	else
		burst_none++;
	if (--burst_left == 0)
		printf("burst %u %u after %ld\n", burst_answered, burst_none,
		    now_ms() - burst_at_ms);
}

static void
ask(char *name, int argc, const char **argv)
{
	struct asked *a = xcalloc(1, sizeof(*a));

	a->name = xstrdup(name);
	a->at_ms = now_ms();
	a->next = all_asked;
	all_asked = a;
	a->question = redis_link_ask(redis, on_reply, a, argc, argv, NULL);
}

static void
cancel(const char *name)
{
	struct asked *a;

	for (a = all_asked; a != NULL; a = a->next) {
		if (strcmp(a->name, name) == 0) {
			redis_link_cancel(redis, a->question);
			asked_free(a);
			return;
		}
	}
}

static void
burst(unsigned count, int argc, const char **argv)
{
	burst_answered = burst_none = 0;
	burst_left = count;
	burst_at_ms = now_ms();
	while (count-- > 0)
		redis_link_ask(redis, on_burst, NULL, argc, argv, NULL);
}

static void
obey(char *line)
{
	const char *words[WORDS_MAX];
	char *word, *argument;
	int count = 0;

	word = strsep(&line, " ");
	argument = strsep(&line, " ");
	while (line != NULL && count < WORDS_MAX)
		words[count++] = strsep(&line, " ");
	if (strcmp(word, "ask") == 0)
		ask(argument, count, words);
	else if (strcmp(word, "cancel") == 0)
		cancel(argument);
	else if (strcmp(word, "burst") == 0)
		burst((unsigned)atoi(argument), count, words);
}

static void
on_input(evutil_socket_t fd, short what, void *arg)
{
	struct buffer *input = arg;
	char data[65536], *end;
	ssize_t got;

	(void)what;
	got = read(fd, data, sizeof(data));
	if (got <= 0) {
		event_base_loopbreak(base);
		return;
	}
	buffer_add(input, data, (size_t)got);
	while ((end = memchr(input->data, '\n', input->len)) != NULL) {
		*end = '\0';
		obey(input->data);
		buffer_drain(input, (size_t)(end + 1 - input->data));
	}
}

int
main(int argc, char **argv)
{
	struct redis_link_options options = { .deadline_ms = 1000 };
	struct event *input_event;
	struct buffer input;

	if (argc < 4)
		return 64;
	options.address = argv[1];
	options.user = argv[2];
	options.password = argv[3];
	setvbuf(stdout, NULL, _IOLBF, 0);
	base = event_base_new();
	buffer_init(&input, 16 * 1024 * 1024);
	redis = redis_link_new(base, &options, on_state, NULL);
	if (argc > 4)
		redis_link_subscribe(redis, argv[4], on_message, NULL);
	input_event = event_new(base, STDIN_FILENO, EV_READ | EV_PERSIST,
	    on_input, &input);
	event_add(input_event, NULL);
	event_base_dispatch(base);
	event_free(input_event);
	redis_link_free(redis);
	while (all_asked != NULL)
		asked_free(all_asked);
	buffer_clear(&input);
	event_base_free(base);
	return 0;
}
