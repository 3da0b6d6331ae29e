/*
 * Changes of our own certificates: told once each, also over a restart, and
 * nothing of what was well from the start.
 */

#include "policyd/clerk/cert_states.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/buffer.h"
#include "shared/policy/cert_stages.h"
#include "tests/unit/check.h"

#define HOUR	3600
#define DAY	86400

static struct buffer told;

static void
on_change(const struct cert_change *c, void *arg)
{
	static const char *const words[] = { "fine", "doubtful", "broken" };

	(void)arg;
	buffer_addf(&told, "%s%s%s:%s:%s:%lld:%s;", c->name,
	    c->sni[0] != '\0' ? "/" : "", c->sni, c->finding,
	    words[c->severity], (long long)c->days, c->words);
}

static bool
take(struct cert_states *s, struct text report, int64_t now)
{
	bool is_report = cert_states_take(s, report, now);

	cert_states_keep(s);
	return is_report;
}

/* ------------------------------------------------------- from look to look */

#define HEAD	"{\"overall\": \"x\", \"certificates\": ["
#define TAIL	"]}"
#define CERT(file, sni, finding, findings, days, stage, problems) \
	"{\"name\": \"smtp\", \"file\": \"" file "\", \"sni\": " sni ", " \
	"\"finding\": \"" finding "\", \"findings\": [" findings "], " \
	"\"days\": " #days ", \"stage\": " #stage ", \"id\": \"aa\", " \
	"\"problems\": [" problems "]}"
#define PROBLEM(finding, severity, words) \
	"{\"finding\": \"" finding "\", \"severity\": \"" severity "\", " \
	"\"words\": \"" words "\", \"advice\": \"mend\"}"
#define GOOD	CERT("/a", "null", "ok", "", 40, 0, "")
#define STALE	CERT("/a", "null", "served-stale", "\"served-stale\"", 40, 0, \
	PROBLEM("served-stale", "critical", "old"))
#define SOON(stage, days) CERT("/a", "null", "cert-expires-soon", \
	"\"cert-expires-soon\"", days, stage, \
	PROBLEM("cert-expires-soon", "warning", "soon"))
#define SILENT	CERT("/a", "null", "unknown", "\"unknown\"", 40, 0, \
	PROBLEM("unknown", "warning", "no answer"))
#define RENEWED	"{\"name\": \"smtp\", \"file\": \"/a\", \"id\": \"bb\", " \
	"\"finding\": \"served-stale\", \"findings\": [\"served-stale\"], " \
	"\"days\": 90, \"problems\": [" \
	PROBLEM("served-stale", "critical", "old") "]}"
#define LOADED	"{\"name\": \"smtp\", \"file\": \"/a\", \"id\": \"bb\", " \
	"\"finding\": \"ok\", \"findings\": [], \"days\": 90}"
#define UNREADABLE "{\"name\": \"smtp\", \"file\": \"/a\", \"id\": null, " \
	"\"finding\": \"file-unreadable\", \"findings\": " \
	"[\"file-unreadable\", \"served-stale\"], \"problems\": [" \
	PROBLEM("file-unreadable", "critical", "gone") "]}"
#define OTHER	CERT("/b", "\"b.example\"", "not-served", "\"not-served\"", \
	40, 0, "")
#define LATER	(CERT_STATES_HOLD_S + 1)
#define REFUSED(severity) "{\"refused\": [{\"severity\": \"" severity \
	"\"}], \"certificates\": [" LOADED TAIL

