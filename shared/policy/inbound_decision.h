/*
 * What becomes of mail that comes in: the operator's "in" rule for the
 * sender's domain against the TLS of the session.  Pure, and the one place that
 * judges it; docs/decisions.md has the steps.
 */

#ifndef HOPSEAL_INBOUND_DECISION_H
#define HOPSEAL_INBOUND_DECISION_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/host_name.h"
#include "shared/policy/domain_rules.h"
#include "shared/policy/facts.h"
#include "shared/text.h"

/* The header about the session in which a mail came in, and one of its words. */
#define INBOUND_HEADER		"X-Hopseal-Inbound"
#define INBOUND_OUR_CERT	"our-cert=expired"

enum inbound_certificate {
	INBOUND_CERTIFICATE_UNKNOWN,	/* nobody said */
	INBOUND_CERTIFICATE_NONE,
	INBOUND_CERTIFICATE_UNTRUSTED,	/* sent, but its chain is not trusted */
	INBOUND_CERTIFICATE_TRUSTED
};

/* One recipient of one mail, as Postfix tells it. */
struct inbound_mail {
	/* Authenticated, local, of our networks, or perhaps: where it is not
	   known who is ours, everybody may be. */
	bool				 is_ours;
	struct text			 sender, recipient;	/* addresses */
	enum fact_state			 tls;		/* absent: in clear */
	struct text			 protocol;	/* "TLSv1.3" */
	enum inbound_certificate	 certificate;	/* the client's */
};

#define INBOUND_REASON_MAX_BYTES 400

struct inbound_decision {
	enum rule_action	 action;	/* OFF: nothing to object to */
	/* What follows is set when there is something. */
	const struct domain_rule *rule;			/* of rules */
	char			 domain[HOST_NAME_SIZE]; /* the sender's */
	/* "TLS is required for mail from D: ...", printable ASCII */
	char			 reason[INBOUND_REASON_MAX_BYTES + 1];
};

void	inbound_decision_make(const struct inbound_mail *mail,
	    const struct domain_rules *rules, int64_t now,
	    struct inbound_decision *out);

#endif
