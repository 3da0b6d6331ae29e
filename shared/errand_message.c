/*
 * Messages about errands.
 */

#include "shared/errand_message.h"

#include "shared/pack.h"

void
errand_format(const struct errand *m, struct buffer *out)
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
	return t.len > 0 && t.len <= ERRAND_TARGET_MAX &&
	    text_is_printable(t);
}

bool
errand_parse(struct text payload, struct errand *out)
{
	struct errand m;
	struct unpack u;

	unpack_init(&u, payload.data, payload.len);
	m.way = (enum errand_way)unpack_u8(&u);
	m.target = unpack_text(&u);
	m.relay = unpack_text(&u);
	m.sender = unpack_text(&u);
	m.helo = unpack_text(&u);
	m.body = unpack_text(&u);
	if (!unpack_is_done(&u) || !is_word(m.target) || m.body.len == 0 ||
	    m.body.len > ERRAND_BODY_MAX)
		return false;
	if (m.way == ERRAND_MAIL) {
		if (!is_word(m.relay) || !is_word(m.sender) ||
		    !is_word(m.helo))
			return false;
	} else if (m.way != ERRAND_REPORT && m.way != ERRAND_WEBHOOK)
		return false;
	*out = m;
	return true;
}

void
errand_result_format(const struct errand_result *m, struct buffer *out)
{
	pack_u8(out, (uint8_t)m->outcome);
	pack_text(out, m->words);
}

bool
errand_result_parse(struct text payload, struct errand_result *out)
{
	struct errand_result m;
	struct unpack u;

	unpack_init(&u, payload.data, payload.len);
	m.outcome = (enum errand_outcome)unpack_u8(&u);
	m.words = unpack_text(&u);
	if (!unpack_is_done(&u) || m.outcome < ERRAND_DONE ||
	    m.outcome > ERRAND_DOUBTFUL)
		return false;
	*out = m;
	return true;
}
