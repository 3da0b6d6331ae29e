/*
 * What "hopseal certs" knows of our certificates: each one's files as they are
 * on disk, how they were served just now, and what is wrong.  One file reads
 * the disk, one asks the servers, one tells.
 */

#ifndef HOPSEAL_CERTS_H
#define HOPSEAL_CERTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ctl/check_judge.h"
#include "ctl/ctl.h"
#include "shared/host_name.h"
#include "shared/policy/cert_check.h"
#include "shared/policy/cert_stages.h"
#include "shared/policy/facts.h"
#include "shared/postfix/own_certificates.h"

#define NS_PER_S		INT64_C(1000000000)
#define CERTS_WORDS_SIZE	320
#define CERTS_NAME_SIZE		160

enum certs_severity { CERTS_WARNING, CERTS_CRITICAL };

struct certs_problem {
	const char		*word;	/* "served-stale"; constant */
	enum certs_severity	 severity;
	char			 words[CERTS_WORDS_SIZE];
	char			 advice[CERTS_WORDS_SIZE];
};

/* One question to one port, and what came. */
struct certs_served {
	const struct own_port	*port;
	char			 sni[HOST_NAME_SIZE];	/* "": none sent */
	const char		*finding;	/* "ok", or a problem's word */
	struct facts_cert	 cert;		/* that came; id "" for none */
};

/* One private key's certificates: a file may hold several. */
struct certs_item {
	char				 name[CERTS_NAME_SIZE];
	unsigned			 stage;	/* times of warning passed */
	const struct own_certificate	*own;
	const char			*file;		/* of own->files */
	/* What it must be valid for; "" where nothing says it. */
	char				 wanted[HOST_NAME_SIZE];
	bool				 has_result;	/* it could be read */
	struct cert_chain		 chain;
	struct cert_result		 result;		/* of chain */
	int64_t				 changed_ns;	/* the newest file */
	struct certs_served		*served;
	size_t				 served_count;
	struct certs_problem		*problems;
	size_t				 problem_count;
};

/* What strangers find who send to a domain of ours. */
struct certs_domain {
	struct look	look;
	struct check	check;		/* of look */
	/* Postfix named it, perhaps for local mail alone. */
	bool		 is_guess;
};

#define CERTS_DOMAINS_MAX	64

/* A next hop of a transport table. */
struct certs_hop {
	struct look	look;
	struct check	check;		/* of look */
	char		text[NEXT_HOP_TEXT_SIZE];
	char		key[HOST_NAME_SIZE];	/* of the first entry */
};

#define CERTS_HOPS_MAX	64
#define CERTS_HASH_SIZE	17
/* After that long in testing it can be said how enforcing would have gone. */
#define CERTS_TESTING_S	(30 * 86400)

struct config;
struct site;

struct certs {
	int64_t			 now;
	struct own_certificates	*own;
	struct cert_store	*store;		/* whom strangers trust */
	struct certs_item	*items;
	size_t			 item_count;
	struct certs_domain	*domains;
	size_t			 domain_count;
	struct certs_hop	*hops;
	size_t			 hop_count;
	/* What policyd knows beside; NULL where it does not answer. */
	json_t			*promises;	/* since when: its "domains" */
	json_t			*received;	/* reports of CERTS_TESTING_S */
	json_t			*refused;	/* our certificates, of a day */
	const char		*myhostname;
	const char		*ca_file;	/* "": the system's */
	bool			 may_read_keys;		/* and are to */
	struct cert_stages	 stages;	/* none: by the lifetime */
	int			 warn_days, critical_days;	/* -1: by lifetime */
	bool			 is_partial;	/* there may be more */
};

void	certs_add_problem(struct certs_item *item, const char *word,
	    enum certs_severity severity, const char *advice,
	    const char *format, ...) __attribute__((format(printf, 5, 6)));
/* The command that makes its server take what is on disk. */
const char *certs_reload_advice(const struct certs_item *item,
	    char out[CERTS_WORDS_SIZE]);
/* "RSA" or "ECDSA", for a key as cert_info tells it; else "". */
const char *certs_key_kind(const char *key);
/* The days left, never negative; 0 where nothing could be read. */
int64_t	certs_days_left(const struct certs *certs,
	    const struct certs_item *item);
/* True when a client that asks for name gets this one (".example.org" too). */
bool	certs_is_for(const struct certs_item *item, const char *name);

/* Fills items from the files of certs->own. */
void	certs_read(struct certs *certs);
/* Asks every port; -1 with *status when no scout could be started. */
int	certs_ask(struct certs *certs, const struct ctl_options *options,
	    enum ctl_exit *status);
/* Ours by the options own_domains and promise_domains, or as Postfix says. */
void	certs_add_domains(struct certs *certs, const struct config *config,
	    const struct site *site);
/* Those that the transport tables of each Postfix name. */
void	certs_add_hops(struct certs *certs, const struct site *site);
/* Looks at both; -1 with *status when no scout could be started. */
int	certs_look(struct certs *certs, const struct ctl_options *options,
	    enum ctl_exit *status);
/*
 * Compares what DNS says of mail hosts of ours (TLSA) with what is on disk for
 * them, which may be served after the next reload only.
 */
void	certs_compare_tlsa(struct certs *certs);
/* Fills promises, received and refused, where policyd answers. */
void	certs_ask_policyd(struct certs *certs, const struct config *config);
/* Adds to each domain's problems what is wrong as it is one of ours. */
void	certs_judge_promises(struct certs *certs, const struct config *config,
	    const struct site *site);
/* Another one where the policy says something else. */
void	certs_policy_hash(const struct facts *facts,
	    char out[CERTS_HASH_SIZE]);
/* False for a name that only this host knows: it promises nothing. */
bool	certs_is_promised(const struct certs_domain *domain);
/* The word for a problem of a domain of ours: also "mx-legacy". */
const char *certs_promise_word(const struct check_problem *problem);
/*
 * Prints the records that promise what is on disk, ready for a zone; CTL_UNKNOWN
 * where a domain's stay open, as what it promises now cannot be seen.
 */
enum ctl_exit certs_publish(const struct certs *certs,
	    const struct config *config);

/* Members of the report, and their part of the screen. */
json_t	*certs_domains_array(const struct certs *certs);
json_t	*certs_hops_array(const struct certs *certs);
void	certs_show_beside(const json_t *report);
void	certs_show_problems(const json_t *of);

/* One object, as it is printed with --json and shown to people. */
json_t	*certs_report(const struct certs *certs);
void	certs_show(const json_t *report);
/* Shows what policyd knows of all hosts' certificates. */
enum ctl_exit certs_group_run(const struct ctl_options *options);
/* By the report's overall: good is 0, unknown 3. */
enum ctl_exit certs_exit(const json_t *report);
void	certs_clear(struct certs *certs);

#endif
