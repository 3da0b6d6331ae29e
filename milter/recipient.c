/*
 * What becomes of one recipient.  Where Postfix leads all mail to the MX hosts
 * of its domain, policyd is not asked for the way.
 */

#include "milter/recipient.h"

#include <string.h>

#include "shared/host_name.h"

struct text
recipient_address(struct text address)
{
	if (address.len > 0 && address.data[0] == '<') {
		address.data++;
		address.len--;
	}
	if (address.len > 0 && address.data[address.len - 1] == '>')
		address.len--;
	return address;
}

/* By the lists that policyd sent; no more is known while it is away. */
static void
find_plain(const struct setup *setup, struct text recipient, struct route *out)
{
	const char *at = memrchr(recipient.data, '@', recipient.len), *why;
	struct next_hop *hop = &out->transport.hops[0];
	size_t skip;

	if (at == NULL)
		return;
	skip = (size_t)(at - recipient.data) + 1;
	next_hop_parse((struct text){ recipient.data + skip,
	    recipient.len - skip }, hop, &why);
	if (hop->kind != NEXT_HOP_DOMAIN ||
	    setup_owns_domain(setup, hop->name))
		return;
	out->domain_is_ours = FACT_ABSENT;
	out->transport.kind = TRANSPORT_HOPS;
	out->transport.hop_count = 1;
}

static void
find_route(struct mail *mail, struct text recipient, struct route *out)
{
	const struct setup *setup = mail->setup;
	const struct route_question q = { text_of(mail->client),
	    text_of(mail->sender), recipient };

	memset(out, 0, sizeof(*out));
	if (!setup->site.is_known || setup->site.is_plain)
		find_plain(setup, recipient, out);
	else if (setup->may_act)
		judge_route(setup, &q, &mail->patience, out);
	if (out->client_is_ours == FACT_PRESENT)
		mail->is_own = true;
}

/* The next recipient often has the same next hop. */
static void
judge(struct mail *mail, const struct next_hop *hop, struct judgement *out)
{
	if (mail->last_hop.kind != hop->kind ||
	    mail->last_hop.port != hop->port ||
	    strcmp(mail->last_hop.name, hop->name) != 0) {
		judge_hop(mail->setup, hop, mail->is_own, &mail->patience,
		    &mail->last);
		mail->last_hop = *hop;
	}
	*out = mail->last;
}

bool
recipient_judge(struct mail *mail, struct text recipient, struct next_hop *hop,
    struct judgement *out)
{
	struct judgement other;
	struct route route;
	size_t i;

	find_route(mail, recipient_address(recipient), &route);
	if (route.transport.kind != TRANSPORT_HOPS ||
	    (!mail->is_own && route.domain_is_ours != FACT_ABSENT))
		return false;
	*hop = route.transport.hops[0];
	judge(mail, hop, out);
	for (i = 1; i < route.transport.hop_count; i++) {
		judge(mail, &route.transport.hops[i], &other);
		if (other.action != out->action)
			return false;
	}
	return true;
}
