/*
 * Accounts and capabilities.  Without root all processes run as the caller, and
 * these functions have nothing to do.
 */

#include "policyd/privileges.h"

#include <sys/capability.h>
#include <sys/prctl.h>

#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/text.h"
#include "shared/xalloc.h"

#define ID_MAX (UINT32_MAX - 1)

static bool
find_user(const char *name, struct account *out)
{
	const struct passwd *entry = getpwnam(name);
	uint64_t id;

	if (entry != NULL) {
		out->uid = entry->pw_uid;
		out->gid = entry->pw_gid;
		return true;
	}
	if (!text_parse_u64(text_of(name), ID_MAX, &id))
		return false;
	out->uid = (uid_t)id;
	entry = getpwuid(out->uid);
	out->gid = entry != NULL ? entry->pw_gid : (gid_t)id;
	return true;
}

static bool
find_group(const char *name, struct account *out)
{
	const struct group *entry = getgrnam(name);
	uint64_t id;

	if (entry != NULL)
		out->gid = entry->gr_gid;
	else if (text_parse_u64(text_of(name), ID_MAX, &id))
		out->gid = (gid_t)id;
	else
		return false;
	return true;
}

int
account_find(const char *option, const char *spelling, struct account *out,
    struct buffer *errors)
{
	char *user = xstrdup(spelling);
	char *group = strchr(user, ':');
	struct account account;
	int result = 0;

	if (group != NULL)
		*group++ = '\0';
	if (!find_user(user, &account)) {
		buffer_addf(errors, "%s = %s: there is no user %s\n", option,
		    spelling, user);
		result = -1;
	} else if (group != NULL && !find_group(group, &account)) {
		buffer_addf(errors, "%s = %s: there is no group %s\n", option,
		    spelling, group);
		result = -1;
	} else
		*out = account;
	free(user);
	return result;
}

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

int
privileges_become(const struct account *account)
{
	if (geteuid() == 0 && (setgroups(1, &account->gid) == -1 ||
	    setresgid(account->gid, account->gid, account->gid) == -1 ||
	    setresuid(account->uid, account->uid, account->uid) == -1))
		return -1;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
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
