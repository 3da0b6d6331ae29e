/*
 * libmilter's callbacks.  Those of one connection come one at a time, on any
 * thread; all that they know hangs on the connection.  Macros are read at
 * MAIL: libmilter keeps those of the latest HELO, which after STARTTLS is the
 * second, and Postfix has none of them any more at the end of the message.
 */

#include "milter/callbacks.h"

#include <sys/socket.h>

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "milter/mail.h"
#include "milter/recipient.h"
#include "milter/reply.h"
#include "milter/report_intake.h"
#include "shared/xalloc.h"

#define PORT_SIZE	8

/* What we ask for, stage by stage, whatever main.cf lists (MILTER_README). */
static const struct {
	int		stage;
	const char	*macros;
} wanted_macros[] = {
	{ SMFIM_CONNECT, "{client_connections} {daemon_port}" },
	{ SMFIM_HELO, "{tls_version} {cipher} {cipher_bits} {cert_subject} "
	    "{cert_issuer}" },
	{ SMFIM_ENVFROM, "{auth_type} {auth_authen} {tls_version} {cipher} "
	    "{cipher_bits} {cert_subject} {cert_issuer}" },
	{ SMFIM_EOM, "i" }
};

struct session {
	struct address	client;
	bool		has_client;	/* its address is known */
	bool		is_simulated;	/* no smtpd at the other end */
	char		port[PORT_SIZE]; /* of ours, "" unknown */
	unsigned long	steps;		/* SMFIP_* as negotiated */
	struct mail	mail;
	struct report_intake report;	/* that the mail may bring */
};

static struct session *
session_of(SMFICTX *ctx)
{
	struct session *s = smfi_getpriv(ctx);

	if (s == NULL) {
		s = xcalloc(1, sizeof(*s));
		smfi_setpriv(ctx, s);
	}
	return s;
}

static void
clear_message(struct session *s)
{
	report_intake_clear(&s->report);
	mail_clear(&s->mail);
}

/* A macro's value, "" where there is none. */
static const char *
macro(SMFICTX *ctx, const char *name)
{
	char copy[32];		/* libmilter takes no constant */
	const char *value;

	snprintf(copy, sizeof(copy), "%s", name);
	value = smfi_getsymval(ctx, copy);
	return value != NULL ? value : "";
}

static bool
has_macro(SMFICTX *ctx, const char *name)
{
	return macro(ctx, name)[0] != '\0';
}

/* For a step to which no reply is expected, if that was agreed. */
static sfsistat
go_on(const struct session *s, unsigned long no_reply)
{
	return (s->steps & no_reply) != 0 ? SMFIS_NOREPLY : SMFIS_CONTINUE;
}

/* ------------------------------------------------------------- connection */

/* Of what the MTA offers: the actions and steps that we need, and no more. */
static sfsistat
on_negotiate(SMFICTX *ctx, unsigned long actions, unsigned long steps,
    unsigned long unused2, unsigned long unused3, unsigned long *our_actions,
    unsigned long *our_steps, unsigned long *our_unused2,
    unsigned long *our_unused3)
{
	struct session *s = session_of(ctx);
	unsigned long body = SMFIP_NOBODY;
	struct setup *setup = setup_hold();
	char macros[200];
	size_t i;

	(void)unused2;
	(void)unused3;
	/* Only reports that others send us are looked into. */
	if (report_intake_is_on(setup))
		body = 0;
	setup_release(setup);
	*our_actions = actions & (SMFIF_ADDHDRS | SMFIF_CHGHDRS |
	    SMFIF_QUARANTINE | SMFIF_SETSYMLIST);
	*our_steps = steps & (SMFIP_SKIP | body | SMFIP_NOEOH | SMFIP_NODATA |
	    SMFIP_NOUNKNOWN | SMFIP_NR_CONN | SMFIP_NR_HELO | SMFIP_NR_MAIL |
	    SMFIP_NR_HDR);
	*our_unused2 = *our_unused3 = 0;
	s->steps = *our_steps;
	for (i = 0; i < sizeof(wanted_macros) / sizeof(wanted_macros[0]) &&
	    (actions & SMFIF_SETSYMLIST) != 0; i++) {
		snprintf(macros, sizeof(macros), "%s", wanted_macros[i].macros);
		smfi_setsymlist(ctx, wanted_macros[i].stage, macros);
	}
	return SMFIS_CONTINUE;
}

static bool
read_address(const struct sockaddr *from, struct address *out)
{
	const struct sockaddr_in6 *v6;
	const struct sockaddr_in *v4;

	*out = (struct address){ 0 };
	if (from != NULL && from->sa_family == AF_INET) {
		v4 = (const struct sockaddr_in *)(const void *)from;
		out->family = 4;
		memcpy(out->octets, &v4->sin_addr, 4);
	} else if (from != NULL && from->sa_family == AF_INET6) {
		v6 = (const struct sockaddr_in6 *)(const void *)from;
		out->family = IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr) ? 4 : 6;
		if (out->family == 4)
			memcpy(out->octets, v6->sin6_addr.s6_addr + 12, 4);
		else
			memcpy(out->octets, v6->sin6_addr.s6_addr, 16);
	}
	return out->family != 0;
}

