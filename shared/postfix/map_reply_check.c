/*
 * What Postfix makes of a TLS policy map's reply.  The steps are Postfix's own
 * and in its order: status word, level, then one attribute after the other,
 * each looked up in a table that says since when, at which levels and how often
 * it may stand, and what its value must be.
 */

#include "shared/postfix/map_reply_check.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "shared/postfix/socketmap.h"
#include "shared/xalloc.h"

#define HOST_NAME_LIMIT	255	/* Postfix's, for the whole and */
#define LABEL_LIMIT	63	/* for one label */
#define BRACES_SINCE	310

#define SEPARATORS	", \t\r\n"
#define SPACES		" \t\n\v\f\r"

/* Where an attribute may stand; never at level none. */
enum fitting_levels {
	LEVELS_ALL,
	LEVELS_MATCHING,	/* fingerprint, verify, secure */
	LEVELS_CA		/* verify, secure */
};

/* Details of a policy make sense only for a policy with a type. */
enum attribute_kind {
	KIND_PLAIN = 1, KIND_POLICY_TYPE = 2, KIND_POLICY_DETAIL = 4
};

struct attribute {
	const char		*name;
	unsigned		 since;
	enum attribute_kind	 kind;
	enum fitting_levels	 levels;
	bool			 is_single;
	bool			 (*is_valid)(const char *value);
	const char		*too_new, *misplaced, *repeated, *bad_value;
};

static bool	is_any(const char *);
static bool	is_given(const char *);
static bool	is_host_name(const char *);
static bool	is_host_pattern(const char *);
static bool	is_yes_or_no(const char *);
static bool	is_policy_type(const char *);
static bool	is_policy_failure(const char *);
static bool	is_ttl(const char *);

#define ROW(name, major, minor, kind, levels, is_single, is_valid, rule) \
	{ name, (major) * 100 + (minor), kind, levels, is_single, is_valid, \
	  name " needs Postfix " #major "." #minor, \
	  name " does not fit the security level", \
	  name " is given twice", \
	  name " " rule }

static const struct attribute attributes[] = {
	ROW("ciphers",		2, 3,  KIND_PLAIN,	  LEVELS_ALL,
	    true,  is_given,	   "is empty"),
	ROW("protocols",	2, 3,  KIND_PLAIN,	  LEVELS_ALL,
	    true,  is_any,	   ""),
	ROW("exclude",		2, 6,  KIND_PLAIN,	  LEVELS_ALL,
	    true,  is_any,	   ""),
	ROW("match",		2, 3,  KIND_PLAIN,	  LEVELS_MATCHING,
	    false, is_given,	   "is empty"),
	ROW("servername",	3, 4,  KIND_PLAIN,	  LEVELS_ALL,
	    true,  is_host_name,   "is no host name"),
	ROW("tafile",		2, 11, KIND_PLAIN,	  LEVELS_CA,
	    false, is_given,	   "is empty"),
	ROW("connection_reuse",	3, 4,  KIND_PLAIN,	  LEVELS_ALL,
	    false, is_yes_or_no,   "is neither yes nor no"),
	ROW("enable_rpk",	3, 9,  KIND_PLAIN,	  LEVELS_ALL,
	    false, is_yes_or_no,   "is neither yes nor no"),
	ROW("policy_type",	3, 10, KIND_POLICY_TYPE,  LEVELS_ALL,
	    true,  is_policy_type, "is neither sts nor no-policy-found"),
	ROW("policy_domain",	3, 10, KIND_POLICY_DETAIL, LEVELS_ALL,
	    true,  is_host_name,   "is no host name"),
	ROW("policy_string",	3, 10, KIND_POLICY_DETAIL, LEVELS_ALL,
	    false, is_any,	   ""),
	ROW("mx_host_pattern",	3, 10, KIND_POLICY_DETAIL, LEVELS_ALL,
	    false, is_host_pattern, "is neither a name nor \"*.name\""),
	ROW("policy_failure",	3, 10, KIND_POLICY_DETAIL, LEVELS_ALL,
	    true,  is_policy_failure, "is no failure of a policy"),
	ROW("policy_ttl",	3, 10, KIND_POLICY_DETAIL, LEVELS_ALL,
	    true,  is_ttl,	   "is no number of seconds")
};

#define ATTRIBUTE_COUNT	(sizeof(attributes) / sizeof(attributes[0]))

static const char *const status_names[] = {
	[MAP_REPLY_OK] = "OK",
	[MAP_REPLY_NOTFOUND] = "NOTFOUND",
	[MAP_REPLY_TEMP] = "TEMP",
	[MAP_REPLY_TIMEOUT] = "TIMEOUT",
	[MAP_REPLY_PERM] = "PERM"
};

static bool
is_any(const char *value)
{
	(void)value;
	return true;
}

static bool
is_given(const char *value)
{
	return value[0] != '\0';
}

