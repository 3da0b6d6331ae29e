/*
 * The parent: binds all sockets, asks Postfix for its settings, starts and
 * watches the others.  It reads nothing that a stranger wrote.
 */

#ifndef HOPSEAL_PARENT_H
#define HOPSEAL_PARENT_H

#include "policyd/load.h"

/* Runs until it is told to leave; the exit status. */
int	parent_run(const struct load *load, struct settings *settings);

#endif
