/*
 * An answer of the DNS, classified, and the record data that Hopseal reads:
 * MX, TXT and addresses in wire form (RFC 1035, 3.3; RFC 3596, 2.2).  Who
 * asked whom is not known here; TLSA has a file of its own.
 */

#ifndef HOPSEAL_DNS_ANSWER_H
#define HOPSEAL_DNS_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/address.h"
#include "shared/buffer.h"
#include "shared/host_name.h"
#include "shared/text.h"

/* The registry's numbers. */
enum dns_type {
	DNS_A = 1, DNS_CNAME = 5, DNS_SOA = 6, DNS_MX = 15, DNS_TXT = 16,
	DNS_AAAA = 28, DNS_TLSA = 52
};

enum dns_result {
	DNS_FAILED,	/* SERVFAIL, refused, no answer in time */
	DNS_BOGUS,	/* signed, and the signatures do not hold */
	DNS_ABSENT,	/* no such name, or no such data */
	DNS_PRESENT
};
/* "failed", "bogus", "absent", "present" */
const char	*dns_result_name(enum dns_result result);

struct dns_answer {
	enum dns_result	 result;
	bool		 is_secure;	/* present or absent: by DNSSEC */
	bool		 is_nxdomain;	/* absent: the name itself is */
	bool		 is_alias;	/* CNAMEs were followed */
	char		 alias_end[HOST_NAME_SIZE];	/* "": no host name */
	uint32_t	 ttl_s;
	const struct text *records;	/* record data in wire form */
	size_t		 record_count;
	const char	*why;		/* failed, bogus: for people; else "" */
};

struct dns_mx {
	uint16_t	preference;
	char		host[HOST_NAME_SIZE];	/* "" for "." (RFC 7505) */
};

/* False when rdata is cut, has more behind it, or names no host. */
bool	dns_mx_parse(struct text rdata, struct dns_mx *out);
/*
 * Adds the character-strings of one TXT record, joined without blanks, to out.
 * False when rdata is cut; out then holds what was there.
 */
bool	dns_txt_parse(struct text rdata, struct buffer *out);
/* A or AAAA by its length. */
bool	dns_address_parse(struct text rdata, struct address *out);

#endif
