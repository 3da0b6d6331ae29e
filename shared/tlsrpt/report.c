/*
 * TLS reports (RFC 8460, 4).  Reading goes twice over the JSON, once to count
 * and once to note, so that a report is three arrays beside jansson's values.
 * What nobody can do without is refused when it is missing; what is merely
 * wrong is put up with and remarked on.
 */

#include "shared/tlsrpt/report.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "shared/tlsrpt/json_read.h"
#include "shared/xalloc.h"

#define BYTE_ORDER_MARK "\357\273\277"

static const struct json_limits limits = {
	.depth_max = REPORT_DEPTH_MAX,
	.values_max = REPORT_VALUES_MAX,
	.string_max = REPORT_STRING_MAX
};

/* What the slices and arrays of a report that was read point into. */
struct report_memory {
	json_t			*json;
	struct report_policy	*policies;
	struct report_failure	*details;
	const char		**strings;
};

/* Where the next ones go. */
struct reader {
	struct report_policy	*policies;
	struct report_failure	*details;
	const char		**strings;
	const char		*why, *remark;	/* the first of each */
};

static void
refuse(struct reader *r, const char *why)
{
	if (r->why == NULL)
		r->why = why;
}

static void
remark(struct reader *r, const char *words)
{
	if (r->remark == NULL)
		r->remark = words;
}

/* ---------------------------------------------------------------- values */

static const char *
read_words(struct reader *r, const json_t *object, const char *name)
{
	json_t *member = json_object_get(object, name);

	if (member != NULL && !json_is_string(member) && !json_is_null(member))
		remark(r, "RFC 8460 4.4: a string is something else");
	return json_read_words(object, name);
}

static const char *
read_needed(struct reader *r, const json_t *object, const char *name,
    const char *instead, const char *complaint)
{
	const char *words = read_words(r, object, name);

	if (words != NULL)
		return words;
	remark(r, complaint);
	return instead;
}

/* Some senders write numbers as strings. */
static uint64_t
read_count(struct reader *r, const json_t *object, const char *name)
{
	json_t *member = json_object_get(object, name);
	const char *digits = json_string_value(member);
	uint64_t count = 0;

	if (json_is_integer(member) && json_integer_value(member) >= 0)
		return (uint64_t)json_integer_value(member);
	remark(r, "RFC 8460 4.4: a count is missing or no number");
	if (digits != NULL)
		text_parse_u64(text_of(digits), INT64_MAX, &count);
	return count;
}

static int64_t
read_time(struct reader *r, const json_t *object, const char *name)
{
	const char *words = json_read_words(object, name);
	bool has_offset = true;
	int64_t at = 0;

	if (words == NULL || !text_parse_time(text_of(words), &at,
	    &has_offset))
		refuse(r, "RFC 8460 4.4: date-range is missing or no two "
		    "times");
	if (!has_offset)
		remark(r, "RFC 8460 4.4: a time has no offset");
	return at;
}

/* Elements of an array; 1 for a string that stands alone (erratum 6241). */
static size_t
list_size(const json_t *list)
{
	return json_is_string(list) ? 1 : json_array_size(list);
}

static const char *const *
read_list(struct reader *r, const json_t *list, size_t *count)
{
	const char *const *begin = r->strings;
	json_t *element;
	size_t i;

	if (json_is_string(list))
		*r->strings++ = json_string_value(list);
	else if (list != NULL && !json_is_array(list) && !json_is_null(list))
		remark(r, "RFC 8460 4.4: an array is something else");
	json_array_foreach(list, i, element)
		if (json_is_string(element))
			*r->strings++ = json_string_value(element);
		else
			remark(r, "RFC 8460 4.4: a string is something else");
	*count = (size_t)(r->strings - begin);
	return begin;
}

/* ---------------------------------------------------------------- report */

/* The names of RFC 8460's own prose are read, too. */
static const json_t *
mx_list(const json_t *policy)
{
	const json_t *list = json_object_get(policy, "mx-host");

	return list != NULL ? list : json_object_get(policy, "mx-host-pattern");
}

static void
read_failure(struct reader *r, const json_t *object,
    struct report_failure *out)
{
	out->result_type = read_needed(r, object, "result-type", "unknown",
	    "RFC 8460 4.4: result-type is missing");
	out->sending_ip = read_words(r, object, "sending-mta-ip");
	out->mx_host = read_words(r, object, "receiving-mx-hostname");
	out->mx_helo = read_words(r, object, "receiving-mx-helo");
	out->receiving_ip = read_words(r, object, "receiving-ip");
	out->session_count = read_count(r, object, "failed-session-count");
	out->additional = json_read_either(object, "additional-information",
	    "additional-info-uri");
	out->reason = read_words(r, object, "failure-reason-code");
}

