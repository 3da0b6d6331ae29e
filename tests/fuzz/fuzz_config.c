/*
 * hopseal.conf.  What was accepted is printed and read again, and must then
 * print the same.
 */

#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "shared/io/config.h"

#define OUT_MAX (8 * 1024 * 1024)

void
fuzz_one(const uint8_t *data, size_t size)
{
	struct config *c = config_new(), *again = config_new();
	struct buffer errors, first, second;

	buffer_init(&errors, OUT_MAX);
	buffer_init(&first, OUT_MAX);
	buffer_init(&second, OUT_MAX);
	if (config_parse(c, "fuzz", (struct text){ (const char *)data, size },
	    &errors) == 0) {
		config_check(c, &errors);
		config_format_changed(c, &first);
		if (config_parse(again, "again", (struct text){
		    buffer_text(&first), first.len }, &errors) == -1)
			__builtin_trap();
		config_format_changed(again, &second);
		if (strcmp(buffer_text(&first), buffer_text(&second)) != 0)
			__builtin_trap();
	} else if (errors.len == 0) {
		__builtin_trap();
	}
	buffer_clear(&second);
	buffer_clear(&first);
	buffer_clear(&errors);
	config_free(again);
	config_free(c);
}
