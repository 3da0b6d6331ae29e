/*
 * fdatasync on a thread of its own: a slow disk may take seconds, and whoever
 * waits in the loop for that long is taken for dead.
 */

#ifndef HOPSEAL_DISK_SYNC_H
#define HOPSEAL_DISK_SYNC_H

struct disk_sync;

struct disk_sync *disk_sync_new(void);
/* Waits for what was asked. */
void	disk_sync_free(struct disk_sync *sync);
/*
 * What was written to fd until now is asked to reach the disk soon; fd stays
 * the caller's.  Asked again before it was begun counts once.
 */
void	disk_sync_ask(struct disk_sync *sync, int fd);
/* errno of the latest that failed, told once; 0 for none. */
int	disk_sync_error(struct disk_sync *sync);

#endif
