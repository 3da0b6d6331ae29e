/*
 * Capabilities.  Without root all processes run as the caller, and
 * these functions have nothing to do.
 */

#include "policyd/privileges.h"

#include <sys/capability.h>

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

int
privileges_keep_parent(void)
{
	static const cap_value_t kept[] = {
		CAP_SETUID, CAP_SETGID, CAP_DAC_READ_SEARCH
	};
	const int count = sizeof(kept) / sizeof(kept[0]);
	cap_value_t cap;
	cap_t caps;
	int result = -1, i;

	if (geteuid() != 0)
		return 0;
	/* What is not kept cannot come back by an execve either. */
	for (cap = 0; cap <= CAP_LAST_CAP; cap++) {
		for (i = 0; i < count && kept[i] != cap; i++)
			;
		if (i == count)
			cap_drop_bound(cap);
	}
	caps = cap_init();
	if (caps == NULL)
		return -1;
	if (cap_set_flag(caps, CAP_PERMITTED, count, kept, CAP_SET) == 0 &&
	    cap_set_flag(caps, CAP_EFFECTIVE, count, kept, CAP_SET) == 0)
		result = cap_set_proc(caps);
	cap_free(caps);
	return result;
}

void
privileges_kill(pid_t pid, const struct account *account, int signal)
{
	bool is_root = geteuid() == 0;

	/* With the effective user of the target kill is allowed. */
	if (is_root && seteuid(account->uid) == -1)
		return;
	kill(pid, signal);
	if (is_root && seteuid(0) == -1)
		abort();
}
