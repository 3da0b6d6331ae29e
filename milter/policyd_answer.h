/*
 * What policyd answers on its control socket, as far as the milter asks: the
 * site, the way of a mail, and a judgement of one next hop.  JSON in, values
 * out.
 */

#ifndef HOPSEAL_POLICYD_ANSWER_H
#define HOPSEAL_POLICYD_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "milter/judgement.h"
#include "shared/address.h"
#include "shared/policy/tls_decision.h"
#include "shared/postfix/route.h"
#include "shared/text.h"

#define SITE_PORTS_MAX	64

struct site_answer {
	bool			 is_known;	/* Postfix has told policyd */
	/* The lists here and the recipient's domain tell all ways; false where
	   an older policyd does not say. */
	bool			 is_plain;
	struct tls_site		 tls;
	struct network_list	 own_networks;
	char			**own_domains;	/* in the one spelling */
	/* Of ours, that serve a certificate which has ended. */
	uint16_t		 expired_ports[SITE_PORTS_MAX];
	size_t			 expired_port_count;
	char			*authserv_id;	/* the option, or Postfix's name; or NULL */
	size_t			 own_domain_count;
};

/*
 * The answer to "site".  0, or -1 with *why: no JSON object, policyd's own
 * error, a member that is missing, of the wrong type, or out of range.  *out
 * is the caller's until site_answer_clear.
 */
int	site_answer_parse(struct text line, struct site_answer *out,
	    const char **why);
void	site_answer_clear(struct site_answer *site);

/*
 * The question "route", which the caller frees; NULL for an address that is not
 * UTF-8.  And its answer; failures as above.
 */
char	*route_request_format(const struct route_question *q);
int	route_answer_parse(struct text line, struct route *out,
	    const char **why);

/* The decision in the answer to "explain"; failures as above. */
int	judgement_parse(struct text line, struct judgement *out,
	    const char **why);

#endif
