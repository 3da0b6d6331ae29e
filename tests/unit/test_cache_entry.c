/*
 * The names and messages of the shared cache, to the letter: hosts of one
 * group are upgraded apart.
 */

#include "shared/cache_entry.h"

#include "tests/unit/check.h"

#define ROWS(table)	(sizeof(table) / sizeof(table[0]))

static const struct {
	const char *hop, *facts, *lock;
} keys[] = {
	{ "example.com", "hopseal:facts:{example.com}",
	    "hopseal:lock:{example.com}" },
	{ "Example.COM.", "hopseal:facts:{example.com}",
	    "hopseal:lock:{example.com}" },
	{ "example.com:25", "hopseal:facts:{example.com}",
	    "hopseal:lock:{example.com}" },
	{ "example.com:587", "hopseal:facts:{example.com}:587",
	    "hopseal:lock:{example.com}:587" },
	{ "[mx.example.com]", "hopseal:facts:{mx.example.com}:host:25",
	    "hopseal:lock:{mx.example.com}:host:25" },
	{ "[mx.example.com]:65535",
	    "hopseal:facts:{mx.example.com}:host:65535",
	    "hopseal:lock:{mx.example.com}:host:65535" },
	{ "m\303\274ller.example", "hopseal:facts:{xn--mller-kva.example}",
	    "hopseal:lock:{xn--mller-kva.example}" },
};

static void
test_keys(void)
{
	struct next_hop hop;
	char key[CACHE_KEY_SIZE];
	const char *why;
	size_t i;

	for (i = 0; i < ROWS(keys); i++) {
		next_hop_parse(text_of(keys[i].hop), &hop, &why);
		check_text(keys[i].hop, cache_facts_key(&hop, key),
		    keys[i].facts);
		check_text(" its lock", cache_lock_key(&hop, key),
		    keys[i].lock);
	}
	hop.kind = NEXT_HOP_HOST;
	hop.port = 65535;
	memset(hop.name, 'a', HOST_NAME_MAX_BYTES);
	hop.name[HOST_NAME_MAX_BYTES] = '\0';
	check_int("the longest name is not cut",
	    (int64_t)strlen(cache_facts_key(&hop, key)), 16 + 253 + 11);
	check_text("channel", CACHE_CHANNEL, "hopseal:changes");
	check_text("epoch", CACHE_EPOCH_KEY, "hopseal:epoch");
}

static const struct {
	const char *label, *message;
	bool is_change;
	enum cache_change_kind kind;
	uint64_t origin;
	const char *hop;
} changes[] = {
	{ "changed", "changed 0123456789abcdef example.com", true,
	    CACHE_CHANGED, UINT64_C(0x0123456789abcdef), "example.com" },
	{ "forgotten", "forgotten 0000000000000000 example.com:587", true,
	    CACHE_FORGOTTEN, 0, "example.com:587" },
	{ "forgotten with its policy",
	    "forgotten-policy ffffffffffffffff [mx.example.com]:25", true,
	    CACHE_FORGOTTEN_POLICY, UINT64_MAX, "[mx.example.com]:25" },

	{ .label = "nothing", .message = "" },
	{ .label = "blanks", .message = "  " },
	{ .label = "a word alone", .message = "changed" },
	{ .label = "no next hop", .message = "changed 0123456789abcdef" },
	{ .label = "an empty next hop",
	    .message = "changed 0123456789abcdef " },
	{ .label = "a word of a newer version",
	    .message = "renamed 0123456789abcdef example.com" },
	{ .label = "a word in capitals",
	    .message = "CHANGED 0123456789abcdef example.com" },
	{ .label = "a short origin",
	    .message = "changed 0123456789abcde example.com" },
	{ .label = "a long origin",
	    .message = "changed 0123456789abcdef0 example.com" },
	{ .label = "an origin in capitals",
	    .message = "changed 0123456789ABCDEF example.com" },
	{ .label = "an origin that is no number",
	    .message = "changed 0123456789abcdeg example.com" },
	{ .label = "an origin with a prefix",
	    .message = "changed 0x23456789abcdef example.com" },
	{ .label = "a next hop that is none",
	    .message = "changed 0123456789abcdef .example.com" },
	{ .label = "two next hops",
	    .message = "changed 0123456789abcdef example.com example.org" },
	{ .label = "a line end",
	    .message = "changed 0123456789abcdef example.com\n" },
};

static void
test_changes(void)
{
	struct cache_change change;
	char hop[NEXT_HOP_TEXT_SIZE], *exact;
	struct buffer b;
	size_t i, len;

	for (i = 0; i < ROWS(changes); i++) {
		len = strlen(changes[i].message);
		exact = check_exact(changes[i].message, len);
		memset(&change, 0xee, sizeof(change));
		check_bool(changes[i].label, cache_change_parse(
		    (struct text){ exact, len }, &change),
		    changes[i].is_change);
		free(exact);
		if (!changes[i].is_change) {
			check_bool(" out is untouched", change.origin ==
			    UINT64_C(0xeeeeeeeeeeeeeeee), true);
			continue;
		}
		check_int(" kind", change.kind, changes[i].kind);
		check_bool(" origin", change.origin == changes[i].origin,
		    true);
		check_text(" next hop", next_hop_format(&change.hop, hop),
		    changes[i].hop);
		buffer_init(&b, 1024);
		cache_change_format(&change, &b);
		check_text(" formatted again", buffer_text(&b),
		    changes[i].message);
		buffer_clear(&b);
	}
	check_bool("a NUL inside", cache_change_parse((struct text){
	    "changed 0123456789abcde\0 example.com", 36 }, &change), false);
}

int
main(void)
{
	test_keys();
	test_changes();
	return check_end();
}
