/*
 * Makes hopseal.conf(5) of its source, on standard input: ".It Cm NAME" becomes
 * the option's entry, with value and default from the table of options, and
 * where no prose follows, its line of help.  An option that is missing, unknown
 * or there twice is an error.
 */

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "shared/buffer.h"
#include "shared/io/config.h"
#include "shared/text.h"

#define ENTRY		".It Cm "
#define MANUAL_MAX	(1024 * 1024)
#define OPTIONS_MAX	256

/* The index of an option; -1 for none. */
static int
option_find(struct text name)
{
	int i;

	for (i = 0; i < OPTIONS_MAX && config_option_name((size_t)i) != NULL;
	    i++)
		if (text_equals(name, config_option_name((size_t)i)))
			return i;
	return -1;
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

int
main(void)
{
	char block[4096];
	bool is_there[OPTIONS_MAX] = { false };
	struct buffer source;
	struct text rest, line;
	size_t i, size;
	int option, errors = 0;

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
		option = option_find(line);
		if (option == -1 || is_there[option]) {
			fprintf(stderr, "hopseal.conf.5: " ENTRY "%.*s: %s\n",
			    (int)line.len, line.data, option == -1 ?
			    "no option of that name" : "stands here twice");
			errors++;
			continue;
		}
		is_there[option] = true;
		print_entry((size_t)option, rest);
	}
	for (i = 0; config_option_name(i) != NULL; i++) {
		if (is_there[i])
			continue;
		fprintf(stderr, "hopseal.conf.5: no line " ENTRY "%s\n",
		    config_option_name(i));
		errors++;
	}
	buffer_clear(&source);
	return errors > 0 || ferror(stdin) ? 1 : 0;
}