static sfsistat
on_connect(SMFICTX *ctx, char *name, struct sockaddr *from)
{
	struct session *s = session_of(ctx);

	(void)name;
	s->has_client = read_address(from, &s->client);
	/* Cleanup, which plays a session for sendmail(1), counts no clients. */
	s->is_simulated = !has_macro(ctx, "{client_connections}");
	mail_set_word(s->port, sizeof(s->port), macro(ctx, "{daemon_port}"));
	return go_on(s, SMFIP_NR_CONN);
}

/* Only for its macros. */
static sfsistat
on_helo(SMFICTX *ctx, char *name)
{
	(void)name;
	return go_on(session_of(ctx), SMFIP_NR_HELO);
}

static sfsistat
on_close(SMFICTX *ctx)
{
	struct session *s = smfi_getpriv(ctx);

	if (s != NULL)
		clear_message(s);
	free(s);
	smfi_setpriv(ctx, NULL);
	return SMFIS_CONTINUE;
}

/* ---------------------------------------------------------------- message */

static void
read_tls(SMFICTX *ctx, struct mail_tls *out)
{
	mail_set_word(out->version, sizeof(out->version),
	    macro(ctx, "{tls_version}"));
	mail_set_word(out->cipher, sizeof(out->cipher),
	    macro(ctx, "{cipher}"));
	mail_set_word(out->bits, sizeof(out->bits),
	    macro(ctx, "{cipher_bits}"));
	/* Postfix gives both only of a certificate that it verified. */
	out->has_verified_client = has_macro(ctx, "{cert_subject}") ||
	    has_macro(ctx, "{cert_issuer}");
}

static sfsistat
on_mail(SMFICTX *ctx, char **arguments)
{
	struct session *s = session_of(ctx);
	struct mail *mail = &s->mail;

	clear_message(s);
	mail_begin(mail, setup_hold());
	mail_set_sender(mail, arguments[0]);
	if (s->has_client)
		address_format(&s->client, mail->client);
	mail->is_simulated = s->is_simulated;
	mail->is_own = has_macro(ctx, "{auth_type}") ||
	    has_macro(ctx, "{auth_authen}") || (s->has_client &&
	    setup_owns_address(mail->setup, &s->client));
	mail->is_reinjected = setup_is_reinject_port(mail->setup, s->port);
	mail->is_marked = setup_marks_port(mail->setup, s->port);
	if (mail->is_own && mail->setup != NULL)
		report_intake_note_sender(&s->report, mail->setup,
		    mail->sender);
	read_tls(ctx, &mail->tls);
	return go_on(s, SMFIP_NR_MAIL);
}

static sfsistat
on_recipient(SMFICTX *ctx, char **arguments)
{
	struct session *s = session_of(ctx);
	struct mail *mail = &s->mail;
	struct judgement judgement;
	struct next_hop hop;

	if (mail->setup != NULL)
		report_intake_note_recipient(&s->report, mail->setup,
		    recipient_address(text_of(arguments[0])));
	/* What a content filter hands back was judged when it came in. */
	if (mail->setup == NULL || mail->is_reinjected ||
	    !recipient_judge(mail, text_of(arguments[0]), &hop, &judgement))
		return SMFIS_CONTINUE;
	return reply_recipient(ctx, mail, hop.name, &judgement);
}

static sfsistat
on_header(SMFICTX *ctx, char *name, char *value)
{
	struct session *s = session_of(ctx);

	mail_note_header(&s->mail, name);
	report_intake_add_header(&s->report, name, value);
	return go_on(s, SMFIP_NR_HDR);
}

static sfsistat
on_body(SMFICTX *ctx, unsigned char *data, size_t len)
{
	struct session *s = session_of(ctx);

	if (!report_intake_add_body(&s->report, data, len) &&
	    (s->steps & SMFIP_SKIP) != 0)
		return SMFIS_SKIP;
	return SMFIS_CONTINUE;
}

static sfsistat
on_message_end(SMFICTX *ctx)
{
	struct session *s = session_of(ctx);
	struct mail *mail = &s->mail;
	char queue_id[32];
	sfsistat result;

	if (mail->setup == NULL)
		return reply_own_failure();
	mail_set_word(queue_id, sizeof(queue_id), macro(ctx, "i"));
	result = reply_message(ctx, mail, queue_id);
	report_intake_finish(&s->report, mail->setup, queue_id);
	clear_message(s);
	return result;
}

static sfsistat
on_abort(SMFICTX *ctx)
{
	clear_message(session_of(ctx));
	return SMFIS_CONTINUE;
}

const struct smfiDesc *
callbacks_description(void)
{
	static char name[] = "hopseal";
	static const struct smfiDesc description = {
		.xxfi_name = name,
		.xxfi_version = SMFI_VERSION,
		.xxfi_flags = SMFIF_ADDHDRS | SMFIF_CHGHDRS |
		    SMFIF_QUARANTINE | SMFIF_SETSYMLIST,
		.xxfi_connect = on_connect,
		.xxfi_helo = on_helo,
		.xxfi_envfrom = on_mail,
		.xxfi_envrcpt = on_recipient,
		.xxfi_header = on_header,
		.xxfi_body = on_body,
		.xxfi_eom = on_message_end,
		.xxfi_abort = on_abort,
		.xxfi_close = on_close,
		.xxfi_negotiate = on_negotiate
	};

	return &description;
}
