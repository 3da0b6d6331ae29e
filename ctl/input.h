/*
 * What a command is given to read: a file, or standard input.
 */

#ifndef HOPSEAL_INPUT_H
#define HOPSEAL_INPUT_H

struct buffer;

/*
 * Adds what path holds to out, as far as out's limit; "-" is standard input.
 * 0, or -1 after saying why it cannot be read (ctl_complain).
 */
int	input_read(const char *path, struct buffer *out);

#endif
