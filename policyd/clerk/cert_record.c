/*
 * A record has the members of the report that others can use; it is written as
 * it is read, so that both are the same.
 */

#include "policyd/clerk/cert_record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/clerk/value_json.h"

#define TEXT_MAX	1024
#define LIST_MAX	4096	/* certificates */
#define PARTS_MAX	64	/* findings, problems, ports of one */
#define STATES_MAX	8192
#define INTERVAL_MAX	86400
#define AHEAD_S		300	/* of clocks */

/* ------------------------------------------------------------------ members */

static void
copy_text(json_t *to, const json_t *from, const char *name)
{
	const json_t *value = json_object_get(from, name);
	struct text text = { json_string_value(value),
	    json_string_length(value) };

	if (text.len > TEXT_MAX)
		text.len = TEXT_MAX;
	json_object_set_new(to, name, json_is_string(value) ?
	    json_text(text) : json_null());
}

static void
copy_number(json_t *to, const json_t *from, const char *name)
{
	const json_t *value = json_object_get(from, name);

	json_object_set_new(to, name, json_is_integer(value) ?
	    json_integer(json_integer_value(value)) : json_null());
}

typedef json_t *copy_item(const json_t *from);

static void
copy_list(json_t *to, const json_t *from, const char *name, copy_item *copy,
    size_t max)
{
	const json_t *list = json_object_get(from, name), *item;
	json_t *array = json_array();
	size_t i;

	json_array_foreach(list, i, item)
		if (i < max)
			json_array_append_new(array, copy(item));
	json_object_set_new(to, name, array);
}

static json_t *
copy_word(const json_t *from)
{
	struct text word = { json_string_value(from),
	    json_string_length(from) };

	return json_is_string(from) && word.len <= TEXT_MAX ?
	    json_text(word) : json_string("?");
}

static json_t *
copy_problem(const json_t *from)
{
	json_t *to = json_object();

	copy_text(to, from, "finding");
	copy_text(to, from, "severity");
	copy_text(to, from, "words");
	copy_text(to, from, "advice");
	return to;
}

static json_t *
copy_served(const json_t *from)
{
	json_t *to = json_object();

	copy_number(to, from, "port");
	copy_text(to, from, "address");
	copy_text(to, from, "sni");
	copy_text(to, from, "finding");
	return to;
}

static json_t *
copy_certificate(const json_t *from)
{
	json_t *to = json_object();

	copy_text(to, from, "name");
	copy_text(to, from, "file");
	copy_text(to, from, "sni");
	copy_text(to, from, "finding");
	copy_text(to, from, "not_after");
	copy_number(to, from, "days");
	copy_list(to, from, "findings", copy_word, PARTS_MAX);
	copy_list(to, from, "problems", copy_problem, PARTS_MAX);
	copy_list(to, from, "served", copy_served, PARTS_MAX);
	if (json_is_true(json_object_get(from, "settling")))
		json_object_set_new(to, "settling", json_true());
	return to;
}

static json_t *
copy_report(const json_t *from)
{
	json_t *to = json_object();

	copy_text(to, from, "overall");
	copy_number(to, from, "left_out");
	copy_list(to, from, "certificates", copy_certificate, LIST_MAX);
	return to;
}

/* --------------------------------------------------------------- formatting */

static bool
is_well(const json_t *certificate)
{
	const char *finding = json_string_value(json_object_get(certificate,
	    "finding"));

	return finding != NULL && strcmp(finding, "ok") == 0;
}

/* False when there is nothing left that could be left out. */
static bool
shorten(json_t *object)
{
	json_t *report = json_object_get(object, "report");
	json_t *array = json_object_get(report, "certificates");
	size_t before = json_array_size(array), i;

	if (json_object_del(object, "states") == 0)
		return true;
	for (i = before; i > 0; i--)
		if (is_well(json_array_get(array, i - 1)))
			json_array_remove(array, i - 1);
	for (i = json_array_size(array); i == before && i > 0 &&
	    json_array_size(array) > before / 2;)
		json_array_remove(array, json_array_size(array) - 1);
	json_object_set_new(report, "left_out", json_integer(
	    json_integer_value(json_object_get(report, "left_out")) +
	    (json_int_t)(before - json_array_size(array))));
	return json_array_size(array) < before;
}

char *
cert_record_format(const struct cert_record *r, size_t max_bytes)
{
	json_t *object = json_pack("{s:i, s:s, s:I, s:i, s:o}",
	    "version", CERT_RECORD_VERSION, "host", r->host,
	    "seen_at", (json_int_t)r->seen_at,
	    "interval", (int)r->interval_s,
	    "report", copy_report(r->report));
	char *text;

	if (r->states != NULL)
		json_object_set(object, "states", r->states);
	while (text = json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII),
	    text != NULL && strlen(text) > max_bytes && shorten(object))
		free(text);
	json_decref(object);
	return text;
}

/* ------------------------------------------------------------------ parsing */

static bool
read_header(const json_t *object, int64_t now, struct cert_record *out,
    const char **why)
{
	const json_t *host = json_object_get(object, "host");
	json_int_t interval_s = json_integer_value(json_object_get(object,
	    "interval"));

	out->seen_at = json_integer_value(json_object_get(object, "seen_at"));
	*why = "no object";
	if (!json_is_object(object))
		return false;
	*why = "another version";
	if (json_integer_value(json_object_get(object, "version")) !=
	    CERT_RECORD_VERSION)
		return false;
	*why = "no host";
	if (json_string_length(host) == 0 ||
	    json_string_length(host) >= CERT_RECORD_HOST_SIZE)
		return false;
	text_quote(out->host, sizeof(out->host), (struct text){
	    json_string_value(host), json_string_length(host) });
	*why = "no interval";
	if (interval_s <= 0 || interval_s > INTERVAL_MAX)
		return false;
	out->interval_s = (unsigned)interval_s;
	*why = "no time of the past";
	return out->seen_at > 0 && out->seen_at <= now + AHEAD_S;
}

int
cert_record_parse(struct text text, int64_t now, struct cert_record *out,
    const char **why)
{
	json_t *object = json_loadb(text.data, text.len,
	    JSON_REJECT_DUPLICATES, NULL), *states;
	struct cert_record r = { .report = NULL };
	int result = -1;

	if (read_header(object, now, &r, why)) {
		states = json_object_get(object, "states");
		if (json_is_object(states) &&
		    json_object_size(states) <= STATES_MAX)
			r.states = json_incref(states);
		r.report = copy_report(json_object_get(object, "report"));
		*out = r;
		result = 0;
	}
	json_decref(object);
	return result;
}

void
cert_record_clear(struct cert_record *r)
{
	json_decref(r->report);
	json_decref(r->states);
	*r = (struct cert_record){ .report = NULL };
}
