/*
 * hopseal lint: judges one document, offline.  One table of kinds; here only
 * the object is printed.
 */

#include "ctl/lint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/ask.h"
#include "ctl/ctl.h"
#include "ctl/input.h"
#include "shared/buffer.h"
#include "shared/xalloc.h"

static const struct lint_kind {
	const char	*name, *arguments;	/* for usage */
	int		 argument_count;
	bool		 reads_input, takes_host, takes_trust;
	lint_judge	*judge;
	lint_stream	*stream;	/* instead of judge */
	size_t		 input_max;	/* 0 is LINT_INPUT_MAX_BYTES */
} kinds[] = {
	{ "sts-record",	"",			0, true,  false, false,
	    .judge = lint_sts_record },
	{ "sts-policy",	"",			0, true,  false, false,
	    .judge = lint_sts_policy },
	{ "mx",		" [--] PATTERN HOST",	2, false, false, false,
	    .judge = lint_mx },
	{ "map-reply",	" VERSION",		1, true,  false, false,
	    .judge = lint_map_reply },
	{ "cert",	" --host NAME [--at TIME] [--ca FILE]",
	    0, true,  true,  true,  .judge = lint_cert },
	{ "cert-name",	" --host NAME",		0, true,  true,  false,
	    .judge = lint_cert_name },
	{ "log",	"",			0, true,  false, false,
	    .stream = lint_log },
	{ "tlsrpt-record", "",			0, true,  false, false,
	    .judge = lint_tlsrpt_record },
	{ "tlsrpt-report", "",			0, true,  false, false,
	    .judge = lint_tlsrpt_report, .input_max = LINT_MAIL_MAX_BYTES },
	{ "datagram",	"",			0, true,  false, false,
	    .judge = lint_datagram }
};
#define KIND_COUNT (sizeof(kinds) / sizeof(kinds[0]))

static const char *
kind_name(size_t index)
{
	return index < KIND_COUNT ? kinds[index].name : NULL;
}

static const struct lint_kind *
find_kind(const char *name)
{
	struct buffer names;
	size_t i;

	for (i = 0; i < KIND_COUNT; i++)
		if (strcmp(name, kinds[i].name) == 0)
			return &kinds[i];
	buffer_init(&names, 4096);
	for (i = 0; i < KIND_COUNT; i++)
		buffer_addf(&names, "%s%s", i > 0 ? ", " : "", kinds[i].name);
	ctl_complain("lint knows no \"%s\", only %s", name,
	    buffer_text(&names));
	buffer_clear(&names);
	return NULL;
}

static enum ctl_exit
run_stream(const struct lint_kind *kind, const char *path)
{
	int fd = strcmp(path, "-") == 0 ? STDIN_FILENO :
	    open(path, O_RDONLY | O_CLOEXEC);
	bool is_read = fd != -1 && kind->stream(fd) == 0;

	if (!is_read)
		ctl_complain("%s: %s", path, strerror(errno));
	if (fd > STDIN_FILENO)
		close(fd);
	return is_read ? CTL_FINE : CTL_USAGE;
}

/* Those that the kind needs, and none that it does not know. */
static bool
options_fit(const struct lint_kind *kind, const struct ctl_options *options)
{
	bool has_trust = options->values[CTL_AT] != NULL ||
	    options->values[CTL_CA] != NULL;

	return (options->values[CTL_HOST] != NULL) == kind->takes_host &&
	    (kind->takes_trust || !has_trust);
}

static enum ctl_exit
lint_run(const struct ctl_options *options, int operand_count,
    char *const *operands)
{
	const struct lint_kind *kind = find_kind(operands[0]);
	char *const named[LINT_OPTION_COUNT] = {
	    [LINT_HOST] = options->values[CTL_HOST],
	    [LINT_AT] = options->values[CTL_AT],
	    [LINT_CA] = options->values[CTL_CA] };
	const char *path = "-", *why = NULL;
	enum ctl_exit status = CTL_USAGE;
	struct buffer input;
	char *exact = NULL;
	json_t *judged;
	int rest;

	if (kind == NULL)
		return CTL_USAGE;
	rest = operand_count - 1 - kind->argument_count;
	if (rest < 0 || rest > (kind->reads_input ? 1 : 0) ||
	    !options_fit(kind, options)) {
		ctl_complain("usage: hopseal lint %s%s%s", kind->name,
		    kind->arguments, kind->reads_input ? " [FILE]" : "");
		return CTL_USAGE;
	}
	if (rest == 1)
		path = operands[operand_count - 1];
	if (kind->stream != NULL)
		return run_stream(kind, path);
	buffer_init(&input, (kind->input_max > 0 ? kind->input_max :
	    LINT_INPUT_MAX_BYTES) + 1);
	if (kind->reads_input && input_read(path, &input) == -1)
		goto out;
	/* A block of its exact size: no judge can lean on the final NUL. */
	exact = xmemdup(buffer_text(&input), input.len);
	judged = kind->judge(kind->takes_host ? named : operands + 1,
	    (struct text){ exact, input.len }, &why);
	if (judged == NULL) {
		ctl_complain("lint %s: %s", kind->name, why);
		goto out;
	}
	ask_print(judged);
	json_decref(judged);
	status = CTL_FINE;
out:
	free(exact);
	buffer_clear(&input);
	return status;
}

const struct ctl_command lint_command = {
	.name = "lint",
	.operands = "KIND ...",
	.operand_min = 1,
	.operand_max = 8,
	.operand_word = kind_name,
	.takes = CTL_TAKES(CTL_HOST) | CTL_TAKES(CTL_AT) | CTL_TAKES(CTL_CA),
	.summary = "judge one document, offline",
	.help =
	    "Prints one JSON object; exit 0 also for what is invalid.\n\n"
	    "  sts-record [FILE]          TXT records as \"dig +short TXT\" "
	    "prints them\n"
	    "  sts-policy [FILE]          an MTA-STS policy file\n"
	    "  mx [--] PATTERN HOST       does the host satisfy the pattern?\n"
	    "  map-reply VERSION [FILE]   a reply of a TLS policy map, for "
	    "Postfix VERSION\n"
	    "  cert --host NAME [--at TIME] [--ca FILE] [FILE]\n"
	    "                             a PEM chain, as the server of that "
	    "name sends it\n"
	    "  cert-name --host NAME [FILE]\n"
	    "                             does the certificate name the "
	    "host?\n"
	    "  log [FILE]                 Postfix's log: an object a TLS "
	    "handshake\n"
	    "  tlsrpt-record [FILE]       TXT records that ask for TLS "
	    "reports\n"
	    "  tlsrpt-report [FILE]       a TLS report: JSON, gzip or a whole "
	    "mail\n"
	    "  datagram [FILE]            what Postfix reports of a session "
	    "(libtlsrpt)\n",
	.run = lint_run
};
