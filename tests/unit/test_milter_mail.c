/*
 * One message: headers of ours by any spelling, values from outside, tags.
 */

#include "milter/mail.h"

#include "tests/unit/check.h"

/* A mail without a setup: nothing here asks for one. */
void
setup_release(struct setup *setup)
{
	(void)setup;
}

void
judge_patience_init(struct judge_patience *patience, const struct setup *setup)
{
	(void)setup;
	patience->left_ms = 7;
}

static const struct {
	const char *label, *name;
	unsigned inbound, next_hop;
} headers[] = {
	{ "as we write it", "X-Hopseal-Inbound", 1, 0 },
	{ "small", "x-hopseal-inbound", 1, 0 },
	{ "large", "X-HOPSEAL-NEXT-HOP", 0, 1 },
	{ "longer", "X-Hopseal-Inbound2", 0, 0 },
	{ "shorter", "X-Hopseal", 0, 0 },
	{ "with a blank", "X-Hopseal-Inbound ", 0, 0 },
	{ "another", "Received", 0, 0 },
	{ "empty", "", 0, 0 }
};

static const struct {
	const char *label, *value, *want;
	size_t size;
} words[] = {
	{ "a protocol", "TLSv1.3", "TLSv1.3", 16 },
	{ "a cipher", "ECDHE-RSA-AES256_X.Y", "ECDHE-RSA-AES256_X.Y", 64 },
	{ "none", "", "", 8 },
	{ "it fits", "1234567", "1234567", 8 },
	{ "it is cut", "123456789", "1234567", 8 },
	{ "blanks and line ends", "a b\r\n\tc", "a?b???c", 16 },
	{ "a header's end", "x: y; z=1", "x??y??z?1", 16 },
	{ "beyond ASCII", "\xc3\xa9", "??", 16 }
};

static const struct {
	const char *label;
	struct mail_tls tls;
	const char *want;
} inbound[] = {
	{ "plaintext", { "", "", "", false }, "tls=none" },
	{ "TLS", { "TLSv1.2", "AES128-SHA", "128", false },
	    "tls=TLSv1.2 cipher=AES128-SHA bits=128 "
	    "client-cert=unverified-or-none" },
	{ "a client", { "TLSv1.3", "X", "256", true },
	    "tls=TLSv1.3 cipher=X bits=256 client-cert=verified" },
	{ "a version alone", { "TLSv1.3", "", "", false },
	    "tls=TLSv1.3 cipher=unknown bits=0 "
	    "client-cert=unverified-or-none" },
	{ "no version, no TLS", { "", "X", "256", true }, "tls=none" }
};

static void
test_headers(void)
{
	struct mail mail = { 0 };
	size_t i;

	for (i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		mail_begin(&mail, NULL);
		mail_note_header(&mail, headers[i].name);
		check_int(headers[i].label, mail.header_counts[MAIL_INBOUND],
		    headers[i].inbound);
		check_int(headers[i].label, mail.header_counts[MAIL_NEXT_HOP],
		    headers[i].next_hop);
	}
	check_int("each message waits anew", mail.patience.left_ms, 7);
}

static void
test_values(void)
{
	struct mail mail = { 0 };
	struct buffer value;
	char word[64];
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		mail_set_word(word, words[i].size, words[i].value);
		check_text(words[i].label, word, words[i].want);
	}
	for (i = 0; i < sizeof(inbound) / sizeof(inbound[0]); i++) {
		mail.tls = inbound[i].tls;
		buffer_init(&value, 400);
		mail_format_inbound(&mail, &value);
		check_text(inbound[i].label, buffer_text(&value),
		    inbound[i].want);
		buffer_clear(&value);
	}
	mail.is_marked = true;
	buffer_init(&value, 400);
	mail_format_inbound(&mail, &value);
	check_text("our certificate has ended", buffer_text(&value),
	    "tls=none our-cert=expired");
	buffer_clear(&value);
}

static void
test_trust(void)
{
	struct mail mail = { 0 };

	check_bool("a stranger", mail_is_trusted(&mail), false);
	mail.is_own = true;
	check_bool("one of ours", mail_is_trusted(&mail), true);
	mail.is_own = false;
	mail.is_reinjected = true;
	check_bool("from a content filter", mail_is_trusted(&mail), true);
}

static void
test_tags(void)
{
	static const char a[MAIL_TAG_ID_SIZE] = "000000000000000a";
	static const char b[MAIL_TAG_ID_SIZE] = "000000000000000b";
	struct judgement j = { .policy = TLS_POLICY_STS,
	    .verdict = VERDICT_UNDELIVERABLE,
	    .finding = FINDING_CERT_EXPIRED };
	struct mail mail = { 0 };
	struct buffer value;
	int i;

	check_text("a tag", mail_add_tag(&mail, &j, a)->id, a);
	check_text("the same finding", mail_add_tag(&mail, &j, b)->id, a);
	j.policy = TLS_POLICY_DANE;
	check_text("another policy", mail_add_tag(&mail, &j, b)->id, b);
	check_int("two", (int64_t)mail.tag_count, 2);
	buffer_init(&value, 400);
	mail_format_tag(&mail.tags[0], &value);
	check_text("its value", buffer_text(&value), "policy=sts "
	    "verdict=undeliverable finding=cert-expired id=000000000000000a");
	buffer_clear(&value);
	for (i = 0; mail.tag_count < MAIL_TAGS_MAX; i++) {
		j.finding = (enum finding)i;
		mail_add_tag(&mail, &j, a);
	}
	j.finding = FINDING_UNREACHABLE;
	check_bool("too many", mail_add_tag(&mail, &j, a) == NULL, true);
	mail_clear(&mail);
	check_int("none in the next message", (int64_t)mail.tag_count, 0);
}

int
main(void)
{
	test_headers();
	test_values();
	test_trust();
	test_tags();
	return check_end();
}
