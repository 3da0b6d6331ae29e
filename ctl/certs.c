/*
 * hopseal certs: every certificate that this mail system uses, on disk and as
 * it is served, problems first.  Finds them by asking Postfix and Dovecot, and
 * needs no daemon.
 */

#include "ctl/certs.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/ask.h"
#include "ctl/certs_ct.h"
#include "ctl/postconf.h"
#include "ctl/program.h"
#include "shared/io/clock.h"
#include "shared/io/config.h"
#include "shared/io/file.h"
#include "shared/postfix/site.h"
#include "shared/xalloc.h"

#define OUTPUT_MAX	(1024 * 1024)
#define DAYS_MAX	3650
#define FAILS		"fails or takes too long"

/* -------------------------------------------------------------- discovery */

static struct text
text_in(const struct buffer *b)
{
	return (struct text){ buffer_text(b), b->len };
}

/* Who cannot say what there is has not said that there is nothing. */
static void
note_unread(struct certs *certs, const char *what, const char *words)
{
	ctl_complain("%s %s: there may be more certificates", what, words);
	certs->is_partial = true;
}

static void
find_instance(struct certs *certs, const char *dir)
{
	struct buffer settings, services, overrides;

	buffer_init(&settings, OUTPUT_MAX);
	buffer_init(&services, OUTPUT_MAX);
	buffer_init(&overrides, OUTPUT_MAX);
	if (postconf_ask(dir, "-x", own_certificate_parameters, &settings) ==
	    PROGRAM_FAILED ||
	    postconf_ask(dir, "-M", NULL, &services) == PROGRAM_FAILED ||
	    postconf_ask(dir, "-Px", NULL, &overrides) == PROGRAM_FAILED)
		note_unread(certs, "postconf", FAILS);
	own_certificates_add_postfix(certs->own, dir, text_in(&settings),
	    text_in(&services), text_in(&overrides));
	buffer_clear(&settings);
	buffer_clear(&services);
	buffer_clear(&overrides);
}

/* "NAME GROUP ENABLED DIR" a line; what is not enabled serves nothing. */
static void
list_instances(struct certs *certs, const struct config *config,
    struct buffer *out)
{
	static const char *const argv[] = { "postmulti", "-l", NULL };
	struct text rest, line, enabled, dir;
	struct buffer listed;
	unsigned column;

	buffer_add_text(out, config->postfix_config_dir);
	if (out->len > 0)
		return;
	buffer_init(&listed, OUTPUT_MAX);
	if (program_run(argv, &listed) == PROGRAM_FAILED)
		note_unread(certs, "postmulti", FAILS);
	rest = text_in(&listed);
	while (text_next_line(&rest, &line)) {
		for (column = 0; column < 3; column++)
			text_next_word(&line, &enabled);
		if (text_next_word(&line, &dir) && dir.data[0] == '/' &&
		    !text_equals(enabled, "n"))
			buffer_addf(out, "%.*s ", (int)dir.len, dir.data);
	}
	buffer_clear(&listed);
}

static void
find_postfix(struct certs *certs, const struct config *config)
{
	struct own_certificates *own = certs->own;
	struct buffer dirs, source;
	struct text rest, item;
	size_t i;
	char *dir;

	buffer_init(&dirs, OUTPUT_MAX);
	list_instances(certs, config, &dirs);
	rest = text_in(&dirs);
	if (text_trim(rest).len == 0)
		find_instance(certs, NULL);
	while (text_next_item(&rest, &item)) {
		dir = xstrndup(item.data, item.len);
		find_instance(certs, dir);
		free(dir);
	}
	buffer_clear(&dirs);
	for (i = 0; i < own->map_count; i++) {
		if (own->maps[i].source == NULL) {
			note_unread(certs, own->maps[i].table,
			    "cannot be listed");
			continue;
		}
		buffer_init(&source, OUTPUT_MAX);
		if (file_read(own->maps[i].source, &source) == 0)
			own_certificates_add_sni(own, i, text_in(&source));
		else
			note_unread(certs, own->maps[i].source,
			    "cannot be read");
		buffer_clear(&source);
	}
}

/* What differs from the defaults, and of the defaults what is needed. */
static void
find_dovecot(struct certs *certs)
{
	const char *const changed[] = { "doveconf", certs->may_read_keys ?
	    "-nP" : "-n", NULL };
	static const char *const needed[] = { "doveconf", "protocols",
	    "listen", "ssl", NULL };
	enum program_end end;
	struct buffer output;

	buffer_init(&output, OUTPUT_MAX);
	end = program_run(changed, &output);
	if (end == PROGRAM_DONE)
		end = program_run(needed, &output);
	if (end == PROGRAM_DONE)
		own_certificates_add_dovecot(certs->own, text_in(&output));
	else if (end == PROGRAM_FAILED)
		note_unread(certs, "doveconf", FAILS);
	if (certs->own->has_unread)
		note_unread(certs, "doveconf", "names one in a block that "
		    "tells no address, protocol or name");
	buffer_clear(&output);
}

