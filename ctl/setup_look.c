/*
 * What stands between Postfix and Hopseal on this host: resolver, endpoints,
 * ports, Redis, mail log.
 */

#include "ctl/setup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/answer.h"
#include "ctl/endpoints.h"
#include "ctl/postconf.h"
#include "ctl/program.h"
#include "ctl/scout_client.h"
#include "shared/io/clock.h"
#include "shared/io/exchange.h"
#include "shared/io/mail_log_path.h"
#include "shared/io/redis_address.h"
#include "shared/postfix/site.h"

#define WORDS_SIZE	1024
#define PORT_SIZE	32
#define REDIS_MS	1000

static void __attribute__((format(printf, 3, 4)))
warn(struct setup *setup, const char *advice, const char *format, ...)
{
	char what[WORDS_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	setup_plan_warn(setup->plan, what, advice);
}

/* ------------------------------------------------------------------ systemd */

/* What it says of a unit, in output; "" where it is not there. */
static struct text
unit_state(const char *unit, struct buffer *output)
{
	const char *const argv[] = { "systemctl", "is-enabled", unit, NULL };
	struct text rest, state = { "", 0 };

	program_read(argv, output);	/* fails for what is disabled */
	rest = text_of(buffer_text(output));
	text_next_line(&rest, &state);
	return state;
}

static bool
is_off(struct text state)
{
	return text_equals(state, "disabled") || text_equals(state, "masked");
}

bool
setup_tlsrpt_unit_is_off(void)
{
	struct buffer output;
	bool result;

	buffer_init(&output, SETUP_OUTPUT_MAX);
	result = is_off(unit_state("hopseal-tlsrpt.socket", &output));
	buffer_clear(&output);
	return result;
}

/* ----------------------------------------------------------------- resolver */

static void
look_at_resolver(struct setup *setup)
{
	enum scout_client_result result;
	struct scout_client *scout;
	struct scout_resolver m;
	enum ctl_exit status;

	if (setup->config->dane == CONFIG_DANE_OFF)
		return;
	scout = scout_client_start(setup->options, "", &status);
	if (scout == NULL)
		return;		/* that has been said */
	result = scout_client_next_resolver(scout, &m);
	if (result != SCOUT_CLIENT_FRAME)
		warn(setup, "see that the resolvers in /etc/resolv.conf answer",
		    "the resolver did not answer in time: whether it validates "
		    "is not known");
	else if (m.validates == SCOUT_CHECK_NO ||
	    m.postfix_ad == SCOUT_CHECK_NO)
		warn(setup, "name a validating resolver in /etc/resolv.conf, "
		    "for example unbound on this host; until then only MTA-STS "
		    "protects", "the resolver does not validate, so DANE "
		    "cannot be used: %.*s", (int)m.detail.len, m.detail.data);
	else if (m.validates == SCOUT_CHECK_UNKNOWN)
		warn(setup, "see that the resolvers in /etc/resolv.conf answer",
		    "whether the resolver validates is not known: %.*s",
		    (int)m.detail.len, m.detail.data);
	scout_client_stop(scout);
}

/* ---------------------------------------------------------------- endpoints */

/*
 * Of ss: users:(("hopseal-policyd",pid=7,fd=9),("systemd",pid=1,fd=40)).  One
 * of us, or the service manager for us, makes a port ours.
 */
static bool
is_ours(const char *users)
{
	return strstr(users, "(\"hopseal") != NULL ||
	    strstr(users, "(\"systemd\",pid=1,") != NULL;
}

/* A port of ours at which another program listens. */
static void
look_at_port(struct setup *setup, const char *option, struct text item)
{
	char filter[PORT_SIZE], taker[PORT_SIZE] = "another program";
	const char *argv[] = { "ss", "-Hltnp", filter, NULL }, *users;
	struct endpoint endpoint;
	struct buffer output;
	const char *why;

	if (endpoint_parse(item, &endpoint, &why) == -1 ||
	    endpoint.kind != ENDPOINT_INET)
		return;
	snprintf(filter, sizeof(filter), "sport = :%u", endpoint.port);
	buffer_init(&output, SETUP_OUTPUT_MAX);
	/* Without root's rights ss names no program. */
	if (program_read(argv, &output) && (users = strstr(buffer_text(
	    &output), "users:((\"")) != NULL && !is_ours(users)) {
		sscanf(users, "users:((\"%31[^\"]", taker);
		warn(setup, "end that program, or choose another port",
		    "%s: port %u is taken by %s", option, endpoint.port, taker);
	}
	buffer_clear(&output);
}

static void
look_at_ports(struct setup *setup, const char *option, const char *endpoints)
{
	struct text rest = text_of(endpoints), item;

	while (text_next_item(&rest, &item))
		look_at_port(setup, option, item);
}

/* Who does not answer as we would may be somebody else. */
static void
look_at_endpoints(struct setup *setup)
{
	const struct config *config = setup->config;
	const struct {
		const char	*part, *option, *endpoints;
	} rows[] = {
		{ "map", "map_listen", config->map_listen },
		{ "access", "access_listen", config->access_listen },
		{ "milter", "milter_listen", config->milter_listen },
	};
	json_t *answer = json_pack("{s:s, s:[]}", "state", "ok", "parts");
	json_t *part;
	size_t i, row;

	endpoints_add(config, &setup->view, false, answer);
	json_array_foreach(json_object_get(answer, "parts"), i, part) {
		if (answer_is_true(part, "ok"))
			continue;
		warn(setup, answer_text(part, "advice"), "%s: %s",
		    answer_text(part, "name"), answer_text(part, "detail"));
		for (row = 0; row < sizeof(rows) / sizeof(rows[0]); row++)
			if (answer_is(part, "name", rows[row].part))
				look_at_ports(setup, rows[row].option,
				    rows[row].endpoints);
	}
	json_decref(answer);
	look_at_ports(setup, "status_listen", config->status_listen);
}

/* -------------------------------------------------------------------- Redis */

/* Any answer will do: one that wants a password is a Redis, too. */
static void
look_at_redis(struct setup *setup)
{
	static const char advice[] = "start it, or hopseal-redis.service; "
	    "mail flows without it, but a restart forgets what was learned";
	int64_t deadline = clock_monotonic_ms() + REDIS_MS;
	char where[ENDPOINT_TEXT_SIZE], error[ENDPOINT_ERROR_SIZE];
	struct redis_address address;
	struct buffer in;
	const char *why;
	int fd;

	if (setup->config->redis[0] == '\0' || redis_address_parse(text_of(
	    setup->config->redis), &address, &why) == -1)
		return;
	fd = exchange_connect(endpoint_format(&address.endpoint, where),
	    deadline, error);
	if (fd == -1) {
		if (errno != EACCES || error[0] != '\0' || geteuid() == 0)
			warn(setup, advice, "redis = %s: %s",
			    setup->config->redis, error[0] != '\0' ? error :
			    strerror(errno));
		return;
	}
	buffer_init(&in, SETUP_OUTPUT_MAX);
	if (exchange_send(fd, text_of("PING\r\n"), deadline) == -1 ||
	    exchange_receive(fd, &in, deadline) == -1 ||
	    strchr("+-", in.data[0]) == NULL)
		warn(setup, advice, "redis = %s: no answer of a Redis",
		    setup->config->redis);
	buffer_clear(&in);
	close(fd);
}

/* Two of them, one of which nobody asks, or none. */
static void
look_at_redis_service(struct setup *setup)
{
	const char *redis = setup->config->redis;
	bool is_its = strcmp(redis, "unix:/run/hopseal/redis.sock") == 0;
	struct buffer output;
	struct text state;

	buffer_init(&output, SETUP_OUTPUT_MAX);
	state = unit_state("hopseal-redis.service", &output);
	if (is_its && is_off(state))
		warn(setup, "systemctl unmask hopseal-redis; systemctl enable "
		    "--now hopseal-redis; or name another Redis",
		    "redis = %s is the socket of hopseal-redis, which is "
		    "%.*s", redis, (int)state.len, state.data);
	else if (!is_its && text_equals(state, "enabled"))
		warn(setup, "systemctl disable --now hopseal-redis",
		    "hopseal-redis runs for nobody: redis = %s", redis);
	buffer_clear(&output);
}

/* --------------------------------------------------------------------- rest */

static void
look_at_mail_log(struct setup *setup)
{
	static const char *const journalctl[] = { "journalctl", "--version",
	    NULL };
	const char *path, *why;
	struct buffer output;
	struct site *site;

	if (strcmp(setup->config->maillog, "none") == 0)
		return;
	buffer_init(&output, SETUP_OUTPUT_MAX);
	postconf_read(setup->dir != NULL ? setup->dir : "", &output);
	site = site_parse(text_of(buffer_text(&output)));
	buffer_reset(&output);
	switch (mail_log_find(setup->config, site, &path, &why)) {
	case MAIL_LOG_NONE:
		warn(setup, "postconf -e maillog_file=/var/log/mail.log and "
		    "postfix reload, or install rsyslog; without a log "
		    "maillog = none, inbound_source = access and, from "
		    "Postfix 3.10 on, outbound_source = tlsrpt", "%s", why);
		break;
	case MAIL_LOG_FILE:
		if (access(path, F_OK) == -1)
			warn(setup, "see that Postfix logs there, or set "
			    "maillog", "the mail log %s: %s", path,
			    strerror(errno));
		break;
	case MAIL_LOG_JOURNAL:
		if (!program_read(journalctl, &output))
			warn(setup, "install systemd's journalctl, or set "
			    "maillog to a file", "the mail log is systemd's "
			    "journal, and there is no journalctl to read it");
	}
	site_free(site);
	buffer_clear(&output);
}

static bool
has_dovecot(void)
{
	static const char *const argv[] = { "doveconf", "-n", NULL };
	struct buffer output;
	bool result;

	buffer_init(&output, SETUP_OUTPUT_MAX);
	result = program_read(argv, &output);
	buffer_clear(&output);
	return result;
}

void
setup_look(struct setup *setup)
{
	look_at_endpoints(setup);
	look_at_redis(setup);
	look_at_redis_service(setup);
	look_at_resolver(setup);
	look_at_mail_log(setup);
	setup->has_dovecot = has_dovecot();
}
