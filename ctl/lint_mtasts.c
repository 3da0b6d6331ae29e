/*
 * hopseal lint sts-record, sts-policy and mx: RFC 8461's documents in the words
 * of the modules that the daemon itself uses.
 */

#include "ctl/lint.h"

#include "shared/dns_text.h"
#include "shared/host_name.h"
#include "shared/policy/mtasts_policy.h"
#include "shared/policy/mtasts_record.h"
#include "shared/policy/mx_match.h"

static json_t *
record_object(bool is_present, const char *id, const char *error)
{
	return json_pack("{s:b, s:b, s:s?, s:s?}", "present", is_present,
	    "valid", id != NULL, "id", id, "error", error);
}

json_t *
lint_sts_record(char *const *arguments, struct text input, const char **why)
{
	struct mtasts_record record;
	struct dns_text txt;
	json_t *object = NULL;
	const char *error;

	(void)arguments;
	(void)why;
	if (input.len > LINT_INPUT_MAX_BYTES)
		return record_object(false, NULL,
		    "the records are longer than 1 MiB");
	if (dns_text_parse(input, &txt, &error) == -1)
		return record_object(false, NULL, error);
	switch (mtasts_record_choose(txt.records, txt.count, &record, &error)) {
	case MTASTS_RECORD_PRESENT:
		object = record_object(true, record.id, NULL);
		break;
	case MTASTS_RECORD_ABSENT:
		object = record_object(false, NULL,
		    "RFC 8461 3.1: no record begins with v=STSv1;");
		break;
	case MTASTS_RECORD_INVALID:
		object = record_object(true, NULL, error);
		break;
	}
	dns_text_clear(&txt);
	return object;
}

json_t *
lint_sts_policy(char *const *arguments, struct text input, const char **why)
{
	struct mtasts_policy policy;
	const char *error;
	json_t *mx, *object;
	size_t i;

	(void)arguments;
	(void)why;
	if (mtasts_policy_parse(input.data, input.len, &policy, &error) == -1)
		return json_pack("{s:b, s:n, s:n, s:n, s:n, s:s}", "valid", 0,
		    "version", "mode", "mx", "max_age", "error", error);
	mx = json_array();
	for (i = 0; i < policy.mx_count; i++)
		json_array_append_new(mx, json_string(policy.mx[i]));
	object = json_pack("{s:b, s:s, s:s, s:o, s:I, s:n}", "valid", 1,
	    "version", "STSv1", "mode", mtasts_mode_name(policy.mode),
	    "mx", mx, "max_age", (json_int_t)policy.max_age_s, "error");
	mtasts_policy_clear(&policy);
	return object;
}

/* The pattern is taken to the letter, the host as DNS or a person writes it. */
json_t *
lint_mx(char *const *arguments, struct text input, const char **why)
{
	char host[HOST_NAME_SIZE];
	const char *no_name;
	bool is_match;

	(void)input;
	(void)why;
	is_match = host_name_normalize(text_of(arguments[1]), host,
	    &no_name) == 0 && mx_match(arguments[0], host);
	return json_pack("{s:b}", "match", is_match);
}
