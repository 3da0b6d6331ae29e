/*
 * A judged look as a JSON object: members as "explain" has them, and for each
 * host what was served there.  Absent is null, times are RFC 3339.
 */

#include "ctl/check_report.h"

#include <string.h>

static json_t *
json_time(int64_t when)
{
	char text[TEXT_TIME_SIZE];

	return when == 0 ? json_null() :
	    json_string(text_format_time(text, when));
}

/* Strangers' octets may be no UTF-8: those become '?'. */
static json_t *
json_text(struct text t)
{
	char quoted[1024];

	return t.len == 0 ? json_null() :
	    json_string(text_quote(quoted, sizeof(quoted), t));
}

static json_t *
json_texts(const struct text *texts, size_t count)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < count; i++)
		json_array_append_new(array, json_text(texts[i]));
	return array;
}

/* -------------------------------------------------------------------- hosts */

static json_t *
chain_array(const struct observation *o)
{
	const struct observed_cert *c;
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < o->cert_count; i++) {
		c = &o->certs[i];
		json_array_append_new(array, json_pack("{s:o, s:o, s:o, s:o,"
		    "s:o, s:i, s:o, s:o, s:b}",
		    "subject", json_text(c->subject),
		    "issuer", json_text(c->issuer),
		    "not_before", json_time(c->not_before),
		    "not_after", json_time(c->not_after),
		    "key", json_text(c->key), "bits", (int)c->key_bits,
		    "signature", json_text(c->signature),
		    "sha256", json_text(c->sha256), "used", c->is_used));
	}
	return array;
}

/* In the order in which the first is chosen; staple-missing is the last. */
static json_t *
findings_array(uint32_t findings)
{
	json_t *array = json_array();
	unsigned f;

	for (f = 0; f < FINDING_COUNT; f++)
		if (f != FINDING_OK && f != FINDING_STAPLE_MISSING &&
		    findings & OBSERVED(f))
			json_array_append_new(array,
			    json_string(finding_name((enum finding)f)));
	if (findings & OBSERVED(FINDING_STAPLE_MISSING))
		json_array_append_new(array,
		    json_string(finding_name(FINDING_STAPLE_MISSING)));
	return array;
}

static json_t *
timing_object(const struct observation *o)
{
	json_t *object = json_object();
	unsigned i;

	for (i = 0; i <= (unsigned)o->stage; i++)
		json_object_set_new(object,
		    probe_stage_name((enum probe_stage)i),
		    json_integer(o->stage_ms[i]));
	return object;
}

/* "TLSv1.2": true; null where it was not asked. */
static json_t *
offers_object(const struct look_address *a)
{
	static const struct {
		enum probe_manner manner;
		const char	 *name;
	} rows[] = {
		{ PROBE_TLS_1_0, "TLSv1" }, { PROBE_TLS_1_1, "TLSv1.1" },
		{ PROBE_TLS_1_2, "TLSv1.2" }, { PROBE_TLS_1_3, "TLSv1.3" },
		{ PROBE_WEAK_CIPHERS, "weak_ciphers" }
	};
	const struct observation *usual = look_seen(a, PROBE_AS_POSTFIX), *o;
	json_t *object = json_object(), *value;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		o = look_seen(a, rows[i].manner);
		value = o != NULL ? json_boolean(o->finding == FINDING_OK) :
		    json_null();
		if (usual != NULL && text_equals(usual->protocol,
		    rows[i].name)) {
			json_decref(value);
			value = json_true();
		}
		json_object_set_new(object, rows[i].name, value);
	}
	return object;
}

static json_t *
dane_of(const struct observation *o)
{
	return json_pack("{s:s, s:o, s:o, s:o}",
	    "state", observed_dane_name(o->dane_state),
	    "match", json_text(o->dane_match),
	    "records", json_texts(o->tlsa, o->tlsa_count),
	    "certificate", json_text(o->tlsa_text));
}

