/*
 * One connection of a Postfix process to one of our two services, on plain
 * events.  While it idles it holds no buffer.  Requests are answered in their
 * order: while one waits for its answer, nothing is read.
 */

#ifndef HOPSEAL_CLIENT_H
#define HOPSEAL_CLIENT_H

#include "shared/buffer.h"
#include "shared/text.h"

struct client;
struct clients;
struct event_base;
struct latency;

enum client_step {
	CLIENT_MORE,		/* no whole request yet */
	CLIENT_ANSWERED,	/* the reply was added */
	CLIENT_WAITS,		/* client_answer comes later */
	CLIENT_BAD		/* logged; close without a word */
};

struct service {
	const char	*name;
	/*
	 * Looks for one request at the begin of bytes and answers it.  *used is set unless
	 * CLIENT_MORE or CLIENT_BAD.
	 */
	enum client_step (*on_bytes)(struct client *client, struct text bytes,
		    size_t *used, struct buffer *reply, void *arg);
	/* A waiting request lost its client: forget it (client_wait). */
	void	(*on_gone)(struct client *client, void *arg);
	void	*arg;
	struct latency	*latency;	/* of all answers */
};

struct clients *clients_new(struct event_base *base, size_t max);
void	clients_set_max(struct clients *clients, size_t max);
/* Takes fd. */
void	clients_add(struct clients *clients, int fd,
	    const struct service *service);
size_t	clients_count(const struct clients *clients);
/* Those that wait for an answer. */
size_t	clients_waiting(const struct clients *clients);
/* Closes all that wait for nothing; the others close with their answer. */
void	clients_leave(struct clients *clients);
void	clients_free(struct clients *clients);

/* Ends a wait: sends reply and goes on with what came meanwhile. */
void	client_answer(struct client *client, struct text reply);
/* What a service keeps for a waiting request; NULL while none waits. */
void	*client_wait(const struct client *client);
void	client_set_wait(struct client *client, void *wait);

#endif
