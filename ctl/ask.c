/*
 * A question to policyd on its control socket, with a deadline for each step.
 * Where the socket is, the daemon's own configuration says.
 */

#include "ctl/ask.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/answer.h"
#include "shared/buffer.h"
#include "shared/io/clock.h"
#include "shared/io/config.h"
#include "shared/io/exchange.h"
#include "shared/postfix/next_hop.h"

#define DEFAULT_CONFIG	HOPSEAL_SYSCONFDIR "/hopseal.conf"
#define ANSWER_MAX_BYTES (4 * 1024 * 1024)
#define WORDS_SIZE	512

static bool has_answered;	/* one object on standard output, never two */

/* The caller has his reason in words. */
static void __attribute__((format(printf, 2, 3)))
fail(char words[WORDS_SIZE], const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(words, WORDS_SIZE, format, args);
	va_end(args);
}

/* ----------------------------------------------------- where policyd is */

/* A bad option on the command line is wrong usage, a bad file is not. */
int
ask_read_config(const struct ctl_options *options, struct config *config,
    enum ctl_exit *status)
{
	bool is_default = options->config_path == NULL;
	struct text rest, line;
	struct buffer errors;
	int result;
	size_t i;

	buffer_init(&errors, 65536);
	*status = CTL_UNKNOWN;
	result = config_read(config, is_default ? DEFAULT_CONFIG :
	    options->config_path, is_default, &errors);
	for (i = 0; i < options->override_count; i++)
		if (config_set(config, text_of(options->overrides[i]),
		    &errors) == -1) {
			*status = CTL_USAGE;
			result = -1;
		}
	rest = text_of(buffer_text(&errors));
	while (text_next_line(&rest, &line))
		ctl_complain("%.*s", (int)line.len, line.data);
	buffer_clear(&errors);
	return result;
}

/* The socket's descriptor, or -1 with words. */
static int
connect_to(const char *where, char words[WORDS_SIZE])
{
	char error[ENDPOINT_ERROR_SIZE];
	int fd;

	fd = exchange_connect(where, clock_monotonic_ms() + ASK_CONNECT_MS,
	    error);
	if (fd != -1)
		return fd;
	if (error[0] != '\0')
		fail(words, "control_listen: %s", error);
	else
		fail(words, "policyd does not answer at %s: %s; %s", where,
		    strerror(errno), errno == EACCES || errno == EPERM ?
		    "ask as root or as a member of the socket's group" :
		    "start it with \"systemctl start hopseal-policyd\", or "
		    "name its configuration with -c");
	return -1;
}

/* --------------------------------------------------------- one exchange */

static json_t *
exchange(int fd, const json_t *request, char words[WORDS_SIZE])
{
	int64_t deadline_ms = clock_monotonic_ms() + ASK_ANSWER_MS;
	char *text = json_dumps(request, JSON_COMPACT);
	json_t *answer = NULL;
	struct buffer line;

	buffer_init(&line, ANSWER_MAX_BYTES);
	if (exchange_line(fd, text, &line, deadline_ms) == -1)
		fail(words, "policyd gave no answer; its log may say why");
	else {
		answer = json_loadb(line.data, line.len,
		    JSON_REJECT_DUPLICATES, NULL);
		if (!json_is_object(answer)) {
			json_decref(answer);
			answer = NULL;
			fail(words, "policyd's answer is no JSON object; is "
			    "it of another version?");
		}
	}
	buffer_clear(&line);
	free(text);
	return answer;
}

static json_t *
ask_at(const char *where, json_t *request, char words[WORDS_SIZE])
{
	json_t *answer;
	int fd;

	json_object_set_new(request, "version", json_integer(1));
	if (where[0] == '\0') {
		fail(words, "control_listen is empty: there is no socket to "
		    "ask policyd on");
		return NULL;
	}
	fd = connect_to(where, words);
	if (fd == -1)
		return NULL;
	answer = exchange(fd, request, words);
	close(fd);
	return answer;
}

json_t *
ask_quietly(const char *where, json_t *request)
{
	char words[WORDS_SIZE];
	json_t *answer = ask_at(where, request, words);

	json_decref(request);
	if (json_object_get(answer, "error") == NULL)
		return answer;
	json_decref(answer);
	return NULL;
}

json_t *
ask_policyd(const struct ctl_options *options, json_t *request,
    enum ctl_exit *status)
{
	struct config *config = config_new();
	char words[WORDS_SIZE];
	json_t *answer = NULL;

	if (ask_read_config(options, config, status) == -1)
		goto out;
	answer = ask_at(config->control_listen, request, words);
	if (answer == NULL)
		answer = json_pack("{s:s}", "error", words);
	if (json_object_get(answer, "error") != NULL) {
		*status = CTL_UNKNOWN;
		ctl_complain("%s", answer_text(answer, "error"));
		json_decref(answer);
		answer = NULL;
	}
out:
	json_decref(request);
	config_free(config);
	return answer;
}

json_t *
ask_about(const struct ctl_options *options, const char *command,
    const char *domain, enum ctl_exit *status)
{
	char text[NEXT_HOP_TEXT_SIZE];
	struct next_hop hop;
	const char *why;

	next_hop_parse(text_of(domain), &hop, &why);
	if (hop.kind == NEXT_HOP_NONE) {
		ctl_complain("%s: %s", domain, why);
		*status = CTL_USAGE;
		return NULL;
	}
	return ask_policyd(options, json_pack("{s:s, s:s, s:b}",
	    "command", command, "domain", next_hop_format(&hop, text),
	    "policy", options->values[CTL_POLICY] != NULL), status);
}

void
ask_print(const json_t *answer)
{
	json_dumpf(answer, stdout, JSON_ENSURE_ASCII);
	putchar('\n');
	has_answered = true;
}

void
ask_print_error(const char *words)
{
	char quoted[WORDS_SIZE];
	json_t *object;

	if (has_answered)
		return;
	object = json_pack("{s:s}", "error",
	    text_quote(quoted, sizeof(quoted), text_of(words)));
	ask_print(object);
	json_decref(object);
}
