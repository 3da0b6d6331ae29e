/*
 * JSON of strangers, read by jansson within bounds that are checked before it
 * allocates anything.  What the members mean is the caller's.
 */

#ifndef HOPSEAL_TLSRPT_JSON_READ_H
#define HOPSEAL_TLSRPT_JSON_READ_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "shared/text.h"

struct json_limits {
	size_t	depth_max;	/* of arrays and objects */
	size_t	values_max;	/* about: members, elements, and both again */
	size_t	string_max;	/* octets between the quotes, as sent */
};

/*
 * An object, which the caller releases, or NULL with *why: beyond a limit, no
 * JSON, no object, a member twice.  Octets that are no UTF-8 are read as '?'
 * and counted in *repaired.
 */
json_t	*json_read_object(struct text t, const struct json_limits *limits,
	    size_t *repaired, const char **why);
/* The same for an array. */
json_t	*json_read_array(struct text t, const struct json_limits *limits,
	    size_t *repaired, const char **why);

/* A string of at least one octet, or NULL; it lives as long as the object. */
const char *json_read_words(const json_t *object, const char *name);
/* The same for the second name where the first tells nothing. */
const char *json_read_either(const json_t *object, const char *name,
	    const char *other);

/*
 * The strings of an array, others left out; they live as long as the array.
 * The list is the caller's, and NULL without any.
 */
const char **json_read_list(const json_t *array, size_t *count);

/* A new string; octets of words that are no UTF-8 become '?'. */
json_t	*json_read_mended(const char *words);

#endif
