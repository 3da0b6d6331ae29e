/*
 * What policyd answers the milter: either parser takes or refuses it, and what
 * is taken is in range.
 */

#include <assert.h>
#include <string.h>

#include "milter/policyd_answer.h"
#include "tests/fuzz/fuzz.h"

void
fuzz_one(const uint8_t *data, size_t size)
{
	struct text line = { (const char *)data, size };
	struct site_answer site;
	struct judgement j;
	struct route route;
	const char *why = NULL;
	size_t i;

	if (site_answer_parse(line, &site, &why) == 0) {
		for (i = 0; i < site.own_domain_count; i++)
			assert(site.own_domains[i][0] != '\0');
		for (i = 0; i < site.own_networks.count; i++)
			assert(site.own_networks.networks[i].prefix_bits <=
			    128);
		site_answer_clear(&site);
	} else
		assert(why != NULL);
	if (route_answer_parse(line, &route, &why) == 0)
		assert((route.transport.kind == TRANSPORT_HOPS) ==
		    (route.transport.hop_count > 0) &&
		    route.transport.hop_count <= TRANSPORT_HOPS_MAX);
	if (judgement_parse(line, &j, &why) == 0)
		assert(j.action <= RULE_ACTION_DEFER &&
		    j.finding < FINDING_COUNT &&
		    memchr(j.reason, '\0', sizeof(j.reason)) != NULL);
}
