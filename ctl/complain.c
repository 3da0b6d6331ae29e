/*
 * What is wrong, said at once and kept for main: below all commands and what
 * they share, none of which knows main.
 */

#include <stdarg.h>
#include <stdio.h>

#include "ctl/ctl.h"

#define COMPLAINT_SIZE 4096

static char complaint[COMPLAINT_SIZE] = "wrong usage; see --help";

void
ctl_complain(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(complaint, sizeof(complaint), format, args);
	va_end(args);
	fprintf(stderr, "hopseal: %s\n", complaint);
}

const char *
ctl_complaint(void)
{
	return complaint;
}
