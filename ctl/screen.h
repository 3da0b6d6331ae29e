/*
 * What people read: words in columns, coloured on a terminal only and never
 * when NO_COLOR is set (no-color.org).
 */

#ifndef HOPSEAL_SCREEN_H
#define HOPSEAL_SCREEN_H

enum tone { TONE_PLAIN, TONE_GOOD, TONE_DOUBT, TONE_BAD };

/*
 * Writes text on standard output, in at least width columns; whatever is not
 * printable ASCII becomes '?'.
 */
void	screen_put(enum tone tone, int width, const char *text);
void	screen_putf(enum tone tone, int width, const char *format, ...)
	    __attribute__((format(printf, 3, 4)));
/* Begins a line with a label in its column. */
void	screen_label(const char *label);
void	screen_end_line(void);

#endif
