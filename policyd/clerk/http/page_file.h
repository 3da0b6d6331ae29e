/*
 * The files of the status page, built in: policyd/clerk/http/page/ is made into
 * the table by conf/embed.
 */

#ifndef HOPSEAL_PAGE_FILE_H
#define HOPSEAL_PAGE_FILE_H

#include <stddef.h>

struct page_file {
	const char		*name;	/* "page.css" */
	const unsigned char	*data;
	size_t			 len;
};

/* Ends with a row whose name is NULL. */
extern const struct page_file page_files[];

#endif
