/*
 * libmilter's callbacks: macros and arguments become values, the other modules
 * decide, and their decision is carried out.
 */

#ifndef HOPSEAL_CALLBACKS_H
#define HOPSEAL_CALLBACKS_H

#include <libmilter/mfapi.h>

/* For smfi_register; a constant. */
const struct smfiDesc	*callbacks_description(void);

#endif
