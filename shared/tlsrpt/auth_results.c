/*
 * Authentication-Results.  A cursor over the value, comments and folds skipped
 * between its words:
 *
 *	payload		= authserv-id [ version ] ( ";" "none" / 1*resinfo )
 *	resinfo		= ";" method [ "/" version ] "=" result
 *			  [ "reason" "=" value ]
 *			  *( ptype "." property "=" value )	(RFC 8601, 2.2)
 */

#include "shared/tlsrpt/auth_results.h"

#include <string.h>

#include "shared/host_name.h"
#include "shared/tlsrpt/mime.h"

#define COMMENT_DEPTH_MAX 16

/* What one method says; d and i are those of a signature (RFC 6376, 3.5). */
struct result {
	struct text	method, word, d, i;
};

static void
advance(struct text *t, size_t len)
{
	t->data += len;
	t->len -= len;
}

/* False for a comment that does not end, or is too deep. */
static bool
skip_comment(struct text *t)
{
	unsigned depth = 0;

	do {
		if (t->len == 0)
			return false;
		if (t->data[0] == '\\' && t->len > 1)
			advance(t, 1);
		else if (t->data[0] == '(' && ++depth > COMMENT_DEPTH_MAX)
			return false;
		else if (t->data[0] == ')')
			depth--;
		advance(t, 1);
	} while (depth > 0);
	return true;
}

/* CFWS */
static bool
skip_blanks(struct text *t)
{
	while (t->len > 0 && strchr(" \t\r\n(", t->data[0]) != NULL &&
	    t->data[0] != '\0') {
		if (t->data[0] != '(')
			advance(t, 1);
		else if (!skip_comment(t))
			return false;
	}
	return true;
}

/* Cuts c and the blanks on both sides of it. */
static bool
take(struct text *t, char c)
{
	struct text rest = *t;

	if (!skip_blanks(&rest) || rest.len == 0 || rest.data[0] != c)
		return false;
	advance(&rest, 1);
	if (!skip_blanks(&rest))
		return false;
	*t = rest;
	return true;
}

static bool
take_keyword(struct text *t, struct text *out)
{
	size_t len = 0;

	while (len < t->len && (text_is_alphanumeric(t->data[len]) ||
	    t->data[len] == '-' || t->data[len] == '_'))
		len++;
	*out = (struct text){ t->data, len };
	advance(t, len);
	return len > 0;
}

static bool
take_quoted(struct text *t, struct text *out)
{
	size_t len = 1;

	while (len < t->len && t->data[len] != '"')
		len += t->data[len] == '\\' ? 2 : 1;
	if (len >= t->len)
		return false;
	*out = (struct text){ t->data + 1, len - 1 };
	advance(t, len + 1);
	return true;
}

/* A token, an address or a quoted string, whose escapes stay. */
static bool
take_value(struct text *t, struct text *out)
{
	size_t len = 0;

	if (t->len > 0 && t->data[0] == '"')
		return take_quoted(t, out);
	while (len < t->len && memchr(" \t\r\n();\"", t->data[len], 8) == NULL)
		len++;
	*out = (struct text){ t->data, len };
	advance(t, len);
	return len > 0;
}

/* "header.d=example.com" and the like; "reason=..." */
static bool
take_property(struct text *t, struct result *r)
{
	struct text type, name = { NULL, 0 }, value;

	if (!take_keyword(t, &type) ||
	    (take(t, '.') && !take_keyword(t, &name)) || !take(t, '=') ||
	    !take_value(t, &value))
		return false;
	if (text_equals_nocase(type, "header") && text_equals_nocase(name, "d"))
		r->d = value;
	if (text_equals_nocase(type, "header") && text_equals_nocase(name, "i"))
		r->i = value;
	return skip_blanks(t);
}

/* Behind its semicolon; "none" is a method without a result. */
static bool
take_result(struct text *t, struct result *r)
{
	struct text version;

	*r = (struct result){ .word = { NULL, 0 } };
	if (!take_keyword(t, &r->method) ||
	    (take(t, '/') && !take_keyword(t, &version)))
		return false;
	if (!take(t, '='))
		return text_equals_nocase(r->method, "none") && skip_blanks(t);
	if (!take_keyword(t, &r->word) || !skip_blanks(t))
		return false;
	while (t->len > 0 && t->data[0] != ';')
		if (!take_property(t, r))
			return false;
	return true;
}

bool
auth_results_is_signer(struct text signer, const char *domain)
{
	char name[HOST_NAME_SIZE];
	const char *why;

	return host_name_normalize(signer, name, &why) == 0 &&
	    strchr(name, '.') != NULL && host_name_is_below(domain, name);
}

static bool
is_signed_for(const struct result *r, const char *domain)
{
	struct text signer = r->d;
	const char *at;

	if (signer.len == 0 && r->i.len > 0) {
		at = memrchr(r->i.data, '@', r->i.len);
		if (at == NULL)
			return false;
		signer = (struct text){ at + 1,
		    r->i.len - (size_t)(at + 1 - r->i.data) };
	}
	return auth_results_is_signer(signer, domain);
}

/* False unless it is ours and of version 1. */
static bool
take_server(struct text *t, const char *authserv_id)
{
	struct text id, version;

	if (!skip_blanks(t) || !take_value(t, &id) ||
	    !text_equals_nocase(id, authserv_id) || !skip_blanks(t))
		return false;
	if (t->len == 0 || t->data[0] == ';')
		return true;
	return take_keyword(t, &version) && text_equals(version, "1") &&
	    skip_blanks(t);
}

enum auth_dkim
auth_results_dkim(struct text value, const char *authserv_id,
    const char *domain)
{
	enum auth_dkim said = AUTH_DKIM_SILENT;
	struct result r;

	if (!take_server(&value, authserv_id))
		return AUTH_DKIM_SILENT;
	while (value.len > 0) {
		if (!take(&value, ';'))
			return AUTH_DKIM_FAILED;
		if (value.len == 0)
			break;	/* the last one's end, as some write it */
		if (!take_result(&value, &r))
			return AUTH_DKIM_FAILED;
		if (!text_equals_nocase(r.method, "dkim"))
			continue;
		if (said == AUTH_DKIM_SILENT)
			said = AUTH_DKIM_FAILED;
		if (text_equals_nocase(r.word, "pass") &&
		    is_signed_for(&r, domain))
			said = AUTH_DKIM_PASSED;
	}
	return said;
}

bool
auth_results_pass(struct text mail, const char *authserv_id,
    const char *domain)
{
	enum auth_dkim said = AUTH_DKIM_SILENT;
	struct text headers, body, name, value;

	mime_split(mail, &headers, &body);
	while (said == AUTH_DKIM_SILENT &&
	    mime_next_header(&headers, &name, &value))
		if (text_equals_nocase(name, "Authentication-Results"))
			said = auth_results_dkim(value, authserv_id, domain);
	return said == AUTH_DKIM_PASSED;
}