static struct site *
read_site(struct certs *certs, const struct config *config)
{
	struct buffer output;
	struct site *site;

	buffer_init(&output, OUTPUT_MAX);
	if (!postconf_read(config->postfix_config_dir, &output)) {
		ctl_complain("postconf %s: which domains are ours stays "
		    "unknown", FAILS);
		certs->is_partial = true;
	}
	site = site_parse(text_in(&output));
	buffer_clear(&output);
	return site;
}

static bool
find_all(struct certs *certs, const struct config *config,
    const struct site *site)
{
	const char *why;

	if (own_certificates_add_option(certs->own,
	    text_of(config->certificates), &why) == -1) {
		ctl_complain("certificate: %s", why);
		return false;
	}
	find_postfix(certs, config);
	find_dovecot(certs);
	certs_add_domains(certs, config, site);
	certs_add_hops(certs, site);
	return true;
}

/* ----------------------------------------------------------------- command */

/* -w and -c as monitoring plugins have them: days. */
static bool
read_days(const char *word, int *out)
{
	uint64_t days;

	if (word == NULL)
		return true;
	if (!text_parse_u64(text_of(word), DAYS_MAX, &days)) {
		ctl_complain("%s: not a number of days", word);
		return false;
	}
	*out = (int)days;
	return true;
}

static enum ctl_exit
certs_run(const struct ctl_options *given, int operand_count,
    char *const *operands)
{
	struct certs certs = { .now = clock_now_s(), .warn_days = -1,
	    .critical_days = -1, .may_read_keys = geteuid() == 0 &&
	    given->values[CTL_NO_KEYS] == NULL };
	struct ctl_options options = *given;
	const char *critical = NULL;
	enum ctl_exit status = CTL_USAGE;
	struct config *config = config_new();
	struct site *site = NULL;
	json_t *report;
	uint64_t days;

	(void)operand_count;
	(void)operands;
	/* "-c 10" is a threshold here, "-c /etc/..." the configuration. */
	if (options.config_path != NULL && text_parse_u64(text_of(
	    options.config_path), DAYS_MAX, &days)) {
		critical = options.config_path;
		options.config_path = NULL;
	}
	if (options.values[CTL_GROUP] != NULL) {
		status = certs_group_run(&options);
		goto out;
	}
	if (!read_days(options.values[CTL_WARN], &certs.warn_days) ||
	    !read_days(critical, &certs.critical_days) ||
	    ask_read_config(&options, config, &status) == -1)
		goto out;
	status = CTL_UNKNOWN;
	certs.own = own_certificates_new();
	certs.ca_file = config->mx_ca_file;
	certs.stages.count = config_seconds_list(text_of(config->cert_warn),
	    certs.stages.left_s, CERT_STAGES_MAX);
	site = read_site(&certs, config);
	certs.myhostname = site->myhostname != NULL ? site->myhostname : "";
	if (!find_all(&certs, config, site))
		goto out;
	certs_read(&certs);
	if (options.values[CTL_CT] != NULL) {
		status = certs_ct_run(&certs, options.values[CTL_CT],
		    options.is_json);
		goto out;
	}
	if (certs_look(&certs, &options, &status) == -1)
		goto out;
	if (options.values[CTL_PUBLISH] != NULL) {
		status = certs_publish(&certs, config);
		goto out;
	}
	certs_compare_tlsa(&certs);
	certs_ask_policyd(&certs, config);
	certs_judge_promises(&certs, config, site);
	if (certs_ask(&certs, &options, &status) == -1)
		goto out;
	report = certs_report(&certs);
	if (options.is_json)
		ask_print(report);
	else
		certs_show(report);
	status = certs_exit(report);
	json_decref(report);
out:
	certs_clear(&certs);
	if (site != NULL)
		site_free(site);
	config_free(config);
	return status;
}

const struct ctl_command certs_command = {
	.name = "certs",
	.operands = "",
	.takes = CTL_TAKES(CTL_WARN) | CTL_TAKES(CTL_PUBLISH) |
	    CTL_TAKES(CTL_CT) | CTL_TAKES(CTL_GROUP) |
	    CTL_TAKES(CTL_NO_KEYS),
	.summary = "our own certificates: on disk, served, and for how long",
	.help =
	    "Finds them by Postfix's and Dovecot's settings and the option "
	    "certificate.\n  -w DAYS  warn when fewer are left, instead of a "
	    "quarter of the lifetime\n  -c DAYS  critical when fewer are "
	    "left (a name is the configuration)\n  --publish  prints the "
	    "records that promise what is on disk\n  --no-keys  leaves "
	    "private keys unread\n  --ct FILE  tells of certificates for our "
	    "names that are not here, from the\n             JSON of "
	    "certspotter or crt.sh\n  --group  tells what all hosts that "
	    "share a Redis found, by policyd\nElse it needs no daemon; private "
	    "keys are checked as root alone.  Exit 0 good, 1 warnings,\n"
	    "2 broken, 3 unknown; the first line is a monitoring plugin's.\n",
	.run = certs_run
};
