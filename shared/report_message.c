/*
 * Messages about reports that go out.
 */

#include "shared/report_message.h"

#include "shared/pack.h"

void
report_request_format(const struct report_request *m, struct buffer *out)
{
	pack_u8(out, (uint8_t)m->way);
	pack_text(out, m->target);
	pack_text(out, m->relay);
	pack_text(out, m->sender);
	pack_text(out, m->helo);
	pack_text(out, m->body);
}

static bool
is_word(struct text t)
{
	return t.len > 0 && t.len <= REPORT_TARGET_MAX &&
	    text_is_printable(t);
}

bool
report_request_parse(struct text payload, struct report_request *out)
{
	struct report_request m;
	struct unpack u;

	unpack_init(&u, payload.data, payload.len);
	m.way = (enum report_way)unpack_u8(&u);
	m.target = unpack_text(&u);
	m.relay = unpack_text(&u);
	m.sender = unpack_text(&u);
	m.helo = unpack_text(&u);
	m.body = unpack_text(&u);
	if (!unpack_is_done(&u) || !is_word(m.target) || m.body.len == 0 ||
	    m.body.len > REPORT_BODY_MAX)
		return false;
	if (m.way == REPORT_BY_MAIL) {
		if (!is_word(m.relay) || !is_word(m.sender) ||
		    !is_word(m.helo))
			return false;
	} else if (m.way != REPORT_BY_HTTPS)
		return false;
	*out = m;
	return true;
}

void
report_result_format(const struct report_result *m, struct buffer *out)
{
	pack_u8(out, (uint8_t)m->outcome);
	pack_text(out, m->words);
}

bool
report_result_parse(struct text payload, struct report_result *out)
{
	struct report_result m;
	struct unpack u;

	unpack_init(&u, payload.data, payload.len);
	m.outcome = (enum report_outcome)unpack_u8(&u);
	m.words = unpack_text(&u);
	if (!unpack_is_done(&u) || m.outcome < REPORT_SENT ||
	    m.outcome > REPORT_DOUBTFUL)
		return false;
	*out = m;
	return true;
}
