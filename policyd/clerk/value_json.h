/*
 * The few kinds of value that all answers on the control socket are made of:
 * absent is null, times are RFC 3339 in UTC, texts are printable ASCII.  And
 * how such objects are read.
 */

#ifndef HOPSEAL_VALUE_JSON_H
#define HOPSEAL_VALUE_JSON_H

#include <jansson.h>
#include <stdint.h>

#include "shared/text.h"

json_t	*json_text(struct text t);		/* other bytes become '?' */
json_t	*json_words(const char *words);		/* null for "" and NULL */
json_t	*json_time(int64_t time_s);		/* null for 0 */
/* A member that is a text, or "". */
const char *json_text_in(const json_t *object, const char *name);
/* The object in a file, at most max octets of it; without one an empty object. */
json_t	*json_file_object(const char *path, size_t max);
/* Takes object; what its members hold, in their order. */
json_t	*json_values(json_t *object);
/* Takes value; one line without its end, which the caller frees. */
char	*json_line(json_t *value);
/* {"error": words} in one line, which the caller frees. */
char	*json_error_line(const char *words);

#endif
