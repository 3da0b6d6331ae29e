/*
 * libtlsrpt's datagrams.  Its C source defines the format: members by name in
 * any order, "f" a number in a policy and a string in a failure.  Strict about
 * types, as a sender that errs there is not libtlsrpt; lenient about sense, as
 * nobody checks that before.
 */

#include "shared/tlsrpt/datagram.h"

#include <stdlib.h>

#include "shared/mail_reply.h"
#include "shared/tlsrpt/json_read.h"
#include "shared/tlsrpt/reason.h"
#include "shared/xalloc.h"

#define CODE_MAX 9999

static const struct json_limits limits = {
	.depth_max = DATAGRAM_DEPTH_MAX,
	.values_max = DATAGRAM_VALUES_MAX,
	.string_max = DATAGRAM_STRING_MAX
};

static const struct {
	unsigned	 code;
	enum finding	 finding;
	const char	*result_type;	/* of those that no finding has */
} codes[] = {
	{ 201, FINDING_STARTTLS_MISSING,	NULL },
	{ 202, FINDING_CERT_NAME_MISMATCH,	NULL },
	{ 203, FINDING_CERT_UNTRUSTED,		NULL },
	{ 204, FINDING_CERT_EXPIRED,		NULL },
	{ 205, FINDING_UNKNOWN,			"validation-failure" },
	{ 301, FINDING_POLICY_FETCH_FAILED,	NULL },
	{ 302, FINDING_POLICY_INVALID,		NULL },
	{ 303, FINDING_POLICY_WEBPKI_INVALID,	NULL },
	{ 304, FINDING_TLSA_INVALID,		NULL },
	{ 305, FINDING_DNSSEC_INVALID,		NULL },
	{ 306, FINDING_UNKNOWN,			"dane-required" }
};

static const struct {
	int		 number;
	const char	*name;
} policy_types[] = {
	{ 1, "tlsa" }, { 2, "sts" }, { 9, "no-policy-found" }
};

/* The first error counts; what is read after it means nothing. */
struct reader {
	const char	*why;
};

static void
refuse(struct reader *r, const char *why)
{
	if (r->why == NULL)
		r->why = why;
}

static const char *
read_string(struct reader *r, const json_t *object, const char *name)
{
	json_t *member = json_object_get(object, name);

	if (member != NULL && !json_is_string(member))
		refuse(r, "a member that is a string is something else");
	return json_string_value(member);
}

static json_t *
read_array(struct reader *r, const json_t *object, const char *name)
{
	json_t *member = json_object_get(object, name);

	if (member != NULL && !json_is_array(member))
		refuse(r, "a member that is an array is something else");
	return member;
}

/* A number that must be there, or else 0. */
static int
read_number(struct reader *r, const json_t *object, const char *name)
{
	json_t *member = json_object_get(object, name);
	json_int_t number = json_integer_value(member);

	if (!json_is_integer(member) || number < 0 || number > CODE_MAX) {
		refuse(r, "a member that must be a small number is missing or "
		    "something else");
		return 0;
	}
	return (int)number;
}

static const char **
read_list(struct reader *r, const json_t *object, const char *name,
    size_t *count)
{
	json_t *array = read_array(r, object, name);
	const char **list = json_read_list(array, count);

	if (*count != json_array_size(array))
		refuse(r, "an element that is a string is something else");
	return list;
}

/* Writes the one spelling; what is missing or empty is the same as instead. */
static void
read_domain(struct reader *r, const char *name, const char *instead,
    char out[HOST_NAME_SIZE])
{
	const char *why;

	if (name == NULL || name[0] == '\0')
		name = instead;
	if (host_name_normalize(text_of(name), out, &why) == -1)
		refuse(r, "a domain is no name");
}

static bool
offered_starttls(const char *helo)
{
	struct mail_reply reply = { .verdict = MAIL_YES };

	if (helo == NULL)
		return false;
	reply.text = text_of(helo);
	return mail_reply_offers(&reply, "STARTTLS");
}

struct text
datagram_helo_name(const struct datagram_failure *f)
{
	struct text rest = text_of(f->mx_helo != NULL ? f->mx_helo : "");
	struct text line, name = { NULL, 0 };

	if (!text_next_line(&rest, &line))
		return name;
	if (text_starts_with(line, "250-") || text_starts_with(line, "250 ")) {
		line.data += 4;
		line.len -= 4;
	}
	text_next_word(&line, &name);
	return name;
}

/* The finest finding that the sender's words allow. */
static enum finding
refine(enum finding f, const struct datagram_failure *failure, bool is_dane)
{
	if (f == FINDING_STARTTLS_MISSING &&
	    offered_starttls(failure->mx_helo))
		return FINDING_STARTTLS_REFUSED;
	if (f != FINDING_CERT_UNTRUSTED && failure->code != 205)
		return f;
	if (failure->reason != NULL &&
	    reason_parse(text_of(failure->reason), &f))
		return f;
	/* With DANE nothing but a TLSA record makes a certificate trusted. */
	return is_dane && f == FINDING_CERT_UNTRUSTED ?
	    FINDING_TLSA_MISMATCH : f;
}

