/*
 * The parent: what is done once as root (sockets, folders, accounts), then a
 * quiet life: signals, changed tables, children.  Listeners stay open here
 * for ever, so that no crash of a child refuses a connection.
 */

#include "policyd/parent.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policyd/cert_watch.h"
#include "policyd/children.h"
#include "policyd/journald_reader.h"
#include "policyd/mail_log.h"
#include "policyd/own_node.h"
#include "policyd/privileges.h"
#include "policyd/process/channel.h"
#include "policyd/service_manager.h"
#include "policyd/site_query.h"
#include "shared/io/clock.h"
#include "shared/io/endpoint.h"
#include "shared/io/file.h"
#include "shared/io/log.h"
#include "shared/xalloc.h"

#define LISTENERS_MAX	16	/* descriptors of one option */
#define WATCH_S		1	/* how often tables are looked at */
#define AWAY_LOOKS	86400	/* of a log, before it is given up */
#define ASK_SITE_S	3600	/* how often Postfix is asked */
#define SPARE_FDS	256	/* beside the connections */
#define SITE_TEXT_MAX	(512 * 1024)

enum listener { LISTENER_MAP, LISTENER_ACCESS, LISTENER_CONTROL,
    LISTENER_STATUS, LISTENER_TLSRPT, LISTENER_COUNT };

struct listeners {
	int		fds[LISTENERS_MAX];
	size_t		count;
	struct own_node	nodes[LISTENERS_MAX];	/* of our unix sockets */
	size_t		node_count;
};

struct parent {
	const struct load	*load;
	struct settings		*settings;
	struct event_base	*base;
	struct children		*children;
	struct account		 user, scout_user, socket_owner;
	struct listeners	 listeners[LISTENER_COUNT];
	int			 own_program_fd, scout_program_fd;
	struct own_node		 pid_file;
	struct site_query	*site_query;
	struct cert_watch	*certs;
	uint64_t		 rules_mark;
	bool			 is_log_wanted;	/* the clerk has asked */
	uint64_t		 mail_log_mark;	/* of what it was given */
	unsigned		 away_looks;	/* so often that was away */
	struct journald_reader	 journal;
	uint64_t		 generation;
	struct event		*signals[5], *watch, *ask, *watchdog;
	bool			 is_leaving;
};

/* ------------------------------------- preparing: mistakes go to errors */

/* Whatever its name: not root. */
static void
find_unprivileged(const char *option, const char *spelling, struct account *out,
    struct buffer *errors)
{
	if (account_find(option, spelling, out, errors) == 0 && out->uid == 0)
		buffer_addf(errors, "%s = %s: must not be root\n", option,
		    spelling);
}

static bool
hears_datagrams(const struct config *config)
{
	return config->outbound_source != CONFIG_OUTBOUND_MAILLOG &&
	    config->tlsrpt_socket[0] != '\0';
}

static void
find_accounts(struct parent *p, struct buffer *errors)
{
	const struct config *config = p->settings->config;
	struct account nobody_else = { (uid_t)-1, (gid_t)-1 };

	/* Not root: everything is and stays the caller's. */
	p->user = p->scout_user = p->socket_owner = nobody_else;
	if (geteuid() != 0)
		return;
	find_unprivileged("user", config->user, &p->user, errors);
	find_unprivileged("scout_user", config->scout_user, &p->scout_user,
	    errors);
	/* Without Postfix its group is missing: matters for unix sockets only. */
	if (strstr(config->map_listen, "unix:") != NULL ||
	    strstr(config->access_listen, "unix:") != NULL ||
	    hears_datagrams(config))
		account_find("socket_owner", config->socket_owner,
		    &p->socket_owner, errors);
}

/* Below a folder of theirs, which is closed to a root without all its rights. */
static int
make_folder_as(const struct account *owner, const char *path, mode_t mode)
{
	int result = -1, saved;

	if (setegid(owner->gid) == 0 && seteuid(owner->uid) == 0)
		result = mkdir(path, mode);
	saved = errno;
	if (seteuid(0) == -1 || setegid(0) == -1)
		abort();
	errno = saved;
	return result;
}

static void
make_folder(const char *path, const struct account *owner, mode_t mode,
    struct buffer *errors)
{
	bool is_theirs = owner != NULL && geteuid() == 0;

