/*
 * The kinds of "hopseal lint": each judges one document and returns the object
 * that is printed.  An object has all fields of its kind; absent is null.
 */

#ifndef HOPSEAL_LINT_H
#define HOPSEAL_LINT_H

#include <jansson.h>

#include "shared/text.h"

/* Longer documents arrive cut one octet behind this, and are refused. */
#define LINT_INPUT_MAX_BYTES	(1024 * 1024)
#define LINT_MAIL_MAX_BYTES	(16 * 1024 * 1024)	/* of tlsrpt-report */

/* What kinds with options find in arguments; NULL for one not given. */
enum { LINT_HOST, LINT_AT, LINT_CA, LINT_OPTION_COUNT };

/*
 * arguments are those of the kind, checked for their number; input is empty
 * where the kind reads none.  NULL with *why for an argument that makes no
 * sense.
 */
typedef json_t	*lint_judge(char *const *arguments, struct text input,
		    const char **why);

/*
 * For a kind that reads on for ever: prints as it goes.  -1 with errno when
 * fd cannot be read.
 */
typedef int	 lint_stream(int fd);

lint_stream	 lint_log;
lint_judge	 lint_sts_record, lint_sts_policy, lint_mx, lint_map_reply,
		 lint_cert, lint_cert_name, lint_tlsrpt_record,
		 lint_tlsrpt_report, lint_datagram;

#endif
