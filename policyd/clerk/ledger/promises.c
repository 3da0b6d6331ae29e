/*
 * What was promised for domains.  Kept as the front's payloads, oldest first.
 */

#include "policyd/clerk/ledger/promises.h"

#include <sys/queue.h>
#include <sys/random.h>

#include <stdlib.h>
#include <string.h>

#include "policyd/process/session_message.h"
#include "shared/policy/mx_match.h"
#include "shared/siphash.h"
#include "shared/xalloc.h"

#define BUCKETS		16384	/* a power of 2 */
#define NAME_MAX_SIZE	256

struct kept {
	TAILQ_ENTRY(kept)	 by_age;
	LIST_ENTRY(kept)	 by_name;
	struct text		 payload;
	struct text		 domain;	/* a slice of it */
};

struct promises {
	struct siphash_key	 key;
	TAILQ_HEAD(, kept)	 ages;
	LIST_HEAD(, kept)	 names[BUCKETS];
	size_t			 count;
	struct promise		 found;
};

struct promises *
promises_new(void)
{
	struct promises *p = xcalloc(1, sizeof(*p));

	if (getrandom(&p->key, sizeof(p->key), 0) != (ssize_t)sizeof(p->key))
		abort();
	TAILQ_INIT(&p->ages);
	return p;
}

static void
drop(struct promises *p, struct kept *kept)
{
	TAILQ_REMOVE(&p->ages, kept, by_age);
	LIST_REMOVE(kept, by_name);
	free((char *)(uintptr_t)kept->payload.data);
	free(kept);
	p->count--;
}

void
promises_free(struct promises *p)
{
	if (p == NULL)
		return;
	while (!TAILQ_EMPTY(&p->ages))
		drop(p, TAILQ_FIRST(&p->ages));
	free(p);
}

static size_t
bucket_of(const struct promises *p, struct text domain)
{
	return siphash(&p->key, domain.data, domain.len) & (BUCKETS - 1);
}

