/*
 * Postfix's access policy delegation protocol (SMTPD_POLICY_README): lines
 * name=value closed by an empty line; and the one reply line.  A pure parser
 * of a byte stream, for requests of Postfix 3.4 to 3.12.
 */

#ifndef HOPSEAL_ACCESS_REQUEST_H
#define HOPSEAL_ACCESS_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/buffer.h"
#include "shared/text.h"

#define ACCESS_REQUEST_MAX_BYTES	65536

/*
 * The attributes that Hopseal reads; each a slice of the request, empty when
 * absent or empty.  Of a repeated attribute the last counts.
 */
struct access_request {
	struct text	protocol_state, protocol_name;
	struct text	client_address, client_name, client_port;
	struct text	server_address, server_port, helo_name;
	struct text	sender, recipient, recipient_count, queue_id, instance;
	struct text	sasl_method, sasl_username;
	struct text	ccert_subject, ccert_issuer, ccert_fingerprint;
	struct text	encryption_protocol, encryption_cipher,
			encryption_keysize;
	struct text	tls_sni, policy_context, mail_version;
	const char	*begin;	/* of the request; absent ones point there */
	size_t		 len;	/* of all of it */
};

enum access_request_result {
	ACCESS_REQUEST_DONE, ACCESS_REQUEST_MORE, ACCESS_REQUEST_BAD
};

/*
 * Looks for one request at the begin of data.  DONE: slices of data and *used.
 * MORE: no empty line yet.  BAD: longer than ACCESS_REQUEST_MAX_BYTES, NUL, a line
 * without "=", no or a wrong request= ; *why says it.
 */
enum access_request_result access_request_parse(const char *data, size_t len,
		    struct access_request *out, size_t *used,
		    const char **why);

/* Whether a field of request was sent, be it empty; else nobody said. */
bool		access_request_has(const struct access_request *request,
		    struct text field);

#define ACCESS_REPLY_LINE_MAX 500

/*
 * Adds "action=VERB text\n\n".  Bytes of action outside printable ASCII become
 * '?' and the line is cut below ACCESS_REPLY_LINE_MAX octets.
 */
void		access_reply_format(struct buffer *b, struct text action);

#endif