	if (is_theirs && make_folder_as(owner, path, mode) == 0)
		return;
	if (mkdir(path, mode) == -1) {
		if (errno != EEXIST)
			buffer_addf(errors, "%s: cannot be made: %s\n", path,
			    strerror(errno));
		return;
	}
	if (is_theirs &&
	    chown(path, owner->uid, owner->gid) == -1)
		buffer_addf(errors, "%s: no owner: %s\n", path,
		    strerror(errno));
}

/* Sockets that the service manager opened, else our own. */
static void
bind_option(const char *option, const char *service, const char *value,
    int type, const struct endpoint_access *access, struct listeners *out,
    struct buffer *errors)
{
	struct endpoint endpoints[LISTENERS_MAX];
	char error[ENDPOINT_ERROR_SIZE];
	const char *why;
	size_t count, bound, i;
	int fds[ENDPOINT_ADDRESS_MAX];

	out->count = service_take_fds(service, out->fds, LISTENERS_MAX);
	if (out->count > 0)
		return;
	if (endpoint_parse_list(text_of(value), endpoints, LISTENERS_MAX,
	    &count, &why) == -1) {
		buffer_addf(errors, "%s: %s\n", option, why);
		return;
	}
	for (i = 0; i < count; i++) {
		if (endpoint_bind(&endpoints[i], type, access, fds, &bound,
		    error) == -1) {
			buffer_addf(errors, "%s: %s\n", option, error);
			continue;
		}
		if (endpoints[i].kind == ENDPOINT_UNIX)
			own_node_init(&out->nodes[out->node_count++],
			    endpoints[i].path);
		while (bound > 0 && out->count < LISTENERS_MAX)
			out->fds[out->count++] = fds[--bound];
		while (bound > 0)
			close(fds[--bound]);
	}
}

static void
bind_listeners(struct parent *p, struct buffer *errors)
{
	const struct config *config = p->settings->config;
	struct endpoint_access sockets = { (mode_t)config->socket_mode,
	    p->socket_owner.uid, p->socket_owner.gid };
	/* Root's, as root without all its rights asks on it (cert_watch). */
	struct endpoint_access control = { 0660, geteuid(), p->user.gid };
	char tlsrpt[ENDPOINT_TEXT_SIZE];

	bind_option("map_listen", "map", config->map_listen, SOCK_STREAM,
	    &sockets, &p->listeners[LISTENER_MAP], errors);
	bind_option("access_listen", "access", config->access_listen,
	    SOCK_STREAM, &sockets, &p->listeners[LISTENER_ACCESS], errors);
	bind_option("control_listen", "control", config->control_listen,
	    SOCK_STREAM, &control, &p->listeners[LISTENER_CONTROL], errors);
	bind_option("status_listen", "status", config->status_listen,
	    SOCK_STREAM, &control, &p->listeners[LISTENER_STATUS], errors);
	if (!hears_datagrams(config))
		return;
	snprintf(tlsrpt, sizeof(tlsrpt), "unix:%s", config->tlsrpt_socket);
	bind_option("tlsrpt_socket", "tlsrpt", tlsrpt, SOCK_DGRAM, &sockets,
	    &p->listeners[LISTENER_TLSRPT], errors);
}

/* Beside this program, as in a folder of builds, or where it is installed. */
static int
find_scout(void)
{
	char path[PATH_MAX + sizeof("/hopseal-scout")];
	ssize_t len = readlink("/proc/self/exe", path, PATH_MAX);
	char *folder_end;
	int fd = -1;

	if (len > 0) {
		path[len] = '\0';
		folder_end = strrchr(path, '/');
		strcpy(folder_end, "/hopseal-scout");
		fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	return fd != -1 ? fd : open(HOPSEAL_LIBEXECDIR "/hopseal-scout",
	    O_RDONLY | O_CLOEXEC);
}

static void
open_programs(struct parent *p, struct buffer *errors)
{
	const char *scout = p->settings->config->scout_program;

	p->own_program_fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	p->scout_program_fd = scout[0] == '\0' ? find_scout() :
	    open(scout, O_RDONLY | O_CLOEXEC);
	if (p->own_program_fd == -1)
		buffer_addf(errors, "/proc/self/exe: %s\n", strerror(errno));
	if (p->scout_program_fd == -1)
		buffer_addf(errors, "scout_program = %s: %s\n",
		    scout[0] == '\0' ? HOPSEAL_LIBEXECDIR "/hopseal-scout" :
		    scout, strerror(errno));
}

static void
raise_descriptor_limit(unsigned connection_limit)
{
	struct rlimit limit;
	rlim_t wanted = connection_limit + SPARE_FDS;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1 ||
	    limit.rlim_cur >= wanted)
		return;
	limit.rlim_cur = wanted;
	if (limit.rlim_max < wanted)
		limit.rlim_max = wanted;
	if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
		return;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	log_warn("connection_limit is more than the system's limit of open "
	    "files: connection_limit=%u, limit=%llu", connection_limit,
	    (unsigned long long)limit.rlim_cur);
}