static json_t *
address_object(const struct check *c, const struct look_address *a)
{
	const struct facts_host *host = &c->look->facts->hosts[a->host];
	const struct observation *o = look_seen(a, PROBE_AS_POSTFIX);
	const struct observation *plain = look_seen(a, PROBE_WITHOUT_SNI);
	char text[ADDRESS_TEXT_SIZE];
	json_t *object;

	object = json_pack("{s:s, s:s, s:s?, s:o, s:o}",
	    "address", address_format(&host->addresses[a->address].address,
	    text), "finding", finding_name(check_address_finding(c, a)),
	    "source", o != NULL ? "probe" : NULL,
	    "time", json_time(o != NULL ? o->seen_at : 0),
	    "not_after", json_time(o != NULL ? o->not_after : 0));
	if (o == NULL)
		return object;
	json_object_update_new(object, json_pack("{s:o, s:o, s:s, s:o, s:o,"
	    "s:o, s:i, s:o, s:o, s:o, s:o, s:i, s:o, s:o, s:o, s:o, s:o}",
	    "findings", findings_array(observation_findings(o,
	    check_dane_governs(c, host))), "reason", json_text(o->words),
	    "stage", probe_stage_name(o->stage),
	    "protocol", json_text(o->protocol),
	    "cipher", json_text(o->cipher),
	    "key_exchange", json_text(o->key_exchange),
	    "bits", (int)o->cipher_bits, "chain", chain_array(o),
	    "names", json_texts(o->names, o->name_count),
	    "verify", json_text(o->verify_words),
	    "ocsp", json_text(o->staple), "scts", (int)o->sct_count,
	    "warnings", json_texts(o->warnings, o->warning_count),
	    "dane", dane_of(o), "offers", offers_object(a),
	    "without_sni", plain != NULL ? json_string(finding_name(
	    observation_finding(plain, false))) : json_null(),
	    "ms", timing_object(o)));
	return object;
}

/* Of the first address that told: what a host is like in one look. */
static void
add_session(json_t *host, const json_t *addresses)
{
	static const char *const names[] = { "protocol", "cipher", "chain" };
	const json_t *address, *shown = NULL;
	json_t *value;
	size_t i;

	json_array_foreach(addresses, i, address)
		if (shown == NULL && json_is_string(json_object_get(address,
		    "protocol")))
			shown = address;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		value = json_object_get(shown, names[i]);
		if (value == NULL)
			json_object_set_new(host, names[i],
			    strcmp(names[i], "chain") == 0 ? json_array() :
			    json_null());
		else
			json_object_set(host, names[i], value);
	}
}

static json_t *
host_object(const struct check *c, size_t index)
{
	const struct facts *f = c->look->facts;
	const struct facts_host *host = &f->hosts[index];
	bool has_patterns = f->has_policy && f->policy.mode != MTASTS_NONE;
	json_t *addresses = json_array(), *object;
	size_t i;

	for (i = 0; i < c->look->address_count; i++)
		if (c->look->addresses[i].host == index)
			json_array_append_new(addresses, address_object(c,
			    &c->look->addresses[i]));
	object = json_pack("{s:s, s:i, s:o, s:s, s:o, s:s, s:b, s:o}",
	    "host", host->name, "preference", (int)host->preference,
	    "in_policy", has_patterns ? json_boolean(mtasts_policy_permits(
	    &f->policy, host->name)) : json_null(),
	    "finding", finding_name(check_host_finding(c, host)),
	    "addresses", addresses, "tlsa", tlsa_state_name(host->tlsa),
	    "secure", host->is_secure, "error", host->error[0] != '\0' ?
	    json_string(host->error) : json_null());
	add_session(object, addresses);
	return object;
}

/* ------------------------------------------------------------------- domain */

static json_t *
sts_error(const struct facts *f)
{
	if (f->record_error[0] != '\0')
		return json_string(f->record_error);
	return f->fetch_failed_count == 0 ? json_null() :
	    json_sprintf("%s: %s", finding_name(f->fetch_finding),
	    f->fetch_error);
}

