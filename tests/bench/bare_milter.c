/*
 * The limit that filters on libmilter can reach: it agrees on the steps and
 * macros of hopseal-milter (milter/callbacks.c), looks at nothing and inserts
 * one header into each message.
 *
 *	bare_milter inet:PORT@HOST HEADER VALUE
 */

#include <err.h>
#include <libmilter/mfapi.h>
#include <stdio.h>
#include <stdlib.h>

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

static char *header, *value;

static sfsistat
on_negotiate(SMFICTX *ctx, unsigned long actions, unsigned long steps,
    unsigned long unused2, unsigned long unused3, unsigned long *our_actions,
    unsigned long *our_steps, unsigned long *our_unused2,
    unsigned long *our_unused3)
{
	char macros[200];
	size_t i;

	(void)unused2;
	(void)unused3;
	*our_actions = actions & (SMFIF_ADDHDRS | SMFIF_SETSYMLIST);
	*our_steps = steps & (SMFIP_NOBODY | SMFIP_NOEOH | SMFIP_NODATA |
	    SMFIP_NOUNKNOWN | SMFIP_NR_CONN | SMFIP_NR_HELO | SMFIP_NR_MAIL |
	    SMFIP_NR_HDR);
	*our_unused2 = *our_unused3 = 0;
	for (i = 0; i < sizeof(wanted_macros) / sizeof(wanted_macros[0]); i++) {
		snprintf(macros, sizeof(macros), "%s", wanted_macros[i].macros);
		smfi_setsymlist(ctx, wanted_macros[i].stage, macros);
	}
	return SMFIS_CONTINUE;
}

static sfsistat
on_connect(SMFICTX *ctx, char *name, struct sockaddr *from)
{
	(void)ctx;
	(void)name;
	(void)from;
	return SMFIS_NOREPLY;
}

static sfsistat
on_helo(SMFICTX *ctx, char *name)
{
	(void)ctx;
	(void)name;
	return SMFIS_NOREPLY;
}

static sfsistat
on_mail(SMFICTX *ctx, char **arguments)
{
	(void)ctx;
	(void)arguments;
	return SMFIS_NOREPLY;
}

static sfsistat
on_recipient(SMFICTX *ctx, char **arguments)
{
	(void)ctx;
	(void)arguments;
	return SMFIS_CONTINUE;
}

static sfsistat
on_header(SMFICTX *ctx, char *name, char *text)
{
	(void)ctx;
	(void)name;
	(void)text;
	return SMFIS_NOREPLY;
}

static sfsistat
on_message_end(SMFICTX *ctx)
{
	return smfi_insheader(ctx, 1, header, value) == MI_SUCCESS ?
	    SMFIS_CONTINUE : SMFIS_TEMPFAIL;
}

int
main(int argc, char **argv)
{
	static char name[] = "bare";
	static const struct smfiDesc description = {
		.xxfi_name = name,
		.xxfi_version = SMFI_VERSION,
		.xxfi_flags = SMFIF_ADDHDRS | SMFIF_SETSYMLIST,
		.xxfi_connect = on_connect,
		.xxfi_helo = on_helo,
		.xxfi_envfrom = on_mail,
		.xxfi_envrcpt = on_recipient,
		.xxfi_header = on_header,
		.xxfi_eom = on_message_end,
		.xxfi_negotiate = on_negotiate
	};

	if (argc != 4)
		errx(64, "usage: bare_milter inet:PORT@HOST HEADER VALUE");
	header = argv[2];
	value = argv[3];
	if (smfi_setconn(argv[1]) != MI_SUCCESS ||
	    smfi_register(description) != MI_SUCCESS)
		errx(1, "libmilter refuses %s", argv[1]);
	return smfi_main() == MI_SUCCESS ? 0 : 1;
}
