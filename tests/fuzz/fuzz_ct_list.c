/*
 * Lists of certificate transparency: what is read has names and stays within
 * the bounds.
 */

#include "shared/ct_list.h"

#include <assert.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

static void
check_hex(const char *hex, size_t max)
{
	assert(strlen(hex) <= max &&
	    strspn(hex, "0123456789abcdef") == strlen(hex));
}

void
fuzz_one(const uint8_t *data, size_t size)
{
	struct text input = { (const char *)data, size };
	const struct ct_entry *e;
	const char *why = NULL;
	struct ct_list list;
	size_t i;

	if (ct_list_parse(input, &list, &why) == -1) {
		assert(why != NULL);
		return;
	}
	assert((list.skipped_count == 0) == (list.skipped_why == NULL));
	for (i = 0; i < list.count; i++) {
		e = &list.entries[i];
		assert(e->name_count >= 1 && e->name_count <= CT_NAMES_MAX);
		check_hex(e->id.sha256, 64);
		check_hex(e->id.tbs_sha256, 64);
		check_hex(e->id.serial, CERT_SERIAL_SIZE - 1);
		assert(e->id.serial[0] != '0' &&
		    text_is_printable(text_of(e->id.issuer)));
		assert(cert_identity_match(&e->id, &e->id) ==
		    (e->id.sha256[0] != '\0' || e->id.tbs_sha256[0] != '\0' ||
		    (e->id.serial[0] != '\0' && e->id.issuer[0] != '\0')));
	}
	ct_list_clear(&list);
}
