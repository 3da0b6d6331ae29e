/*
 * What a mail server says.  A line decides alone whether it ends the reply, so
 * that each dialect is one function.
 */

#include "shared/mail_reply.h"

#include <string.h>

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/*
 * RFC 5321, 4.2:  Reply-line = *( Reply-code "-" [ textstring ] CRLF )
 *                              Reply-code [ SP textstring ] CRLF
 * The last line's code counts, whatever those before it said.
 */
static bool
smtp_line_ends(struct text line, enum mail_verdict *verdict)
{
	if (line.len < 3 || !is_digit(line.data[0]) ||
	    !is_digit(line.data[1]) || !is_digit(line.data[2]) ||
	    (line.len > 3 && line.data[3] != ' '))
		return false;
	*verdict = line.data[0] == '2' ? MAIL_YES :
	    line.data[0] == '4' ? MAIL_NOT_NOW : MAIL_NO;
	return true;
}

/*
 * RFC 9051, 7.1:  "* OK", "* PREAUTH" or "* BYE" greets, TAG "OK", "NO" or
 * "BAD" answers.  After PREAUTH there is no STARTTLS (6.2.1).
 */
static bool
imap_line_ends(struct text line, const char *tag, enum mail_verdict *verdict)
{
	struct text word;

	if (!text_next_word(&line, &word) || !text_equals(word, tag))
		return false;
	*verdict = text_next_word(&line, &word) &&
	    text_equals_nocase(word, "OK") ? MAIL_YES : MAIL_NO;
	return true;
}

/* RFC 1939, 3:  "+OK" or "-ERR". */
static bool
pop3_line_ends(struct text line, enum mail_verdict *verdict)
{
	*verdict = text_starts_with(line, "+OK") ? MAIL_YES : MAIL_NO;
	return *verdict == MAIL_YES || text_starts_with(line, "-ERR");
}

static bool
line_ends(enum mail_dialect dialect, struct text line,
    enum mail_verdict *verdict)
{
	switch (dialect) {
	case MAIL_SMTP:
		return smtp_line_ends(line, verdict);
	case MAIL_IMAP_GREETING:
		return imap_line_ends(line, "*", verdict);
	case MAIL_IMAP:
		return imap_line_ends(line, MAIL_REPLY_TAG, verdict);
	case MAIL_POP3:
		return pop3_line_ends(line, verdict);
	}
	return false;
}

enum mail_reply_result
mail_reply_parse(enum mail_dialect dialect, const void *data, size_t len,
    struct mail_reply *out, size_t *used, const char **why)
{
	struct text all = { data, len }, rest = all, line;
	enum mail_verdict verdict;

	if (all.len > MAIL_REPLY_MAX_BYTES)
		rest.len = all.len = MAIL_REPLY_MAX_BYTES;
	while (rest.len > 0 && memchr(rest.data, '\n', rest.len) != NULL) {
		text_next_line(&rest, &line);
		if (memchr(line.data, '\0', line.len) != NULL) {
			*why = "a NUL in a reply";
			return MAIL_REPLY_BAD;
		}
		if (!line_ends(dialect, line, &verdict))
			continue;
		*used = all.len - rest.len;
		*out = (struct mail_reply){ verdict, { all.data, *used },
		    line };
		return MAIL_REPLY_DONE;
	}
	if (all.len < MAIL_REPLY_MAX_BYTES)
		return MAIL_REPLY_MORE;
	*why = "a reply longer than 16 KiB";
	return MAIL_REPLY_BAD;
}

bool
mail_reply_offers(const struct mail_reply *reply, const char *keyword)
{
	struct text rest = reply->text, line, word;
	bool is_first = true;

	while (text_next_line(&rest, &line)) {
		if (!is_first && line.len > 4) {
			line = (struct text){ line.data + 4, line.len - 4 };
			if (text_next_word(&line, &word) &&
			    text_equals_nocase(word, keyword))
				return true;
		}
		is_first = false;
	}
	return false;
}

bool
mail_reply_queue_id(const char *words, char out[MAIL_QUEUE_ID_SIZE])
{
	static const char before[] = "queued as ";
	const char *at = strstr(words, before);
	struct text rest, id;

	if (at == NULL)
		return false;
	rest = text_of(at + strlen(before));
	if (!text_next_word(&rest, &id) || id.len >= MAIL_QUEUE_ID_SIZE)
		return false;
	text_quote(out, MAIL_QUEUE_ID_SIZE, id);
	return true;
}
