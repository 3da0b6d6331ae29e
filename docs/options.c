/*
 * Makes hopseal.conf(5) of its source, on standard input: ".It Cm NAME" becomes
 * the option's entry, with value and default from the table of options, and
 * where no prose follows, its line of help.  An option that is missing, unknown
 * or there twice is an error.
 */

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/buffer.h"
#include "shared/io/config.h"
#include "shared/text.h"
#include "shared/xalloc.h"

#define ENTRY		".It Cm "
#define MANUAL_MAX	(1024 * 1024)

/* The index of an option; that behind the last for none. */
static size_t
option_find(struct text name)
{
	size_t i;

	for (i = 0; config_option_name(i) != NULL; i++)
		if (text_equals(name, config_option_name(i)))
			break;
	return i;
}

static void
print_entry(size_t i, struct text rest)
{
	const char *value = config_option_default(i);
	const char *help = config_option_help(i);
	struct buffer syntax;

	buffer_init(&syntax, MANUAL_MAX);
	config_option_syntax(i, &syntax);
	printf(ENTRY "%s No = %s", config_option_name(i), buffer_text(&syntax));
	printf(value[0] != '\0' ? " Pq %s\n" : "\n", value);
	if (text_starts_with(rest, ".It") || text_starts_with(rest, ".El"))
		printf("%c%s.\n", toupper((unsigned char)help[0]), help + 1);
	buffer_clear(&syntax);
}

static int
complain(struct text name, const char *why)
{
	fprintf(stderr, "hopseal.conf.5: " ENTRY "%.*s: %s\n", (int)name.len,
	    name.data, why);
	return 1;
}

int
main(void)
{
	char block[4096];
	struct buffer source;
	struct text rest, line;
	size_t i, size, count = option_find(text_of(""));
	bool *is_there = xcalloc(count, sizeof(*is_there));
	int errors = 0;

	buffer_init(&source, MANUAL_MAX);
	while ((size = fread(block, 1, sizeof(block), stdin)) > 0)
		buffer_add(&source, block, size);
	rest = text_of(buffer_text(&source));
	while (text_next_line(&rest, &line)) {
		if (!text_starts_with(line, ENTRY)) {
			printf("%.*s\n", (int)line.len, line.data);
			continue;
		}
		line.data += strlen(ENTRY);
		line.len -= strlen(ENTRY);
		i = option_find(line);
		if (i == count) {
			errors += complain(line, "no option of that name");
		} else if (is_there[i]) {
			errors += complain(line, "stands here twice");
		} else {
			is_there[i] = true;
			print_entry(i, rest);
		}
	}
	for (i = 0; i < count; i++)
		if (!is_there[i])
			errors += complain(text_of(config_option_name(i)),
			    "is missing");
	free(is_there);
	buffer_clear(&source);
	return errors > 0 || ferror(stdin) ? 1 : 0;
}
