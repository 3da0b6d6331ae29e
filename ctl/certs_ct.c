/*
 * Who else has a certificate for our names?  Ours are those that the settings
 * name, and those that lie in the same folders: certbot keeps earlier ones
 * there, which are good for weeks after a renewal.
 */

#include "ctl/certs_ct.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/answer.h"
#include "ctl/ask.h"
#include "ctl/input.h"
#include "ctl/screen.h"
#include "shared/buffer.h"
#include "shared/ct_list.h"
#include "shared/io/file.h"
#include "shared/policy/mx_match.h"
#include "shared/xalloc.h"

#define FILE_MAX_BYTES	(1024 * 1024)
#define FOLDER_FILES_MAX 1000
#define TOLD_MAX	1000
#define NAMES_TOLD_MAX	10	/* of a certificate */

struct known {
	struct cert_identity	*ids;
	size_t			 count;
};

/* Counts of what needs no words, and the others. */
struct told {
	size_t	known, expired, elsewhere, left_out;
	json_t	*unknown;
	bool	is_critical;
};

/* -------------------------------------------------------------- what is ours */

static void
known_add_id(struct known *known, const struct cert_identity *id)
{
	known->ids = xreallocarray(known->ids, known->count + 1,
	    sizeof(*known->ids));
	known->ids[known->count++] = *id;
}

static void
known_add(struct known *known, const struct cert_chain *chain)
{
	struct cert_identity id;

	if (chain->count > 0 && cert_identity_read((struct text){
	    chain->certs[0].data, chain->certs[0].len }, &id))
		known_add_id(known, &id);
}

static bool
known_has(const struct known *known, const struct cert_identity *id)
{
	size_t i;

	for (i = 0; i < known->count; i++)
		if (cert_identity_match(&known->ids[i], id))
			return true;
	return false;
}

/* Certificates alone: files of keys are left unread. */
static void
known_add_file(struct known *known, const char *folder, const char *name)
{
	struct cert_chain chain = { .count = 0 };
	struct buffer path, pem;
	const char *why;

	if (strstr(name, "key") != NULL)
		return;
	buffer_init(&path, 8192);
	buffer_init(&pem, FILE_MAX_BYTES);
	buffer_addf(&path, "%s/%s", folder, name);
	if (file_read(buffer_text(&path), &pem) == 0 &&
	    cert_chain_parse_pem((struct text){ buffer_text(&pem), pem.len },
	    &chain, &why) == 0)
		known_add(known, &chain);
	cert_chain_clear(&chain);
	buffer_clear(&path);
	buffer_clear(&pem);
}

