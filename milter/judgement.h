/*
 * What a recipient's next hop comes to: the part of a tls_decision that mail
 * feels, made here or by policyd.
 */

#ifndef HOPSEAL_JUDGEMENT_H
#define HOPSEAL_JUDGEMENT_H

#include "shared/policy/tls_decision.h"

struct judgement {
	enum rule_action	 action;	/* LOG: nothing is done */
	enum tls_policy_kind	 policy;
	enum verdict		 verdict;
	enum finding		 finding;
	char			 reason[TLS_REASON_MAX_BYTES + 1];
};

#endif