/* In their order, over one file. */
static const struct {
	const char	*label, *report, *want, *overall;
	int64_t		 after_s;
	bool		 is_restart;
} rows[] = {
	{ "good from the start is no news", HEAD GOOD TAIL, "", "good", 0,
	    false },
	{ "something wrong", HEAD STALE TAIL,
	    "smtp:served-stale:broken:40:old;", "broken", 1, false },
	{ "the same once more", HEAD STALE TAIL, "", "broken", 1, false },
	{ "the same after a restart", HEAD STALE TAIL, "", "broken", 1, true },
	{ "a port that was busy is no news", HEAD SILENT TAIL, "",
	    "warnings", 1, false },
	{ "nor is what was known before", HEAD STALE TAIL, "", "broken", 1,
	    true },
	{ "mended", HEAD GOOD TAIL, "smtp:ok:fine:40:;", "good", 1, false },
	{ "near its end", HEAD SOON(1, 20) TAIL,
	    "smtp:cert-expires-soon:doubtful:20:soon;", "warnings", 1, false },
	{ "a day nearer is no news", HEAD SOON(1, 19) TAIL, "", "warnings",
	    DAY, true },
	{ "the next time to warn is", HEAD SOON(2, 10) TAIL,
	    "smtp:cert-expires-soon:doubtful:10:soon;", "warnings", 1, false },
	{ "another one", HEAD SOON(2, 10) "," OTHER TAIL,
	    "smtp/b.example:not-served:fine:40:;", "warnings", 1, false },
	{ "not found for once, without a word", HEAD OTHER TAIL, "", "good", 1,
	    false },
	{ "found again", HEAD SOON(2, 10) "," OTHER TAIL, "", "warnings",
	    HOUR, true },
	{ "removed", HEAD OTHER TAIL, "", "good", HOUR, false },
	{ "still, a day later", HEAD OTHER TAIL, "", "good",
	    CERT_STATES_GONE_S, false },
	{ "a new one by that name", HEAD SOON(2, 10) "," OTHER TAIL,
	    "smtp:cert-expires-soon:doubtful:10:soon;", "warnings", HOUR,
	    true },
	{ "good again", HEAD GOOD TAIL, "smtp:ok:fine:40:;", "good", HOUR,
	    false },
	{ "a port that is busy is waited for", HEAD SILENT TAIL, "", "good",
	    HOUR, false },
	{ "also over a restart", HEAD SILENT TAIL, "", "good", 100, true },
	{ "but not for long", HEAD SILENT TAIL,
	    "smtp:unknown:doubtful:40:no answer;", "warnings", LATER, true },
	{ "and then it answers", HEAD GOOD TAIL, "smtp:ok:fine:40:;", "good",
	    1, false },
	{ "renewed, and not reloaded yet", HEAD RENEWED TAIL, "", "good",
	    HOUR, false },
	{ "reloaded", HEAD LOADED TAIL, "", "good", 60, false },
	{ "the one before", HEAD STALE TAIL, "", "good", HOUR, false },
	{ "never reloaded", HEAD STALE TAIL,
	    "smtp:served-stale:broken:40:old;", "broken", LATER, true },
	{ "a file that cannot be read", HEAD UNREADABLE TAIL,
	    "smtp:file-unreadable:broken:-1:gone;", "broken", 1, false },
	{ "none", HEAD TAIL, "", "unknown", 1, false },
	{ "good, and perhaps not all", "{\"partial\": true, "
	    "\"certificates\": [" LOADED TAIL, "smtp:ok:fine:90:;", "unknown",
	    1, false },
	{ "one who refused it may be wrong", REFUSED("info"), "", "good", 1,
	    false },
	{ "several are not", REFUSED("warning"), "", "warnings", 1, false },
};

static void
test_changes(const char *path)
{
	struct cert_states *s = cert_states_new(path, on_change, NULL);
	int64_t now = 1000;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].is_restart) {
			cert_states_free(s);
			s = cert_states_new(path, on_change, NULL);
		}
		buffer_reset(&told);
		now += rows[i].after_s;
		check_bool(rows[i].label, take(s,
		    text_of(rows[i].report), now), true);
		check_text(rows[i].label, buffer_text(&told), rows[i].want);
		check_text(rows[i].label, json_string_value(json_object_get(
		    cert_states_report(s), "overall")), rows[i].overall);
	}
	check_int("when", cert_states_seen_at(s), now);
	cert_states_free(s);
}

/* -------------------------------------------------- what nobody has renewed */

