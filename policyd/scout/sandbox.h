/*
 * What the scout takes from itself before it meets strangers.
 */

#ifndef HOPSEAL_SANDBOX_H
#define HOPSEAL_SANDBOX_H

/* No new privileges, no core, no file ever written, not traceable. */
void	sandbox_limit(void);
/*
 * The system call filter.  To be called once, when all libraries are
 * initialised; 0, or -1 with *why when the kernel has no such filter, which
 * *why also says of builds for the sanitizers.
 */
int	sandbox_enter(const char **why);

#endif
