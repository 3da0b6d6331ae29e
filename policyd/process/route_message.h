/*
 * What front and clerk say to each other about the way of a mail: the payloads
 * of MESSAGE_ROUTE and MESSAGE_ROUTE_ANSWER, which have the same number.
 */

#ifndef HOPSEAL_ROUTE_MESSAGE_H
#define HOPSEAL_ROUTE_MESSAGE_H

#include <stdbool.h>

#include "shared/buffer.h"
#include "shared/postfix/route.h"

#define ROUTE_MESSAGE_MAX	65536

void	route_question_format(const struct route_question *q,
	    struct buffer *out);
/* Texts are slices of payload; of a sender that nobody said, data is NULL. */
bool	route_question_parse(struct text payload, struct route_question *out);

/* route is not PENDING.  Its words ("because") do not travel. */
void	route_format(const struct route *route, struct buffer *out);
bool	route_parse(struct text payload, struct route *out);

#endif
