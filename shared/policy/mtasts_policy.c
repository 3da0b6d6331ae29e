/*
 * The MTA-STS policy file (RFC 8461, 3.2), to the letter of its grammar: a
 * policy that is nearly one is none, and its mx values are safe to stand in
 * an answer to Postfix.  Where it came from is the fetcher's business.
 */

#include "shared/policy/mtasts_policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/host_name.h"
#include "shared/policy/mtasts_record.h"
#include "shared/policy/mx_match.h"
#include "shared/xalloc.h"

#define MAX_AGE_DIGITS 10

/* A policy while it is read. */
struct reader {
	struct mtasts_policy policy;
	char	*end;		/* of what the block holds */
	bool	 has_version, has_mode, has_max_age;
	size_t	 mx_line_count;
};

static int
read_version(struct reader *r, struct text value, const char **why)
{
	if (!text_equals(value, "STSv1")) {
		*why = "RFC 8461 3.2: version is not STSv1";
		return -1;
	}
	r->has_version = true;
	return 0;
}

static int
read_mode(struct reader *r, struct text value, const char **why)
{
	enum mtasts_mode mode;

	for (mode = MTASTS_NONE; mode <= MTASTS_ENFORCE; mode++)
		if (text_equals(value, mtasts_mode_name(mode))) {
			r->policy.mode = mode;
			r->has_mode = true;
			return 0;
		}
	*why = "RFC 8461 3.2: mode is not enforce, testing or none";
	return -1;
}

static int
read_max_age(struct reader *r, struct text value, const char **why)
{
	uint64_t age_s;

	if (value.len > MAX_AGE_DIGITS ||
	    !text_parse_u64(value, UINT64_MAX, &age_s)) {
		*why = "RFC 8461 3.2: max_age is not 1 to 10 digits";
		return -1;
	}
	if (age_s > MTASTS_MAX_AGE_MAX_S)
		age_s = MTASTS_MAX_AGE_MAX_S;
	r->policy.max_age_s = (uint32_t)age_s;
	r->has_max_age = true;
	return 0;
}

/*
 * Domain is RFC 5321's: no underscore, no final dot.  Stricter than that, an
 * all-numeric last label is refused, as Postfix does in mx_host_pattern.
 */
static int
read_mx(struct reader *r, struct text value, const char **why)
{
	struct mtasts_policy *p = &r->policy;
	bool has_star = text_starts_with(value, "*.");
	struct text domain = value;
	char name[HOST_NAME_SIZE], pattern[HOST_NAME_SIZE + 2];
	const char *name_why;
	size_t i;

	if (has_star) {
		domain.data += 2;
		domain.len -= 2;
	}
	if (!text_is_printable(domain) || domain.len == 0 ||
	    domain.data[domain.len - 1] == '.' ||
	    memchr(domain.data, '_', domain.len) != NULL ||
	    host_name_normalize(domain, name, &name_why) == -1) {
		*why = "RFC 8461 3.2: mx is no domain name in A-labels, "
		    "nor \"*.\" and one";
		return -1;
	}
	if (r->mx_line_count++ == MTASTS_MX_MAX) {
		*why = "RFC 8461 3.2: more than 1000 mx lines";
		return -1;
	}
	snprintf(pattern, sizeof(pattern), "%s%s", has_star ? "*." : "", name);
	for (i = 0; i < p->mx_count; i++)
		if (strcmp(p->mx[i], pattern) == 0)
			return 0;
	p->mx = xreallocarray(p->mx, p->mx_count + 1, sizeof(*p->mx));
	p->mx[p->mx_count++] = strcpy(r->end, pattern);
	r->end += strlen(pattern) + 1;
	return 0;
}

/*
 *	sts-policy-ext-value = sts-policy-vchar
 *			       [*(%x20 / sts-policy-vchar) sts-policy-vchar]
 *	sts-policy-vchar     = %x21-7E / UTF8-2 / UTF8-3 / UTF8-4
 */
static int
check_extension(struct text value, const char **why)
{
	size_t len;

	if (value.len == 0) {
		*why = "RFC 8461 3.2: a field is empty";
		return -1;
	}
	while (value.len > 0) {
		len = text_utf8_char(value);
		if (len == 0) {
			*why = "RFC 8461 3.2: a field is not UTF-8";
			return -1;
		}
		if (len == 1 && (value.data[0] < 0x20 ||
		    value.data[0] == 0x7f)) {
			*why = "RFC 8461 3.2: a field holds a control "
			    "character";
			return -1;
		}
		value.data += len;
		value.len -= len;
	}
	return 0;
}