static json_t *
mta_sts_object(const struct facts *f)
{
	json_t *mx = json_null();
	size_t i;

	if (f->has_policy) {
		mx = json_array();
		for (i = 0; i < f->policy.mx_count; i++)
			json_array_append_new(mx,
			    json_string(f->policy.mx[i]));
	}
	return json_pack("{s:s, s:s, s:s?, s:s?, s:o, s:o, s:o, s:o, s:o}",
	    "state", fact_state_name(f->has_policy ? FACT_PRESENT :
	    f->record_state == FACT_PRESENT ? FACT_UNKNOWN : f->record_state),
	    "record", fact_state_name(f->record_state),
	    "id", f->record_id[0] != '\0' ? f->record_id : NULL,
	    "mode", f->has_policy ? mtasts_mode_name(f->policy.mode) : NULL,
	    "mx", mx, "max_age", f->has_policy ?
	    json_integer(f->policy.max_age_s) : json_null(),
	    "fetched", json_time(f->has_policy ? f->fetched_at : 0),
	    "expires", json_time(f->has_policy ? f->expires_at : 0),
	    "error", sts_error(f));
}

/* Which record counts and whether it is right is for its own module. */
static json_t *
tlsrpt_object(const struct look *look)
{
	const struct txt_answer *txt = &look->tlsrpt;
	struct text record = { "", 0 };
	size_t i;

	for (i = txt->record_count; i-- > 0;)
		if (text_starts_with(txt->records[i], "v=TLSRPTv1"))
			record = txt->records[i];
	return json_pack("{s:s, s:o, s:o}", "state",
	    fact_state_name(record.len > 0 ? FACT_PRESENT : txt->is_known ?
	    FACT_ABSENT : FACT_UNKNOWN), "record", json_text(record),
	    "error", json_text(txt->why));
}

static json_t *
dane_object(const struct look *look)
{
	const struct facts *f = look->facts;

	return json_pack("{s:s, s:b, s:o}", "state", look->is_validating ?
	    dane_state_name(f->dane) : "unknown", "mx_secure",
	    f->mx_is_secure, "error", !look->is_validating ? json_string(
	    "the resolver here was not seen to validate DNSSEC") :
	    f->dane_error[0] != '\0' ? json_string(f->dane_error) :
	    json_null());
}

static json_t *
problem_array(const struct check *c)
{
	const struct check_problem *p;
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < c->problem_count; i++) {
		p = &c->problems[i];
		json_array_append_new(array, json_pack("{s:s, s:b, s:s?, s:s?,"
		    "s:s, s:s}", "finding", p->word, "warning", p->is_warning,
		    "host", p->host[0] != '\0' ? p->host : NULL,
		    "address", p->address[0] != '\0' ? p->address : NULL,
		    "reason", p->words, "advice", p->advice));
	}
	return array;
}

/* Each word once, in the order of the problems. */
static json_t *
word_array(const struct check *c)
{
	json_t *array = json_array();
	size_t i, j;

	for (i = 0; i < c->problem_count; i++) {
		for (j = 0; j < i; j++)
			if (strcmp(c->problems[i].word,
			    c->problems[j].word) == 0)
				break;
		if (j == i)
			json_array_append_new(array,
			    json_string(c->problems[i].word));
	}
	return array;
}

json_t *
check_report(const struct check *c)
{
	const struct look *look = c->look;
	const struct facts *f = look->facts;
	json_t *report, *hosts = json_array();
	char text[NEXT_HOP_TEXT_SIZE];
	size_t i;

	for (i = 0; f != NULL && i < f->host_count; i++)
		json_array_append_new(hosts, host_object(c, i));
	report = json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o}",
	    "domain", look->hop.name,
	    "next_hop", next_hop_format(&look->hop, text),
	    "service", probe_service_name(look->service),
	    "overall", check_overall_name(c->overall),
	    "findings", word_array(c), "problems", problem_array(c),
	    "hosts", hosts, "time", json_time(c->now));
	json_object_set_new(report, "mx", f == NULL ? json_null() :
	    json_pack("{s:s, s:b, s:b, s:b, s:s?}",
	    "state", fact_state_name(f->mx_state), "secure", f->mx_is_secure,
	    "implicit", f->mx_is_implicit, "null", f->mx_is_null,
	    "error", f->mx_error[0] != '\0' ? f->mx_error : NULL));
	json_object_set_new(report, "mta_sts", f != NULL ?
	    mta_sts_object(f) : json_null());
	json_object_set_new(report, "tlsrpt", look->hop.kind ==
	    NEXT_HOP_HOST ? json_null() : tlsrpt_object(look));
	json_object_set_new(report, "dane", f != NULL ? dane_object(look) :
	    json_null());
	return report;
}