static bool
is_same(struct text a, struct text b)
{
	return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

static struct kept *
find(struct promises *p, struct text domain)
{
	struct kept *kept;

	LIST_FOREACH(kept, &p->names[bucket_of(p, domain)], by_name)
		if (is_same(kept->domain, domain))
			return kept;
	return NULL;
}

/* Nothing was promised and nothing is missing: not worth the memory. */
static bool
says_nothing(const struct promise *promise)
{
	return promise->kind == TLS_POLICY_NONE &&
	    promise->fetch_finding == FINDING_UNKNOWN;
}

bool
promises_take(struct promises *p, struct text payload)
{
	struct promise promise;
	struct kept *kept;
	char *copy;

	if (!promise_parse(payload, &promise))
		return false;
	kept = find(p, promise.domain);
	if (kept != NULL)
		drop(p, kept);
	if (says_nothing(&promise))
		return true;
	if (p->count == PROMISES_MAX)
		drop(p, TAILQ_FIRST(&p->ages));
	kept = xcalloc(1, sizeof(*kept));
	copy = xmemdup(payload.data, payload.len);
	kept->payload = (struct text){ copy, payload.len };
	kept->domain = (struct text){ copy + (promise.domain.data -
	    payload.data), promise.domain.len };
	TAILQ_INSERT_TAIL(&p->ages, kept, by_age);
	LIST_INSERT_HEAD(&p->names[bucket_of(p, kept->domain)], kept,
	    by_name);
	p->count++;
	return true;
}

const struct promise *
promises_find(struct promises *p, struct text domain)
{
	struct kept *kept = find(p, domain);

	if (kept == NULL || !promise_parse(kept->payload, &p->found))
		return NULL;
	return &p->found;
}

/* ----------------------------------------------------------- completion */

/* The lines as strings; the caller frees both. */
static const char **
split(struct text text, size_t *count, char **block)
{
	const char **strings;
	char *line, *end;
	size_t i, lines = 0;

	for (i = 0; i < text.len; i++)
		lines += text.data[i] == '\n';
	*block = line = xcalloc(1, text.len + 1);
	memcpy(*block, text.data, text.len);
	strings = xcalloc(lines + 1, sizeof(*strings));
	*count = 0;
	while ((end = memchr(line, '\n', text.len -
	    (size_t)(line - *block))) != NULL) {
		*end = '\0';
		strings[(*count)++] = line;
		line = end + 1;
	}
	return strings;
}

static void
add_policy(const struct promise *promise, struct tally *tally, int64_t at,
    enum tally_source source, char ref[TALLY_REF_SIZE])
{
	char domain[NAME_MAX_SIZE], *lines_block, *mx_block;
	struct tally_policy policy = { .type = "sts", .domain = domain };
	const char **lines, **mx;

	text_quote(domain, sizeof(domain), promise->domain);
	lines = split(promise->lines, &policy.string_count, &lines_block);
	mx = split(promise->mx, &policy.mx_count, &mx_block);
	policy.strings = lines;
	policy.mx = mx;
	tally_add_policy(tally, promise->domain, &policy, at, source, ref);
	free(lines);
	free(mx);
	free(lines_block);
	free(mx_block);
}

static bool
permits(const struct promise *promise, struct text host)
{
	char name[NAME_MAX_SIZE], pattern[NAME_MAX_SIZE];
	struct text rest = promise->mx, line;

	text_quote(name, sizeof(name), host);
	while (text_next_line(&rest, &line))
		if (mx_match(text_quote(pattern, sizeof(pattern), line), name))
			return true;
	return false;
}

/* What our own looks know of a host. */
static enum finding
finding_of(const struct promise *promise, struct text host)
{
	size_t i;

	if (!permits(promise, host))
		return FINDING_MX_NOT_IN_POLICY;
	for (i = 0; i < promise->host_count; i++)
		if (is_same(promise->hosts[i].name, host))
			return promise->hosts[i].finding;
	return FINDING_UNKNOWN;
}

static void
set_failure(const struct tls_session *s, enum finding finding,
    struct tally_key *key)
{
	key->is_let_pass = key->outcome != TALLY_FAILURE;
	key->outcome = TALLY_FAILURE;
	key->finding = finding;
	key->is_probe = true;
	key->address = s->address;
	if (key->trust == SESSION_TRUST_VERIFIED)
		key->trust = SESSION_TRUST_TRUSTED;
}

static void
complete_sts(const struct promise *promise, const struct tls_session *s,
    struct tally_key *key)
{
	enum finding finding;

	if (s->host.len == 0 || promise->mode == MTASTS_NONE)
		return;
	finding = finding_of(promise, s->host);
	if (promise->mode == MTASTS_ENFORCE) {
		/* Postfix before 3.10 compares the certificate alone. */
		if (finding == FINDING_MX_NOT_IN_POLICY &&
		    key->finding == FINDING_CERT_NAME_MISMATCH)
			set_failure(s, finding, key);
		return;
	}
	if (key->outcome == TALLY_CLEAR)
		set_failure(s, FINDING_STARTTLS_MISSING, key);
	else if (key->outcome != TALLY_FAILURE &&
	    finding_result_type(finding) != NULL)
		set_failure(s, finding, key);
}

void
promise_complete(const struct promise *promise, struct tally *tally,
    const struct tls_session *s, enum tally_source source,
    struct tally_key *key, char ref[TALLY_REF_SIZE])
{
	switch (promise->kind) {
	case TLS_POLICY_STS:
		add_policy(promise, tally, s->at, source, ref);
		complete_sts(promise, s, key);
		break;
	case TLS_POLICY_DANE:
		strcpy(ref, "tlsa");
		break;
	case TLS_POLICY_NONE:
		strcpy(ref, "no-policy-found");
		break;
	case TLS_POLICY_RULE:	/* the operator's, nobody else's */
		return;
	}
	key->policy = text_of(ref);
}

bool
promise_detail(const struct promise *promise, struct tally_key *out)
{
	if (finding_result_type(promise->fetch_finding) == NULL)
		return false;
	*out = (struct tally_key){ .is_detail = true,
	    .direction = SESSION_OUT, .outcome = TALLY_FAILURE,
	    .finding = promise->fetch_finding, .is_probe = true,
	    .policy = text_of("sts") };
	return true;
}