static const char *
served(const char *on_disk, const char *id, const char *issuer,
    const char *key)
{
	static char report[1024];
	bool is_ours = strcmp(on_disk, id) == 0;

	snprintf(report, sizeof(report), "{\"certificates\": [{\"name\": \"a\","
	    "\"file\": \"/a\", \"id\": \"%s\", \"finding\": \"%s\","
	    "\"findings\": [%s], \"problems\": [], \"served\": [{\"port\": 25,"
	    "\"address\": \"127.0.0.1\", \"sni\": null, \"finding\": \"%s\","
	    "\"seen\": {\"id\": \"%s\", \"issuer\": \"%s\", \"key\": \"%s\","
	    "\"names\": \"n\"}}]}]}", on_disk, is_ours ? "ok" : "served-stale",
	    is_ours ? "" : "\"served-stale\"", is_ours ? "ok" :
	    "served-stale", id, issuer, key);
	return report;
}

/* Whether cert-changed is among the findings of the only certificate. */
static bool
is_changed(const struct cert_states *s)
{
	const json_t *findings = json_object_get(json_array_get(
	    json_object_get(cert_states_report(s), "certificates"), 0),
	    "findings"), *word;
	size_t i;

	json_array_foreach(findings, i, word)
		if (strcmp(json_string_value(word), "cert-changed") == 0)
			return true;
	return false;
}

static const struct {
	const char	*label, *on_disk, *id, *issuer, *key;
	int64_t		 after_s;
	bool		 want;
} changes[] = {
	{ "the first look", "1", "1", "ca", "k1", 0, false },
	{ "renewed, not reloaded", "2", "1", "ca", "k1", 1, false },
	{ "reloaded", "2", "2", "ca", "k2", 1, false },
	{ "renewed by another issuer, twice", "4", "2", "ca", "k2", 1, false },
	{ "the one before is loaded", "5", "4", "ca2", "k4", 1, false },
	{ "what nobody renewed here", "5", "9", "ca9", "k9", 1, true },
	{ "it stays", "5", "9", "ca9", "k9", DAY, true },
	{ "and is another again", "5", "8", "ca8", "k8", DAY, true },
	{ "gone", "5", "5", "ca2", "k5", 1, false },
	{ "a key alone", "5", "7", "ca2", "k7", 1, true },
	{ "for long enough", "5", "7", "ca2", "k7", 7 * DAY, false },
	{ "is what is expected", "5", "7", "ca2", "k7", DAY, false },
	{ "the same key again, with other dates", "5", "6", "ca2", "k7", 1,
	    false },
};

static void
test_unexpected(const char *path)
{
	struct cert_states *s = NULL;
	int64_t now = 1000;
	size_t i;

	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		cert_states_free(s);
		s = cert_states_new(path, on_change, NULL);
		now += changes[i].after_s;
		take(s, text_of(served(changes[i].on_disk,
		    changes[i].id, changes[i].issuer, changes[i].key)), now);
		check_bool(changes[i].label, is_changed(s), changes[i].want);
	}
	cert_states_free(s);
}

/* ---------------------------------------------------------------- a quarter */

/* A certificate of 90 days at a look, as the command says it. */
static void
format_look(int64_t begin, int64_t now, bool is_loaded, struct buffer *out)
{
	int64_t left = begin + 90 * DAY - now;
	const char *finding = left < 0 ? "cert-expired" :
	    !is_loaded ? "served-stale" : left <= 90 * DAY / 4 ?
	    "cert-expires-soon" : NULL;
	struct cert_stages stages;

	cert_stages_of_life(90 * DAY, &stages);
	buffer_addf(out, "{\"certificates\": [{\"name\": \"smtp\", "
	    "\"file\": \"/a\", \"id\": \"%lld\", \"days\": %lld, "
	    "\"stage\": %u, \"finding\": \"%s\", \"findings\": [",
	    (long long)begin, (long long)(left < 0 ? 0 : left / DAY),
	    cert_stages_passed(&stages, left), finding != NULL ? finding :
	    "ok");
	if (finding != NULL)
		buffer_addf(out, "\"%s\"], \"problems\": [{\"finding\": "
		    "\"%s\", \"severity\": \"critical\"}", finding, finding);
	buffer_add_text(out, "]}]}");
}

struct quarter {
	const char	*label;
	int64_t		 begin;		/* of the certificate at its start */
	int64_t		 renewals[3];	/* days; 0: none more */
	const char	*want;
};

