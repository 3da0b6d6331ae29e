/*
 * A session in the making.  Its texts stand in one block that goes with it.
 */

#include "shared/postfix/log_pending.h"

#include <stdlib.h>
#include <string.h>

#include "shared/xalloc.h"

/* Each text of a session, in the order in which they are packed. */
static const size_t texts[LOG_PENDING_TEXTS] = {
	offsetof(struct tls_session, host),
	offsetof(struct tls_session, address),
	offsetof(struct tls_session, domain),
	offsetof(struct tls_session, protocol),
	offsetof(struct tls_session, cipher),
	offsetof(struct tls_session, reason),
	offsetof(struct tls_session, queue_id),
	offsetof(struct tls_session, status),
	offsetof(struct tls_session, service),
	offsetof(struct tls_session, alert)
};

static struct text *
text_at(struct log_pending *p, size_t i)
{
	return (struct text *)(void *)((char *)&p->session + texts[i]);
}

static struct text
read_text(const struct log_pending *p, size_t i)
{
	return *(const struct text *)(const void *)
	    ((const char *)&p->session + texts[i]);
}

struct log_pending *
log_pending_new(enum session_direction direction,
    const struct log_peer *peer, int64_t at)
{
	struct log_pending *p = xcalloc(1, sizeof(*p));

	p->session.direction = direction;
	p->session.at = at;
	p->session.port = peer->port;
	log_pending_keep(p, &p->session.host, peer->host);
	log_pending_keep(p, &p->session.address, peer->address);
	return p;
}

void
log_pending_keep(struct log_pending *p, struct text *field,
    struct text value)
{
	char *copy;
	size_t i = 0;

	while (text_at(p, i) != field)
		i++;
	copy = p->bytes[i];
	if (value.len > LOG_PENDING_TEXT_MAX)
		value.len = LOG_PENDING_TEXT_MAX;
	for (i = 0; i < value.len; i++)
		copy[i] = value.data[i] >= 0x20 && value.data[i] <= 0x7e ?
		    value.data[i] : '?';
	*field = (struct text){ copy, value.len };
}

static bool
same_or_unknown(struct text a, struct text b)
{
	return a.len == 0 || b.len == 0 ||
	    (a.len == b.len && memcmp(a.data, b.data, a.len) == 0);
}

bool
log_pending_is_with(const struct log_pending *p, const struct log_peer *peer)
{
	const struct tls_session *session = &p->session;

	if (session->host.len == 0 && session->address.len == 0)
		return false;
	return (session->port == peer->port || session->port == 0 ||
	    peer->port == 0) && same_or_unknown(session->host, peer->host) &&
	    same_or_unknown(session->address, peer->address);
}

void
log_pending_complete(struct log_pending *p, const struct log_peer *peer)
{
	struct tls_session *session = &p->session;

	if (session->port == 0)
		session->port = peer->port;
	if (session->host.len == 0)
		log_pending_keep(p, &session->host, peer->host);
	if (session->address.len == 0)
		log_pending_keep(p, &session->address, peer->address);
}

static enum finding
first_known(enum finding a, enum finding b, enum finding otherwise)
{
	return a != FINDING_UNKNOWN ? a : b != FINDING_UNKNOWN ? b : otherwise;
}

void
log_pending_merge(struct log_pending *p, const struct log_pending *other)
{
	const struct tls_session *from = &other->session;
	struct tls_session *to = &p->session;
	size_t i;

	p->settled = first_known(p->settled, other->settled, FINDING_UNKNOWN);
	p->trouble = first_known(other->trouble, p->trouble, FINDING_UNKNOWN);
	p->reported = first_known(p->reported, other->reported,
	    FINDING_UNKNOWN);
	to->has_datagram |= from->has_datagram;
	to->had_handshake |= from->had_handshake;
	to->refuses_our_certificate |= from->refuses_our_certificate;
	if (to->port == 0)
		to->port = from->port;
	for (i = 0; i < LOG_PENDING_TEXTS; i++)
		if (read_text(other, i).len > 0)
			log_pending_keep(p, text_at(p, i),
			    read_text(other, i));
}

