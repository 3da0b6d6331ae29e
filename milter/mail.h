/*
 * One message as the milter sees it: whose it is, how it came in, which
 * headers of ours it brought along, and what was found about its recipients.
 * No I/O.
 */

#ifndef HOPSEAL_MAIL_H
#define HOPSEAL_MAIL_H

#include <stdbool.h>
#include <stddef.h>

#include "milter/judge.h"
#include "shared/buffer.h"

#define MAIL_TAGS_MAX		16	/* distinct ones; a message has few */
#define MAIL_TAG_ID_SIZE	17	/* 16 hex digits */

/* Headers of ours. */
enum mail_header { MAIL_INBOUND, MAIL_NEXT_HOP, MAIL_HEADER_COUNT };

/* The session's TLS, as the MTA's macros say; version "" for plaintext. */
struct mail_tls {
	char	version[16], cipher[64], bits[8];
	bool	has_verified_client;
};

struct mail_tag {
	struct judgement judgement;
	char	id[MAIL_TAG_ID_SIZE];	/* stands in header and log */
};

struct mail {
	struct setup	*setup;		/* held; NULL between messages */
	bool		 is_own;	/* SASL, loopback, our networks */
	bool		 is_reinjected;	/* from a content filter */
	bool		 is_marked;	/* our certificate has ended */
	bool		 is_simulated;	/* no smtpd session: 4xx is not heard */
	char		 client[ADDRESS_TEXT_SIZE];	/* "" unknown */
	char		 sender[TABLE_KEY_MAX_BYTES + 1]; /* "" the null sender */
	struct mail_tls	 tls;
	struct judge_patience patience;
	/* instances that came along, each kind counted on its own */
	unsigned	 header_counts[MAIL_HEADER_COUNT];
	struct mail_tag	 tags[MAIL_TAGS_MAX];
	size_t		 tag_count;
	bool		 is_held;
	struct judgement hold;		/* the first that asked for it */
	/* The last one's that was judged. */
	struct next_hop	 last_hop;
	struct judgement last;
};

/* Takes setup; what was of the message before is gone. */
void		 mail_begin(struct mail *mail, struct setup *setup);
/* Releases the setup; a mail that is all zero may be cleared too. */
void		 mail_clear(struct mail *mail);

/* Of MAIL's argument, "<user@example.com>"; what is too long is cut. */
void		 mail_set_sender(struct mail *mail, const char *argument);

/* Copies a macro's value: what no protocol or cipher name holds becomes '?'. */
void		 mail_set_word(char *out, size_t size, const char *value);

const char	*mail_header_name(enum mail_header header);
/* A header of the message; counts those of ours, in any letter case. */
void		 mail_note_header(struct mail *mail, const char *name);
/* Headers of ours stay, and none about the session is added. */
bool		 mail_is_trusted(const struct mail *mail);

/*
 * The tag for a judgement: the one that the mail has for the same policy and
 * finding already, or a new one with this id.  NULL when there are too many.
 */
const struct mail_tag *mail_add_tag(struct mail *mail,
		    const struct judgement *judgement,
		    const char id[MAIL_TAG_ID_SIZE]);

/* Values of our headers. */
void		 mail_format_inbound(const struct mail *mail,
		    struct buffer *out);
void		 mail_format_tag(const struct mail_tag *tag,
		    struct buffer *out);

#endif