static const struct quarter quarters[] = {
	{ "a healthy renewal never alarms", -30 * DAY, { 30, 90 }, "" },
	{ "a renewal that fails", -20 * DAY, { 75 },
	    "smtp:cert-expires-soon:broken:22:;"
	    "smtp:cert-expires-soon:broken:11:;"
	    "smtp:cert-expires-soon:broken:5:;"
	    "smtp:cert-expires-soon:broken:1:;"
	    "smtp:cert-expires-soon:broken:0:;"
	    "smtp:cert-expired:broken:0:;"
	    "smtp:ok:fine:89:;" },
};

/*
 * One host's 91 days: a look each hour, and each five minutes while something
 * is wrong, a restart each day; reloaded at the look after a renewal.
 */
static void
live(const struct quarter *q, const char *path, int64_t offset)
{
	struct cert_states *s = cert_states_new(path, on_change, NULL);
	int64_t start = 1767225600, now = start + offset, begin;
	const int64_t *renewal = q->renewals;
	int64_t restart = now + DAY, loaded = start + q->begin;
	struct buffer look;

	for (begin = loaded; now < start + 91 * DAY; now +=
	    strcmp(json_string_value(json_object_get(cert_states_report(s),
	    "overall")), "good") == 0 ? HOUR : 300) {
		if (now >= restart) {
			cert_states_free(s);
			s = cert_states_new(path, on_change, NULL);
			restart += DAY;
		}
		if (*renewal != 0 && now >= start + *renewal * DAY)
			begin = start + *renewal++ * DAY;
		buffer_init(&look, 4096);
		format_look(begin, now, begin == loaded, &look);
		take(s, text_of(buffer_text(&look)), now);
		buffer_clear(&look);
		loaded = begin;
	}
	cert_states_free(s);
}

/* Three hosts, each with a file of its own, each telling for itself. */
static void
test_quarters(const char *folder)
{
	char path[64];
	size_t i;
	int host;

	for (i = 0; i < sizeof(quarters) / sizeof(quarters[0]); i++)
		for (host = 0; host < 3; host++) {
			snprintf(path, sizeof(path), "%s/%zu-%d", folder, i,
			    host);
			buffer_reset(&told);
			live(&quarters[i], path, host * 1200);
			check_text(quarters[i].label, buffer_text(&told),
			    quarters[i].want);
			unlink(path);
		}
}

/* ------------------------------------------------------------------- others */

/* Written when those who are told have written it down, and not before. */
static void
test_keeping(const char *path)
{
	struct cert_states *s = cert_states_new(path, on_change, NULL);

	cert_states_take(s, text_of(HEAD STALE TAIL), 1);
	check_int("not yet", access(path, F_OK), -1);
	cert_states_keep(s);
	check_int("kept", access(path, F_OK), 0);
	unlink(path);
	take(s, text_of(HEAD STALE TAIL), 2);
	check_int("no change", access(path, F_OK), -1);
	buffer_reset(&told);
	cert_states_forget_told(s);
	take(s, text_of(HEAD STALE "," OTHER TAIL), 3);
	check_text("told once more", buffer_text(&told),
	    "smtp:served-stale:broken:40:old;"
	    "smtp/b.example:not-served:fine:40:;");
	buffer_reset(&told);
	take(s, text_of(HEAD GOOD TAIL), 4);
	buffer_reset(&told);
	cert_states_forget_told(s);
	take(s, text_of(HEAD GOOD TAIL), 5);
	check_text("good is no news", buffer_text(&told), "");
	cert_states_free(s);
	unlink(path);
}

/* -------------------------------------------------------------- their ends */

#define SERVED(port, sni, end) "{\"port\": " #port ", \"address\": \"::1\", " \
	"\"sni\": " sni ", \"seen\": {\"id\": \"a\", \"not_after\": \"" end \
	"\"}}"
#define ENDS(name, served) "{\"name\": \"" name "\", \"findings\": [], " \
	"\"served\": [" served "]}"

static void
check_ends(const char *label, const struct cert_states *s, const char *want)
{
	struct cert_ends ends = { .count = 0 };
	struct buffer got;
	size_t i;

	cert_states_add_ends(s, &ends);
	buffer_init(&got, 1000);
	for (i = 0; i < ends.count; i++)
		buffer_addf(&got, "%d:%lld ", ends.ends[i].port,
		    (long long)ends.ends[i].at);
	check_text(label, buffer_text(&got), want);
	buffer_clear(&got);
}

