/*
 * Our certificates on disk: whether the files can be read and belong together,
 * and what the module that judges others' chains says of them.
 */

#include "ctl/certs.h"

#include <sys/stat.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/trust.h"
#include "shared/buffer.h"
#include "shared/io/file.h"
#include "shared/policy/cert_check_key.h"
#include "shared/xalloc.h"

#define FILE_MAX_BYTES	(1024 * 1024)
#define DAY_S		86400

void
certs_add_problem(struct certs_item *item, const char *word,
    enum certs_severity severity, const char *advice, const char *format, ...)
{
	struct certs_problem p = { .word = word, .severity = severity };
	va_list args;
	size_t i;

	snprintf(p.advice, sizeof(p.advice), "%s", advice);
	va_start(args, format);
	vsnprintf(p.words, sizeof(p.words), format, args);
	va_end(args);
	/* Two questions to one port may find the same. */
	for (i = 0; i < item->problem_count; i++)
		if (strcmp(item->problems[i].words, p.words) == 0)
			return;
	item->problems = xreallocarray(item->problems,
	    item->problem_count + 1, sizeof(*item->problems));
	item->problems[item->problem_count++] = p;
}

int64_t
certs_days_left(const struct certs *certs, const struct certs_item *item)
{
	int64_t left = item->has_result ?
	    item->result.not_after - certs->now : 0;

	return left > 0 ? left / DAY_S : 0;
}

/* ----------------------------------------------------------------- judging */

/* Ahead of the end, so that a renewal in time is never a problem. */
static void
judge_dates(const struct certs *certs, struct certs_item *item)
{
	const struct cert_info *leaf = &item->result.certs[0];
	int64_t left = item->result.not_after - certs->now;
	int64_t life = leaf->not_after - leaf->not_before, warn, critical;
	struct cert_stages stages = certs->stages;
	char span[TEXT_TIME_SIZE];

	if (certs->stages.count == 0)
		cert_stages_of_life(life, &stages);
	item->stage = cert_stages_passed(&stages, left);
	warn = certs->warn_days >= 0 ? (int64_t)certs->warn_days * DAY_S :
	    stages.left_s[0];
	critical = certs->critical_days >= 0 ?
	    (int64_t)certs->critical_days * DAY_S :
	    certs->stages.count > 0 ? stages.left_s[stages.count - 1] :
	    life / 16;
	if (left < 0 || (left > warn && left > critical))
		return;
	certs_add_problem(item, "cert-expires-soon",
	    left <= critical ? CERTS_CRITICAL : CERTS_WARNING,
	    "see why it was not renewed: certbot certificates, systemctl "
	    "list-timers", "it ends in %s", text_format_age(span, left));
}

/* What a stranger who verifies would say of the chain as it lies there. */
static void
judge_chain(struct certs_item *item)
{
	const struct cert_result *r = &item->result;
	enum finding f;

	for (f = 0; f < FINDING_COUNT; f++) {
		if ((r->pkix.findings & CERT_FINDING(f)) == 0)
			continue;
		switch (f) {
		case FINDING_CERT_NAME_MISMATCH:
			certs_add_problem(item, finding_name(f),
			    item->own->kind == OWN_SNI ? CERTS_CRITICAL :
			    CERTS_WARNING,
			    "get a certificate with this name as a DNS name",
			    "it is not for %s%s%s", item->wanted,
			    r->name_count > 0 ? " but for " : "",
			    r->name_count > 0 ? r->names[0] : "");
			break;
		case FINDING_CERT_SELF_SIGNED:
		case FINDING_CERT_UNTRUSTED:
			/* Right for DANE, and for mail that nobody verifies. */
			certs_add_problem(item, finding_name(f),
			    CERTS_WARNING, f == FINDING_CERT_UNTRUSTED &&
			    r->cert_count == 1 ? "the file has the certificate "
			    "alone: of a public authority use the full chain "
			    "file (fullchain.pem); else publish TLSA records "
			    "(DANE)" : "get a certificate of a public "
			    "authority, or publish TLSA records (DANE)",
			    "who verifies refuses it: issuer %s",
			    r->certs[0].issuer);
			break;
		case FINDING_CERT_CHAIN_INCOMPLETE:
			certs_add_problem(item, finding_name(f),
			    CERTS_CRITICAL, "use the full chain file "
			    "(fullchain.pem), not the certificate alone",
			    "the intermediate %s is not in the file",
			    r->missing_issuer);
			break;
		default:
			certs_add_problem(item, finding_name(f),
			    CERTS_CRITICAL, "replace the certificate",
			    "%s", finding_words(f));
		}
	}
}

