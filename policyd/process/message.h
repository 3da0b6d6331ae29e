/*
 * The frames that our processes exchange, and the names of those who do.
 */

#ifndef HOPSEAL_MESSAGE_H
#define HOPSEAL_MESSAGE_H

#include "shared/message.h"

/* "front", "scout", "clerk", "parent" */
const char	*role_name(enum role role);

#endif
