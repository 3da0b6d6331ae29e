/*
 * What front and scout say to each other.  Both sides check what they get: the
 * scout lives among strangers.
 */

#include "shared/scout_message.h"

#include "shared/pack.h"

void
scout_lookup_format(const struct scout_lookup *m, struct buffer *out)
{
	char hop[NEXT_HOP_TEXT_SIZE];

	pack_string(out, next_hop_format(&m->hop, hop));
	pack_u8(out, m->must_refresh);
	pack_text(out, m->known);
}

bool
scout_lookup_parse(struct text payload, struct scout_lookup *out)
{
	struct scout_lookup m;
	struct unpack u;
	const char *why;

	unpack_init(&u, payload.data, payload.len);
	next_hop_parse(unpack_text(&u), &m.hop, &why);
	m.must_refresh = unpack_u8(&u) != 0;
	m.known = unpack_text(&u);
	if (!unpack_is_done(&u) || m.hop.kind == NEXT_HOP_NONE)
		return false;
	*out = m;
	return true;
}

void
scout_resolver_format(const struct scout_resolver *m, struct buffer *out)
{
	pack_u8(out, (uint8_t)m->validates);
	pack_u8(out, (uint8_t)m->postfix_ad);
	pack_text(out, m->detail);
}

bool
scout_resolver_parse(struct text payload, struct scout_resolver *out)
{
	struct scout_resolver m;
	struct unpack u;
	uint8_t validates, postfix_ad;

	unpack_init(&u, payload.data, payload.len);
	validates = unpack_u8(&u);
	postfix_ad = unpack_u8(&u);
	m.detail = unpack_text(&u);
	if (!unpack_is_done(&u) || validates > SCOUT_CHECK_YES ||
	    postfix_ad > SCOUT_CHECK_YES || !text_is_printable(m.detail))
		return false;
	m.validates = (enum scout_check)validates;
	m.postfix_ad = (enum scout_check)postfix_ad;
	*out = m;
	return true;
}

void
scout_date_format(const struct scout_date *m, struct buffer *out)
{
	char host[ADDRESS_TEXT_SIZE];

	pack_string(out, address_format(&m->host, host));
	pack_u64(out, (uint64_t)m->ahead_s);
}

bool
scout_date_parse(struct text payload, struct scout_date *out)
{
	struct scout_date m;
	struct unpack u;
	struct text host;

	unpack_init(&u, payload.data, payload.len);
	host = unpack_text(&u);
	m.ahead_s = (int64_t)unpack_u64(&u);
	if (!unpack_is_done(&u) || m.ahead_s < -SCOUT_DATE_MAX_S ||
	    m.ahead_s > SCOUT_DATE_MAX_S || !address_parse(host, &m.host))
		return false;
	*out = m;
	return true;
}