static void
write_pid_file(struct parent *p)
{
	struct buffer path;
	FILE *file;

	buffer_init(&path, 4096);
	buffer_addf(&path, "%s/policyd.pid", p->settings->config->run_dir);
	file = fopen(buffer_text(&path), "w");
	if (file != NULL) {
		fprintf(file, "%d\n", (int)getpid());
		fclose(file);
		own_node_init(&p->pid_file, buffer_text(&path));
	} else
		log_warn("pid file not written: %s: %s", buffer_text(&path),
		    strerror(errno));
	buffer_clear(&path);
}

static void
make_folders(struct parent *p, struct buffer *errors)
{
	const struct config *config = p->settings->config;
	char ledger[PATH_MAX];

	make_folder(config->run_dir, NULL, 0755, errors);
	make_folder(config->state_dir, &p->user, 0750, errors);
	/* The clerk's, whoever owns the folder around it. */
	snprintf(ledger, sizeof(ledger), "%s/ledger", config->state_dir);
	if (errors->len == 0)
		make_folder(ledger, &p->user, 0700, errors);
}

/* All that can fail, before anything is started; all mistakes at once. */
static int
parent_prepare(struct parent *p)
{
	struct buffer errors;
	int result;

	buffer_init(&errors, 65536);
	find_accounts(p, &errors);
	open_programs(p, &errors);
	/* From here on something is left behind. */
	if (errors.len == 0)
		make_folders(p, &errors);
	if (errors.len == 0)
		bind_listeners(p, &errors);
	fputs(buffer_text(&errors), stderr);
	result = errors.len == 0 ? 0 : -1;
	buffer_clear(&errors);
	return result;
}

/* ------------------------------------------------------------- children */

static void
add_fds(struct child_recipe *recipe, const struct listeners *listeners)
{
	size_t i;

	for (i = 0; i < listeners->count; i++)
		recipe->fds[recipe->fd_count++] = listeners->fds[i];
}

static void
start_children(struct parent *p)
{
	static char map_count[8], access_count[8], control_count[8],
	    status_count[8];
	struct child_recipe front = { .account = p->user,
	    .program_fd = p->own_program_fd, .may_know_secrets = true,
	    .arguments = { "hopseal-policyd", "--front", map_count,
	    access_count } };
	struct child_recipe clerk = { .account = p->user,
	    .program_fd = p->own_program_fd, .may_know_secrets = true,
	    .arguments = { "hopseal-policyd", "--clerk", control_count,
	    status_count } };
	struct child_recipe scout = { .account = p->scout_user,
	    .program_fd = p->scout_program_fd,
	    .arguments = { "hopseal-scout", "--background" } };

	add_fds(&front, &p->listeners[LISTENER_MAP]);
	add_fds(&front, &p->listeners[LISTENER_ACCESS]);
	add_fds(&clerk, &p->listeners[LISTENER_CONTROL]);
	add_fds(&clerk, &p->listeners[LISTENER_STATUS]);
	snprintf(map_count, sizeof(map_count), "%zu",
	    p->listeners[LISTENER_MAP].count);
	snprintf(access_count, sizeof(access_count), "%zu",
	    p->listeners[LISTENER_ACCESS].count);
	snprintf(control_count, sizeof(control_count), "%zu",
	    p->listeners[LISTENER_CONTROL].count);
	snprintf(status_count, sizeof(status_count), "%zu",
	    p->listeners[LISTENER_STATUS].count);
	/* The front first: it is the one whom others wait for. */
	children_start(p->children, ROLE_FRONT, &front, p->settings);
	children_start(p->children, ROLE_CLERK, &clerk, p->settings);
	children_start(p->children, ROLE_SCOUT, &scout, p->settings);
}

