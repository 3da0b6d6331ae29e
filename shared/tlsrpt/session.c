/*
 * The words of a session.
 */

#include "shared/tlsrpt/session.h"

#include <stddef.h>

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
