/*
 * hopseal-scout: the process that meets strangers.  Started by the parent, or
 * by hopseal check, with its channel as descriptor 3; answers the front's
 * questions about next hops, mail hosts and records, and tells front and clerk
 * whether DNSSEC works here.  With --background it leaves the processor to
 * those whom mail waits for.
 */

#include <sys/resource.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policyd/process/child.h"
#include "policyd/scout/dns.h"
#include "policyd/scout/errands.h"
#include "policyd/scout/https.h"
#include "policyd/scout/lookup.h"
#include "policyd/scout/probes.h"
#include "policyd/scout/resolver_watch.h"
#include "policyd/scout/sandbox.h"
#include "policyd/scout/txt.h"
#include "shared/io/log.h"
#include "shared/scout_message.h"

#define PARENT_FD	3
#define EXIT_USAGE	64
#define NICE		10
#define DETAIL_MAX_BYTES 1000

struct scout {
	struct child		*child;
	struct dns		*dns;
	struct https		*https;
	struct lookups		*lookups;
	struct probes		*probes;
	struct txt		*txt, *clerk_txt;	/* by who asks */
	struct errands		*errands;
	struct resolver_watch	*watch;
	/* Without DNSSEC everything would be bogus and nothing found. */
	bool			 is_validating;
	bool			 has_state;	/* the watch has told */
	struct scout_resolver	 state;
	char			 detail[DETAIL_MAX_BYTES + 1];
};

/* -------------------------------------------------------------- telling */

static void
scout_tell_resolver(struct scout *scout, enum role peer)
{
	struct channel *channel = child_peer(scout->child, peer);
	struct buffer payload;

	if (channel == NULL || !scout->has_state)
		return;
	buffer_init(&payload, FRAME_PAYLOAD_MAX);
	scout_resolver_format(&scout->state, &payload);
	channel_send(channel, MESSAGE_RESOLVER, 0,
	    (struct text){ buffer_text(&payload), payload.len });
	buffer_clear(&payload);
}

static void
scout_answer_peer(struct scout *scout, enum role role, enum message_type type,
    uint64_t number, struct text payload)
{
	struct channel *peer = child_peer(scout->child, role);

	if (peer != NULL && !channel_send(peer, type, number, payload))
		log_warn("answer lost: the %s does not read", role_name(role));
}

static void
scout_answer(struct scout *scout, enum message_type type, uint64_t number,
    struct text payload)
{
	scout_answer_peer(scout, ROLE_FRONT, type, number, payload);
}

static void
scout_on_facts(uint64_t number, struct text record, void *arg)
{
	scout_answer(arg, MESSAGE_FACTS, number, record);
}

static void
scout_on_observation(uint64_t number, struct text observation, void *arg)
{
	scout_answer(arg, MESSAGE_OBSERVATION, number, observation);
}

static void
scout_on_txt(uint64_t number, struct text answer, void *arg)
{
	scout_answer(arg, MESSAGE_TXT_ANSWER, number, answer);
}

static void
scout_on_clerk_txt(uint64_t number, struct text answer, void *arg)
{
	scout_answer_peer(arg, ROLE_CLERK, MESSAGE_TXT_ANSWER, number, answer);
}

static void
scout_on_errand(uint64_t number, struct text result, void *arg)
{
	scout_answer_peer(arg, ROLE_CLERK, MESSAGE_ERRAND_DONE, number,
	    result);
}

static void
scout_on_date(const struct address *host, int64_t ahead_s, void *arg)
{
	struct scout_date date = { *host, ahead_s };
	struct buffer payload;

	buffer_init(&payload, FRAME_PAYLOAD_MAX);
	scout_date_format(&date, &payload);
	scout_answer(arg, MESSAGE_DATE, 0,
	    (struct text){ buffer_text(&payload), payload.len });
	buffer_clear(&payload);
}

/* --------------------------------------------------------------- DNSSEC */

