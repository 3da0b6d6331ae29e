/*
 * Carries out what was found.  Where the access service judges recipients
 * (recipient_judge), and where no smtpd listens, a recipient is never refused
 * and no mail held.
 */

#include "milter/reply.h"

#include <sys/random.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "shared/io/log.h"
#include "shared/policy/inbound_decision.h"

#define HEADER_VALUE_MAX	400

sfsistat
reply_own_failure(void)
{
	return SMFIS_CONTINUE;
}

/* -------------------------------------------------------------- recipients */

static void
log_recipient(const char *domain, const struct judgement *j,
    const char *action, const char *id)
{
	log_info("intake: domain=%s, action=%s, policy=%s, verdict=%s, "
	    "finding=%s%s%s, reason=%s", domain, action,
	    tls_policy_kind_name(j->policy), verdict_name(j->verdict),
	    finding_name(j->finding), id[0] != '\0' ? ", id=" : "", id,
	    j->reason);
}

static sfsistat
defer(SMFICTX *ctx, const char *domain, const struct judgement *j)
{
	char code[] = "450", status[] = "4.7.5";
	char words[TLS_REASON_MAX_BYTES + 1];
	char *percent;

	/* Sendmail's format character; no name or id holds one. */
	snprintf(words, sizeof(words), "%s", j->reason);
	while ((percent = strchr(words, '%')) != NULL)
		*percent = '?';
	log_recipient(domain, j, "defer", "");
	if (smfi_setreply(ctx, code, status, words) != MI_SUCCESS) {
		log_error("the MTA takes no reply: domain=%s", domain);
		return reply_own_failure();
	}
	return SMFIS_TEMPFAIL;
}

static void
tag(struct mail *mail, const char *domain, const struct judgement *j)
{
	const struct mail_tag *added;
	char id[MAIL_TAG_ID_SIZE];
	uint64_t number;

	if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
		number = 0;
	snprintf(id, sizeof(id), "%016" PRIx64, number);
	added = mail_add_tag(mail, j, id);
	log_recipient(domain, j, "tag", added != NULL ? added->id : "");
}

sfsistat
reply_recipient(SMFICTX *ctx, struct mail *mail, const char *domain,
    const struct judgement *j)
{
	bool may_refuse = !mail->is_simulated &&
	    mail->setup->config->recipient_judge == CONFIG_JUDGE_MILTER;

	switch (j->action) {
	case RULE_ACTION_DEFER:
		if (may_refuse)
			return defer(ctx, domain, j);
		break;
	case RULE_ACTION_HOLD:
		if (may_refuse && !mail->is_held) {
			mail->is_held = true;
			mail->hold = *j;
		}
		if (may_refuse)
			log_recipient(domain, j, "hold", "");
		break;
	case RULE_ACTION_TAG:
		tag(mail, domain, j);
		break;
	case RULE_ACTION_UNSET:
	case RULE_ACTION_OFF:
	case RULE_ACTION_LOG:
	case RULE_ACTION_REJECT:	/* never for what goes out */
		break;
	}
	return SMFIS_CONTINUE;
}

/* ----------------------------------------------------------- end of message */

/* From the last to the first: the index of those before stays what it was. */
static bool
remove_header(SMFICTX *ctx, const struct mail *mail, enum mail_header header)
{
	char name[32];
	unsigned i;

	snprintf(name, sizeof(name), "%s", mail_header_name(header));
	for (i = mail->header_counts[header]; i > 0; i--)
		if (smfi_chgheader(ctx, name, (int)i, NULL) != MI_SUCCESS)
			return false;
	return true;
}

/* Right below Postfix's own Received. */
static bool
insert_header(SMFICTX *ctx, enum mail_header header, struct buffer *value)
{
	char name[32], text[HEADER_VALUE_MAX + 1];

	snprintf(name, sizeof(name), "%s", mail_header_name(header));
	snprintf(text, sizeof(text), "%s", buffer_text(value));
	buffer_clear(value);
	return smfi_insheader(ctx, 1, name, text) == MI_SUCCESS;
}

static bool
add_inbound(SMFICTX *ctx, const struct mail *mail, const char *queue_id)
{
	struct buffer value;

	if (mail->is_simulated || mail->setup->config->inbound_tls ==
	    CONFIG_INBOUND_TLS_UNKNOWN)
		return true;
	buffer_init(&value, HEADER_VALUE_MAX);
	mail_format_inbound(mail, &value);
	if (mail->is_marked)
		log_info("tagged: queue_id=%s, " INBOUND_OUR_CERT, queue_id);
	return insert_header(ctx, MAIL_INBOUND, &value);
}

static bool
add_tags(SMFICTX *ctx, const struct mail *mail, const char *queue_id)
{
	struct buffer value;
	size_t i;

	for (i = 0; i < mail->tag_count; i++) {
		buffer_init(&value, HEADER_VALUE_MAX);
		mail_format_tag(&mail->tags[i], &value);
		log_info("tagged: queue_id=%s, id=%s", queue_id,
		    mail->tags[i].id);
		if (!insert_header(ctx, MAIL_NEXT_HOP, &value))
			return false;
	}
	return true;
}

static bool
hold(SMFICTX *ctx, struct mail *mail, const char *queue_id)
{
	if (!mail->is_held)
		return true;
	log_info("held: queue_id=%s, reason=%s", queue_id, mail->hold.reason);
	return smfi_quarantine(ctx, mail->hold.reason) == MI_SUCCESS;
}

static sfsistat
refuse_flood(SMFICTX *ctx, const char *queue_id)
{
	char code[] = "451", status[] = "4.7.1";
	char words[] = "too many header fields that only this host may add";

	log_warn("mail refused for now: queue_id=%s, reason=more than %d "
	    "headers of ours from outside", queue_id, REPLY_REMOVE_MAX);
	smfi_setreply(ctx, code, status, words);
	return SMFIS_TEMPFAIL;
}

sfsistat
reply_message(SMFICTX *ctx, struct mail *mail, const char *queue_id)
{
	bool is_done = true;
	int i;

	if (!mail_is_trusted(mail)) {
		for (i = 0; i < MAIL_HEADER_COUNT; i++)
			if (mail->header_counts[i] > REPLY_REMOVE_MAX)
				return refuse_flood(ctx, queue_id);
		for (i = 0; i < MAIL_HEADER_COUNT; i++)
			is_done &= remove_header(ctx, mail, i);
		is_done &= add_inbound(ctx, mail, queue_id);
	}
	is_done &= add_tags(ctx, mail, queue_id);
	is_done &= hold(ctx, mail, queue_id);
	if (is_done)
		return SMFIS_CONTINUE;
	log_error("the MTA does not take our changes: queue_id=%s", queue_id);
	return reply_own_failure();
}
