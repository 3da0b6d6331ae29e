/*
 * Checks that print label, got and want, and go on: TAP for prove and people.
 * A test program runs its tables and ends with "return check_end();".
 */

#ifndef HOPSEAL_TEST_CHECK_H
#define HOPSEAL_TEST_CHECK_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned check_count, check_failures;

static inline bool
check_note(bool is_ok, const char *label)
{
	check_count++;
	if (!is_ok)
		check_failures++;
	printf("%sok %u - %s\n", is_ok ? "" : "not ", check_count, label);
	return is_ok;
}

static inline void
check_bool(const char *label, bool got, bool want)
{
	if (!check_note(got == want, label))
		printf("# got %s, want %s\n", got ? "true" : "false",
		    want ? "true" : "false");
}

static inline void
check_int(const char *label, int64_t got, int64_t want)
{
	if (!check_note(got == want, label))
		printf("# got %" PRId64 ", want %" PRId64 "\n", got, want);
}

static inline void
check_text(const char *label, const char *got, const char *want)
{
	bool is_same = got == want ||
	    (got != NULL && want != NULL && strcmp(got, want) == 0);

	if (!check_note(is_same, label))
		printf("# got \"%s\", want \"%s\"\n",
		    got != NULL ? got : "(null)",
		    want != NULL ? want : "(null)");
}

static inline void
check_contains(const char *label, const char *got, const char *part)
{
	if (!check_note(got != NULL && strstr(got, part) != NULL, label))
		printf("# got \"%s\", want it to contain \"%s\"\n",
		    got != NULL ? got : "(null)", part);
}

/*
 * A copy of exactly len bytes, so that a sanitizer sees one byte too far.
 * The caller frees it.
 */
static inline char *
check_exact(const char *data, size_t len)
{
	char *copy = malloc(len > 0 ? len : 1);

	if (copy == NULL)
		abort();
	if (len > 0)
		memcpy(copy, data, len);
	return copy;
}

static inline int
check_end(void)
{
	printf("1..%u\n", check_count);
	return check_failures == 0 ? 0 : 1;
}

#endif