static void
judge_warnings(struct certs_item *item)
{
	static const struct {
		enum cert_warning	 warning;
		const char		*words, *advice;
	} told[] = {
		{ CERT_WARNING_KEY_SMALL, "its key is small",
		    "use RSA 2048 or P-256" },
		{ CERT_WARNING_CHAIN_DISORDERED, "its chain is not in order",
		    "put each certificate before its issuer's" },
		{ CERT_WARNING_CHAIN_UNUSED,
		    "the file holds certificates that are on no path",
		    "leave out what nobody needs" },
		{ CERT_WARNING_CHAIN_MALFORMED,
		    "behind the certificate stands one that cannot be read",
		    "repair the file" },
		{ CERT_WARNING_CHAIN_CUT, "the chain is too long",
		    "put the certificate and its intermediates there alone" },
	};
	size_t i;

	for (i = 0; i < sizeof(told) / sizeof(told[0]); i++)
		if ((item->result.warnings &
		    CERT_WARNING(told[i].warning)) != 0)
			certs_add_problem(item,
			    cert_warning_name(told[i].warning), CERTS_WARNING,
			    told[i].advice, "%s", told[i].words);
}

/* The name that clients ask for; for ".parent" one below it. */
static void
set_wanted(struct certs_item *item)
{
	const struct own_certificate *own = item->own;
	const char *name = own->kind == OWN_SNI ? own->sni :
	    own->kind == OWN_SERVER && own->host != NULL ? own->host : "",
	    *why;
	char below[HOST_NAME_SIZE + 8];

	snprintf(below, sizeof(below), "%s%.255s",
	    name[0] == '.' ? "host" : "", name);
	if (host_name_normalize(text_of(below), item->wanted, &why) == -1)
		item->wanted[0] = '\0';
}

bool
certs_is_for(const struct certs_item *item, const char *name)
{
	const char *sni = item->own->sni != NULL ? item->own->sni : "";
	size_t len = strlen(name), tail = strlen(sni);

	if (sni[0] != '.')
		return strcasecmp(sni, name) == 0;
	return len > tail && strcasecmp(name + len - tail, sni) == 0;
}

/* ----------------------------------------------------------------- reading */

/* In ns; 0 for a file that is not there. */
static int64_t
changed_at(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 ? status.st_mtim.tv_sec * NS_PER_S +
	    status.st_mtim.tv_nsec : 0;
}

static void
judge_exposure(struct certs_item *item, const char *path)
{
	struct stat status;

	if (stat(path, &status) == 0 && (status.st_mode & S_IROTH) != 0)
		certs_add_problem(item, "key-exposed", CERTS_CRITICAL,
		    "chmod o= the file, and think of a new key",
		    "everybody on this host can read the private key %s",
		    path);
}

/* Words for a file that cannot be used; the file's own for what it holds. */
static int
read_into(struct certs_item *item, const char *path, struct buffer *out)
{
	int64_t changed;

	if (file_read(path, out) == -1) {
		certs_add_problem(item, "file-unreadable", CERTS_CRITICAL,
		    errno == EACCES ? "run hopseal certs as root" :
		    "put the certificate there, or correct the setting",
		    "%s: %s", path, errno == EFBIG ?
		    "longer than 1 MiB" : strerror(errno));
		return -1;
	}
	changed = changed_at(path);
	if (changed > item->changed_ns)
		item->changed_ns = changed;
	return 0;
}

