/*
 * One thread, one request: a further one for the same file is the same
 * request, and files take turns so seldom that one place suffices.
 */

#include "shared/io/disk_sync.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "shared/xalloc.h"

struct disk_sync {
	pthread_t	thread;
	pthread_mutex_t	mutex;		/* guards all below */
	pthread_cond_t	wake;
	int		fd;		/* to be synced, or -1 */
	int		error;
	bool		is_leaving;
};

static void *
disk_sync_run(void *arg)
{
	struct disk_sync *sync = arg;
	int fd, error;

	pthread_mutex_lock(&sync->mutex);
	while (sync->fd != -1 || !sync->is_leaving) {
		if (sync->fd == -1) {
			pthread_cond_wait(&sync->wake, &sync->mutex);
			continue;
		}
		fd = sync->fd;
		sync->fd = -1;
		pthread_mutex_unlock(&sync->mutex);
		error = fdatasync(fd) == -1 ? errno : 0;
		close(fd);
		pthread_mutex_lock(&sync->mutex);
		if (error != 0)
			sync->error = error;
	}
	pthread_mutex_unlock(&sync->mutex);
	return NULL;
}

struct disk_sync *
disk_sync_new(void)
{
	struct disk_sync *sync = xcalloc(1, sizeof(*sync));
	sigset_t all, before;

	sync->fd = -1;
	pthread_mutex_init(&sync->mutex, NULL);
	pthread_cond_init(&sync->wake, NULL);
	/* Signals are the loop's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (pthread_create(&sync->thread, NULL, disk_sync_run, sync) != 0)
		abort();
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return sync;
}

void
disk_sync_free(struct disk_sync *sync)
{
	if (sync == NULL)
		return;
	pthread_mutex_lock(&sync->mutex);
	sync->is_leaving = true;
	pthread_cond_signal(&sync->wake);
	pthread_mutex_unlock(&sync->mutex);
	pthread_join(sync->thread, NULL);
	pthread_cond_destroy(&sync->wake);
	pthread_mutex_destroy(&sync->mutex);
	free(sync);
}

void
disk_sync_ask(struct disk_sync *sync, int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0), replaced;

	if (copy == -1)
		return;
	pthread_mutex_lock(&sync->mutex);
	replaced = sync->fd;
	sync->fd = copy;
	pthread_cond_signal(&sync->wake);
	pthread_mutex_unlock(&sync->mutex);
	if (replaced != -1)
		close(replaced);
}

int
disk_sync_error(struct disk_sync *sync)
{
	int error;

	pthread_mutex_lock(&sync->mutex);
	error = sync->error;
	sync->error = 0;
	pthread_mutex_unlock(&sync->mutex);
	return error;
}