/* As Postfix's valid_hostname(): not all digits, underscores allowed. */
static bool
is_host_name(const char *name)
{
	bool is_numeric = true;
	size_t i, label = 0;

	for (i = 0; name[i] != '\0'; i++) {
		if (name[i] == '.') {
			if (label == 0 || name[i - 1] == '-')
				return false;
			label = 0;
			continue;
		}
		if (strchr("abcdefghijklmnopqrstuvwxyz"
		    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", name[i]) == NULL)
			return false;
		if (name[i] < '0' || name[i] > '9')
			is_numeric = false;
		if ((label == 0 && name[i] == '-') || ++label > LABEL_LIMIT)
			return false;
	}
	return label > 0 && name[i - 1] != '-' && !is_numeric &&
	    i <= HOST_NAME_LIMIT;
}

static bool
is_host_pattern(const char *value)
{
	return is_host_name(strncmp(value, "*.", 2) == 0 ? value + 2 : value);
}

static bool
is_yes_or_no(const char *value)
{
	return strcasecmp(value, "yes") == 0 || strcasecmp(value, "no") == 0;
}

static bool
is_policy_type(const char *value)
{
	return strcasecmp(value, "sts") == 0 ||
	    strcasecmp(value, "no-policy-found") == 0;
}

static bool
is_policy_failure(const char *value)
{
	return strcasecmp(value, "sts-policy-fetch-error") == 0 ||
	    strcasecmp(value, "sts-policy-invalid") == 0 ||
	    strcasecmp(value, "sts-webpki-invalid") == 0 ||
	    strcasecmp(value, "validation-failure") == 0;
}

static bool
is_ttl(const char *value)
{
	uint64_t seconds;

	return text_parse_u64(text_of(value), INT_MAX, &seconds);
}

static bool
is_utf8(struct text t)
{
	size_t len;

	for (; t.len > 0; t.data += len, t.len -= len) {
		len = text_utf8_char(t);
		if (len == 0)
			return false;
	}
	return true;
}

/*
 * Cuts the next token from *rest.  Separators within braces do not count,
 * wherever in the token the brace stands.
 */
static char *
next_token(char **rest, bool has_braces)
{
	char *start = *rest + strspn(*rest, SEPARATORS), *end;
	size_t depth = 0;

	for (end = start; *end != '\0'; end++) {
		if (has_braces && *end == '{')
			depth++;
		else if (depth > 0 && *end == '}')
			depth--;
		else if (depth == 0 && strchr(SEPARATORS, *end) != NULL) {
			*end++ = '\0';
			break;
		}
	}
	*rest = end;
	return *start != '\0' ? start : NULL;
}

/* "{ text }": what is between, its control white space made blanks. */
static int
open_braces(char **token, const char **why)
{
	size_t depth = 0;
	char *c;

	for (c = *token; *c != '\0'; c++) {
		if (*c == '{')
			depth++;
		else if (*c == '}' && --depth == 0)
			break;
		else if (strchr(SPACES, *c) != NULL)
			*c = ' ';
	}
	if (*c == '\0') {
		*why = "a brace is not closed";
		return -1;
	}
	if (c[1] != '\0') {
		*why = "text after a closing brace";
		return -1;
	}
	*c = '\0';
	(*token)++;
	return 0;
}

/* "name = value": the blanks around both are no part of them. */
static int
split_pair(char *token, char **name, char **value, const char **why)
{
	char *end, *last;

	*name = token + strspn(token, SPACES);
	end = *name + strcspn(*name, SPACES "=");
	if (end == *name) {
		*why = "an attribute without a name";
		return -1;
	}
	*value = end + strspn(end, SPACES);
	if (**value != '=') {
		*why = "an attribute without \"=\"";
		return -1;
	}
	*end = '\0';
	*value += 1 + strspn(*value + 1, SPACES);
	last = *value + strlen(*value);
	while (last > *value && strchr(SPACES, last[-1]) != NULL)
		last--;
	*last = '\0';
	return 0;
}

static bool
levels_include(enum fitting_levels levels, enum tls_level level)
{
	switch (levels) {
	case LEVELS_ALL:
		return true;
	case LEVELS_MATCHING:
		return level == TLS_LEVEL_FINGERPRINT ||
		    level >= TLS_LEVEL_VERIFY;
	case LEVELS_CA:
		return level >= TLS_LEVEL_VERIFY;
	}
	return false;
}

static const struct attribute *
attribute_find(const char *name)
{
	size_t i;

	for (i = 0; i < ATTRIBUTE_COUNT; i++)
		if (strcasecmp(name, attributes[i].name) == 0)
			return &attributes[i];
	return NULL;
}

static bool
reply_has(const struct map_reply *reply, const char *name)
{
	size_t i;

	for (i = 0; i < reply->attribute_count; i++)
		if (reply->attributes[i].name == name)
			return true;
	return false;
}

/* NULL when the attribute may stand there, else why not. */
static const char *
attribute_refusal(const struct attribute *a, const char *value,
    unsigned version, const struct map_reply *reply)
{
	if (a == NULL)
		return "unknown attribute";
	if (version < a->since)
		return a->too_new;
	if (!levels_include(a->levels, reply->level))
		return a->misplaced;
	if (a->is_single && reply_has(reply, a->name))
		return a->repeated;
	if (!a->is_valid(value))
		return a->bad_value;
	return NULL;
}

static void
reply_add(struct map_reply *reply, const char *name, const char *value)
{
	size_t count = reply->attribute_count;

	/* Doubled whenever the count reaches a power of two. */
	if ((count & (count - 1)) == 0)
		reply->attributes = xreallocarray(reply->attributes,
		    count > 0 ? 2 * count : 1, sizeof(*reply->attributes));
	reply->attributes[count].name = name;
	reply->attributes[count].value = value;
	reply->attribute_count++;
}

/*
 * policy    = level *( separator attribute )
 * attribute = name "=" value / "{" name "=" value "}"	; braces since 3.10
 */
static int
policy_parse(char *policy, unsigned version, struct map_reply *reply,
    const char **why)
{
	bool has_braces = version >= BRACES_SINCE;
	const struct attribute *a;
	const char *refusal;
	unsigned kinds = 0;
	char *token, *name, *value;

	token = next_token(&policy, has_braces);
	if (token == NULL) {
		*why = "the policy is empty";
		return -1;
	}
	if (!tls_level_parse(text_of(token), &reply->level)) {
		*why = "unknown security level";
		return -1;
	}
	while ((token = next_token(&policy, has_braces)) != NULL) {
		if (reply->level == TLS_LEVEL_NONE) {
			reply->ignored_count++;
			continue;
		}
		if (has_braces && token[0] == '{' &&
		    open_braces(&token, why) == -1)
			return -1;
		if (split_pair(token, &name, &value, why) == -1)
			return -1;
		a = attribute_find(name);
		refusal = attribute_refusal(a, value, version, reply);
		if (refusal != NULL) {
			*why = refusal;
			return -1;
		}
		reply_add(reply, a->name, value);
		kinds |= a->kind;
	}
	if ((kinds & KIND_POLICY_DETAIL) != 0 &&
	    (kinds & KIND_POLICY_TYPE) == 0) {
		*why = "attributes of a policy without policy_type";
		return -1;
	}
	return 0;
}

/*
 * reply     = status [ " " data ]
 * status    = "OK" / "NOTFOUND" / "TEMP" / "TIMEOUT" / "PERM"
 */
int
map_reply_check(struct text payload, unsigned version, struct map_reply *out,
    const char **why)
{
	struct map_reply reply = { .level = TLS_LEVEL_UNSET };
	struct text rest = payload, word;
	size_t i;

	if (payload.len == 0) {
		*why = "the reply is empty";
		return -1;
	}
	if (payload.len > SOCKETMAP_REPLY_MAX) {
		*why = "the reply is longer than 100000 octets";
		return -1;
	}
	if (memchr(payload.data, '\0', payload.len) != NULL) {
		*why = "a NUL in the reply";
		return -1;
	}
	text_next_field(&rest, ' ', &word);
	for (i = 0; i < sizeof(status_names) / sizeof(status_names[0]); i++)
		if (text_equals(word, status_names[i]))
			break;
	if (i == sizeof(status_names) / sizeof(status_names[0])) {
		*why = "the status is none of OK, NOTFOUND, TEMP, TIMEOUT, "
		    "PERM";
		return -1;
	}
	reply.status = (enum map_reply_status)i;
	if (reply.status != MAP_REPLY_OK) {
		*out = reply;
		return 0;
	}
	if (rest.data == NULL) {
		*why = "OK without a policy";
		return -1;
	}
	if (!is_utf8(rest)) {
		*why = "the policy is not UTF-8";
		return -1;
	}
	reply.block = xstrndup(rest.data, rest.len);
	if (policy_parse(reply.block, version, &reply, why) == -1) {
		map_reply_clear(&reply);
		return -1;
	}
	*out = reply;
	return 0;
}

void
map_reply_clear(struct map_reply *reply)
{
	free(reply->attributes);
	free(reply->block);
	*reply = (struct map_reply){ .level = TLS_LEVEL_UNSET };
}

const char *
map_reply_status_name(enum map_reply_status status)
{
	return status_names[status];
}

/* version = major "." minor [ ( "." / "-" ) anything printable ] */
bool
map_reply_version_parse(struct text t, unsigned *out)
{
	uint64_t major, minor;
	struct text rest = t, field;
	size_t i = 0;

	text_next_field(&rest, '.', &field);
	if (rest.data == NULL || !text_parse_u64(field, 99, &major))
		return false;
	while (i < rest.len && rest.data[i] >= '0' && rest.data[i] <= '9')
		i++;
	if (!text_parse_u64((struct text){ rest.data, i }, 99, &minor) ||
	    !text_is_printable(rest) ||
	    (i < rest.len && (i + 1 == rest.len ||
	    (rest.data[i] != '.' && rest.data[i] != '-'))))
		return false;
	*out = (unsigned)(major * 100 + minor);
	return true;
}
