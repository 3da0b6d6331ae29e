/*
 * The words of a session.
 */

#include "shared/tlsrpt/session.h"

#include <stddef.h>

bool
session_alert_refuses_certificate(struct text alert)
{
	static const char *const refusals[] = {
		"bad certificate", "unsupported certificate",
		"certificate revoked", "certificate expired",
		"certificate unknown", "unknown ca"
	};
	size_t i;

	for (i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		if (text_equals(alert, refusals[i]))
			return true;
	return false;
}

const char *
session_direction_name(enum session_direction d)
{
	static const char *const names[SESSION_DIRECTION_COUNT] = {
		"out", "in", "submission", "local"
	};

	return names[d];
}

const char *
session_trust_name(enum session_trust t)
{
	static const char *const names[] = {
		NULL, "anonymous", "untrusted", "trusted", "verified"
	};

	return names[t];
}
