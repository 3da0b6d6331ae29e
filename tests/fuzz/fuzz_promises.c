/*
 * What the front says of promises and clients: a payload is taken whole or
 * refused, and what was taken completes a session.
 */

#include "policyd/clerk/ledger/promises.h"

#include "policyd/process/session_message.h"
#include "tests/fuzz/fuzz.h"

static const struct siphash_key hash_key = { 1, 2 };

void
fuzz_one(const uint8_t *data, size_t size)
{
	struct text payload = { (const char *)data, size };
	struct promises *promises = promises_new();
	struct tally *tally = tally_new(1, 10, &hash_key);
	struct tls_session s = { .at = 86400, .host = text_of("mx.a.example") };
	struct tally_key key = { .outcome = TALLY_SUCCESS };
	char ref[TALLY_REF_SIZE] = "";
	struct promise promise;
	struct tls_session note;
	struct verdict_note verdict;

	session_note_parse(payload, &note);
	verdict_note_parse(payload, &verdict);
	if (promises_take(promises, payload) &&
	    promise_parse(payload, &promise)) {
		promise_complete(&promise, tally, &s, TALLY_ONCE, &key, ref);
		promise_detail(&promise, &key);
		promises_find(promises, promise.domain);
	}
	promises_free(promises);
	tally_free(tally);
}