/* The mail log, from begin where it is a journal; an older file; a socket. */
static void
open_for_clerk(struct parent *p, uint64_t number, struct text begin)
{
	const struct listeners *tlsrpt = &p->listeners[LISTENER_TLSRPT];
	const char *why = "";
	int fd;

	if (number == MESSAGE_OPEN_TLSRPT) {
		if (tlsrpt->count > 0)
			children_send(p->children, ROLE_CLERK, MESSAGE_OPENED,
			    number, "", tlsrpt->fds[0]);
		return;
	}
	if (number == 0) {
		p->is_log_wanted = true;
		p->mail_log_mark = mail_log_mark(p->settings);
	}
	if (number == 0 && p->mail_log_mark == MAIL_LOG_MARK_JOURNAL) {
		number = MESSAGE_OPEN_JOURNAL;
		fd = journald_reader_start(&p->journal, &p->user, begin, &why);
	} else
		fd = mail_log_open(p->settings, (unsigned)number, &why);
	children_send(p->children, ROLE_CLERK, MESSAGE_OPENED, number, why,
	    fd);
	if (fd != -1)
		close(fd);
}

/* ------------------------------------------------------------- reloading */

static void
log_mistakes(const char *text)
{
	struct text rest = text_of(text), line;

	while (text_next_line(&rest, &line))
		log_error("%.*s", (int)line.len, line.data);
}

static void
log_rules(const struct settings *settings)
{
	const struct domain_rule *rule;
	char warning[RULE_WARNING_SIZE];
	int64_t now = clock_now_s();
	size_t i;

	for (i = 0; i < domain_rules_count(settings->rules); i++) {
		rule = domain_rules_at(settings->rules, i);
		if (rule->until != 0 && now >= rule->until)
			log_warn("rule is past its date and ignored: "
			    "file=%s, line=%u, pattern=%s",
			    settings->config->rules_file, rule->line,
			    rule->pattern);
		if (domain_rules_warn(settings->rules, rule, now,
		    warning) != NULL)
			log_warn("rule does less than it seems: file=%s, "
			    "line=%u, pattern=%s, because=%s",
			    settings->config->rules_file, rule->line,
			    rule->pattern, warning);
	}
}

static void
warn_of_restart(const struct config *old, const struct config *new)
{
	if (strcmp(old->map_listen, new->map_listen) != 0 ||
	    strcmp(old->access_listen, new->access_listen) != 0 ||
	    strcmp(old->control_listen, new->control_listen) != 0 ||
	    strcmp(old->status_listen, new->status_listen) != 0 ||
	    strcmp(old->tlsrpt_socket, new->tlsrpt_socket) != 0 ||
	    hears_datagrams(old) != hears_datagrams(new) ||
	    strcmp(old->user, new->user) != 0 ||
	    strcmp(old->scout_user, new->scout_user) != 0 ||
	    strcmp(old->scout_program, new->scout_program) != 0)
		log_warn("changed listeners, users and programs take effect "
		    "at the next start");
}

static void
tell_refusal(struct parent *p, const struct buffer *errors)
{
	char *first = xstrndup(buffer_text(errors),
	    strcspn(buffer_text(errors), "\n"));

	children_tell_refusal(p->children, first);
	free(first);
}

/* From now on these; NULL: their mistakes are told, and the old ones stay. */
static bool
take_settings(struct parent *p, struct settings *settings,
    const struct buffer *errors)
{
	struct settings *old = p->settings;

	if (settings == NULL) {
		log_mistakes(buffer_text(errors));
		return false;
	}
	warn_of_restart(old->config, settings->config);
	if (mail_log_is_other(old, settings))
		p->away_looks = AWAY_LOOKS;
	settings->generation = ++p->generation;
	p->settings = settings;
	cert_watch_configure(p->certs, settings);
	log_set_level(settings->config->log_level);
	children_tell_settings(p->children, settings);
	settings_free(old);
	return true;
}

