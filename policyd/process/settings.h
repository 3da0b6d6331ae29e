/*
 * What a child must know to work: configuration, the operator's rules and what
 * postconf said, as the texts that the parent read and as parsed values.
 * The parent checks them first, so a child that cannot parse them is a bug.
 */

#ifndef HOPSEAL_SETTINGS_H
#define HOPSEAL_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/buffer.h"
#include "shared/io/config.h"
#include "shared/policy/domain_rules.h"
#include "shared/postfix/route.h"
#include "shared/postfix/site.h"
#include "shared/text.h"

struct settings {
	struct config		*config;
	struct domain_rules	*rules;
	struct site		*site;
	uint64_t		 generation;	/* grows with each reload */
	/* Or NULL; not for the scout. */
	char			*redis_password, *status_password;
	struct network_list	 own_networks;	/* of the option, else none */
	/* The texts that the values above were made from. */
	char			*config_path, *config_text, *overrides,
				*rules_text, *site_text;
};

/*
 * Parses the texts and checks the whole.  NULL with one line a mistake in errors.
 * overrides holds "name=value" lines of the command line.
 */
struct settings	*settings_new(const char *config_path, const char *config_text,
		    const char *overrides, const char *rules_text,
		    const char *site_text, struct buffer *errors);
void		 settings_free(struct settings *s);
void		 settings_copy_secrets(struct settings *to,
		    const struct settings *from);
/* The options that stand in for what Postfix says; borrowed from s. */
struct route_options settings_route_options(const struct settings *s);
/* The payload of MESSAGE_SETTINGS; without secrets where they are not due. */
void		 settings_format(const struct settings *s, bool has_secrets,
		    struct buffer *out);
struct settings	*settings_parse(struct text payload);

/*
 * Whether the connection to Redis is another one than *known tells (NULL: there
 * was none); *known, the caller's, then tells of this one.
 */
bool		 settings_redis_changed(const struct settings *s, char **known);

#endif
