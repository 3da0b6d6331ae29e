/*
 * A decision in the words of smtp_tls_policy_maps.  Everything that comes from
 * a stranger was checked by the policy's grammar: host names, and lines of
 * printable text, which are sent only where no brace can end them early.
 */

#include "shared/postfix/map_reply.h"

#include <stdint.h>
#include <string.h>

#include "shared/postfix/socketmap.h"

bool
map_name_parse(struct text word, enum map_name *out)
{
	if (text_equals(word, "QUERY") || text_equals(word, "postfix"))
		*out = MAP_QUERY;
	else if (text_equals(word, "QUERYwithTLSRPT"))
		*out = MAP_QUERY_TLSRPT;
	else
		return false;
	return true;
}

/* "match=mx.example.com:.example.com": the policy's order, "*.x" as ".x". */
static void
add_match(const struct mtasts_policy *policy, struct buffer *out)
{
	size_t i;

	for (i = 0; i < policy->mx_count; i++)
		buffer_addf(out, "%s%s", i == 0 ? " match=" : ":",
		    policy->mx[i][0] == '*' ? policy->mx[i] + 1 :
		    policy->mx[i]);
}

static bool
line_may_be_sent(const char *line)
{
	return strpbrk(line, "{}") == NULL;
}

static bool
line_must_stay(const char *line)
{
	return strncmp(line, "version:", 8) == 0 ||
	    strncmp(line, "mode:", 5) == 0;
}

#define LINE_BEGIN	" { policy_string = "
#define LINE_END	" }"

static size_t
line_bytes(const char *line)
{
	return strlen(LINE_BEGIN) + strlen(line) + strlen(LINE_END);
}

/*
 * How many of the policy's lines are kept, so that with those that must stay
 * they fit into room: SIZE_MAX when not even those do.
 */
static size_t
lines_that_fit(const struct mtasts_policy *policy, size_t room)
{
	size_t bytes = 0, kept = policy->line_count, i;

	for (i = 0; i < policy->line_count; i++)
		if (line_may_be_sent(policy->lines[i]))
			bytes += line_bytes(policy->lines[i]);
	while (bytes > room && kept > 0) {
		kept--;
		if (line_may_be_sent(policy->lines[kept]) &&
		    !line_must_stay(policy->lines[kept]))
			bytes -= line_bytes(policy->lines[kept]);
	}
	return bytes > room ? SIZE_MAX : kept;
}

/* The attributes that TLSRPT needs; nothing when they do not fit at all. */
static void
add_report_attributes(const struct facts *facts, struct buffer *out)
{
	const struct mtasts_policy *policy = &facts->policy;
	struct buffer head;
	size_t room = SOCKETMAP_REPLY_MAX - out->len, kept = SIZE_MAX, i;

	buffer_init(&head, room);
	buffer_addf(&head, " policy_type=sts policy_domain=%s",
	    facts->hop.name);
	for (i = 0; i < policy->mx_count; i++)
		buffer_addf(&head, " mx_host_pattern=%s", policy->mx[i]);
	if (!head.is_overfull)
		kept = lines_that_fit(policy, room - head.len);
	if (kept != SIZE_MAX) {
		buffer_add(out, head.data, head.len);
		for (i = 0; i < policy->line_count; i++)
			if (line_may_be_sent(policy->lines[i]) &&
			    (i < kept || line_must_stay(policy->lines[i])))
				buffer_addf(out, LINE_BEGIN "%s" LINE_END,
				    policy->lines[i]);
	}
	buffer_clear(&head);
}

static void
add_rule_attributes(const struct domain_rule *rule, struct buffer *out)
{
	if (rule->match != NULL)
		buffer_addf(out, " match=%s", rule->match);
	if (rule->ciphers != NULL)
		buffer_addf(out, " ciphers=%s", rule->ciphers);
	if (rule->servername != NULL)
		buffer_addf(out, " servername=%s", rule->servername);
}

static void
add_level(const struct tls_decision *d, const struct facts *facts,
    enum map_name name, struct buffer *out)
{
	buffer_addf(out, "OK %s", tls_level_name(d->level));
	if (d->uses_sts_names) {
		add_match(&facts->policy, out);
		buffer_add_text(out, " servername=hostname");
	} else if (d->kind == TLS_POLICY_RULE && d->rule != NULL &&
	    d->rule->level != TLS_LEVEL_UNSET)
		add_rule_attributes(d->rule, out);
	else if (d->level == TLS_LEVEL_SECURE && d->rule != NULL &&
	    d->rule->require == RULE_REQUIRE_VERIFY)
		buffer_add_text(out, " match=nexthop:dot-nexthop");
	if (d->protocols != NULL)
		buffer_addf(out, " protocols=%s", d->protocols);
	if (name == MAP_QUERY_TLSRPT && d->reports_sts)
		add_report_attributes(facts, out);
}

void
map_reply_format(const struct tls_decision *d, const struct facts *facts,
    enum map_name name, struct buffer *out)
{
	switch (d->map) {
	case MAP_TEMPORARY:
		buffer_addf(out, "TEMP %s", d->reason);
		return;
	case MAP_LEVEL:
		add_level(d, facts, name, out);
		return;
	case MAP_NOT_FOUND:
		break;
	}
	if (name == MAP_QUERY_TLSRPT &&
	    d->testing_level != TLS_LEVEL_UNSET) {
		buffer_addf(out, "OK %s", tls_level_name(d->testing_level));
		add_report_attributes(facts, out);
	} else
		buffer_add_text(out, "NOTFOUND ");
}