/* A code that libtlsrpt does not have stands in the reason. */
static void
name_unknown_code(struct datagram_failure *failure, json_t *object)
{
	json_object_set_new(object, "f", failure->reason == NULL ?
	    json_sprintf("code %u", failure->code) :
	    json_sprintf("code %u: %s", failure->code, failure->reason));
	failure->reason = json_read_words(object, "f");
	failure->result_type = "validation-failure";
}

static void
read_failure(struct reader *r, json_t *object, bool is_dane,
    struct datagram_failure *out)
{
	size_t i;

	if (!json_is_object(object)) {
		refuse(r, "a failure is no object");
		return;
	}
	out->code = (unsigned)read_number(r, object, "c");
	out->sending_ip = read_string(r, object, "s");
	out->mx_host = read_string(r, object, "n");
	out->mx_helo = read_string(r, object, "h");
	out->receiving_ip = read_string(r, object, "r");
	out->additional = read_string(r, object, "a");
	out->reason = read_string(r, object, "f");
	if (r->why != NULL)
		return;
	for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].code == out->code) {
			out->finding = refine(codes[i].finding, out, is_dane);
			out->result_type = finding_result_type(out->finding);
			if (out->result_type == NULL)
				out->result_type = codes[i].result_type;
			return;
		}
	name_unknown_code(out, object);
}

static const char *
policy_type_name(struct reader *r, int number)
{
	size_t i;

	for (i = 0; i < sizeof(policy_types) / sizeof(policy_types[0]); i++)
		if (policy_types[i].number == number)
			return policy_types[i].name;
	refuse(r, "policy-type is unknown");
	return NULL;
}

static void
read_failures(struct reader *r, json_t *array, bool is_dane,
    struct datagram_policy *out)
{
	json_t *element;
	size_t i;

	out->failure_count = json_array_size(array);
	if (out->failure_count == 0)
		return;
	out->failures = xcalloc(out->failure_count, sizeof(*out->failures));
	json_array_foreach(array, i, element)
		read_failure(r, element, is_dane, &out->failures[i]);
}

static void
read_policy(struct reader *r, const json_t *object, struct datagram *d,
    struct datagram_policy *out)
{
	int type = read_number(r, object, "policy-type");

	if (!json_is_object(object))
		refuse(r, "a policy is no object");
	out->type = policy_type_name(r, type);
	read_domain(r, read_string(r, object, "policy-domain"), d->domain,
	    out->domain);
	out->strings = read_list(r, object, "policy-string",
	    &out->string_count);
	out->mx = read_list(r, object, "mx-host", &out->mx_count);
	out->is_failed = read_number(r, object, "f") != 0;
	read_failures(r, read_array(r, object, "failure-details"), type == 1,
	    out);
	if (json_object_get(object, "t") != NULL &&
	    (size_t)read_number(r, object, "t") != out->failure_count)
		d->has_wrong_count = true;
}

static void
read_policies(struct reader *r, json_t *array, struct datagram *d)
{
	json_t *element;
	size_t i;

	d->policy_count = json_array_size(array);
	if (d->policy_count == 0) {
		refuse(r, "there is no policy");
		return;
	}
	d->policies = xcalloc(d->policy_count, sizeof(*d->policies));
	json_array_foreach(array, i, element)
		read_policy(r, element, d, &d->policies[i]);
}

static void
read_members(struct reader *r, struct datagram *d)
{
	const char *version = read_string(r, d->json, "dpv");
	const char *domain = read_string(r, d->json, "d");

	if (version != NULL && !text_equals(text_of(version), "1"))
		refuse(r, "the version is another than 1");
	d->record = read_string(r, d->json, "pr");
	if (domain == NULL || d->record == NULL) {
		refuse(r, "domain or record is missing");
		return;
	}
	read_domain(r, domain, "", d->domain);
	read_policies(r, read_array(r, d->json, "policies"), d);
}

int
datagram_parse(const char *data, size_t len, struct datagram *out,
    const char **why)
{
	struct datagram d = { .json = NULL };
	struct reader r = { .why = NULL };

	if (len == 0 || len > DATAGRAM_MAX_BYTES) {
		*why = len == 0 ? "it is empty" : "it is too long";
		return -1;
	}
	d.json = json_read_object((struct text){ data, len }, &limits,
	    &d.repaired_count, why);
	if (d.json == NULL)
		return -1;
	read_members(&r, &d);
	if (r.why != NULL) {
		*why = r.why;
		datagram_clear(&d);
		return -1;
	}
	*out = d;
	return 0;
}

void
datagram_clear(struct datagram *d)
{
	size_t i;

	for (i = 0; i < d->policy_count; i++) {
		free(d->policies[i].strings);
		free(d->policies[i].mx);
		free(d->policies[i].failures);
	}
	free(d->policies);
	json_decref(d->json);
	*d = (struct datagram){ .json = NULL };
}