/* The same settings again, with what Postfix says now. */
static void
take_site(struct parent *p, const char *text)
{
	struct settings *old = p->settings, *settings;
	struct buffer errors;

	if (strcmp(text, old->site_text) == 0)
		return;
	if (text[0] == '#')
		log_warn("Postfix's settings are not known: %.*s",
		    (int)strcspn(text + 2, "\n"), text + 2);
	buffer_init(&errors, 65536);
	settings = settings_new(old->config_path, old->config_text,
	    old->overrides, old->rules_text, text, &errors);
	if (settings != NULL)
		settings_copy_secrets(settings, old);
	take_settings(p, settings, &errors);
	buffer_clear(&errors);
}

/* Without an answer the last one holds, below the words why. */
static void
on_site(const char *text, void *arg)
{
	struct parent *p = arg;
	struct text last = text_of(p->settings->site_text), words;
	struct buffer now;

	p->site_query = NULL;
	buffer_init(&now, SITE_TEXT_MAX);
	buffer_add_text(&now, text);
	if (text[0] == '#') {
		if (text_starts_with(last, "#"))
			text_next_line(&last, &words);
		buffer_add(&now, last.data, last.len);
	}
	take_site(p, buffer_text(&now));
	buffer_clear(&now);
}

static void
ask_site(struct parent *p)
{
	site_query_cancel(p->site_query);
	p->site_query = site_query_start(p->base,
	    p->settings->config->postfix_config_dir, on_site, p);
}

static void
reload(struct parent *p, const char *because)
{
	struct settings *settings;
	struct buffer errors;

	if (p->is_leaving)
		return;
	service_notify("RELOADING=1");
	/* Of before the reading: a change meanwhile is seen at the next look.
	   After a mistake too, not once a second for the same one. */
	p->rules_mark = file_mark(p->settings->config->rules_file);
	buffer_init(&errors, 65536);
	settings = load_settings(p->load, p->settings->site_text, &errors);
	if (take_settings(p, settings, &errors)) {
		log_info("settings read again: because=%s, rules=%zu",
		    because, domain_rules_count(p->settings->rules));
		log_rules(p->settings);
		ask_site(p);
	} else
		log_error("settings stay as they were: because=%s", because);
	tell_refusal(p, &errors);
	buffer_clear(&errors);
	service_notify("READY=1");
}

static void
on_certs(const char *report, void *arg)
{
	struct parent *p = arg;

	children_send(p->children, ROLE_CLERK, MESSAGE_CERTS, 0, report, -1);
}

/* A file that is rotated may be away until there is something to write. */
static void
watch_mail_log(struct parent *p)
{
	uint64_t mark = mail_log_mark(p->settings);
	bool is_away = p->mail_log_mark != 0 &&
	    (mark == 0 || mark == MAIL_LOG_MARK_JOURNAL);

	if (mark == p->mail_log_mark)
		p->away_looks = 0;
	else if (!is_away || ++p->away_looks > AWAY_LOOKS)
		open_for_clerk(p, 0, text_of("now"));
}

static void
on_watch(evutil_socket_t fd, short events, void *arg)
{
	struct parent *p = arg;

	(void)fd;
	(void)events;
	if (file_mark(p->settings->config->rules_file) != p->rules_mark)
		reload(p, "rules_file");
	if (p->is_log_wanted)
		watch_mail_log(p);
}

static void
on_ask_site(evutil_socket_t fd, short events, void *arg)
{
	(void)fd;
	(void)events;
	ask_site(arg);
}

/* --------------------------------------------------------------- the loop */

static void
on_signal(evutil_socket_t number, short events, void *arg)
{
	struct parent *p = arg;

	(void)events;
	switch (number) {
	case SIGCHLD:
		children_reap(p->children);
		journald_reader_reap(&p->journal);
		break;
	case SIGHUP:
		reload(p, "SIGHUP");
		break;
	default:
		if (p->is_leaving) {
			children_kill(p->children);
			break;
		}
		log_info("leaving: signal=%d", (int)number);
		service_notify("STOPPING=1");
		p->is_leaving = true;
		/* Who leaves wants no new settings. */
		site_query_cancel(p->site_query);
		p->site_query = NULL;
		event_del(p->ask);
		children_leave(p->children);
	}
}

static void
on_watchdog(evutil_socket_t fd, short events, void *arg)
{
	(void)fd;
	(void)events;
	(void)arg;
	service_notify("WATCHDOG=1");
}

