/*
 * A parent's settings come through whole, and absent secrets stay absent.
 */

#include "shared/settings_message.h"

#include "tests/unit/check.h"

int
main(void)
{
	struct settings_message m = { .generation = 7,
	    .config_path = text_of("/etc/hopseal/hopseal.conf"),
	    .config_text = text_of("dane = no\n"),
	    .overrides = text_of(""), .rules = text_of("* out action=log\n"),
	    .site = text_of("mail_version = 3.7.11\n"),
	    .redis_password = text_of("") }, got;
	struct buffer b;
	struct text payload;
	size_t len;

	buffer_init(&b, 65536);
	settings_message_format(&m, &b);
	payload = (struct text){ b.data, b.len };
	check_bool("parses", settings_message_parse(payload, &got), true);
	check_int("generation", (int64_t)got.generation, 7);
	check_bool("path", text_equals(got.config_path,
	    "/etc/hopseal/hopseal.conf"), true);
	check_bool("text", text_equals(got.config_text, "dane = no\n"), true);
	check_int("overrides", (int64_t)got.overrides.len, 0);
	check_bool("rules", text_equals(got.rules, "* out action=log\n"),
	    true);
	check_bool("site", text_equals(got.site, "mail_version = 3.7.11\n"),
	    true);
	check_bool("an empty secret is one", got.redis_password.data != NULL,
	    true);
	check_bool("no secret is none", got.status_password.data == NULL,
	    true);
	for (len = 0; len < payload.len; len++)
		if (settings_message_parse((struct text){ payload.data, len },
		    &got))
			break;
	check_int("cut anywhere it is none", (int64_t)len,
	    (int64_t)payload.len);
	buffer_add(&b, "x", 1);
	check_bool("nor with more behind it", settings_message_parse(
	    (struct text){ b.data, b.len }, &got), false);
	buffer_clear(&b);
	return check_end();
}
