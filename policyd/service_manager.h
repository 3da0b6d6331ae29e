/*
 * The service manager's side of a daemon: readiness, watchdog, and sockets that
 * were opened for us (sd_notify(3), sd_listen_fds(3); the protocols need no
 * library).
 */

#ifndef HOPSEAL_SERVICE_MANAGER_H
#define HOPSEAL_SERVICE_MANAGER_H

#include <stddef.h>

/* "READY=1", "RELOADING=1", "STOPPING=1", "WATCHDOG=1", "STATUS=..." */
void	 service_notify(const char *state);
/* Half of WATCHDOG_USEC in milliseconds, or 0 when nobody watches. */
unsigned service_watchdog_ms(void);
/*
 * Takes the inherited descriptors whose name (FileDescriptorName=) is name; their
 * count, at most max.  They become close-on-exec and non-blocking.
 */
size_t	 service_take_fds(const char *name, int *fds, size_t max);

#endif
