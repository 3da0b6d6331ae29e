/*
 * A server's certificate chain, judged as Postfix will judge it and as the
 * policies ask: paths by OpenSSL at Postfix's security level (RFC 5280), names
 * by RFC 9525, TLSA records by RFC 7672.  Values in, values out: time and trust
 * are parameters and nothing is fetched.  What follows from a finding is
 * decided elsewhere (tls_decision).
 */

#ifndef HOPSEAL_CERT_CHECK_H
#define HOPSEAL_CERT_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/host_name.h"
#include "shared/policy/finding.h"
#include "shared/policy/tlsa.h"
#include "shared/text.h"

#define CERT_CHAIN_MAX		64
#define CERT_CHAIN_MAX_BYTES	(1024 * 1024)	/* of DER, all together */
#define CERT_NAMES_MAX		256	/* kept; all are compared */
#define CERT_DNS_NAME_SIZE	(2 + HOST_NAME_SIZE)	/* "*." in front */
#define CERT_TEXT_SIZE		256	/* quoted, and cut with "..." */

/* ---------------------------------------------------------------- trust */

/* Certificates and CRLs; also used for intermediates seen at other hosts. */
struct cert_store;

struct cert_store *cert_store_new(void);
void		 cert_store_free(struct cert_store *store);
/*
 * Adds each certificate and CRL of a PEM file; other blocks and the text
 * between them are skipped.  0, or -1 with *why for a file that holds neither
 * and for a block that cannot be read; what stood before it is kept.
 */
int		 cert_store_add_pem(struct cert_store *store, struct text pem,
		    const char **why);
/* One certificate; false when it is none. */
bool		 cert_store_add_der(struct cert_store *store, struct text der);

/* ---------------------------------------------------------------- chain */

struct x509_st;		/* OpenSSL's X509 */

/* As it was sent, the leaf first; { 0 } is an empty one. */
struct cert_chain {
	struct cert_der {
		char		*data;		/* owned */
		size_t		 len;
		struct x509_st	*decoded;	/* a reference, or NULL */
	}	certs[CERT_CHAIN_MAX];
	size_t	count, bytes;
	bool	is_cut;			/* more came than the limits allow */
};

/* Copies der; from the first that exceeds a limit on, all are dropped. */
void		 cert_chain_add(struct cert_chain *chain, struct text der);
/* The same for one that is decoded already, which is the dear part of it. */
void		 cert_chain_add_decoded(struct cert_chain *chain,
		    struct x509_st *cert);
/* 0, or -1 with *why when there is no certificate or a broken block. */
int		 cert_chain_parse_pem(struct text pem, struct cert_chain *out,
		    const char **why);
void		 cert_chain_clear(struct cert_chain *chain);

/* ---------------------------------------------------------------- question */

struct cert_question {
	const struct cert_chain	*chain;
	int64_t			 now;
	/* In the one spelling; "" and an address match no certificate. */
	const char		*host;
	const char *const	*other_hosts;	/* MX of the domain */
	size_t			 other_host_count;
	/* Not changed, yet not const: OpenSSL sorts and counts inside. */
	struct cert_store	*store;		/* NULL: nobody is trusted */
	struct cert_store	*known;		/* seen elsewhere, or NULL */
	const struct tlsa	*tlsa;		/* usable or not */
	size_t			 tlsa_count;
	/* What counts beside host for DANE-TA (RFC 7672, 3.2.2 and 3.2.3). */
	const char *const	*dane_names;
	size_t			 dane_name_count;
	bool			 is_staple_asked; /* in the handshake */
	struct text		 staple;	/* DER; len 0: none came */
};

/* ---------------------------------------------------------------- answer */

#define CERT_FINDING(f) (UINT32_C(1) << (f))

/*
 * findings holds CERT_FINDING(f) for each that holds; finding is the first by
 * the order of enum finding (staple-missing last), or ok.  postfix_finding is
 * the first of those for which Postfix itself refuses the host at its levels
 * verify, secure and dane-only: revocation, a missing staple and a name that
 * stands in the CN alone do not keep it from sending.
 */
struct cert_verdict {
	uint32_t	findings;
	enum finding	finding, postfix_finding;
};

