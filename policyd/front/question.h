/*
 * What the admin asks through the clerk: explain, refresh, forget, status.
 */

#ifndef HOPSEAL_QUESTION_H
#define HOPSEAL_QUESTION_H

#include "shared/frame.h"

struct front;

/* A MESSAGE_QUESTION came; its answer goes to the clerk, now or later. */
void	question_answer(struct front *front, const struct frame *frame);

#endif
