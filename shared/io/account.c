/*
 * Accounts.  Without root all processes run as the caller, and becoming another
 * is nothing but giving up new privileges.
 */

#include "shared/io/account.h"

#include <sys/prctl.h>

#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
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
account_become(const struct account *account)
{
	if (geteuid() == 0 && (setgroups(1, &account->gid) == -1 ||
	    setresgid(account->gid, account->gid, account->gid) == -1 ||
	    setresuid(account->uid, account->uid, account->uid) == -1))
		return -1;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}
