/*
 * What those who want to know a mail host say to the scout, and what it saw:
 * the payloads of PROBE and OBSERVATION frames, and of TXT and TXT_ANSWER for
 * the records of a name.  Both sides check what they get.  Texts in parsed
 * values are slices of the payload.
 */

#ifndef HOPSEAL_PROBE_MESSAGE_H
#define HOPSEAL_PROBE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/address.h"
#include "shared/buffer.h"
#include "shared/host_name.h"
#include "shared/policy/finding.h"
#include "shared/text.h"

/* ------------------------------------------------------------- the question */

/* How TLS begins there: at once, or by a command of the protocol. */
enum probe_service {
	PROBE_SMTP, PROBE_SUBMISSION, PROBE_SMTPS, PROBE_IMAP, PROBE_IMAPS,
	PROBE_POP3, PROBE_POP3S, PROBE_SERVICE_COUNT
};
/* "smtp"; a constant string. */
const char	*probe_service_name(enum probe_service service);
uint16_t	 probe_service_port(enum probe_service service);
/* False when word is no service; *out untouched then. */
bool		 probe_service_parse(struct text word,
		    enum probe_service *out);
/* The service that port is for, or else smtp. */
enum probe_service probe_service_of_port(uint16_t port);

enum probe_manner {
	PROBE_AS_POSTFIX,	/* and the DANE records are asked for */
	PROBE_WITHOUT_SNI,
	PROBE_TLS_1_0, PROBE_TLS_1_1, PROBE_TLS_1_2, PROBE_TLS_1_3, /* alone */
	PROBE_WEAK_CIPHERS,	/* alone, no further than ServerHello */
	PROBE_ANONYMOUS_CIPHERS,
	PROBE_RSA, PROBE_ECDSA,	/* only such a certificate will do */
	PROBE_MANNER_COUNT
};

#define PROBE_OTHERS_MAX	8

struct probe_request {
	char			 host[HOST_NAME_SIZE];
	struct address		 address;
	uint16_t		 port;
	enum probe_service	 service;
	enum probe_manner	 manner;
	/* Of the mail; DANE-TA accepts it too (RFC 7672, 3.2.2).  Or "". */
	char			 domain[HOST_NAME_SIZE];
	/* Other MX of the domain, whose certificate this one may serve. */
	char			 others[PROBE_OTHERS_MAX][HOST_NAME_SIZE];
	size_t			 other_count;
};
/* Adds to others while there is room. */
void	probe_request_add_other(struct probe_request *m, const char *host);
void	probe_request_format(const struct probe_request *m,
	    struct buffer *out);
bool	probe_request_parse(struct text payload, struct probe_request *out);

/* --------------------------------------------------------------- the answer */

enum probe_stage {
	PROBE_CONNECT, PROBE_BANNER, PROBE_EHLO, PROBE_STARTTLS,
	PROBE_HANDSHAKE, PROBE_QUIT, PROBE_STAGE_COUNT
};
/* "banner"; a constant string. */
const char	*probe_stage_name(enum probe_stage stage);

enum observed_dane {
	OBSERVED_DANE_UNKNOWN,	/* not asked, or DNS failed */
	OBSERVED_DANE_NONE,	/* no signed TLSA records */
	OBSERVED_DANE_UNUSABLE,
	OBSERVED_DANE_MISMATCH,
	OBSERVED_DANE_MATCH
};
/* "match"; a constant string. */
const char	*observed_dane_name(enum observed_dane dane);

/* By one policy: a set of OBSERVED(finding), the first, and Postfix's own. */
struct observed_verdict {
	uint32_t	findings;
	enum finding	finding, postfix_finding;
};
#define OBSERVED(f) (UINT32_C(1) << (f))

struct observed_cert {
	struct text	subject, issuer;
	int64_t		not_before, not_after;
	struct text	key, signature, sha256;
	uint32_t	key_bits;
	bool		is_used;	/* on the path that was judged */
};

#define OBSERVED_CERTS_MAX	16
#define OBSERVED_NAMES_MAX	64
#define OBSERVED_WARNINGS_MAX	16
#define OBSERVED_TLSA_MAX	16
#define OBSERVATION_MAX_BYTES	(64 * 1024)

struct observation {
	struct probe_request	 asked;		/* without others */
	int64_t			 seen_at;
	enum probe_stage	 stage;		/* where it ended */
	uint32_t		 stage_ms[PROBE_STAGE_COUNT];
	/*
	 * ok: TLS stands as the site's protocols permit.  Else why not, in one
	 * word and in words for people.
	 */
	enum finding		 finding;
	struct text		 words;

	/* with a handshake: */
	bool			 has_tls;
	struct text		 protocol, cipher, key_exchange;
	uint32_t		 cipher_bits;
	/* and a certificate: */
	struct observed_verdict	 pkix, dane;	/* unknown: not asked */
	int64_t			 not_before, not_after;	/* of the path */
	struct text		 verify_words;	/* OpenSSL's, or empty */
	struct text		 matched;	/* the name, or empty */
	struct text		 missing_issuer, missing_issuer_url;
	struct text		 staple;	/* cert_staple_name */
	uint32_t		 sct_count;
	bool			 must_staple;
	struct text		 tlsa_text;	/* "3 1 1 HEX" of the leaf */
	enum observed_dane	 dane_state;
	struct text		 dane_match;	/* "3 1 1 at depth 0" */
	struct text		 warnings[OBSERVED_WARNINGS_MAX];
	size_t			 warning_count;
	struct text		 names[OBSERVED_NAMES_MAX];
	size_t			 name_count;
	uint32_t		 names_dropped;
	struct observed_cert	 certs[OBSERVED_CERTS_MAX];
	size_t			 cert_count;
	uint32_t		 certs_dropped;
	/* as DNS has them */
	struct text		 tlsa[OBSERVED_TLSA_MAX];
	size_t			 tlsa_count;
};
void	observation_format(const struct observation *o, struct buffer *out);
/* False when the payload is none, and *out is then of no use. */
bool	observation_parse(struct text payload, struct observation *out);

/*
 * The findings by one policy: what kept TLS from standing alone, or what the
 * certificates are like.
 */
enum finding	 observation_finding(const struct observation *o,
		    bool dane_governs);
/* The same without what Postfix itself lets pass. */
enum finding	 observation_postfix_finding(const struct observation *o,
		    bool dane_governs);
uint32_t	 observation_findings(const struct observation *o,
		    bool dane_governs);

/* -------------------------------------------------------------------- TXT */

#define TXT_RECORDS_MAX	16

struct txt_answer {
	bool		is_known;	/* false: why says what failed */
	bool		is_secure;
	struct text	why;
	struct text	records[TXT_RECORDS_MAX];	/* strings joined */
	size_t		record_count;
};
/* TXT: the name alone, in the one spelling. */
void	txt_question_format(const char *name, struct buffer *out);
bool	txt_question_parse(struct text payload, char out[HOST_NAME_SIZE]);
void	txt_answer_format(const struct txt_answer *m, struct buffer *out);
bool	txt_answer_parse(struct text payload, struct txt_answer *out);

#endif
