/*
 * The names of the roles, as logs, process titles and status show them.
 */

#include "policyd/process/message.h"

const char *
role_name(enum role role)
{
	static const char *const names[ROLE_COUNT] = {
		[ROLE_PARENT] = "parent",
		[ROLE_FRONT] = "front",
		[ROLE_SCOUT] = "scout",
		[ROLE_CLERK] = "clerk",
	};

	return names[role];
}