/* Who begins knows them before the first look. */
static void
test_ends(const char *path)
{
	struct cert_states *s = cert_states_new(path, on_change, NULL);

	check_ends("nothing is known", s, "");
	take(s, text_of(HEAD ENDS("b", SERVED(587, "null",
	    "1970-01-01T00:09:00Z")) TAIL), 1);
	take(s, text_of(HEAD ENDS("a", SERVED(25, "null",
	    "1970-01-01T00:01:00Z") "," SERVED(25, "null",
	    "1970-01-01T00:00:09Z") "," SERVED(465, "\"x.example\"",
	    "1970-01-01T00:01:00Z") "," SERVED(26, "null", "?")) TAIL), 2);
	check_ends("of the report", s, "25:9 ");
	cert_states_free(s);
	s = cert_states_new(path, on_change, NULL);
	check_ends("of the file", s, "25:9 ");
	take(s, text_of(HEAD TAIL), 3);
	check_ends("of the report again", s, "");
	cert_states_free(s);
	unlink(path);
}

static void
on_recalled(const struct cert_change *c, void *arg)
{
	(void)c;
	(void)arg;
	buffer_add_text(&told, "once more");
}

/* A host whose disk was lost has its states from Redis. */
static void
test_recall(const char *path)
{
	struct cert_states *s = cert_states_new(path, on_recalled, NULL),
	    *other;
	struct buffer files;

	take(s, text_of(HEAD STALE TAIL), 1);
	unlink(path);
	other = cert_states_new(path, on_recalled, NULL);
	cert_states_recall(other, cert_states_kept(s));
	buffer_reset(&told);
	take(other, text_of(HEAD STALE TAIL), 2);
	check_text("recalled", buffer_text(&told), "");
	check_int("and written", access(path, F_OK), 0);
	take(other, text_of("{\"certificates\": [{\"files\": "
	    "[\"/a\", 5, \"/b\"]}, {}]}"), 3);
	buffer_init(&files, 100);
	cert_states_add_files(other, &files);
	check_text("files", buffer_text(&files), "/a\n/b\n");
	check_int("no end", cert_states_next_end(other, 3), 0);
	take(other, text_of("{\"certificates\": [{\"not_after\": "
	    "\"1970-01-01T00:01:00Z\", \"served\": [{\"seen\": {"
	    "\"not_after\": \"1970-01-01T00:00:10Z\"}}]}, {\"not_after\": "
	    "\"1970-01-01T00:00:20Z\"}]}"), 3);
	check_int("of what is served", cert_states_next_end(other, 9), 10);
	check_int("the next", cert_states_next_end(other, 10), 20);
	check_int("the last", cert_states_next_end(other, 20), 60);
	check_int("all ended", cert_states_next_end(other, 60), 0);
	buffer_clear(&files);
	cert_states_free(s);
	cert_states_free(other);
}

static void
test_refusals(const char *path)
{
	static const char *const bad[] = { "", "{", "[]", "{}", "null",
	    "{\"certificates\": 1}", "{\"certificates\": [" };
	struct cert_states *s = cert_states_new(path, on_change, NULL);
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		check_bool(bad[i], take(s, text_of(bad[i]), 1),
		    false);
	check_bool("strange members", take(s, text_of(HEAD
	    "1, null, {\"name\": 5, \"findings\": 7, \"problems\": [3]}"
	    TAIL), 1), true);
	cert_states_free(s);
}

int
main(void)
{
	char folder[] = "/tmp/hopseal-states-XXXXXX", path[64];
	FILE *file;

	if (mkdtemp(folder) == NULL)
		return 1;
	snprintf(path, sizeof(path), "%s/states", folder);
	buffer_init(&told, 65536);
	test_changes(path);
	unlink(path);
	test_unexpected(path);
	test_quarters(folder);
	unlink(path);
	test_keeping(path);
	test_ends(path);
	test_recall(path);
	file = fopen(path, "w");	/* a file that is none */
	if (file != NULL)
		fclose(file);
	test_refusals(path);
	buffer_clear(&told);
	unlink(path);
	rmdir(folder);
	return check_end();
}