static void
on_child_frame(enum role role, const struct frame *frame, void *arg)
{
	struct parent *p = arg;

	if (role == ROLE_CLERK && frame->type == MESSAGE_RELOAD)
		reload(p, "hopseal");
	else if (role == ROLE_CLERK && frame->type == MESSAGE_CERT_FILES)
		cert_watch_set_files(p->certs, frame->payload,
		    (int64_t)frame->number);
	else if (role == ROLE_CLERK && frame->type == MESSAGE_OPEN)
		open_for_clerk(arg, frame->number, frame->payload);
}

static void
on_all_gone(void *arg)
{
	struct parent *p = arg;

	event_base_loopbreak(p->base);
}

static struct event *
add_timer(struct parent *p, unsigned ms, event_callback_fn callback)
{
	struct timeval interval = { ms / 1000, ms % 1000 * 1000 };
	struct event *timer = event_new(p->base, -1, EV_PERSIST, callback, p);

	assert(timer != NULL);
	event_add(timer, &interval);
	return timer;
}

static void
parent_loop(struct parent *p)
{
	static const int numbers[] = { SIGCHLD, SIGHUP, SIGTERM, SIGINT };
	static const struct children_callbacks callbacks = {
		on_child_frame, on_all_gone
	};
	unsigned watchdog_ms = service_watchdog_ms();
	size_t i;

	signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		p->signals[i] = evsignal_new(p->base, numbers[i], on_signal,
		    p);
		event_add(p->signals[i], NULL);
	}
	p->children = children_new(p->base, &callbacks, p);
	start_children(p);
	ask_site(p);
	p->certs = cert_watch_new(p->base, p->load, on_certs, p);
	cert_watch_configure(p->certs, p->settings);
	p->watch = add_timer(p, WATCH_S * 1000, on_watch);
	p->ask = add_timer(p, ASK_SITE_S * 1000, on_ask_site);
	if (watchdog_ms > 0)
		p->watchdog = add_timer(p, watchdog_ms, on_watchdog);
	service_notify("READY=1");
	log_info("started: version=" HOPSEAL_VERSION ", map=%s, access=%s, "
	    "rules=%zu", p->settings->config->map_listen,
	    p->settings->config->access_listen,
	    domain_rules_count(p->settings->rules));

	event_base_dispatch(p->base);

	site_query_cancel(p->site_query);
	cert_watch_free(p->certs);
	children_free(p->children);
	journald_reader_stop(&p->journal);
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		event_free(p->signals[i]);
	event_free(p->watch);
	event_free(p->ask);
	if (p->watchdog != NULL)
		event_free(p->watchdog);
}

static void
listeners_clear(struct listeners *listeners)
{
	size_t i;

	for (i = 0; i < listeners->node_count; i++)
		own_node_remove(&listeners->nodes[i]);
	for (i = 0; i < listeners->count; i++)
		close(listeners->fds[i]);
}

static void
parent_clear(struct parent *p)
{
	size_t i;

	for (i = 0; i < LISTENER_COUNT; i++)
		listeners_clear(&p->listeners[i]);
	close(p->own_program_fd);
	close(p->scout_program_fd);
	own_node_remove(&p->pid_file);
	event_base_free(p->base);
	settings_free(p->settings);
}

int
parent_run(const struct load *load, struct settings *settings)
{
	struct parent parent = { .load = load, .settings = settings,
	    .own_program_fd = -1, .scout_program_fd = -1 };
	struct parent *p = &parent;

	p->rules_mark = file_mark(settings->config->rules_file);
	settings->generation = ++p->generation;
	log_open("policyd", settings->config->log_target,
	    settings->config->log_level);
	p->base = event_base_new();
	assert(p->base != NULL);
	umask(022);	/* Postfix goes through our folder to our sockets */
	raise_descriptor_limit(settings->config->connection_limit);
	if (parent_prepare(p) == -1) {
		parent_clear(p);
		return 1;
	}
	write_pid_file(p);
	if (geteuid() != 0)
		log_warn("not started as root: all processes run as the "
		    "caller: uid=%u", (unsigned)geteuid());
	if (privileges_keep_parent() == -1)
		log_warn("capabilities are kept: %s", strerror(errno));
	if (settings->config->redis[0] == '\0')
		log_warn("redis: off, memory only: a restart forgets all "
		    "policies");
	log_rules(settings);
	parent_loop(p);
	log_info("left");
	parent_clear(p);
	return 0;
}
