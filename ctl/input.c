/*
 * Reads to the end, or as far as is wanted.
 */

#include "ctl/input.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"
#include "shared/buffer.h"

int
input_read(const char *path, struct buffer *out)
{
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
	char block[16384];
	size_t wanted, len;
	int result = 0;

	if (f == NULL) {
		ctl_complain("%s: %s", path, strerror(errno));
		return -1;
	}
	do {
		wanted = out->limit - out->len;
		if (wanted > sizeof(block))
			wanted = sizeof(block);
		len = fread(block, 1, wanted, f);
		buffer_add(out, block, len);
	} while (len == wanted && wanted > 0);
	if (ferror(f)) {
		ctl_complain("%s: %s", path, strerror(errno));
		result = -1;
	}
	if (f != stdin)
		fclose(f);
	return result;
}