/* What never defers; a set of CERT_WARNING(w). */
enum cert_warning {
	CERT_WARNING_KEY_SMALL,		/* RSA below 2048, EC below 224 */
	CERT_WARNING_NAME_IN_CN,	/* matches by CN, not by a DNS-ID */
	CERT_WARNING_NAME_OF_OTHER_HOST, /* one of other_hosts */
	CERT_WARNING_NAME_MALFORMED,	/* a dNSName that is no name: a NUL */
	CERT_WARNING_CHAIN_CUT,
	CERT_WARNING_CHAIN_MALFORMED,	/* behind the leaf: no certificate */
	CERT_WARNING_CHAIN_DISORDERED,
	CERT_WARNING_CHAIN_UNUSED,	/* sent, and on no path */
	CERT_WARNING_CRL_UNUSABLE,	/* out of date, or badly signed */
	CERT_WARNING_STAPLE_UNUSABLE,	/* not about the leaf, not current */
	CERT_WARNING_COUNT
};
#define CERT_WARNING(w) (1u << (w))

enum cert_staple {
	CERT_STAPLE_NONE, CERT_STAPLE_UNUSABLE, CERT_STAPLE_UNKNOWN,
	CERT_STAPLE_GOOD, CERT_STAPLE_REVOKED
};

/* One certificate that was sent. */
struct cert_info {
	char	 subject[CERT_TEXT_SIZE], issuer[CERT_TEXT_SIZE];
						/* "C=US, O=Org, CN=R3" */
	int64_t	 not_before, not_after;
	char	 key[32];		/* "RSA", "EC prime256v1", "ED25519" */
	unsigned key_bits;
	char	 signature[48];		/* "sha256WithRSAEncryption" */
	char	 sha256[65];		/* of the whole, lower case hex */
	int	 depth;			/* on the path, leaf 0; or -1 */
};

struct cert_result {
	struct cert_verdict	 pkix;	/* what MTA-STS asks (RFC 8461, 4.2) */
	struct cert_verdict	 dane;	/* unknown without TLSA records */
	unsigned		 warnings;
	int			 verify_code;	/* OpenSSL's first, 0: none */
	const char		*verify_words;	/* for verify_code */
	/* cert-untrusted: what the path breaks; NULL: its end is unknown. */
	const char		*broken_rule;

	/* Of the whole path: the latest beginning, the earliest end. */
	int64_t			 not_before, not_after;
	struct cert_info	*certs;		/* in the order sent */
	size_t			 cert_count;	/* at least 1: the leaf */
	/* Of the leaf, those that are names, in the one spelling. */
	char			(*names)[CERT_DNS_NAME_SIZE];
	size_t			 name_count;	/* at most CERT_NAMES_MAX */
	size_t			 names_dropped;	/* beyond CERT_NAMES_MAX */
	char			 matched[CERT_DNS_NAME_SIZE]; /* or "" */
	/* The first of other_hosts that it is for, or "". */
	char			 other_host[HOST_NAME_SIZE];

	/* cert-chain-incomplete: which one to send, where it lies; or "". */
	char			 missing_issuer[CERT_TEXT_SIZE];
	char			 missing_issuer_url[CERT_TEXT_SIZE];

	char			 tlsa_text[80];	/* "3 1 1 HEX" of this leaf */
	bool			 has_dane_match;
	uint8_t			 dane_usage, dane_selector, dane_matching_type;
	unsigned		 dane_depth;	/* bare key: what it signed */

	unsigned		 sct_count;	/* in the leaf */
	bool			 must_staple;	/* RFC 7633 */
	enum cert_staple	 staple;
	int64_t			 staple_next_update;	/* 0: none told */
};

/*
 * 0, and *out is the caller's until cert_result_clear; or -1 with *why when
 * the chain is empty or its first is no certificate.
 */
int	cert_check(const struct cert_question *q, struct cert_result *out,
	    const char **why);
void	cert_result_clear(struct cert_result *result);

const char *cert_warning_name(enum cert_warning w);	/* "key-small" */
const char *cert_staple_name(enum cert_staple s);	/* "revoked" */

#endif