enum finding
log_pending_finding(const struct log_pending *p)
{
	if (p->settled != FINDING_UNKNOWN)
		return p->settled;
	switch (p->progress) {
	case PENDING_FAILED:
		return first_known(p->trouble, FINDING_UNKNOWN,
		    FINDING_HANDSHAKE_FAILED);
	case PENDING_ESTABLISHED:
		if (p->is_unverified)
			return first_known(p->trouble, p->reported,
			    FINDING_CERT_UNTRUSTED);
		return p->is_used ? FINDING_OK :
		    first_known(p->trouble, FINDING_UNKNOWN, FINDING_OK);
	case PENDING_BEGUN:
		if (p->is_unverified)
			return first_known(p->trouble, p->reported,
			    FINDING_CERT_UNTRUSTED);
		return first_known(p->is_used ? FINDING_UNKNOWN : p->trouble,
		    p->reported, FINDING_UNKNOWN);
	case PENDING_REUSED:
		break;
	}
	return FINDING_UNKNOWN;
}

enum { USED = 1, LEFT = 2, UNVERIFIED = 4, LIBRARY = 8, HANDSHAKE = 16,
    REFUSES = 32, DATAGRAM = 64 };

void
log_pending_format(const struct log_pending *p, struct buffer *out)
{
	const struct tls_session *session = &p->session;
	size_t i;

	pack_u8(out, (uint8_t)session->direction);
	pack_u8(out, (uint8_t)session->trust);
	pack_u8(out, (uint8_t)p->progress);
	pack_u8(out, (uint8_t)p->settled);
	pack_u8(out, (uint8_t)p->trouble);
	pack_u8(out, (uint8_t)p->reported);
	pack_u8(out, (uint8_t)((p->is_used ? USED : 0) |
	    (p->is_left ? LEFT : 0) | (p->is_unverified ? UNVERIFIED : 0) |
	    (p->has_library_reason ? LIBRARY : 0) |
	    (session->had_handshake ? HANDSHAKE : 0) |
	    (session->refuses_our_certificate ? REFUSES : 0) |
	    (session->has_datagram ? DATAGRAM : 0)));
	pack_u64(out, (uint64_t)session->at);
	pack_u16(out, session->port);
	pack_u32(out, session->bits);
	pack_u32(out, p->pid);
	for (i = 0; i < LOG_PENDING_TEXTS; i++)
		pack_text(out, read_text(p, i));
}

struct log_pending *
log_pending_parse(struct unpack *u)
{
	struct log_pending *p = xcalloc(1, sizeof(*p));
	struct tls_session *session = &p->session;
	uint8_t direction, trust, progress, settled, trouble, reported, flags;
	size_t i;

	direction = unpack_u8(u);
	trust = unpack_u8(u);
	progress = unpack_u8(u);
	settled = unpack_u8(u);
	trouble = unpack_u8(u);
	reported = unpack_u8(u);
	flags = unpack_u8(u);
	session->at = (int64_t)unpack_u64(u);
	session->port = unpack_u16(u);
	session->bits = unpack_u32(u);
	p->pid = unpack_u32(u);
	for (i = 0; i < LOG_PENDING_TEXTS; i++)
		log_pending_keep(p, text_at(p, i), unpack_text(u));
	if (u->is_bad || direction >= SESSION_DIRECTION_COUNT ||
	    trust > SESSION_TRUST_VERIFIED || progress > PENDING_REUSED ||
	    settled >= FINDING_COUNT || trouble >= FINDING_COUNT ||
	    reported >= FINDING_COUNT) {
		free(p);
		return NULL;
	}
	session->direction = (enum session_direction)direction;
	session->trust = (enum session_trust)trust;
	p->progress = (enum pending_progress)progress;
	p->settled = (enum finding)settled;
	p->trouble = (enum finding)trouble;
	p->reported = (enum finding)reported;
	p->is_used = (flags & USED) != 0;
	p->is_left = (flags & LEFT) != 0;
	p->is_unverified = (flags & UNVERIFIED) != 0;
	p->has_library_reason = (flags & LIBRARY) != 0;
	session->had_handshake = (flags & HANDSHAKE) != 0;
	session->refuses_our_certificate = (flags & REFUSES) != 0;
	session->has_datagram = (flags & DATAGRAM) != 0;
	return p;
}
