/*
 * All that is known of a next hop: its MX hosts, DANE, the MTA-STS record and
 * policy, and what was seen at each address.  Facts say what is the case,
 * never what follows: that is tls_decision's.  Present, absent and unknown
 * stay three values, and zero is unknown.
 */

#ifndef HOPSEAL_FACTS_H
#define HOPSEAL_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/address.h"
#include "shared/buffer.h"
#include "shared/policy/finding.h"
#include "shared/policy/mtasts_policy.h"
#include "shared/policy/mtasts_record.h"
#include "shared/postfix/next_hop.h"

#define FACTS_VERSION		1
#define FACTS_HOSTS_MAX		64	/* the most preferred ones are kept */
#define FACTS_ADDRESSES_MAX	16	/* a host */
#define FACTS_ERROR_MAX_BYTES	200
#define FACTS_DETAIL_MAX_BYTES	100
/* Above what the limits of hosts, addresses and policy lines can add up to. */
#define FACTS_RECORD_MAX_BYTES	(1024 * 1024)

enum fact_state { FACT_UNKNOWN, FACT_ABSENT, FACT_PRESENT };

/* The TLSA records of one host (RFC 7672, 2.2 and 3.1). */
enum tlsa_state {
	TLSA_UNKNOWN,	/* the look-up of a signed host failed */
	TLSA_NONE,	/* none, or host or records are not signed */
	TLSA_UNUSABLE,	/* signed records, none of them usable */
	TLSA_USABLE
};

/* The same for the whole MX set (design: "DANE state"). */
enum dane_state {
	DANE_UNKNOWN, DANE_NONE, DANE_NONE_USABLE, DANE_USABLE_SOME,
	DANE_USABLE_ALL
};

/* A certificate, as far as it is compared with others; id "": none was seen. */
#define FACTS_CERT_ID_SIZE	17	/* 16 hexadecimal digits */
struct facts_cert {
	char	id[FACTS_CERT_ID_SIZE];		/* of the whole (SHA-256) */
	char	issuer[FACTS_CERT_ID_SIZE], key[FACTS_CERT_ID_SIZE],
		names[FACTS_CERT_ID_SIZE];
	int64_t	from, to;		/* notBefore and notAfter */
};

struct facts_address {
	struct address	address;
	/* the latest observation; FINDING_UNKNOWN when there is none */
	enum finding	finding;	/* by the web's trust and names */
	enum finding	dane_finding;	/* by DANE, unknown without records */
	/* finding without what Postfix lets pass; unknown: the same */
	enum finding	postfix_finding;
	int64_t		seen_at, not_after;
	unsigned	seen_count;	/* in a row, reprobe_after apart */
	char		detail[FACTS_DETAIL_MAX_BYTES + 1];	/* the issuer */
	char		words[FACTS_ERROR_MAX_BYTES + 1]; /* of the finding */
	struct facts_cert cert;		/* of the latest look that saw one */
	char		cert_before[FACTS_CERT_ID_SIZE];	/* id, or "" */
	int64_t		cert_changed_at;	/* oddly (cert_history), or 0 */
};

struct facts_host {
	char			 name[HOST_NAME_SIZE];
	uint16_t		 preference;
	enum fact_state		 address_state;
	bool			 is_secure;	/* its addresses are signed */
	enum tlsa_state		 tlsa;
	struct facts_address	*addresses;	/* v6 and v4 as DNS gave them */
	size_t			 address_count;
	char			 error[FACTS_ERROR_MAX_BYTES + 1];
};

struct facts {
	struct next_hop		 hop;
	int64_t			 looked_at;	/* the last look, good or bad */
	int64_t			 refresh_at;	/* when to look again */

	/* MX and DANE; learned_at is when DNS last told, 0 for never. */
	int64_t			 learned_at;
	enum fact_state		 mx_state;	/* absent: domain takes no mail */
	bool			 mx_is_secure, mx_is_implicit, mx_is_null;
	char			 mx_error[FACTS_ERROR_MAX_BYTES + 1];
	struct facts_host	*hosts;		/* by preference */
	size_t			 host_count;
	bool			 hosts_are_cut;	/* more than FACTS_HOSTS_MAX */
	enum dane_state		 dane;
	char			 dane_error[FACTS_ERROR_MAX_BYTES + 1];

