/*
 * SipHash-1-3 against values made by an independent program that was checked
 * with the example of the paper for SipHash-2-4 (its appendix A): the key is
 * 00 to 0f, the data 00, 01, 02 and so on.
 */

#include "shared/siphash.h"

#include "tests/unit/check.h"

#define ROWS(table)	(sizeof(table) / sizeof(table[0]))

static const struct {
	const char	*label;
	size_t		 len;
	uint64_t	 hash;
} rows[] = {
	{ "nothing",		0,	UINT64_C(0xabac0158050fc4dc) },
	{ "an octet",		1,	UINT64_C(0xc9f49bf37d57ca93) },
	{ "an octet less than a word", 7, UINT64_C(0xd3927d989bb11140) },
	{ "a word",		8,	UINT64_C(0x369095118d299a8e) },
	{ "an octet more",	9,	UINT64_C(0x25a48eb36c063de4) },
	{ "a word less one",	15,	UINT64_C(0xd320d86d2a519956) },
	{ "two words",		16,	UINT64_C(0xcc4fdd1a7d908b66) },
	{ "many words",		63,	UINT64_C(0x9d199062b7bbb3a8) },
	{ "a length of 256 counts as 0", 256, UINT64_C(0x75b3e64e167de370) },
};

int
main(void)
{
	struct siphash_key key = { UINT64_C(0x0706050403020100),
	    UINT64_C(0x0f0e0d0c0b0a0908) }, other = { key.a, key.b ^ 1 };
	char data[256], *exact;
	size_t i;

	for (i = 0; i < sizeof(data); i++)
		data[i] = (char)i;
	for (i = 0; i < ROWS(rows); i++) {
		exact = check_exact(data, rows[i].len);
		check_bool(rows[i].label, siphash(&key, exact, rows[i].len) ==
		    rows[i].hash, true);
		check_bool(" not with another key", siphash(&other, exact,
		    rows[i].len) == rows[i].hash, false);
		free(exact);
	}
	return check_end();
}
