/*
 * When a certificate's end is near enough to be spoken of: times before it,
 * each of which is one warning.  By default they follow from its lifetime, so
 * that a renewal in time never alarms.
 */

#ifndef HOPSEAL_CERT_STAGES_H
#define HOPSEAL_CERT_STAGES_H

#include <stddef.h>
#include <stdint.h>

#define CERT_STAGES_MAX	16

struct cert_stages {
	int64_t	left_s[CERT_STAGES_MAX];	/* longest first */
	size_t	count;
};

/*
 * The smaller of 30 days and a quarter of the lifetime, then an eighth, a
 * sixteenth, a day and an hour, but none before the first.
 */
void		cert_stages_of_life(int64_t life_s, struct cert_stages *out);
/* How many are passed with left_s to go: 0 while nothing is to be said. */
unsigned	cert_stages_passed(const struct cert_stages *stages,
		    int64_t left_s);

#endif