static void
judge_key(const struct certs *certs, struct certs_item *item,
    struct text key, const char *path)
{
	struct text leaf = { item->chain.certs[0].data,
	    item->chain.certs[0].len };

	if (key.len > 0 || path == item->own->key_file)
		judge_exposure(item, path);
	/* Without a file for it, perhaps the server has it from elsewhere. */
	if (!certs->may_read_keys ||
	    (key.len == 0 && item->own->key_file == NULL))
		return;
	switch (cert_key_compare(leaf, key)) {
	case CERT_KEY_MATCHES:
		break;
	case CERT_KEY_MISMATCH:
		certs_add_problem(item, "key-mismatch", CERTS_CRITICAL,
		    "install the key that the certificate was made for; the "
		    "server offers no TLS until then",
		    "the private key in %s is another one's", path);
		break;
	case CERT_KEY_UNREADABLE:
		certs_add_problem(item, "file-unreadable", CERTS_CRITICAL,
		    "put the private key there, without a passphrase",
		    "no private key can be read from %s", path);
	}
}

/* The certificates of one key. */
static void
judge_group(const struct certs *certs, struct certs_item *item,
    const struct cert_key_group *group, const char *key_file)
{
	struct cert_question q = { .chain = &item->chain, .now = certs->now,
	    .host = item->wanted, .store = certs->store };
	struct buffer key;
	const char *why;

	if (cert_chain_parse_pem(group->certs, &item->chain, &why) == -1 ||
	    cert_check(&q, &item->result, &why) == -1) {
		certs_add_problem(item, "file-unreadable", CERTS_CRITICAL,
		    "put the certificate there", "%s: %s", item->file, why);
		return;
	}
	item->has_result = true;
	/* Without a name that is asked for, its own cannot be wrong. */
	if (item->wanted[0] == '\0')
		item->result.pkix.findings &=
		    ~CERT_FINDING(FINDING_CERT_NAME_MISMATCH);
	buffer_init(&key, FILE_MAX_BYTES);
	if (item->own->key_file == NULL || strcmp(key_file, item->file) == 0)
		judge_key(certs, item, group->key, key_file);
	else if (!certs->may_read_keys || read_into(item, key_file,
	    &key) == 0)
		judge_key(certs, item, (struct text){ buffer_text(&key),
		    key.len }, key_file);
	buffer_clear(&key);
	judge_chain(item);
	judge_dates(certs, item);
	judge_warnings(item);
}

const char *
certs_key_kind(const char *key)
{
	return strncmp(key, "RSA", 3) == 0 ? "RSA" :
	    strncmp(key, "EC ", 3) == 0 ? "ECDSA" : "";
}

const char *
certs_reload_advice(const struct certs_item *item, char out[CERTS_WORDS_SIZE])
{
	const struct own_certificate *own = item->own;

	if (own->map_file != NULL)
		snprintf(out, CERTS_WORDS_SIZE, "postmap -F %s && %s",
		    own->map, own->reload);
	else
		snprintf(out, CERTS_WORDS_SIZE, "%s", own->reload);
	return out;
}

/* A map that is older than what it was made of serves what was there then. */
static void
judge_map(struct certs_item *item)
{
	const struct own_certificate *own = item->own;
	char advice[CERTS_WORDS_SIZE];
	int64_t source, index;

	if (own->map_file == NULL)
		return;
	source = changed_at(own->map_source);
	index = changed_at(own->map_file);
	if (index == 0 || source > index || item->changed_ns > index)
		certs_add_problem(item, "sni-map-stale", CERTS_CRITICAL,
		    certs_reload_advice(item, advice), "%s %s", own->map_file,
		    index == 0 ? "is missing" :
		    "is older than what it was made of");
}