static void
scout_configure_dns(struct scout *scout)
{
	const struct config *config = scout->child->settings->config;
	struct dns_options options = {
		.servers = config->dns_servers,
		.trust_anchor = config->dns_trust_anchor,
		.is_validating = scout->is_validating
	};
	char error[DNS_ERROR_MAX_BYTES + 1];

	if (dns_configure(scout->dns, &options, error) == -1) {
		log_error("resolver cannot be used: reason=%s", error);
		/* Without a trust anchor mail must flow too. */
		options.is_validating = scout->is_validating = false;
		dns_configure(scout->dns, &options, error);
	}
	lookups_set_validating(scout->lookups, scout->is_validating);
	probes_set_validating(scout->probes, scout->is_validating);
}

static const char *
check_name(enum scout_check check)
{
	static const char *const names[] = { "unknown", "no", "yes" };

	return names[check];
}

static void
scout_log_resolver(const struct scout_resolver *state)
{
	bool is_good = state->validates == SCOUT_CHECK_YES &&
	    state->postfix_ad == SCOUT_CHECK_YES;

	(is_good ? log_info : log_warn)("resolver checked: validates=%s, "
	    "postfix_validates=%s%s (%.*s)", check_name(state->validates),
	    check_name(state->postfix_ad), is_good ? "" :
	    ", DANE needs both", (int)state->detail.len, state->detail.data);
}

static void
scout_on_resolver(const struct scout_resolver *state, void *arg)
{
	struct scout *scout = arg;
	bool is_validating = scout->is_validating;
	bool is_news = !scout->has_state ||
	    state->validates != scout->state.validates ||
	    state->postfix_ad != scout->state.postfix_ad;

	if (is_news)
		scout_log_resolver(state);
	scout->has_state = true;
	scout->state = *state;
	text_quote(scout->detail, sizeof(scout->detail), state->detail);
	scout->state.detail = text_of(scout->detail);
	scout_tell_resolver(scout, ROLE_FRONT);
	scout_tell_resolver(scout, ROLE_CLERK);
	/* Unknown changes nothing: the resolver only did not answer. */
	if (state->validates != SCOUT_CHECK_UNKNOWN)
		is_validating = state->validates == SCOUT_CHECK_YES;
	if (is_validating != scout->is_validating) {
		scout->is_validating = is_validating;
		scout_configure_dns(scout);
	}
}

/* ------------------------------------------------------------- callbacks */

static void
scout_set_up(struct scout *scout, struct child *child)
{
	scout->child = child;
	scout->is_validating = true;
	scout->dns = dns_new(child->base);
	scout->https = https_new(child->base, scout_on_date, scout);
	scout->lookups = lookups_new(child->base, scout->dns, scout->https,
	    scout_on_facts, scout);
	scout->probes = probes_new(child->base, scout->dns,
	    scout_on_observation, scout);
	scout->txt = txt_new(scout->dns, scout_on_txt, scout);
	scout->clerk_txt = txt_new(scout->dns, scout_on_clerk_txt, scout);
	scout->errands = errands_new(child->base, scout->dns,
	    scout_on_errand, scout);
	scout->watch = resolver_watch_new(child->base, scout_on_resolver,
	    scout);
}

static void
scout_on_settings(struct child *child, const struct settings *settings)
{
	struct scout *scout = child->arg;
	const struct config *config = settings->config;
	struct https_options options = {
		.ca_file = config->tls_ca_file,
		.ca_path = config->tls_ca_path,
		.allow_networks = config->allow_networks
	};
	struct errands_options errands_options = {
		config->tls_ca_file, config->tls_ca_path,
		config->allow_networks
	};
	char error[FACTS_ERROR_MAX_BYTES + 1];
	bool is_first = scout->child == NULL;
	const char *why;

	if (is_first)
		scout_set_up(scout, child);
	if (https_configure(scout->https, &options, error) == -1)
		log_error("policies cannot be fetched: reason=%s", error);
	errands_configure(scout->errands, &errands_options);
	if (probes_configure(scout->probes, settings, error) == -1)
		log_error("mail hosts cannot be judged: reason=%s", error);
	else if (error[0] != '\0')
		log_warn("trust for mail hosts: %s", error);
	if (is_first && sandbox_enter(&why) == -1)
		log_warn("scout runs without system call filter: reason=%s",
		    why);
	scout_configure_dns(scout);
	resolver_watch_start(scout->watch, config->dns_servers,
	    config->dns_trust_anchor);
}

