/*
 * TLSA records: both forms, and which an SMTP client may use (RFC 6698, 2;
 * RFC 7672, 3.1).
 */

#include "shared/policy/tlsa.h"

#include "tests/unit/check.h"

#define ROWS(table) (sizeof(table) / sizeof(table[0]))
#define HEX_8 "00112233445566fF"
#define HEX_32 HEX_8 HEX_8 HEX_8 HEX_8
#define HEX_64 HEX_32 HEX_32

static const struct {
	const char *label, *text;
	bool is_record, is_usable;
} rows[] = {
	{ "DANE-EE, key, SHA-256", "3 1 1 " HEX_32, true, true },
	{ "DANE-EE, certificate, SHA-512", "3 0 2 " HEX_64, true, true },
	{ "DANE-EE, whole key", "3 1 0 " HEX_8, true, true },
	{ "DANE-TA, certificate, SHA-256", "2 0 1 " HEX_32, true, true },
	{ "blanks within the hex", " 3\t1  1 " HEX_8 " " HEX_8 "\t" HEX_8
	    " 0 0112233445566ff ", true, true },
	{ "PKIX-TA is not for SMTP", "0 1 1 " HEX_32, true, false },
	{ "PKIX-EE is not for SMTP", "1 1 1 " HEX_32, true, false },
	{ "unknown usage", "4 1 1 " HEX_32, true, false },
	{ "private usage", "255 1 1 " HEX_32, true, false },
	{ "unknown selector", "3 2 1 " HEX_32, true, false },
	{ "unknown matching type", "3 1 3 " HEX_32, true, false },
	{ "private matching type", "3 1 255 " HEX_32, true, false },
	{ "SHA-256 too short", "3 1 1 " HEX_8 HEX_8 HEX_8, true, false },
	{ "SHA-256 too long", "3 1 1 " HEX_32 "00", true, false },
	{ "SHA-512 too short", "3 1 2 " HEX_32, true, false },
	{ "SHA-512 too long", "3 1 2 " HEX_64 "00", true, false },

	{ "nothing", "", false, false },
	{ "no data", "3 1 1", false, false },
	{ "blanks for data", "3 1 1  ", false, false },
	{ "half an octet", "3 1 1 " HEX_32 "0", false, false },
	{ "no hex", "3 1 1 0g", false, false },
	{ "hex with a prefix", "3 1 1 0x00", false, false },
	{ "line end", "3 1 1 00\n", false, false },
	{ "number above 255", "256 1 1 " HEX_32, false, false },
	{ "negative number", "3 -1 1 " HEX_32, false, false },
	{ "number missing", "3 1 " HEX_32, false, false },
};

static void
test_text(void)
{
	unsigned char storage[TLSA_DATA_MAX_BYTES];
	struct tlsa record;
	char *exact;
	size_t len, i;

	for (i = 0; i < ROWS(rows); i++) {
		len = strlen(rows[i].text);
		exact = check_exact(rows[i].text, len);
		memset(&record, 0xee, sizeof(record));
		check_bool(rows[i].label, tlsa_parse_text((struct text){ exact,
		    len }, storage, &record), rows[i].is_record);
		if (rows[i].is_record)
			check_bool("usable", tlsa_is_usable(&record),
			    rows[i].is_usable);
		else
			check_int("out is untouched", record.usage, 0xee);
		free(exact);
	}
}

static void
test_bounds(void)
{
	unsigned char storage[TLSA_DATA_MAX_BYTES];
	char text[6 + 2 * TLSA_DATA_MAX_BYTES + 2];
	char wire[3 + TLSA_DATA_MAX_BYTES + 1] = "\3\1\0";
	struct tlsa record;

	memset(text, '0', sizeof(text));
	memcpy(text, "3 1 0 ", 6);
	check_bool("longest text", tlsa_parse_text((struct text){ text,
	    sizeof(text) - 2 }, storage, &record), true);
	check_bool("is usable", tlsa_is_usable(&record), true);
	check_bool("an octet more", tlsa_parse_text((struct text){ text,
	    sizeof(text) }, storage, &record), false);
	check_bool("longest wire form", tlsa_parse((struct text){ wire,
	    sizeof(wire) - 1 }, &record), true);
	check_bool("is usable", tlsa_is_usable(&record), true);
	check_bool("an octet more is a record", tlsa_parse((struct text){
	    wire, sizeof(wire) }, &record), true);
	check_bool("but unusable", tlsa_is_usable(&record), false);
	record = (struct tlsa){ 3, 1, 0, { "", 0 } };
	check_bool("no data is unusable", tlsa_is_usable(&record), false);
}

static void
test_wire(void)
{
	struct tlsa record = { 9, 9, 9, { NULL, 0 } };
	char out[64];

	check_bool("three octets", tlsa_parse((struct text){ "\3\1\1", 3 },
	    &record), false);
	check_int("out is untouched", record.usage, 9);
	check_bool("four octets", tlsa_parse((struct text){ "\3\1\0\253", 4 },
	    &record), true);
	check_text("formatted", tlsa_format(out, sizeof(out), &record),
	    "3 1 0 AB");
	check_bool("octets above 127", tlsa_parse((struct text){
	    "\377\376\375\0\177", 5 }, &record), true);
	check_text("formatted", tlsa_format(out, sizeof(out), &record),
	    "255 254 253 007F");
	check_text("cut after an octet", tlsa_format(out, 15, &record),
	    "255 254 253 00");
	check_text("not within one", tlsa_format(out, 16, &record),
	    "255 254 253 00");
	check_text("cut within the numbers", tlsa_format(out, 6, &record),
	    "255 2");
	check_text("no room at all", tlsa_format(out, 1, &record), "");
}

int
main(void)
{
	test_text();
	test_bounds();
	test_wire();
	return check_end();
}
