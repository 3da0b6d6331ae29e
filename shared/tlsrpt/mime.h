/*
 * As much of MIME as it takes to find an attachment (RFC 2045, 2046, 2231) and
 * to write a mail.  Everything is a slice of the mail, taken as leniently as mail
 * programs do; only mime_decode makes something new.
 */

#ifndef HOPSEAL_TLSRPT_MIME_H
#define HOPSEAL_TLSRPT_MIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/buffer.h"
#include "shared/text.h"

#define MIME_LINE_BYTES		76	/* of base64 as written */
#define MIME_VALUE_MAX		400	/* octets of a header as written */

/*
 * Cuts what stands before the first empty line; the rest is the body.  Without
 * such a line all are headers.
 */
void		mime_split(struct text entity, struct text *headers,
		    struct text *body);
/*
 * Cuts the next header.  value is without blanks at its ends and may hold the
 * line ends of its folds.  Lines that are no header are passed over.
 */
bool		mime_next_header(struct text *rest, struct text *name,
		    struct text *value);
/* "multipart/report" of a Content-Type, "base64" of another header. */
struct text	mime_token(struct text value);
/*
 * Writes the parameter of that name, unquoted, its continuations joined and
 * RFC 2231's encoding undone; false when there is none or it does not fit.
 */
bool		mime_parameter(struct text value, const char *name, char *out,
		    size_t size);
/*
 * Cuts the next part of a multipart body; rest begins with the whole body.
 * What stands before the first and behind the last boundary is passed over.
 */
bool		mime_next_part(struct text *rest, const char *boundary,
		    struct text *part);
/*
 * Appends body, its transfer encoding undone.  Octets that base64 and
 * quoted-printable do not have are passed over; false for another encoding or
 * more than out's limit.
 */
bool		mime_decode(struct text encoding, struct text body,
		    struct buffer *out);
/* Appends t as base64, in lines that end in CR LF. */
void		mime_add_base64(struct text t, struct buffer *out);
/* Printable ASCII, so that no value ends its header, and short enough. */
bool		mime_is_header_value(const char *value);
/* Appends the header "Date: Sun, 22 Nov 2026 08:15:00 +0000". */
void		mime_add_date(int64_t date_s, struct buffer *out);

#endif
