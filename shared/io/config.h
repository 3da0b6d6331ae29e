/*
 * hopseal.conf: main.cf syntax, one table of options that is the whole of
 * each option: reading, range, default, and the output of -n and -d.
 * Parsing is pure; only config_read touches a file.
 */

#ifndef HOPSEAL_CONFIG_H
#define HOPSEAL_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/buffer.h"
#include "shared/text.h"

enum config_dane { CONFIG_DANE_AUTO, CONFIG_DANE_OFF };
enum config_judge { CONFIG_JUDGE_ACCESS, CONFIG_JUDGE_MILTER };
enum config_outbound {
	CONFIG_OUTBOUND_MAILLOG, CONFIG_OUTBOUND_TLSRPT, CONFIG_OUTBOUND_BOTH
};
enum config_inbound_tls {
	CONFIG_INBOUND_TLS_KNOWN, CONFIG_INBOUND_TLS_UNKNOWN
};
enum config_local_cert { CONFIG_LOCAL_CERT_LOG, CONFIG_LOCAL_CERT_TAG };
enum config_inbound { CONFIG_INBOUND_MAILLOG, CONFIG_INBOUND_ACCESS };
enum config_report { CONFIG_REPORT_OFF, CONFIG_REPORT_ON };
enum config_log_target {
	CONFIG_LOG_AUTO, CONFIG_LOG_SYSLOG, CONFIG_LOG_STDERR, CONFIG_LOG_JOURNAL
};
enum config_log_level {
	CONFIG_LOG_ERROR, CONFIG_LOG_WARN, CONFIG_LOG_INFO, CONFIG_LOG_DEBUG
};

/*
 * Strings are never NULL; lists stay as written (blanks or commas separate)
 * and their owner reads them; networks, domains, ports, next hops and name
 * servers are then known to be good.  Times are seconds unless the name says ms.
 */
struct config {
	/* endpoints: "inet:HOST:PORT", "inet:[v6]:PORT", "unix:PATH", or empty for
	 * none; map_listen and access_listen may name several */
	char	*map_listen, *access_listen, *status_listen, *control_listen;
	char	*status_password_file, *milter_listen, *tlsrpt_socket;
	char	*user, *scout_user, *socket_owner;
	unsigned socket_mode;			/* octal in the file */
	unsigned connection_limit;
	char	*redis, *redis_user, *redis_password_file;
	char	*run_dir, *state_dir, *rules_file;
	char	*own_domains, *own_networks, *postfix_config_dir;
	char	*reinject_ports;
	char	*next_hops;			/* "domain=nexthop ...", overrides */
	char	*site_tls_level;		/* overrides postconf's */
	enum config_dane dane;
	char	*private_zones;
	bool	 strict;
	enum config_judge recipient_judge;
	enum config_inbound_tls inbound_tls;
	char	*dns_servers, *dns_trust_anchor;
	char	*tls_ca_file, *tls_ca_path, *mx_ca_file, *mx_ca_path, *crl_file;
	char	*promise_domains;
	char	*cert_warn;			/* config_seconds_list */
	unsigned cert_interval_s;		/* 0: never */
	enum config_local_cert local_cert_action;
	char	*alert_command;
	char	*alert_mailto, *alert_webhook;	/* mailboxes; one URL */
	unsigned alert_quiet_s, alert_after_s, alert_silence_s;
	char	*certificates;	/* own_certificates_add_option */
	char	*allow_networks;
	char	*scout_program;			/* libexec's hopseal-scout */
	unsigned probe_rate;			/* begun a minute */
	unsigned first_contact_wait_ms, map_deadline_ms;
	unsigned reprobe_after_s, good_ttl_s, bad_ttl_s, stale_ttl_s, l1_ttl_s;
	unsigned cache_entries;			/* of the front's book */
	unsigned cache_bytes;
	char	*maillog;			/* path, "journal", "none" or empty */
	enum config_outbound outbound_source;
	enum config_inbound inbound_source;
	char	*aggregates_file;
	unsigned aggregate_interval_s;
	enum config_report report;
	char	*report_organization, *report_contact, *report_sender;
	char	*report_relay;			/* one endpoint */
	char	*report_rules;			/* "domain=off domain=URI ..." */
	unsigned report_window_s;
	char	*report_addresses, *authserv_id;
	unsigned tally_max_domains;
	enum config_log_target log_target;
	enum config_log_level log_level;
};

/* All options at their defaults. */
struct config	*config_new(void);
void		 config_free(struct config *c);

/*
 * Sets options from a file's text: "name = value", "#" comments, lines that begin
 * with a blank continue the one before, no "$name".  Each mistake adds a line
 * "NAME:LINE: ..." to errors (unknown option with "did you mean", bad value with
 * what is allowed, an option set twice, text without "=") and reading goes on.
 * 0, or -1 when there was a mistake; *c is then not to be used.
 */
int		 config_parse(struct config *c, const char *name,
		    struct text text, struct buffer *errors);
/* "name=value" of the command line (-o). */
int		 config_set(struct config *c, struct text assignment,
		    struct buffer *errors);
/* What only the whole can tell: an option that contradicts another. */
int		 config_check(const struct config *c, struct buffer *errors);

/*
 * Reads a file of at most 1 MiB and parses it.  A missing file is an error unless
 * may_be_missing.
 */
int		 config_read(struct config *c, const char *path,
		    bool may_be_missing, struct buffer *errors);

/*
 * "name = value" a line in the table's order: only what differs from the
 * default (-n), or all defaults (-d).
 */
void		 config_format_changed(const struct config *c,
		    struct buffer *out);
void		 config_format_defaults(struct buffer *out);

/*
 * The times of a list like "30d, 14d, 1h" in seconds, the longest first; at most
 * max.  Returns their count.
 */
size_t		 config_seconds_list(struct text list, int64_t *out,
		    size_t max);

/* The names of all options, for tests and completion; NULL behind the last. */
const char	*config_option_name(size_t index);
/* For the manual; index as above: one line of help, and the default. */
const char	*config_option_help(size_t index);
const char	*config_option_default(size_t index);
/* Adds how its value is written: "port ...", "off | on", "time, 1s to 1h". */
void		 config_option_syntax(size_t index, struct buffer *out);

#endif