static void
read_policy(struct reader *r, const json_t *object, struct report_policy *out)
{
	const json_t *policy = json_object_get(object, "policy");
	const json_t *summary = json_object_get(object, "summary");
	const json_t *details = json_object_get(object, "failure-details");
	json_t *element;
	size_t i;

	out->type = read_needed(r, policy, "policy-type", "unknown",
	    "RFC 8460 4.4: policy-type is missing");
	out->domain = read_needed(r, policy, "policy-domain", NULL,
	    "RFC 8460 4.4: policy-domain is missing");
	out->strings = read_list(r, json_object_get(policy, "policy-string"),
	    &out->string_count);
	out->mx = read_list(r, mx_list(policy), &out->mx_count);
	out->success_count = read_count(r, summary,
	    "total-successful-session-count");
	out->failure_count = read_count(r, summary,
	    "total-failure-session-count");
	out->details = r->details;
	json_array_foreach(details, i, element)
		read_failure(r, element, r->details++);
	out->detail_count = (size_t)(r->details - out->details);
}

static void
read_report(struct reader *r, const json_t *json, struct report *out)
{
	const json_t *range = json_object_get(json, "date-range");
	const json_t *policies = json_object_get(json, "policies");
	json_t *element;
	size_t i;

	out->organization = read_words(r, json, "organization-name");
	out->id = read_words(r, json, "report-id");
	out->contact = read_needed(r, json, "contact-info", NULL,
	    "RFC 8460 4.4: contact-info is missing");
	out->start_s = read_time(r, range, "start-datetime");
	out->end_s = read_time(r, range, "end-datetime");
	if (out->organization == NULL)
		refuse(r, "RFC 8460 4.4: organization-name is missing");
	if (out->id == NULL)
		refuse(r, "RFC 8460 4.4: report-id is missing");
	if (!json_is_array(policies))
		refuse(r, "RFC 8460 4.4: policies is missing or no array");
	if (out->end_s < out->start_s)
		remark(r, "RFC 8460 4.4: date-range ends before it begins");
	out->policies = r->policies;
	json_array_foreach(policies, i, element)
		read_policy(r, element, r->policies++);
	out->policy_count = (size_t)(r->policies - out->policies);
}

static struct report_memory *
memory_for(json_t *json)
{
	struct report_memory *m = xcalloc(1, sizeof(*m));
	const json_t *policies = json_object_get(json, "policies"), *policy;
	size_t i, detail_count = 0, string_count = 0;
	json_t *element;

	json_array_foreach(policies, i, element) {
		policy = json_object_get(element, "policy");
		detail_count += json_array_size(json_object_get(element,
		    "failure-details"));
		string_count += list_size(json_object_get(policy,
		    "policy-string")) + list_size(mx_list(policy));
	}
	m->json = json;
	m->policies = xcalloc(json_array_size(policies), sizeof(*m->policies));
	m->details = xcalloc(detail_count, sizeof(*m->details));
	m->strings = xcalloc(string_count, sizeof(*m->strings));
	return m;
}

int
report_parse(struct text json, struct report *out, const char **why)
{
	struct report report = { .memory = NULL };
	struct reader r = { .why = NULL };
	size_t repaired;
	json_t *object;

	if (json.len > REPORT_MAX_BYTES) {
		*why = "the report is longer than 10 MiB";
		return -1;
	}
	if (text_starts_with(json, BYTE_ORDER_MARK)) {
		json.data += strlen(BYTE_ORDER_MARK);
		json.len -= strlen(BYTE_ORDER_MARK);
	}
	object = json_read_object(json, &limits, &repaired, why);
	if (object == NULL)
		return -1;
	if (repaired > 0)
		remark(&r, "JSON: not all of it is UTF-8");
	report.memory = memory_for(object);
	r.policies = report.memory->policies;
	r.details = report.memory->details;
	r.strings = report.memory->strings;
	read_report(&r, object, &report);
	if (r.why != NULL) {
		*why = r.why;
		report_clear(&report);
		return -1;
	}
	report.remark = r.remark;
	*out = report;
	return 0;
}

void
report_clear(struct report *r)
{
	if (r->memory != NULL) {
		json_decref(r->memory->json);
		free(r->memory->policies);
		free(r->memory->details);
		free(r->memory->strings);
		free(r->memory);
	}
	*r = (struct report){ .memory = NULL };
}

/* ---------------------------------------------------------------- writing */

static void
set_words(json_t *object, const char *name, const char *words)
{
	if (words != NULL)
		json_object_set_new(object, name, json_read_mended(words));
}

static void
set_count(json_t *object, const char *name, uint64_t count)
{
	json_object_set_new(object, name, json_integer(count > INT64_MAX ?
	    INT64_MAX : (json_int_t)count));
}