static struct certs_item *
add_item(struct certs *certs, const struct own_certificate *own)
{
	struct certs_item *item;

	certs->items = xreallocarray(certs->items, certs->item_count + 1,
	    sizeof(*certs->items));
	item = &certs->items[certs->item_count++];
	*item = (struct certs_item){ .own = own, .file = own->files[0] };
	snprintf(item->name, sizeof(item->name), "%s", own->name);
	set_wanted(item);
	return item;
}

/* The file of own from which at came; ends are theirs in pem. */
static const char *
file_of(const struct own_certificate *own, const struct buffer *pem,
    const size_t *ends, const char *at)
{
	size_t i = 0;

	while (i + 1 < own->file_count && at >= buffer_text(pem) + ends[i])
		i++;
	return own->files[i];
}

/* Its first certificate, or its begin. */
static const char *
first_certificate(const struct cert_key_group *group)
{
	static const char mark[] = "-----BEGIN CERTIFICATE";
	const char *at = memmem(group->certs.data, group->certs.len, mark,
	    sizeof(mark) - 1);

	return at != NULL ? at : group->certs.data;
}

/*
 * All files of one, as if they were one; each key in them is an item, and its
 * kind part of the name.
 */
static void
read_certificate(struct certs *certs, const struct own_certificate *own)
{
	struct cert_key_group groups[CERT_FILE_KEYS_MAX];
	struct certs_item *item = add_item(certs, own);
	size_t ends[OWN_FILES_MAX], i, count;
	int64_t newest;
	struct buffer pem;

	buffer_init(&pem, FILE_MAX_BYTES);
	for (i = 0; i < own->file_count; i++) {
		if (read_into(item, own->files[i], &pem) == -1)
			goto out;
		ends[i] = pem.len;
	}
	count = cert_key_groups((struct text){ buffer_text(&pem), pem.len },
	    groups);
	newest = item->changed_ns;
	for (i = 0; i < count; i++) {
		if (i > 0)
			item = add_item(certs, own);
		item->changed_ns = newest;
		item->file = file_of(own, &pem, ends,
		    first_certificate(&groups[i]));
		judge_group(certs, item, &groups[i], own->key_file != NULL ?
		    own->key_file : file_of(own, &pem, ends,
		    groups[i].key.data));
		if (count > 1 && item->has_result)
			snprintf(item->name, sizeof(item->name), "%s %s",
			    own->name, certs_key_kind(
			    item->result.certs[0].key));
		judge_map(item);
	}
out:
	buffer_clear(&pem);
}

void
certs_read(struct certs *certs)
{
	const char *why;
	size_t i;

	certs->store = cert_store_new();
	if (certs->ca_file[0] == '\0')
		trust_add_system(certs->store);
	else if (trust_add_file(certs->store, certs->ca_file, &why) == -1)
		ctl_complain("mx_ca_file: %s: %s", certs->ca_file, why);
	for (i = 0; i < certs->own->count; i++)
		read_certificate(certs, &certs->own->certificates[i]);
}

void
certs_clear(struct certs *certs)
{
	size_t i;

	for (i = 0; i < certs->item_count; i++) {
		if (certs->items[i].has_result)
			cert_result_clear(&certs->items[i].result);
		cert_chain_clear(&certs->items[i].chain);
		free(certs->items[i].served);
		free(certs->items[i].problems);
	}
	for (i = 0; i < certs->domain_count; i++) {
		check_clear(&certs->domains[i].check);
		look_clear(&certs->domains[i].look);
	}
	for (i = 0; i < certs->hop_count; i++) {
		check_clear(&certs->hops[i].check);
		look_clear(&certs->hops[i].look);
	}
	free(certs->items);
	free(certs->domains);
	free(certs->hops);
	json_decref(certs->promises);
	json_decref(certs->received);
	json_decref(certs->refused);
	cert_store_free(certs->store);
	own_certificates_free(certs->own);
}
