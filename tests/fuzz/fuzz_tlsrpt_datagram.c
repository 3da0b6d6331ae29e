/*
 * Datagrams: what is accepted has names in their one spelling, a result-type
 * for each failure, and strings that end.
 */

#include "shared/tlsrpt/datagram.h"

#include <assert.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

static size_t
length(const char *string)
{
	return string != NULL ? strlen(string) : 0;
}

static void
check_policy(const struct datagram_policy *p)
{
	const struct datagram_failure *f;
	size_t i, octets = 0;

	assert(p->type != NULL && host_name_is_normal(text_of(p->domain)));
	for (i = 0; i < p->string_count; i++)
		octets += strlen(p->strings[i]);
	for (i = 0; i < p->mx_count; i++)
		octets += strlen(p->mx[i]);
	for (i = 0; i < p->failure_count; i++) {
		f = &p->failures[i];
		assert(f->result_type != NULL && f->finding != FINDING_OK);
		octets += length(f->sending_ip) + length(f->mx_host) +
		    length(f->mx_helo) + length(f->receiving_ip) +
		    length(f->additional) + length(f->reason);
	}
	assert(octets <= 4 * DATAGRAM_MAX_BYTES);
}

void
fuzz_one(const uint8_t *data, size_t size)
{
	struct datagram d = { .json = NULL };
	const char *why = NULL;
	size_t i;

	if (datagram_parse((const char *)data, size, &d, &why) == -1) {
		assert(why != NULL && d.json == NULL);
		return;
	}
	assert(host_name_is_normal(text_of(d.domain)));
	assert(d.policy_count > 0 && strlen(d.record) <= size);
	for (i = 0; i < d.policy_count; i++)
		check_policy(&d.policies[i]);
	datagram_clear(&d);
}
