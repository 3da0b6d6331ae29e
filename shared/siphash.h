/*
 * SipHash-1-3: a hash whose collisions a stranger who picks the keys cannot
 * aim at (Aumasson and Bernstein, 2012).
 */

#ifndef HOPSEAL_SIPHASH_H
#define HOPSEAL_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct siphash_key {
	uint64_t	a, b;
};

uint64_t siphash(const struct siphash_key *key, const void *data, size_t len);

#endif
