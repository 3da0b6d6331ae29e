/*
 * What policyd answers on its control socket, as far as the milter asks: the
 * site, and a judgement of one domain.  JSON in, values out.
 */

#ifndef HOPSEAL_POLICYD_ANSWER_H
#define HOPSEAL_POLICYD_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

#include "milter/judgement.h"
#include "shared/address.h"
#include "shared/policy/tls_decision.h"
#include "shared/text.h"

struct site_answer {
	bool			 is_known;	/* Postfix has told policyd */
	struct tls_site		 tls;
	struct network_list	 own_networks;
	char			**own_domains;	/* in the one spelling */
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

/* The decision in the answer to "explain"; failures as above. */
int	judgement_parse(struct text line, struct judgement *out,
	    const char **why);

#endif
