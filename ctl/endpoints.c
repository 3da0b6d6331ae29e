/*
 * One question to each endpoint, whose answer is known and needs no look-up: a
 * map key that is no domain, an access request without a recipient, and the
 * first step of the milter protocol.
 */

#include "ctl/endpoints.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/answer.h"
#include "ctl/postconf.h"
#include "shared/io/clock.h"
#include "shared/io/exchange.h"

#define ANSWER_MAX	4096
#define DETAIL_SIZE	(ENDPOINT_ERROR_SIZE + 64)
#define POSTCONF_MAX	65536

/* From the harmless to the worst, as policyd orders them. */
enum state { STATE_OK, STATE_WARNING, STATE_UNKNOWN, STATE_CRITICAL };
static const char *const state_words[] = {
	"ok", "warning", "unknown", "critical"
};

struct service {
	const char	*name;
	struct text	 question;
	/* what stands in the right answer at that offset */
	struct text	 answer;
	size_t		 answer_at;
	enum state	 silent;	/* the state when it does not come */
	const char	*advice;	/* then */
};

/* With its NULs, of which the milter protocol is full. */
#define OCTETS(literal)	{ literal, sizeof(literal) - 1 }

static const struct service map = {
	"map", OCTETS("13:QUERY hopseal,"), OCTETS("9:NOTFOUND ,"), 0,
	STATE_CRITICAL, "Postfix defers all mail while its map does not "
	"answer: see policyd's log, and that it runs with this map_listen"
};
static const struct service access_policy = {
	"access", OCTETS("request=smtpd_access_policy\n"
	"protocol_state=CONNECT\n\n"), OCTETS("action=DUNNO\n\n"), 0,
	STATE_CRITICAL, "mail comes in unjudged or is deferred, as Postfix's "
	"default_action says: see policyd's log, and that it runs with this "
	"access_listen"
};
/* SMFIC_OPTNEG of version 6 with all actions and steps, and SMFIC_QUIT. */
static const struct service milter = {
	"milter", OCTETS("\0\0\0\rO\0\0\0\6\0\0\1\xff\0\x1f\xff\xff"
	"\0\0\0\1Q"), OCTETS("O"), 4,
	STATE_CRITICAL, "Postfix's smtpd_milters names it: start "
	"hopseal-milter"
};

/* ----------------------------------------------------------- one question */

static bool
is_whole(const struct service *service, const struct buffer *in)
{
	return in->len >= service->answer_at + service->answer.len;
}

static bool
is_right(const struct service *service, const struct buffer *in)
{
	return is_whole(service, in) && memcmp(in->data + service->answer_at,
	    service->answer.data, service->answer.len) == 0;
}

/* Asks the one who is connected. */
static enum state
converse(const struct service *service, int fd, int64_t deadline_ms,
    const char **words)
{
	enum state state = service->silent;
	struct buffer in;
	int result;

	buffer_init(&in, ANSWER_MAX);
	result = exchange_send(fd, service->question, deadline_ms);
	while (result == 0 && !is_whole(service, &in))
		result = exchange_receive(fd, &in, deadline_ms);
	if (is_right(service, &in)) {
		*words = "answers";
		state = STATE_OK;
	} else
		*words = in.len == 0 ? "no answer" :
		    "another answer than ours";
	buffer_clear(&in);
	return state;
}