/*
 *	sts-policy-field       = sts-policy-version / sts-policy-mode /
 *				 sts-policy-max-age / sts-policy-mx /
 *				 sts-policy-extension
 *	sts-policy-field-delim = ":" *WSP
 *
 * Of a repeated field, mx excepted, all but the first are ignored.
 */
static int
read_field(struct reader *r, struct text line, const char **why)
{
	struct text rest = line, name, value;

	text_next_field(&rest, ':', &name);
	if (rest.data == NULL || !mtasts_is_field_name(name)) {
		*why = line.len == 0 ? "RFC 8461 3.2: an empty line" :
		    "RFC 8461 3.2: a line is not name, colon and value";
		return -1;
	}
	value = text_trim(rest);
	if (text_equals(name, "version"))
		return r->has_version ? 0 : read_version(r, value, why);
	if (text_equals(name, "mode"))
		return r->has_mode ? 0 : read_mode(r, value, why);
	if (text_equals(name, "max_age"))
		return r->has_max_age ? 0 : read_max_age(r, value, why);
	if (text_equals(name, "mx"))
		return read_mx(r, value, why);
	return check_extension(value, why);
}

/* A tab can only stand where a blank may, or in what is ignored. */
static void
keep_line(struct reader *r, struct text line)
{
	struct mtasts_policy *p = &r->policy;
	struct text kept = { r->end, text_trim(line).len };
	size_t i;

	for (i = 0; i < kept.len; i++)
		r->end[i] = line.data[i] == '\t' ? ' ' : line.data[i];
	r->end[kept.len] = '\0';
	if (!text_is_printable(kept))
		return;
	p->lines = xreallocarray(p->lines, p->line_count + 1,
	    sizeof(*p->lines));
	p->lines[p->line_count++] = r->end;
	r->end += kept.len + 1;
}

static int
check_complete(const struct reader *r, const char **why)
{
	if (!r->has_version)
		*why = "RFC 8461 3.2: version is missing";
	else if (!r->has_mode)
		*why = "RFC 8461 3.2: mode is missing";
	else if (!r->has_max_age)
		*why = "RFC 8461 3.2: max_age is missing";
	else if (r->policy.mode != MTASTS_NONE && r->policy.mx_count == 0)
		*why = "RFC 8461 3.2: mx is missing";
	else
		return 0;
	return -1;
}

/*
 *	sts-policy-record = sts-policy-field *WSP
 *			    *(sts-policy-term sts-policy-field *WSP)
 *			    [sts-policy-term]
 *	sts-policy-term   = LF / CRLF
 */
int
mtasts_policy_parse(const char *text, size_t len, struct mtasts_policy *out,
    const char **why)
{
	struct text rest = { text, len }, line;
	struct reader r = { 0 };

	if (len > MTASTS_POLICY_MAX_BYTES) {
		*why = "RFC 8461 3.2: longer than 65536 octets";
		return -1;
	}
	if (len > 0 && memchr(text, '\0', len) != NULL) {
		*why = "RFC 8461 3.2: a NUL octet";
		return -1;
	}
	/* Each line at most twice, as itself and as an mx. */
	r.end = r.policy.block = xcalloc(2, len + 1);
	while (text_next_line(&rest, &line)) {
		if (read_field(&r, line, why) == -1)
			goto bad;
		keep_line(&r, line);
	}
	if (check_complete(&r, why) == -1)
		goto bad;
	*out = r.policy;
	return 0;
bad:
	mtasts_policy_clear(&r.policy);
	return -1;
}

void
mtasts_policy_clear(struct mtasts_policy *policy)
{
	free(policy->mx);
	free(policy->lines);
	free(policy->block);
	*policy = (struct mtasts_policy){ 0 };
}

bool
mtasts_policy_permits(const struct mtasts_policy *policy, const char *host)
{
	size_t i;

	for (i = 0; i < policy->mx_count; i++)
		if (mx_match(policy->mx[i], host))
			return true;
	return false;
}

const char *
mtasts_mode_name(enum mtasts_mode mode)
{
	switch (mode) {
	case MTASTS_NONE:
		return "none";
	case MTASTS_TESTING:
		return "testing";
	case MTASTS_ENFORCE:
		return "enforce";
	}
	abort();
}
