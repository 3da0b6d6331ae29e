/*
 * Every fuzz_<module>.c defines fuzz_one.  Built with -fsanitize=fuzzer it is
 * libFuzzer's; built plainly it replays the files named as arguments, which
 * is what "make check" does with the corpus in tests/data/<module>/.
 */

#ifndef HOPSEAL_TEST_FUZZ_H
#define HOPSEAL_TEST_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* The bytes stand in a block of exactly size octets. */
void	fuzz_one(const uint8_t *data, size_t size);

#endif
