/*
 * Questions for the TXT records of a name, when all of them are wanted and
 * nothing else: the TLS-RPT record (RFC 8460, 3).  Below "_tcp" it is the TLSA
 * records, signed or not, which the lookup of a domain does not ask for where
 * they could not count.
 */

#ifndef HOPSEAL_TXT_H
#define HOPSEAL_TXT_H

#include <stdint.h>

#include "shared/text.h"

struct dns;
struct txt;

/* A txt_answer's payload for the question of that number. */
typedef void txt_tell_cb(uint64_t number, struct text answer, void *arg);

/* dns is borrowed for as long as it lives. */
struct txt	*txt_new(struct dns *dns, txt_tell_cb *tell, void *arg);
/* Questions under way are forgotten; nobody is told. */
void		 txt_free(struct txt *txt);
/* The answer comes through the loop; name is in the one spelling. */
void		 txt_start(struct txt *txt, uint64_t number, const char *name);
/* Whoever asked is gone. */
void		 txt_forget_askers(struct txt *txt);

#endif
