/*
 * One question to each endpoint, whose answer is known and needs no look-up: a
 * map key that is no domain, an access request without a recipient, and the
 * first step of the milter protocol.
 */

#include "ctl/endpoints.h"

#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/answer.h"
#include "ctl/postfix_view.h"
#include "shared/io/clock.h"
#include "shared/io/exchange.h"

#define ANSWER_MAX	4096
#define DETAIL_SIZE	(ENDPOINT_ERROR_SIZE + 128)

struct service {
	const char	*name;
	const char	*asker;		/* the command of Postfix's process */
	const char	*parameter;	/* that names the endpoint */
	struct text	 question;
	/* what stands in the right answer at that offset */
	struct text	 answer;
	size_t		 answer_at;
	enum part_state	 silent;	/* the state when it does not come */
	const char	*advice;	/* then */
};

/* With its NULs, of which the milter protocol is full. */
#define OCTETS(literal)	{ literal, sizeof(literal) - 1 }

static const struct service map = {
	"map", "smtp", "smtp_tls_policy_maps", OCTETS("13:QUERY hopseal,"), OCTETS("9:NOTFOUND ,"), 0,
	PART_CRITICAL, "Postfix defers all mail while its map does not "
	"answer: see policyd's log, and that it runs with this map_listen"
};
static const struct service access_policy = {
	"access", "smtpd", "smtpd_recipient_restrictions",
	OCTETS("request=smtpd_access_policy\n"
	"protocol_state=CONNECT\n\n"), OCTETS("action=DUNNO\n\n"), 0,
	PART_CRITICAL, "mail comes in unjudged or is deferred, as Postfix's "
	"default_action says: see policyd's log, and that it runs with this "
	"access_listen"
};
/* SMFIC_OPTNEG of version 6 with all actions and steps, and SMFIC_QUIT. */
static const struct service milter = {
	"milter", "smtpd", "smtpd_milters", OCTETS("\0\0\0\rO\0\0\0\6\0\0\1\xff\0\x1f\xff\xff"
	"\0\0\0\1Q"), OCTETS("O"), 4,
	PART_CRITICAL, "Postfix's smtpd_milters names it: start "
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
static enum part_state
converse(const struct service *service, int fd, int64_t deadline_ms,
    const char **words)
{
	enum part_state state = service->silent;
	struct buffer in;
	int result;

	buffer_init(&in, ANSWER_MAX);
	result = exchange_send(fd, service->question, deadline_ms);
	while (result == 0 && !is_whole(service, &in))
		result = exchange_receive(fd, &in, deadline_ms);
	if (is_right(service, &in)) {
		*words = "answers";
		state = PART_OK;
	} else
		*words = in.len == 0 ? "no answer" :
		    "another answer than ours";
	buffer_clear(&in);
	return state;
}

/* What was found out, by ourselves or by a child. */
struct finding {
	enum part_state	 state;
	bool		 is_barred;	/* whoever asked may not */
	char		 detail[DETAIL_SIZE];
};

static void
add_words(struct finding *finding, const char *words)
{
	size_t len = strlen(finding->detail);

	snprintf(finding->detail + len, DETAIL_SIZE - len, "; %s", words);
}

/* Whether somebody at where, which is shown as name, answers rightly. */
static void
ask(const struct service *service, const char *where, const char *name,
    struct finding *out)
{
	int64_t begin_ms = clock_monotonic_ms();
	int64_t deadline_ms = begin_ms + ENDPOINTS_ASK_MS;
	char error[ENDPOINT_ERROR_SIZE];
	const char *words;
	int fd = exchange_connect(where, deadline_ms, error);

	out->state = service->silent;
	out->is_barred = fd == -1 && errno == EACCES && error[0] == '\0';
	if (fd == -1 && error[0] != '\0')
		snprintf(out->detail, DETAIL_SIZE, "%s", error);
	else if (fd == -1)
		snprintf(out->detail, DETAIL_SIZE, "%s: %s", name,
		    strerror(errno));
	else {
		out->state = converse(service, fd, deadline_ms, &words);
		snprintf(out->detail, DETAIL_SIZE, "%s: %s, %lld ms", name,
		    words, (long long)(clock_monotonic_ms() - begin_ms));
		close(fd);
	}
}

/* -------------------------------------------------------------- as Postfix */

/* A path below the queue directory as a chrooted process spells it. */
static const char *
inside(const struct postfix_view *view, const struct service *service,
    const char *where, char out[ENDPOINT_TEXT_SIZE])
{
	struct text path = text_of(where);
	size_t len = strlen(view->queue_directory);

	if (!text_starts_with(path, "unix:") ||
	    !postfix_view_is_chrooted(view, service->asker))
		return where;
	path = text_of(where + strlen("unix:"));
	if (path.len > len && path.data[len] == '/' &&
	    text_starts_with(path, view->queue_directory))
		path = text_of(path.data + len);
	snprintf(out, ENDPOINT_TEXT_SIZE, "unix:%s", path.data);
	return out;
}

static _Noreturn void
child(const struct service *service, const struct postfix_view *view,
    const char *where, int out)
{
	char spelled[ENDPOINT_TEXT_SIZE];
	struct finding finding = { .state = PART_UNKNOWN };

	if (postfix_view_become(view, service->asker) == -1)
		snprintf(finding.detail, DETAIL_SIZE, "%s: cannot be asked as "
		    "%s would: %s", where, service->asker, strerror(errno));
	else
		ask(service, inside(view, service, where, spelled), where,
		    &finding);
	_exit(write(out, &finding, sizeof(finding)) ==
	    (ssize_t)sizeof(finding) ? 0 : 1);
}

/* Root asks as Postfix's process would: its account, its root. */
static void
ask_as_postfix(const struct service *service, const struct postfix_view *view,
    const char *where, struct finding *out)
{
	ssize_t len = 0;
	int fds[2];
	pid_t pid;

	if (geteuid() != 0 || !view->has_owner || pipe2(fds, O_CLOEXEC) == -1) {
		ask(service, where, where, out);
		/* We may not, but perhaps Postfix may. */
		if (out->is_barred)
			out->state = PART_UNKNOWN;
		else if (geteuid() != 0 && view->has_owner)
			add_words(out, "root asks as Postfix would");
		return;
	}
	pid = fork();
	if (pid == 0)
		child(service, view, where, fds[1]);
	close(fds[1]);
	if (pid != -1) {
		len = read(fds[0], out, sizeof(*out));
		waitpid(pid, NULL, 0);
	}
	close(fds[0]);
	if (len != (ssize_t)sizeof(*out))
		ask(service, where, where, out);
}

/* --------------------------------------------------------------- the parts */

/* True where Postfix's settings name one of them. */
static bool
is_named(const struct service *service, const struct postfix_view *view,
    const char *endpoints)
{
	struct text rest = text_of(endpoints), item;

	while (text_next_item(&rest, &item))
		if (postfix_view_names(view, service->parameter, item))
			return true;
	return false;
}

/* Several endpoints make one part: the worst of them, or the last. */
static void
add_service(json_t *answer, const struct service *service,
    const struct postfix_view *view, bool is_set_up, const char *where)
{
	struct text rest = text_of(where), item;
	char one[ENDPOINT_TEXT_SIZE];
	const char *advice = service->advice;
	struct finding worst = { .state = PART_OK }, now;
	bool has_asked = false;

	while (text_next_item(&rest, &item)) {
		ask_as_postfix(service, view, text_quote(one, sizeof(one),
		    item), &now);
		if (now.state >= worst.state)
			worst = now;
		has_asked = true;
	}
	if (!has_asked)
		return;
	if (worst.state == PART_UNKNOWN)
		advice = "ask as root, or as a member of the socket's group";
	else if (worst.is_barred)
		advice = "Postfix's account may not open it: see socket_owner "
		    "and socket_mode, and the folders above the socket";
	else if (worst.state == PART_OK && view->is_there &&
	    !is_named(service, view, where)) {
		add_words(&worst, "Postfix does not ask it");
		/* The others are there for those who want them. */
		if (service == &map && is_set_up)
			worst.state = PART_WARNING;
		advice = "no delivery is protected until Postfix's "
		    "smtp_tls_policy_maps names it: hopseal setup --apply";
	}
	answer_add_part(answer, service->name, worst.state, worst.detail,
	    advice);
}

void
endpoints_add(const struct config *config, const struct postfix_view *view,
    bool is_set_up, json_t *answer)
{
	struct service idle_milter = milter;

	if (!json_is_array(json_object_get(answer, "parts")))
		return;
	add_service(answer, &map, view, is_set_up, config->map_listen);
	add_service(answer, &access_policy, view, is_set_up,
	    config->access_listen);
	idle_milter.silent = PART_WARNING;
	idle_milter.advice = "nothing waits for it: Postfix's smtpd_milters "
	    "does not name it; start hopseal-milter, or empty milter_listen";
	add_service(answer, is_named(&milter, view, config->milter_listen) ?
	    &milter : &idle_milter, view, is_set_up, config->milter_listen);
}
