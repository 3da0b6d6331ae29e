/*
 * What a child must know to work.  The texts travel as they were read; each
 * process parses them with the one parser there is.
 */

#include "shared/settings_message.h"

#include <stddef.h>

#include "shared/pack.h"

static void
pack_secret(struct buffer *out, struct text secret)
{
	pack_u8(out, secret.data != NULL);
	pack_text(out, secret.data != NULL ? secret : text_of(""));
}

static struct text
unpack_secret(struct unpack *u)
{
	bool is_there = unpack_u8(u) != 0;
	struct text secret = unpack_text(u);

	return is_there ? secret : (struct text){ NULL, 0 };
}

void
settings_message_format(const struct settings_message *m, struct buffer *out)
{
	pack_u64(out, m->generation);
	pack_text(out, m->config_path);
	pack_text(out, m->config_text);
	pack_text(out, m->overrides);
	pack_text(out, m->rules);
	pack_text(out, m->site);
	pack_secret(out, m->redis_password);
	pack_secret(out, m->status_password);
}

bool
settings_message_parse(struct text payload, struct settings_message *out)
{
	struct unpack u;

	unpack_init(&u, payload.data, payload.len);
	out->generation = unpack_u64(&u);
	out->config_path = unpack_text(&u);
	out->config_text = unpack_text(&u);
	out->overrides = unpack_text(&u);
	out->rules = unpack_text(&u);
	out->site = unpack_text(&u);
	out->redis_password = unpack_secret(&u);
	out->status_password = unpack_secret(&u);
	return unpack_is_done(&u);
}
