/*
 * The scout may: read files (trust store, trust anchor, resolv.conf), use
 * UDP and TCP as a client, start threads of its own (libunbound), and speak on
 * the descriptors it has.  It may not: write or create a file, run a program,
 * listen, open a local socket, make memory executable, look into or signal
 * another process, or gain a privilege.  What is not allowed fails with EPERM.
 */

#include "policyd/scout/sandbox.h"

#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#include <seccomp.h>

#include "shared/io/log.h"

#define DESCRIPTORS_MAX 4096

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
    __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IS_SANITIZER_BUILD 1
#else
#define IS_SANITIZER_BUILD 0
#endif

static void
limit(int resource, rlim_t max)
{
	struct rlimit now;

	if (getrlimit(resource, &now) == 0 &&
	    (now.rlim_max == RLIM_INFINITY || now.rlim_max > max))
		now.rlim_max = max;
	now.rlim_cur = now.rlim_max;
	if (setrlimit(resource, &now) == -1)
		log_warn("scout is not limited: resource=%d", resource);
}

void
sandbox_limit(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		log_warn("scout can gain privileges: prctl failed");
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_NOFILE, DESCRIPTORS_MAX);
	/* A refused write is an error then, not the end. */
	signal(SIGXFSZ, SIG_IGN);
	if (!IS_SANITIZER_BUILD)	/* their reports are files */
		limit(RLIMIT_FSIZE, 0);
}

#if IS_SANITIZER_BUILD

int
sandbox_enter(const char **why)
{
	*why = "built for a sanitizer";
	return -1;
}

#else

/* Allowed whatever their arguments. */
static const int allowed[] = {
	/* descriptors */
	SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(readv), SCMP_SYS(writev),
	SCMP_SYS(pread64), SCMP_SYS(lseek), SCMP_SYS(_llseek),
	SCMP_SYS(close), SCMP_SYS(fcntl), SCMP_SYS(fcntl64),
	SCMP_SYS(pipe), SCMP_SYS(pipe2), SCMP_SYS(eventfd2),
	/* files: what there is, and whether it can be read */
	SCMP_SYS(fstat), SCMP_SYS(fstat64), SCMP_SYS(stat), SCMP_SYS(stat64),
	SCMP_SYS(lstat), SCMP_SYS(lstat64), SCMP_SYS(newfstatat),
	SCMP_SYS(fstatat64), SCMP_SYS(statx), SCMP_SYS(access),
	SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(getdents64),
	/* sockets, once made */
	SCMP_SYS(connect), SCMP_SYS(bind), SCMP_SYS(getsockname),
	SCMP_SYS(getpeername), SCMP_SYS(getsockopt), SCMP_SYS(setsockopt),
	SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(recvmmsg),
	SCMP_SYS(sendto), SCMP_SYS(sendmsg), SCMP_SYS(sendmmsg),
	SCMP_SYS(send), SCMP_SYS(recv), SCMP_SYS(shutdown),
	/* waiting */
	SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_pwait2), SCMP_SYS(poll),
	SCMP_SYS(ppoll), SCMP_SYS(select), SCMP_SYS(_newselect),
	SCMP_SYS(pselect6), SCMP_SYS(nanosleep), SCMP_SYS(clock_nanosleep),
	SCMP_SYS(restart_syscall),
	/* time and chance */
	SCMP_SYS(clock_gettime), SCMP_SYS(clock_gettime64),
	SCMP_SYS(clock_getres), SCMP_SYS(gettimeofday), SCMP_SYS(time),
	SCMP_SYS(getrandom),
	/* memory */
	SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),
	/* threads, signals to itself, and the end */
	SCMP_SYS(futex), SCMP_SYS(futex_time64), SCMP_SYS(set_robust_list),
	SCMP_SYS(rseq), SCMP_SYS(gettid), SCMP_SYS(getpid),
	SCMP_SYS(getppid), SCMP_SYS(getuid), SCMP_SYS(geteuid),
	SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(sched_yield),
	SCMP_SYS(sched_getaffinity), SCMP_SYS(membarrier),
	SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn), SCMP_SYS(sigreturn), SCMP_SYS(sigaltstack),
	SCMP_SYS(sysinfo), SCMP_SYS(getrlimit), SCMP_SYS(exit),
	SCMP_SYS(exit_group),
};

/* Allowed if one argument is right: masked, it has this value. */
static const struct {
	int		call;
	unsigned	argument;
	scmp_datum_t	mask, value;
} restricted[] = {
	{ SCMP_SYS(open), 1, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY },
	{ SCMP_SYS(openat), 2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY },
	{ SCMP_SYS(socket), 0, 0xffffffff, AF_INET },
	{ SCMP_SYS(socket), 0, 0xffffffff, AF_INET6 },
	{ SCMP_SYS(socketpair), 0, 0xffffffff, AF_UNIX },
	{ SCMP_SYS(ioctl), 1, 0xffffffff, FIONBIO },
	{ SCMP_SYS(ioctl), 1, 0xffffffff, FIONREAD },
	{ SCMP_SYS(mmap), 2, PROT_EXEC, 0 },
	{ SCMP_SYS(mmap2), 2, PROT_EXEC, 0 },
	{ SCMP_SYS(mprotect), 2, PROT_EXEC, 0 },
	{ SCMP_SYS(clone), 0, CLONE_THREAD | CLONE_NEWUSER | CLONE_NEWNS,
	    CLONE_THREAD },
	{ SCMP_SYS(prctl), 0, 0xffffffff, PR_SET_NAME },
	/* reading a limit: the new one is NULL */
	{ SCMP_SYS(prlimit64), 2, ~(scmp_datum_t)0, 0 },
};

static int
add_rules(scmp_filter_ctx filter)
{
	size_t i;
	int result = 0;

	for (i = 0; result == 0 && i < sizeof(allowed) / sizeof(allowed[0]);
	    i++)
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i],
		    0);
	for (i = 0; result == 0 &&
	    i < sizeof(restricted) / sizeof(restricted[0]); i++)
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW,
		    restricted[i].call, 1, SCMP_CMP(restricted[i].argument,
		    SCMP_CMP_MASKED_EQ, restricted[i].mask,
		    restricted[i].value));
	/* abort() signals itself. */
	if (result == 0)
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW,
		    SCMP_SYS(tgkill), 1, SCMP_CMP(0, SCMP_CMP_MASKED_EQ,
		    ~(scmp_datum_t)0, (scmp_datum_t)getpid()));
	/* Its flags stand in memory: the C library then takes clone. */
	if (result == 0)
		result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS),
		    SCMP_SYS(clone3), 0);
	return result;
}

int
sandbox_enter(const char **why)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int result = -1;

	if (filter != NULL && add_rules(filter) == 0 &&
	    seccomp_load(filter) == 0)
		result = 0;
	seccomp_release(filter);
	if (result == -1)
		*why = "the kernel takes no system call filter";
	return result;
}

#endif