static void
known_add_folder(struct known *known, const char *folder)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;
	size_t left = FOLDER_FILES_MAX;

	if (dir == NULL)
		return;
	while (left-- > 0 && (entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			known_add_file(known, folder, entry->d_name);
	closedir(dir);
}

static void
known_read(struct known *known, const struct certs *certs)
{
	char *path, *slash, *last = NULL;
	size_t i;

	for (i = 0; i < certs->item_count; i++) {
		known_add(known, &certs->items[i].chain);
		path = realpath(certs->items[i].file, NULL);
		slash = path != NULL ? strrchr(path, '/') : NULL;
		if (slash == NULL || slash == path) {
			free(path);
			continue;
		}
		*slash = '\0';
		if (last == NULL || strcmp(last, path) != 0)
			known_add_folder(known, path);
		free(last);
		last = path;
	}
	free(last);
}

/* Theirs may stand for ours by a star; not all below a star of ours is here. */
static bool
is_match(const char *theirs, const char *ours)
{
	return strcasecmp(theirs, ours) == 0 || mx_match(theirs, ours);
}

/* A name under which clients and other mail hosts meet us. */
static bool
is_used_here(const struct certs *certs, const char *name)
{
	const struct certs_item *item;
	char policy_host[HOST_NAME_SIZE + 16];
	size_t i, j;

	if (is_match(name, certs->myhostname))
		return true;
	for (i = 0; i < certs->item_count; i++) {
		item = &certs->items[i];
		if (is_match(name, item->wanted))
			return true;
		for (j = 0; item->has_result && j < item->result.name_count;
		    j++)
			if (is_match(name, item->result.names[j]))
				return true;
	}
	for (i = 0; i < certs->domain_count; i++) {
		snprintf(policy_host, sizeof(policy_host), "mta-sts.%s",
		    certs->domains[i].look.hop.name);
		if (is_match(name, policy_host))
			return true;
	}
	return false;
}

static bool
is_below_ours(const struct certs *certs, const char *name)
{
	size_t len = strlen(name), i, tail;
	const char *domain;

	for (i = 0; i < certs->domain_count; i++) {
		domain = certs->domains[i].look.hop.name;
		tail = strlen(domain);
		if (len >= tail && strcasecmp(name + len - tail, domain) ==
		    0 && (len == tail || name[len - tail - 1] == '.'))
			return true;
	}
	return false;
}

/* -------------------------------------------------------------- the others */

/* The first of e's names that is ours, in out; false when none is. */
static bool
find_ours(const struct certs *certs, const struct ct_entry *e,
    char out[HOST_NAME_SIZE + 2], bool *is_critical)
{
	char name[HOST_NAME_SIZE + 2];
	bool is_found = false;
	size_t i;

	*is_critical = false;
	for (i = 0; i < e->name_count && !*is_critical; i++) {
		if (e->names[i].len >= sizeof(name))
			continue;
		text_quote(name, sizeof(name), e->names[i]);
		*is_critical = is_used_here(certs, name);
		if (*is_critical || (!is_found && is_below_ours(certs,
		    name))) {
			memcpy(out, name, sizeof(name));
			is_found = true;
		}
	}
	return is_found;
}

static json_t *
entry_object(const struct ct_entry *e, const char *name, bool is_critical)
{
	char from[TEXT_TIME_SIZE], to[TEXT_TIME_SIZE],
	    quoted[HOST_NAME_SIZE + 2];
	json_t *names = json_array();
	size_t i;

	for (i = 0; i < e->name_count && i < NAMES_TOLD_MAX; i++)
		json_array_append_new(names, json_string(text_quote(quoted,
		    sizeof(quoted), e->names[i])));
	return json_pack("{s:s, s:s, s:o, s:s?, s:s?, s:s?, s:s, s:s}",
	    "name", name, "severity", is_critical ? "critical" : "warning",
	    "names", names,
	    "issuer", e->id.issuer[0] != '\0' ? e->id.issuer : NULL,
	    "serial", e->id.serial[0] != '\0' ? e->id.serial : NULL,
	    "sha256", e->id.sha256[0] != '\0' ? e->id.sha256 : NULL,
	    "not_before", text_format_time(from, e->not_before),
	    "not_after", text_format_time(to, e->not_after));
}

/* Takes entry. */
static void
tell(struct told *told, json_t *entry)
{
	if (json_array_size(told->unknown) < TOLD_MAX)
		json_array_append_new(told->unknown, entry);
	else {
		told->left_out++;
		json_decref(entry);
	}
}

/* Adds what is found to known, as a precertificate is listed beside it. */
static void
judge_entry(const struct certs *certs, const struct ct_entry *e,
    struct known *known, struct told *told)
{
	char name[HOST_NAME_SIZE + 2];
	bool is_critical;

	if (e->not_after < certs->now)
		told->expired++;
	else if (!find_ours(certs, e, name, &is_critical))
		told->elsewhere++;
	else if (known_has(known, &e->id))
		told->known++;
	else {
		told->is_critical |= is_critical;
		tell(told, entry_object(e, name, is_critical));
		known_add_id(known, &e->id);
	}
}

static json_t *
list_report(const struct certs *certs, const struct ct_list *list)
{
	struct told told = { .unknown = json_array() };
	struct known known = { 0 };
	const char *overall;
	size_t i;

	known_read(&known, certs);
	for (i = 0; i < list->count; i++)
		judge_entry(certs, &list->entries[i], &known, &told);
	free(known.ids);
	overall = told.is_critical ? "broken" :
	    json_array_size(told.unknown) > 0 || list->skipped_count > 0 ?
	    "warnings" : "good";
	return json_pack("{s:s, s:I, s:o, s:I, s:I, s:I, s:I, s:I, s:s?}",
	    "overall", overall, "listed", (json_int_t)list->count,
	    "unknown", told.unknown, "left_out", (json_int_t)told.left_out,
	    "known", (json_int_t)told.known,
	    "expired", (json_int_t)told.expired,
	    "elsewhere", (json_int_t)told.elsewhere,
	    "skipped", (json_int_t)list->skipped_count,
	    "skipped_reason", list->skipped_why);
}

/* ------------------------------------------------------------------ people */

static void
show_entry(const json_t *entry)
{
	bool is_critical = answer_is(entry, "severity", "critical");
	const json_t *names = json_object_get(entry, "names"), *name;
	size_t i;

	screen_putf(is_critical ? TONE_BAD : TONE_DOUBT, 0,
	    "%s, from %.10s to %.10s", answer_text(entry, "name"),
	    answer_text(entry, "not_before"), answer_text(entry,
	    "not_after"));
	screen_end_line();
	screen_put(TONE_PLAIN, 0, "    names");
	json_array_foreach(names, i, name)
		screen_putf(TONE_PLAIN, 0, " %s", json_string_value(name));
	screen_end_line();
	screen_putf(TONE_PLAIN, 0, "    issuer %s, serial number %s",
	    answer_text(entry, "issuer"), answer_text(entry, "serial"));
	screen_end_line();
	screen_putf(TONE_PLAIN, 0, "      -> %s", is_critical ?
	    "if nobody here asked for it, have its issuer revoke it, and look "
	    "at who can change the zone (CAA says who may issue)" :
	    "it is of another host of the domain; ask who asked for it");
	screen_end_line();
}

static void
show_list(const json_t *report)
{
	const json_t *unknown = json_object_get(report, "unknown"), *entry;
	static const char *const orders[] = { "critical", "warning" };
	size_t i, j;

	screen_putf(answer_is(report, "overall", "good") ? TONE_GOOD :
	    answer_is(report, "overall", "broken") ? TONE_BAD : TONE_DOUBT,
	    0, "%lld certificates for our names are not known here",
	    (long long)json_array_size(unknown) +
	    (long long)answer_number(report, "left_out"));
	screen_putf(TONE_PLAIN, 0, "; of %lld listed %lld are known, %lld "
	    "have expired, %lld have no name of ours",
	    (long long)answer_number(report, "listed"),
	    (long long)answer_number(report, "known"),
	    (long long)answer_number(report, "expired"),
	    (long long)answer_number(report, "elsewhere"));
	screen_end_line();
	if (answer_number(report, "skipped") > 0) {
		screen_putf(TONE_DOUBT, 0, "%lld of the list could not be "
		    "read: %s", (long long)answer_number(report, "skipped"),
		    answer_text(report, "skipped_reason"));
		screen_end_line();
	}
	for (i = 0; i < sizeof(orders) / sizeof(orders[0]); i++)
		json_array_foreach(unknown, j, entry)
			if (answer_is(entry, "severity", orders[i]))
				show_entry(entry);
}

/* ----------------------------------------------------------------- command */

enum ctl_exit
certs_ct_run(const struct certs *certs, const char *path, bool is_json)
{
	enum ctl_exit status = CTL_UNKNOWN;
	struct ct_list list;
	struct buffer input;
	const char *why;
	json_t *report;

	if (certs->item_count == 0 && certs->domain_count == 0) {
		ctl_complain("no certificate and no domain of ours is known; "
		    "see the options certificate and own_domains");
		return CTL_UNKNOWN;
	}
	buffer_init(&input, CT_LIST_MAX_BYTES + 1);
	if (input_read(path, &input) == -1)
		goto out;
	if (ct_list_parse((struct text){ buffer_text(&input), input.len },
	    &list, &why) == -1) {
		ctl_complain("%s: %s", path, why);
		goto out;
	}
	report = list_report(certs, &list);
	if (is_json)
		ask_print(report);
	else
		show_list(report);
	status = certs_exit(report);
	json_decref(report);
	ct_list_clear(&list);
out:
	buffer_clear(&input);
	return status;
}
