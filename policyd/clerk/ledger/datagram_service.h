/*
 * The TLSRPT socket: Postfix sends a datagram for each TLS session and waits
 * for nothing, so that whatever is not read in time is lost.  Drained on every
 * wake-up; anything local may write there, and none of it ends the reading.
 */

#ifndef HOPSEAL_DATAGRAM_SERVICE_H
#define HOPSEAL_DATAGRAM_SERVICE_H

#include <stdint.h>

struct datagram;
struct datagram_service;
struct event_base;

/* Below it, a burst of deliveries loses datagrams (net.unix.max_dgram_qlen). */
#define DATAGRAM_QUEUE_MIN	512

struct datagram_service_callbacks {
	void	(*on_datagram)(const struct datagram *datagram, void *arg);
	/*
	 * So many came, told or refused: write them down before more are
	 * read.
	 */
	void	(*on_batch)(unsigned count, void *arg);
};

struct datagram_counts {
	uint64_t	received, refused;	/* refused are received, too */
	uint64_t	cut;	/* of refused: longer than 256 KiB */
	uint64_t	repaired;	/* no UTF-8, or a wrong count in them */
};

/* Takes fd, which is bound and does not block. */
struct datagram_service *datagram_service_new(struct event_base *base, int fd,
		    const struct datagram_service_callbacks *callbacks,
		    void *arg);
void		 datagram_service_free(struct datagram_service *s);
const struct datagram_counts
		*datagram_service_counts(const struct datagram_service *s);
/* What the kernel queues for a socket; 0 when it does not say. */
unsigned	 datagram_queue_length(void);

#endif
