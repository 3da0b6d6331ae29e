/*
 * What people read.  The only place that knows of terminals.
 */

#include "ctl/screen.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LABEL_WIDTH 16

static bool
is_coloured(void)
{
	const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) &&
	    (no_colour == NULL || no_colour[0] == '\0') &&
	    term != NULL && strcmp(term, "dumb") != 0;
}

static const char *
tone_begin(enum tone tone)
{
	switch (tone) {
	case TONE_PLAIN:
		break;
	case TONE_GOOD:
		return "\033[32m";
	case TONE_DOUBT:
		return "\033[33m";
	case TONE_BAD:
		return "\033[31m";
	}
	return "";
}

void
screen_put(enum tone tone, int width, const char *text)
{
	bool has_colour = tone != TONE_PLAIN && is_coloured();
	int len;

	if (has_colour)
		fputs(tone_begin(tone), stdout);
	for (len = 0; text[len] != '\0'; len++)
		putchar(text[len] >= 0x20 && text[len] <= 0x7e ?
		    text[len] : '?');
	if (has_colour)
		fputs("\033[0m", stdout);
	while (len++ < width)
		putchar(' ');
}

void
screen_putf(enum tone tone, int width, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	screen_put(tone, width, text);
}

void
screen_label(const char *label)
{
	screen_put(TONE_PLAIN, 2, "");
	screen_put(TONE_PLAIN, LABEL_WIDTH, label);
	putchar(' ');
}

void
screen_end_line(void)
{
	putchar('\n');
}