static void
scout_on_peer(struct child *child, enum role peer)
{
	struct scout *scout = child->arg;

	if (scout->child == NULL)
		return;
	/* A new front or clerk does not know the old one's numbers. */
	if (peer == ROLE_FRONT) {
		lookups_forget_askers(scout->lookups);
		probes_forget_askers(scout->probes);
		txt_forget_askers(scout->txt);
	}
	if (peer == ROLE_CLERK) {
		txt_forget_askers(scout->clerk_txt);
		errands_forget_askers(scout->errands);
	}
	scout_tell_resolver(scout, peer);
}

/* False for what is no question to the scout. */
static bool
scout_take_question(struct scout *scout, const struct frame *frame)
{
	struct scout_lookup lookup;
	struct probe_request probe;
	char name[HOST_NAME_SIZE];

	switch (frame->type) {
	case MESSAGE_LOOKUP:
		if (!scout_lookup_parse(frame->payload, &lookup))
			return false;
		lookups_start(scout->lookups, frame->number, &lookup);
		return true;
	case MESSAGE_PROBE:
		if (!probe_request_parse(frame->payload, &probe))
			return false;
		probes_start(scout->probes, frame->number, &probe);
		return true;
	case MESSAGE_TXT:
		if (!txt_question_parse(frame->payload, name))
			return false;
		txt_start(scout->txt, frame->number, name);
		return true;
	}
	return false;
}

/* The same of the clerk. */
static bool
scout_take_clerk(struct scout *scout, const struct frame *frame)
{
	char name[HOST_NAME_SIZE];

	if (frame->type == MESSAGE_ERRAND)
		return errands_start(scout->errands, frame->number,
		    frame->payload, -1);
	if (frame->type != MESSAGE_TXT ||
	    !txt_question_parse(frame->payload, name))
		return false;
	txt_start(scout->clerk_txt, frame->number, name);
	return true;
}

static void
scout_on_frame(struct child *child, enum role peer, const struct frame *frame)
{
	struct scout *scout = child->arg;

	if (peer == ROLE_FRONT ? !scout_take_question(scout, frame) :
	    peer != ROLE_CLERK || !scout_take_clerk(scout, frame))
		log_error("frame not understood: peer=%s, type=%u",
		    role_name(peer), (unsigned)frame->type);
}

/* The clerk connects to a relay at a unix socket, which we may not. */
static void
scout_on_frame_fd(struct child *child, enum role peer,
    const struct frame *frame, int fd)
{
	struct scout *scout = child->arg;

	if (peer == ROLE_CLERK && frame->type == MESSAGE_ERRAND)
		errands_start(scout->errands, frame->number, frame->payload,
		    fd);
	else
		close(fd);
}

static void
scout_on_leave(struct child *child)
{
	struct scout *scout = child->arg;

	/* Before the loop ends that their events belong to. */
	resolver_watch_free(scout->watch);
	errands_free(scout->errands);
	txt_free(scout->clerk_txt);
	txt_free(scout->txt);
	probes_free(scout->probes);
	lookups_free(scout->lookups);
	https_free(scout->https);
	dns_free(scout->dns);
	*scout = (struct scout){ 0 };
	child_exit(child, 0);
}

int
main(int argc, char **argv)
{
	static const struct child_callbacks callbacks = {
		.on_settings = scout_on_settings,
		.on_peer = scout_on_peer,
		.on_frame = scout_on_frame,
		.on_frame_fd = scout_on_frame_fd,
		.on_leave = scout_on_leave
	};
	static struct scout scout;

	bool is_background = argc == 2 &&
	    strcmp(argv[1], "--background") == 0;

	if ((argc != 1 && !is_background) ||
	    fcntl(PARENT_FD, F_GETFD) == -1) {
		fputs("hopseal-scout is started by hopseal-policyd\n", stderr);
		return EXIT_USAGE;
	}
	log_open("scout", CONFIG_LOG_AUTO, CONFIG_LOG_INFO);
	if (is_background && setpriority(PRIO_PROCESS, 0, NICE) == -1)
		log_warn("scout keeps its priority: %s", strerror(errno));
	sandbox_limit();
	return child_run(ROLE_SCOUT, PARENT_FD, &callbacks, &scout);
}
