/*
 * One message.  Values from outside reach a header only through mail_set_word.
 */

#include "milter/mail.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "shared/policy/inbound_decision.h"

static const char *const header_names[] = {
	[MAIL_INBOUND] = INBOUND_HEADER,
	[MAIL_NEXT_HOP] = "X-Hopseal-Next-Hop"
};

void
mail_begin(struct mail *mail, struct setup *setup)
{
	mail_clear(mail);
	mail->setup = setup;
	judge_patience_init(&mail->patience, setup);
}

void
mail_clear(struct mail *mail)
{
	setup_release(mail->setup);
	memset(mail, 0, sizeof(*mail));
}

void
mail_set_sender(struct mail *mail, const char *argument)
{
	snprintf(mail->sender, sizeof(mail->sender), "%s",
	    argument + (argument[0] == '<'));
	mail->sender[strcspn(mail->sender, ">")] = '\0';
}

void
mail_set_word(char *out, size_t size, const char *value)
{
	size_t i;

	for (i = 0; i + 1 < size && value[i] != '\0'; i++)
		out[i] = isalnum((unsigned char)value[i]) ||
		    strchr("._-", value[i]) != NULL ? value[i] : '?';
	out[i] = '\0';
}

const char *
mail_header_name(enum mail_header header)
{
	return header_names[header];
}

void
mail_note_header(struct mail *mail, const char *name)
{
	int i;

	for (i = 0; i < MAIL_HEADER_COUNT; i++)
		if (strcasecmp(name, header_names[i]) == 0)
			mail->header_counts[i]++;
}

bool
mail_is_trusted(const struct mail *mail)
{
	return mail->is_own || mail->is_reinjected;
}

const struct mail_tag *
mail_add_tag(struct mail *mail, const struct judgement *judgement,
    const char id[MAIL_TAG_ID_SIZE])
{
	struct mail_tag *tag;
	size_t i;

	for (i = 0; i < mail->tag_count; i++) {
		tag = &mail->tags[i];
		if (tag->judgement.policy == judgement->policy &&
		    tag->judgement.finding == judgement->finding)
			return tag;
	}
	if (mail->tag_count == MAIL_TAGS_MAX)
		return NULL;
	tag = &mail->tags[mail->tag_count++];
	tag->judgement = *judgement;
	memcpy(tag->id, id, sizeof(tag->id));
	return tag;
}

void
mail_format_inbound(const struct mail *mail, struct buffer *out)
{
	const struct mail_tls *tls = &mail->tls;

	if (tls->version[0] == '\0')
		buffer_add_text(out, "tls=none");
	else
		buffer_addf(out, "tls=%s cipher=%s bits=%s client-cert=%s",
		    tls->version, tls->cipher[0] != '\0' ? tls->cipher :
		    "unknown", tls->bits[0] != '\0' ? tls->bits : "0",
		    tls->has_verified_client ? "verified" :
		    "unverified-or-none");
	if (mail->is_marked)
		buffer_add_text(out, " " INBOUND_OUR_CERT);
}

void
mail_format_tag(const struct mail_tag *tag, struct buffer *out)
{
	buffer_addf(out, "policy=%s verdict=%s finding=%s id=%s",
	    tls_policy_kind_name(tag->judgement.policy),
	    verdict_name(tag->judgement.verdict),
	    finding_name(tag->judgement.finding), tag->id);
}
