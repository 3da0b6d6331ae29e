/*
 * hopseal lint cert and cert-name: a PEM chain as a server sends it, judged by
 * the module that judges what probes see.
 */

#include "ctl/lint.h"

#include <string.h>
#include <time.h>

#include "ctl/ctl.h"
#include "ctl/trust.h"
#include "shared/host_name.h"
#include "shared/policy/cert_check.h"

/* The host as DNS or a person writes it; what is no name matches nothing. */
static void
read_host(const char *host, char out[HOST_NAME_SIZE])
{
	const char *no_name;

	if (host_name_normalize(text_of(host), out, &no_name) == -1)
		out[0] = '\0';
}

static int
read_chain(struct text input, struct cert_chain *out, const char **why)
{
	if (input.len > LINT_INPUT_MAX_BYTES) {
		*why = "the certificates are longer than 1 MiB";
		return -1;
	}
	return cert_chain_parse_pem(input, out, why);
}

/* ---------------------------------------------------------------- cert-name */

json_t *
lint_cert_name(char *const *arguments, struct text input, const char **why)
{
	char host[HOST_NAME_SIZE];
	struct cert_chain chain = { .count = 0 };
	struct cert_question question = { .chain = &chain, .host = host };
	struct cert_result result = { .matched = "" };
	const char *error = NULL;
	json_t *object;

	(void)why;
	read_host(arguments[LINT_HOST], host);
	if (read_chain(input, &chain, &error) == 0)
		cert_check(&question, &result, &error);
	object = json_pack("{s:b, s:s?, s:s?}",
	    "match", result.matched[0] != '\0',
	    "matched", result.matched[0] != '\0' ? result.matched : NULL,
	    "error", error);
	cert_result_clear(&result);
	cert_chain_clear(&chain);
	return object;
}

/* ---------------------------------------------------------------- cert */

/* "2026-11-22T08:15:00Z", also with "+01:00"; a date is its midnight in UTC. */
static bool
read_time(const char *t, int64_t *out)
{
	static const char *const formats[] = { "%Y-%m-%dT%H:%M:%S%z",
	    "%Y-%m-%d" };
	struct tm tm;
	const char *end;
	long offset;
	size_t i;

	for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		tm = (struct tm){ .tm_isdst = 0 };
		end = strptime(t, formats[i], &tm);
		if (end == NULL || *end != '\0')
			continue;
		offset = tm.tm_gmtoff;	/* timegm forgets it */
		*out = (int64_t)timegm(&tm) - offset;
		return true;
	}
	return false;
}

/* -1 with *why for an argument that makes no sense. */
static int
read_arguments(char *const *arguments, struct cert_question *out,
    const char **why)
{
	out->now = (int64_t)time(NULL);
	if (arguments[LINT_AT] != NULL &&
	    !read_time(arguments[LINT_AT], &out->now)) {
		*why = "--at is no time like 2026-11-22T08:15:00Z";
		return -1;
	}
	out->store = cert_store_new();
	if (arguments[LINT_CA] == NULL)
		trust_add_system(out->store);
	else if (trust_add_file(out->store, arguments[LINT_CA], why) == -1) {
		ctl_complain("%s: %s", arguments[LINT_CA], *why);
		*why = "--ca cannot be used";
		return -1;
	}
	return 0;
}

static json_t *
time_text(int64_t t)
{
	char text[TEXT_TIME_SIZE];

	return json_string(text_format_time(text, t));
}

static json_t *
findings_array(uint32_t findings)
{
	json_t *array = json_array();
	unsigned f;

	for (f = 0; f < FINDING_COUNT; f++)
		if ((findings & CERT_FINDING(f)) != 0)
			json_array_append_new(array,
			    json_string(finding_name((enum finding)f)));
	return array;
}

static json_t *
warnings_array(unsigned warnings)
{
	json_t *array = json_array();
	unsigned w;

	for (w = 0; w < CERT_WARNING_COUNT; w++)
		if ((warnings & CERT_WARNING(w)) != 0)
			json_array_append_new(array, json_string(
			    cert_warning_name((enum cert_warning)w)));
	return array;
}

static json_t *
result_object(const struct cert_result *r)
{
	json_t *names = json_array();
	size_t i;

	for (i = 0; i < r->name_count; i++)
		json_array_append_new(names, json_string(r->names[i]));
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:s, s:n}",
	    "finding", finding_name(r->pkix.finding),
	    "findings", findings_array(r->pkix.findings),
	    "warnings", warnings_array(r->warnings),
	    "not_before", time_text(r->not_before),
	    "not_after", time_text(r->not_after),
	    "names", names, "issuer", r->certs[0].issuer, "error");
}

json_t *
lint_cert(char *const *arguments, struct text input, const char **why)
{
	char host[HOST_NAME_SIZE];
	struct cert_chain chain = { .count = 0 };
	struct cert_question question = { .chain = &chain, .host = host };
	struct cert_result result;
	const char *error = NULL;
	json_t *object = NULL;

	read_host(arguments[LINT_HOST], host);
	if (read_arguments(arguments, &question, why) == -1)
		goto out;
	if (read_chain(input, &chain, &error) == 0 &&
	    cert_check(&question, &result, &error) == 0) {
		object = result_object(&result);
		cert_result_clear(&result);
	} else
		object = json_pack(
		    "{s:s, s:[], s:[], s:n, s:n, s:[], s:n, s:s}", "finding",
		    finding_name(FINDING_UNKNOWN), "findings",
		    "warnings", "not_before", "not_after", "names", "issuer",
		    "error", error);
out:
	cert_store_free(question.store);
	cert_chain_clear(&chain);
	return object;
}