static json_t *
list_object(const char *const *list, size_t count)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < count; i++)
		json_array_append_new(array, json_read_mended(list[i]));
	return array;
}

static json_t *
failure_object(const struct report_failure *f)
{
	json_t *object = json_object();

	set_words(object, "result-type", f->result_type);
	set_words(object, "sending-mta-ip", f->sending_ip);
	set_words(object, "receiving-mx-hostname", f->mx_host);
	set_words(object, "receiving-mx-helo", f->mx_helo);
	set_words(object, "receiving-ip", f->receiving_ip);
	set_count(object, "failed-session-count", f->session_count);
	set_words(object, "additional-information", f->additional);
	set_words(object, "failure-reason-code", f->reason);
	return object;
}

static json_t *
policy_object(const struct report_policy *p)
{
	json_t *object = json_object(), *policy = json_object();
	json_t *summary = json_object(), *details = json_array();
	size_t i;

	set_words(policy, "policy-type", p->type);
	json_object_set_new(policy, "policy-string",
	    list_object(p->strings, p->string_count));
	set_words(policy, "policy-domain", p->domain);
	if (p->mx_count > 0 || strcmp(p->type, "sts") == 0)
		json_object_set_new(policy, "mx-host",
		    list_object(p->mx, p->mx_count));
	set_count(summary, "total-successful-session-count",
	    p->success_count);
	set_count(summary, "total-failure-session-count", p->failure_count);
	for (i = 0; i < p->detail_count; i++)
		json_array_append_new(details, failure_object(&p->details[i]));
	json_object_set_new(object, "policy", policy);
	json_object_set_new(object, "summary", summary);
	json_object_set_new(object, "failure-details", details);
	return object;
}

static json_t *
report_object(const struct report *r)
{
	json_t *object = json_object(), *policies = json_array();
	char start[TEXT_TIME_SIZE], end[TEXT_TIME_SIZE];
	size_t i;

	set_words(object, "organization-name", r->organization);
	json_object_set_new(object, "date-range", json_pack("{s:s, s:s}",
	    "start-datetime", text_format_time(start, r->start_s),
	    "end-datetime", text_format_time(end, r->end_s)));
	set_words(object, "contact-info", r->contact);
	set_words(object, "report-id", r->id);
	for (i = 0; i < r->policy_count; i++)
		json_array_append_new(policies,
		    policy_object(&r->policies[i]));
	json_object_set_new(object, "policies", policies);
	return object;
}

static int
add_piece(const char *data, size_t len, void *out)
{
	buffer_add(out, data, len);
	return 0;
}

int
report_format(const struct report *r, struct buffer *out)
{
	json_t *object;

	assert(r->organization != NULL && r->contact != NULL && r->id != NULL);
	object = report_object(r);
	json_dump_callback(object, add_piece, out, JSON_COMPACT);
	json_decref(object);
	return out->is_overfull ? -1 : 0;
}

/* ---------------------------------------------------------------- file name */

/*
 *	filename	= sender "!" policy-domain "!" begin-timestamp "!"
 *			  end-timestamp [ "!" unique-id ] "." extension
 */
void
report_file_name_format(const struct report *r, const char *sender,
    const char *domain, struct buffer *out)
{
	const char *c;

	buffer_addf(out, "%s!%s!%lld!%lld!", sender, domain,
	    (long long)r->start_s, (long long)r->end_s);
	for (c = r->id; *c != '\0'; c++)
		if (text_is_alphanumeric(*c))
			buffer_add(out, c, 1);
	buffer_add_text(out, ".json.gz");
}

/* Cuts suffix, in any letter case, from the end of *t. */
static bool
cut_suffix(struct text *t, const char *suffix)
{
	size_t len = strlen(suffix);

	if (t->len <= len || !text_equals_nocase((struct text){ t->data +
	    t->len - len, len }, suffix))
		return false;
	t->len -= len;
	return true;
}

static bool
is_name_piece(struct text t)
{
	size_t i;

	for (i = 0; i < t.len; i++)
		if (!text_is_alphanumeric(t.data[i]) && t.data[i] != '.' &&
		    t.data[i] != '-' && t.data[i] != '_')
			return false;
	return t.len > 0;
}

bool
report_file_name_match(struct text name)
{
	bool is_packed = cut_suffix(&name, ".gz");
	bool is_json = cut_suffix(&name, ".json");
	struct text piece;
	uint64_t time_s;
	unsigned count = 0;

	for (; text_next_field(&name, '!', &piece); count++)
		if (!is_name_piece(piece) || ((count == 2 || count == 3) &&
		    !text_parse_u64(piece, INT64_MAX, &time_s)))
			return false;
	return (is_packed || is_json) && (count == 4 || count == 5);
}