/* Whether somebody at where answers rightly; detail for people. */
static enum state
ask(const struct service *service, const char *where,
    char detail[DETAIL_SIZE])
{
	int64_t begin_ms = clock_monotonic_ms();
	int64_t deadline_ms = begin_ms + ENDPOINTS_ASK_MS;
	char error[ENDPOINT_ERROR_SIZE];
	enum state state = service->silent;
	const char *words;
	int fd = exchange_connect(where, deadline_ms, error);

	if (fd == -1 && error[0] != '\0')
		snprintf(detail, DETAIL_SIZE, "%s", error);
	else if (fd == -1) {
		/* We may not ask, but perhaps Postfix may. */
		if (errno == EACCES)
			state = STATE_UNKNOWN;
		snprintf(detail, DETAIL_SIZE, "%s: %s", where,
		    strerror(errno));
	} else {
		state = converse(service, fd, deadline_ms, &words);
		snprintf(detail, DETAIL_SIZE, "%s: %s, %lld ms", where, words,
		    (long long)(clock_monotonic_ms() - begin_ms));
		close(fd);
	}
	return state;
}

/* --------------------------------------------------------------- the parts */

static enum state
state_of(const json_t *object)
{
	enum state state = STATE_OK;

	while (state < STATE_CRITICAL &&
	    !answer_is(object, "state", state_words[state]))
		state++;
	return state;
}

static json_t *
ok_of(enum state state)
{
	return state == STATE_UNKNOWN ? json_null() :
	    json_boolean(state == STATE_OK);
}

static void
add_part(json_t *answer, const struct service *service, enum state state,
    const char *words)
{
	enum state whole = state_of(answer);
	const char *advice = service->advice;

	if (state == STATE_OK)
		advice = NULL;
	else if (state == STATE_UNKNOWN)
		advice = "ask as root, or as a member of the socket's group";
	json_array_append_new(json_object_get(answer, "parts"), json_pack(
	    "{s:s, s:o, s:s, s:s, s:s?}", "name", service->name, "ok",
	    ok_of(state), "detail", words, "state", state_words[state],
	    "advice", advice));
	if (state <= whole)
		return;
	json_object_set_new(answer, "state", json_string(state_words[state]));
	json_object_set_new(answer, "ok", ok_of(state));
}

/* Several endpoints make one part: the worst of them, or the last. */
static void
add_service(json_t *answer, const struct service *service, const char *where)
{
	struct text rest = text_of(where), item;
	char words[DETAIL_SIZE], one[ENDPOINT_TEXT_SIZE], now[DETAIL_SIZE];
	enum state worst = STATE_OK, state;
	bool has_asked = false;

	while (text_next_item(&rest, &item)) {
		text_quote(one, sizeof(one), item);
		state = ask(service, one, now);
		if (state >= worst) {
			worst = state;
			memcpy(words, now, sizeof(words));
		}
		has_asked = true;
	}
	if (has_asked)
		add_part(answer, service, worst, words);
}

/* True where Postfix's smtpd_milters names the endpoint in these words. */
static bool
milter_is_used(const struct config *config)
{
	static const char *const parameters[] = { "smtpd_milters", NULL };
	struct text rest = text_of(config->postfix_config_dir), item;
	struct buffer value;
	bool has_asked = false, is_used;
	char dir[PATH_MAX];

	buffer_init(&value, POSTCONF_MAX);
	while (text_next_item(&rest, &item)) {
		postconf_ask(text_quote(dir, sizeof(dir), item), "-x",
		    parameters, &value);
		has_asked = true;
	}
	if (!has_asked)
		postconf_ask(NULL, "-x", parameters, &value);
	is_used = strstr(buffer_text(&value), config->milter_listen) != NULL;
	buffer_clear(&value);
	return is_used;
}

void
endpoints_add(const struct config *config, json_t *answer)
{
	struct service idle_milter = milter;

	if (!json_is_array(json_object_get(answer, "parts")))
		return;
	add_service(answer, &map, config->map_listen);
	add_service(answer, &access_policy, config->access_listen);
	if (milter_is_used(config)) {
		add_service(answer, &milter, config->milter_listen);
		return;
	}
	idle_milter.silent = STATE_WARNING;
	idle_milter.advice = "nothing waits for it: Postfix's smtpd_milters "
	    "does not name it; start hopseal-milter, or empty milter_listen";
	add_service(answer, &idle_milter, config->milter_listen);
}
