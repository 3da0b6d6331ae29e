/*
 * hopseal lint tlsrpt-record, tlsrpt-report and datagram: RFC 8460's documents
 * and libtlsrpt's, in the words of the modules that the programs use.
 */

#include "ctl/lint.h"

#include "shared/dns_text.h"
#include "shared/tlsrpt/datagram.h"
#include "shared/tlsrpt/record.h"
#include "shared/tlsrpt/report.h"
#include "shared/tlsrpt/report_mail.h"

static json_t *
words_array(const char *const *words, size_t count)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < count; i++)
		json_array_append_new(array, json_string(words[i]));
	return array;
}

/* ---------------------------------------------------------------- record */

static json_t *
bad_record(const char *error)
{
	return json_pack("{s:b, s:n, s:s, s:n}", "valid", 0, "rua",
	    "error", error, "remark");
}

static json_t *
good_record(struct tlsrpt_record *record)
{
	json_t *rua = json_array(), *object;
	size_t i;

	for (i = 0; i < record->rua_count; i++)
		json_array_append_new(rua, json_string(record->ruas[i].uri));
	object = json_pack("{s:b, s:o, s:n, s:s?}", "valid", 1, "rua", rua,
	    "error", "remark", record->skipped_why);
	tlsrpt_record_clear(record);
	return object;
}

json_t *
lint_tlsrpt_record(char *const *arguments, struct text input,
    const char **why)
{
	struct tlsrpt_record record;
	struct dns_text txt;
	json_t *object = NULL;
	const char *error;

	(void)arguments;
	(void)why;
	if (input.len > LINT_INPUT_MAX_BYTES)
		return bad_record("the records are longer than 1 MiB");
	if (dns_text_parse(input, &txt, &error) == -1)
		return bad_record(error);
	switch (tlsrpt_record_choose(txt.records, txt.count, &record,
	    &error)) {
	case TLSRPT_RECORD_PRESENT:
		object = good_record(&record);
		break;
	case TLSRPT_RECORD_ABSENT:
		object = bad_record("RFC 8460 3: no record begins with "
		    "v=TLSRPTv1;");
		break;
	case TLSRPT_RECORD_INVALID:
		object = bad_record(error);
		break;
	}
	dns_text_clear(&txt);
	return object;
}

/* ---------------------------------------------------------------- report */

static json_t *
bad_report(const char *error)
{
	return json_pack("{s:b, s:n, s:n, s:n, s:n, s:n, s:n, s:s, s:n}",
	    "valid", 0, "organization", "contact", "start", "end",
	    "report_id", "policies", "error", error, "remark");
}

/* Failed sessions by result-type. */
static json_t *
failures_object(const struct report_policy *p)
{
	json_t *object = json_object();
	json_int_t count, known;
	size_t i;

	for (i = 0; i < p->detail_count; i++) {
		count = (json_int_t)p->details[i].session_count;
		known = json_integer_value(json_object_get(object,
		    p->details[i].result_type));
		json_object_set_new(object, p->details[i].result_type,
		    json_integer(count > INT64_MAX - known ? INT64_MAX :
		    count + known));
	}
	return object;
}

static json_t *
good_report(const struct report *r, const char *remark)
{
	char start[TEXT_TIME_SIZE], end[TEXT_TIME_SIZE];
	json_t *policies = json_array();
	const struct report_policy *p;
	size_t i;

	for (i = 0; i < r->policy_count; i++) {
		p = &r->policies[i];
		json_array_append_new(policies, json_pack(
		    "{s:s, s:s?, s:I, s:I, s:o}", "type", p->type,
		    "domain", p->domain,
		    "success", (json_int_t)p->success_count,
		    "failure", (json_int_t)p->failure_count,
		    "failures", failures_object(p)));
	}
	return json_pack("{s:b, s:s, s:s?, s:s, s:s, s:s, s:o, s:n, s:s?}",
	    "valid", 1, "organization", r->organization,
	    "contact", r->contact, "start", text_format_time(start,
	    r->start_s), "end", text_format_time(end, r->end_s),
	    "report_id", r->id, "policies", policies, "error",
	    "remark", remark != NULL ? remark : r->remark);
}

/* Of several reports in a mail the first one is judged. */
json_t *
lint_tlsrpt_report(char *const *arguments, struct text input,
    const char **why)
{
	struct report_mail mail;
	struct report report;
	const char *error;
	json_t *object;

	(void)arguments;
	(void)why;
	if (report_mail_parse(input, &mail, &error) == -1)
		return bad_report(error);
	if (report_parse((struct text){ buffer_text(&mail.documents[0]),
	    mail.documents[0].len }, &report, &error) == -1)
		object = bad_report(error);
	else {
		object = good_report(&report, mail.document_count > 1 ?
		    "more than one report; this is the first" : mail.remark);
		report_clear(&report);
	}
	report_mail_clear(&mail);
	return object;
}

/* ---------------------------------------------------------------- datagram */

static json_t *
failures_array(const struct datagram_policy *p)
{
	const struct datagram_failure *f;
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < p->failure_count; i++) {
		f = &p->failures[i];
		json_array_append_new(array, json_pack("{s:I, s:s, s:s, s:s?, "
		    "s:s?, s:s?, s:s?, s:s?, s:s?}",
		    "code", (json_int_t)f->code,
		    "result_type", f->result_type,
		    "finding", finding_name(f->finding),
		    "host", f->mx_host, "address", f->receiving_ip,
		    "helo", f->mx_helo, "sending_address", f->sending_ip,
		    "additional", f->additional, "reason", f->reason));
	}
	return array;
}

static json_t *
datagram_policies(const struct datagram *d)
{
	const struct datagram_policy *p;
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < d->policy_count; i++) {
		p = &d->policies[i];
		json_array_append_new(array, json_pack(
		    "{s:s, s:s, s:o, s:o, s:b, s:o}", "type", p->type,
		    "domain", p->domain,
		    "strings", words_array(p->strings, p->string_count),
		    "mx", words_array(p->mx, p->mx_count),
		    "failed", p->is_failed, "failures", failures_array(p)));
	}
	return array;
}

json_t *
lint_datagram(char *const *arguments, struct text input, const char **why)
{
	struct datagram d;
	const char *error, *remark = NULL;
	json_t *object;

	(void)arguments;
	(void)why;
	if (datagram_parse(input.data, input.len, &d, &error) == -1)
		return json_pack("{s:b, s:n, s:n, s:n, s:s, s:n}", "valid", 0,
		    "domain", "record", "policies", "error", error, "remark");
	if (d.has_wrong_count)
		remark = "t is not the number of failures";
	if (d.repaired_count > 0)
		remark = "some octets are no UTF-8";
	object = json_pack("{s:b, s:s, s:s, s:o, s:n, s:s?}", "valid", 1,
	    "domain", d.domain, "record", d.record, "policies",
	    datagram_policies(&d), "error", "remark", remark);
	datagram_clear(&d);
	return object;
}
