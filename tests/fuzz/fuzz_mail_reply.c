/*
 * What strangers say: each dialect by the input's first octet, reply after
 * reply, and a reply is the same whatever stands behind it.
 */

#include "shared/mail_reply.h"

#include <assert.h>

#include "tests/fuzz/fuzz.h"

void
fuzz_one(const uint8_t *data, size_t size)
{
	enum mail_dialect dialect;
	struct mail_reply reply, again;
	const char *why = NULL;
	size_t used, used_again;

	if (size == 0)
		return;
	dialect = (enum mail_dialect)(data[0] % (MAIL_POP3 + 1));
	data++;
	size--;
	while (mail_reply_parse(dialect, data, size, &reply, &used, &why) ==
	    MAIL_REPLY_DONE) {
		assert(used > 0 && used <= size && reply.text.len == used);
		assert(reply.last.len < used);
		mail_reply_offers(&reply, "STARTTLS");
		assert(mail_reply_parse(dialect, data, used, &again,
		    &used_again, &why) == MAIL_REPLY_DONE);
		assert(used == used_again && reply.verdict == again.verdict);
		assert(mail_reply_parse(dialect, data, used - 1, &again,
		    &used_again, &why) == MAIL_REPLY_MORE);
		data += used;
		size -= used;
	}
}