	/* The record at _mta-sts; unknown keeps its reason in record_error. */
	enum fact_state		 record_state;
	char			 record_id[MTASTS_ID_MAX_BYTES + 1];
	char			 record_error[FACTS_ERROR_MAX_BYTES + 1];

	/* The policy that was fetched last and has not expired. */
	bool			 has_policy;
	char			 policy_id[MTASTS_ID_MAX_BYTES + 1];
	int64_t			 fetched_at, expires_at, refetch_at;
	struct mtasts_policy	 policy;

	/* The last fetch, when it failed; count 0 when it did not. */
	char			 fetch_failed_id[MTASTS_ID_MAX_BYTES + 1];
	int64_t			 fetch_failed_at;
	unsigned		 fetch_failed_count;
	enum finding		 fetch_finding;
	char			 fetch_error[FACTS_ERROR_MAX_BYTES + 1];
};

struct facts	*facts_new(const struct next_hop *hop);
void		 facts_free(struct facts *f);

/* Adds a host by preference, or drops it when FACTS_HOSTS_MAX are better. */
struct facts_host *facts_add_host(struct facts *f, const char *name,
		    uint16_t preference);
void		 facts_add_address(struct facts_host *host,
		    const struct address *address);
/* Writes text into an error field, quoted (text_quote). */
void		 facts_set_error(char field[FACTS_ERROR_MAX_BYTES + 1],
		    const char *format, ...)
		    __attribute__((format(printf, 2, 3)));

/* Takes policy, fetched under record id, into f; counts max_age from now. */
void		 facts_set_policy(struct facts *f, struct mtasts_policy *policy,
		    const char *id, int64_t now);

/*
 * The DANE state of the whole MX set from its hosts (RFC 7672, 2.2): one
 * unknown host makes it unknown unless DNS said that there are no hosts.
 */
enum dane_state	 facts_judge_dane(const struct facts *f);

/*
 * What a fresh look did not learn is taken from what was known: an unexpired
 * policy stays whatever became of the record (RFC 8461, 3.3); hosts and DANE
 * stay when the MX look-up itself failed without an answer.  A TLSA look-up
 * of a signed host that failed, or a bogus answer, makes DANE unknown for a
 * domain; for a host or an explicit port the last known state stays.
 * known may be NULL.
 */
void		 facts_merge(struct facts *fresh, const struct facts *known,
		    int64_t now);

/*
 * What a probe saw at one address of a host: f is of NEXT_HOP_HOST, and holds
 * the observations of that host for all domains that it serves.  A finding that
 * repeats counts as seen again only reprobe_after_s after the one before.
 */
struct facts_observation {
	struct address	address;
	enum finding	finding, dane_finding, postfix_finding;
	int64_t		seen_at, not_after;	/* not_after 0: no certificate */
	const char	*detail, *words;	/* printable, cut if need be */
};
void		 facts_observe(struct facts *f,
		    const struct facts_observation *seen,
		    unsigned reprobe_after_s);
/* Copies what was seen at addresses that both know of a host. */
void		 facts_take_observations(struct facts *to,
		    const struct facts *from);
/*
 * The same for what another host of the group saw; both are of one mail host.
 * True when there was something newer.
 */
bool		 facts_add_observations(struct facts *to,
		    const struct facts *from);
/* What is known of an address of the host that f is of, or NULL. */
struct facts_address *facts_find_address(struct facts *f,
		    const struct address *address);
/* When anything of this was last learned or seen. */
int64_t		 facts_newest(const struct facts *f);

/* Forgets all but the policy. */
void		 facts_keep_policy(struct facts *f);

/*
 * The record for Redis and between our processes (docs/cache.md): lines
 * "name=value" behind "hopseal-facts VERSION".  Unknown names are ignored,
 * a newer version is refused.  facts_parse returns NULL with *why.
 */
void		 facts_format(const struct facts *f, struct buffer *out);
struct facts	*facts_parse(struct text record, const char **why);

/* The first second in which nothing of this may be used any more. */
int64_t		 facts_end(const struct facts *f, unsigned stale_ttl_s);

const char	*fact_state_name(enum fact_state s);	/* "present" */
const char	*tlsa_state_name(enum tlsa_state s);	/* "usable" */
const char	*dane_state_name(enum dane_state s);	/* "usable-some" */

#endif
