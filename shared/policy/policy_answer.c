/*
 * Header and body of the policy host's answer.  Refused are: every status but
 * 200, every media type but text/plain, every coding but chunked, and every
 * length that leaves open where the policy ends.
 */

#include "shared/policy/policy_answer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "shared/policy/mtasts_policy.h"

static enum finding
refuse(struct policy_answer *a, enum finding finding, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static enum finding
refuse(struct policy_answer *a, enum finding finding, const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	text_quote(a->error, sizeof(a->error), text_of(text));
	return finding;
}

void
policy_answer_init(struct policy_answer *a)
{
	*a = (struct policy_answer){ 0 };
	buffer_init(&a->body, MTASTS_POLICY_MAX_BYTES);
}

void
policy_answer_clear(struct policy_answer *a)
{
	buffer_clear(&a->body);
}

/* status-line = "HTTP/" DIGIT "." DIGIT SP 3DIGIT ... (RFC 9112, 4). */
static enum finding
answer_status(struct policy_answer *a, struct text line)
{
	uint64_t status;

	if (line.len < 12 || line.data[8] != ' ' ||
	    (line.len > 12 && line.data[12] != ' ') ||
	    !text_parse_u64((struct text){ line.data + 9, 3 }, 599, &status) ||
	    status < 100)
		return refuse(a, FINDING_POLICY_FETCH_FAILED,
		    "HTTP status line is malformed");
	/* What an interim answer said does not count (RFC 9110, 15.2). */
	a->status = (unsigned)status;
	a->has_length = a->is_chunked = a->has_type = a->has_date = false;
	a->date = 0;
	a->age_s = 0;
	return FINDING_OK;
}

static enum finding
answer_length(struct policy_answer *a, struct text value)
{
	uint64_t length;

	if (!text_parse_u64(value, UINT64_MAX, &length))
		return refuse(a, FINDING_POLICY_FETCH_FAILED,
		    "Content-Length is no number");
	if (a->has_length && a->length_bytes != length)
		return refuse(a, FINDING_POLICY_FETCH_FAILED,
		    "two different Content-Length");
	a->has_length = true;
	a->length_bytes = length;
	return FINDING_OK;
}

/* RFC 8461, 3.2: the media type is text/plain; parameters are ignored. */
static enum finding
answer_type(struct policy_answer *a, struct text value)
{
	struct text type;
	char quoted[40];

	if (a->has_type)
		return refuse(a, FINDING_POLICY_INVALID,
		    "RFC 8461 3.2: two media types");
	text_next_field(&value, ';', &type);
	type = text_trim(type);
	if (!text_equals_nocase(type, "text/plain"))
		return refuse(a, FINDING_POLICY_INVALID,
		    "RFC 8461 3.2: media type is %s, not text/plain",
		    text_quote(quoted, sizeof(quoted), type));
	a->has_type = true;
	return FINDING_OK;
}

/*
 * IMF-fixdate = "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7).  Two dates
 * are none, and one that cannot be read refuses nothing: a policy needs none.
 */
static void
answer_date(struct policy_answer *a, struct text value)
{
	char date[] = "Sun, 06 Nov 1994 08:49:37 GMT";
	struct tm tm = { 0 };
	bool is_first = !a->has_date;
	const char *end;

	a->has_date = true;
	a->date = 0;
	if (!is_first || value.len != sizeof(date) - 1)
		return;
	memcpy(date, value.data, value.len);
	end = strptime(date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
	if (end == date + value.len)
		a->date = (int64_t)timegm(&tm);
}

static enum finding
answer_field(struct policy_answer *a, struct text line)
{
	struct text value = line, name;

	text_next_field(&value, ':', &name);
	if (value.data == NULL || name.len == 0 || line.data[0] == ' ' ||
	    line.data[0] == '\t')
		return refuse(a, FINDING_POLICY_FETCH_FAILED,
		    "HTTP header line is malformed");
	value = text_trim(value);
	/* Another status brings other fields; it is refused by itself. */
	if (a->status != 200)
		return FINDING_OK;
	if (text_equals_nocase(name, "Content-Length"))
		return answer_length(a, value);
	if (text_equals_nocase(name, "Content-Type"))
		return answer_type(a, value);
	if (text_equals_nocase(name, "Date"))
		answer_date(a, value);
	else if (text_equals_nocase(name, "Age"))
		text_parse_u64(value, UINT32_MAX, &a->age_s);
	if (text_equals_nocase(name, "Content-Encoding"))
		return refuse(a, FINDING_POLICY_INVALID,
		    "body has a Content-Encoding that was not asked for");
	if (text_equals_nocase(name, "Transfer-Encoding")) {
		if (a->is_chunked || !text_equals_nocase(value, "chunked"))
			return refuse(a, FINDING_POLICY_FETCH_FAILED,
			    "body has a transfer coding other than chunked");
		a->is_chunked = true;
	}
	return FINDING_OK;
}

static enum finding
answer_header_end(struct policy_answer *a)
{
	if (a->status == 0)
		return refuse(a, FINDING_POLICY_FETCH_FAILED,
		    "HTTP status line is missing");
	if (a->status < 200)
		return FINDING_OK;
	if (a->status >= 300 && a->status < 400)
		return refuse(a, FINDING_POLICY_FETCH_FAILED,
		    "RFC 8461 3.3: HTTP status %u, redirects are not followed",
		    a->status);
	if (a->status != 200)
		return refuse(a, FINDING_POLICY_FETCH_FAILED,
		    "HTTP status %u", a->status);
	if (!a->has_type)
		return refuse(a, FINDING_POLICY_INVALID,
		    "RFC 8461 3.2: media type is missing, not text/plain");
	/* Without either, a cut connection would look like the end. */
	if (!a->has_length && !a->is_chunked)
		return refuse(a, FINDING_POLICY_FETCH_FAILED,
		    "answer has neither Content-Length nor chunks");
	if (a->has_length && !a->is_chunked &&
	    a->length_bytes > MTASTS_POLICY_MAX_BYTES)
		return refuse(a, FINDING_POLICY_INVALID,
		    "RFC 8461 3.3: policy is larger than 64 KiB");
	a->is_body = true;
	return FINDING_OK;
}

enum finding
policy_answer_line(struct policy_answer *a, struct text line)
{
	struct text rest = line;

	if (line.len > POLICY_ANSWER_HEADER_MAX_BYTES - a->header_bytes)
		return refuse(a, FINDING_POLICY_FETCH_FAILED,
		    "HTTP header is larger than 16 KiB");
	a->header_bytes += line.len;
	if (a->is_body)		/* trailers say nothing that counts */
		return FINDING_OK;
	if (!text_next_line(&rest, &line) || line.len == 0)
		return answer_header_end(a);
	if (text_starts_with(line, "HTTP/"))
		return answer_status(a, line);
	return answer_field(a, line);
}

enum finding
policy_answer_data(struct policy_answer *a, struct text data)
{
	if (!a->is_body)
		return refuse(a, FINDING_POLICY_FETCH_FAILED,
		    "HTTP body before its header");
	buffer_add(&a->body, data.data, data.len);
	if (a->body.is_overfull)
		return refuse(a, FINDING_POLICY_INVALID,
		    "RFC 8461 3.3: policy is larger than 64 KiB");
	return FINDING_OK;
}

enum finding
policy_answer_end(struct policy_answer *a)
{
	if (!a->is_body)
		return refuse(a, FINDING_POLICY_FETCH_FAILED,
		    "connection closed before the answer was complete");
	if (!a->is_chunked && a->body.len != a->length_bytes)
		return refuse(a, FINDING_POLICY_FETCH_FAILED,
		    "connection closed before the policy was complete");
	return FINDING_OK;
}
