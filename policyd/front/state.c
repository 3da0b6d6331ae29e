/*
 * What the front's modules share.  Here the site is judged: what our Postfix
 * can do decides what it may be told.
 */

#include "policyd/front/state.h"

#include <string.h>

#include "policyd/front/breaker.h"
#include "policyd/front/domain_book.h"
#include "shared/io/clock.h"
#include "shared/io/log.h"

#define COMPLAINTS_MAX	20	/* lines a second about bad requests */

/* Whether our Postfix can be told of DANE, and if not, why, for people. */
static enum fact_state
judge_dane(const struct front *front, const char **why)
{
	const struct site *site = front->settings->site;

	*why = "dane = off";
	if (front->settings->config->dane == CONFIG_DANE_OFF)
		return FACT_ABSENT;
	*why = "Postfix has not been asked yet";
	if (!site_was_asked(site))
		return FACT_UNKNOWN;
	*why = site->message;
	if (!site->is_known)
		return FACT_ABSENT;
	*why = "Postfix lacks smtp_dns_support_level = dnssec, or dns in "
	    "smtp_host_lookup";
	if (!site->can_dane)
		return FACT_ABSENT;
	*why = front->resolver_detail;
	if (front->validates == SCOUT_CHECK_NO ||
	    front->postfix_ad == SCOUT_CHECK_NO)
		return FACT_ABSENT;
	if (front->validates == SCOUT_CHECK_UNKNOWN ||
	    front->postfix_ad == SCOUT_CHECK_UNKNOWN)
		return FACT_UNKNOWN;
	*why = "";
	return FACT_PRESENT;
}

static enum tls_level
site_level(const struct settings *settings)
{
	enum tls_level level = settings->site->smtp_tls_level;

	if (settings->config->site_tls_level[0] != '\0')
		tls_level_parse(text_of(settings->config->site_tls_level),
		    &level);
	return level;
}

bool
front_judge_site(struct front *front)
{
	const struct config *config = front->settings->config;
	enum fact_state before = front->site.dane;
	const char *why;

	front->site.dane = judge_dane(front, &why);
	front->site.level = site_level(front->settings);
	front->site.has_fallback_relay =
	    front->settings->site->has_fallback_relay;
	front->site.is_strict = config->strict;
	front->site.stale_ttl_s = config->stale_ttl_s;
	front->site.good_ttl_s = config->good_ttl_s;
	front->site.bad_ttl_s = config->bad_ttl_s;
	front->site.reprobe_after_s = config->reprobe_after_s;
	front->generation++;
	if (front->site.dane == before)
		return false;
	if (front->site.dane == FACT_ABSENT &&
	    config->dane != CONFIG_DANE_OFF)
		log_warn("DANE is off, MTA-STS alone applies: reason=%s", why);
	else if (front->site.dane == FACT_PRESENT)
		log_info("DANE is on");
	return true;
}

static void
take_breaker(struct front *front)
{
	front->site.breaker_is_open =
	    breaker_state(front->breaker) != BREAKER_CLOSED;
	front->generation++;
}

void
front_clear_breaker(struct front *front)
{
	if (front->site.breaker_is_open)
		log_info("breaker: closed by hand");
	breaker_reset(front->breaker);
	take_breaker(front);
}

void
front_check_breaker(struct front *front)
{
	if (!breaker_judge(front->breaker, clock_now_s(),
	    clock_monotonic_ms() / 1000))
		return;
	take_breaker(front);
	if (front->site.breaker_is_open)
		log_error("breaker: %s, so something is wrong here and nothing "
		    "is deferred or held; %s", breaker_words(front->breaker),
		    breaker_advice(front->breaker));
	else
		log_info("breaker: closed again");
}

bool
front_is_private(const struct front *front, const char *name)
{
	struct text rest = text_of(front->settings->config->private_zones);
	struct text zone;
	char normal[HOST_NAME_SIZE];
	const char *why;

	if (host_name_is_private(name))
		return true;
	while (text_next_item(&rest, &zone))
		if (host_name_normalize(zone, normal, &why) == 0 &&
		    host_name_is_below(name, normal))
			return true;
	return false;
}

struct facts *
front_facts(const struct book_entry *entry, const struct next_hop *hop)
{
	struct facts *facts = entry != NULL ? domain_book_facts(entry, hop) :
	    NULL;

	return facts != NULL ? facts : facts_new(hop);
}

bool
front_replies_hold(const struct front *front, const struct book_entry *entry,
    int64_t now)
{
	return entry->generation == front->generation &&
	    (entry->valid_until == 0 || now < entry->valid_until);
}

void
front_date_replies(struct front *front, struct book_entry *entry,
    int64_t valid_until)
{
	if (entry->generation != front->generation ||
	    entry->valid_until != book_time_of(valid_until))
		domain_book_drop_replies(front->book, entry);
	entry->generation = front->generation;
	entry->valid_until = book_time_of(valid_until);
}

void
front_note_bad_request(struct front *front, const char *service,
    const char *why)
{
	int64_t now = clock_now_s();

	front->counters.bad_requests++;
	if (now != front->complained_at) {
		if (front->complaint_count > COMPLAINTS_MAX)
			log_warn("more bad requests: count=%u",
			    front->complaint_count - COMPLAINTS_MAX);
		front->complained_at = now;
		front->complaint_count = 0;
	}
	if (front->complaint_count++ < COMPLAINTS_MAX)
		log_warn("bad request, connection closed: service=%s, "
		    "reason=%s", service, why);
}

void
front_decide(const struct front *front, const struct facts *facts,
    struct tls_decision *out)
{
	int64_t now = clock_now_s();

	tls_decision_make(facts, domain_rules_match(front->settings->rules,
	    facts->hop.name, RULE_OUT, now), &front->site, now, out);
}
