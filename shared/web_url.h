/*
 * Where a URL of the web leads (RFC 3986, 3): whether in clear, to which host
 * and port.  What stands before and behind them may be a secret, and is not
 * kept.
 */

#ifndef HOPSEAL_WEB_URL_H
#define HOPSEAL_WEB_URL_H

#include <stdbool.h>

#include "shared/host_name.h"
#include "shared/text.h"

struct web_url {
	bool	 is_https;		/* else http */
	bool	 is_loopback;		/* its host says so */
	/* normal; an address without brackets */
	char	 host[HOST_NAME_SIZE];
	unsigned port;
};

/*
 * 0, or -1 with *why: another scheme, no host, a port that is none, a fragment,
 * or octets that no URL has.
 */
int	web_url_parse(struct text t, struct web_url *out, const char **why);

#endif
