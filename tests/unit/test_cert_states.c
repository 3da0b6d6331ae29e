/*
 * Changes of our own certificates: told once each, also over a restart, and
 * nothing of what was well from the start.
 */

#include "policyd/clerk/cert_states.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "shared/buffer.h"
#include "tests/unit/check.h"

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

#define HEAD	"{\"overall\": \"x\", \"certificates\": ["
#define TAIL	"]}"
#define GOOD	"{\"name\": \"smtp\", \"file\": \"/a\", \"sni\": null, " \
	"\"finding\": \"ok\", \"findings\": [], \"days\": 40, \"stage\": 0, " \
	"\"problems\": []}"
#define STALE	"{\"name\": \"smtp\", \"file\": \"/a\", \"sni\": null, " \
	"\"finding\": \"served-stale\", \"findings\": [\"served-stale\"], " \
	"\"days\": 40, \"stage\": 0, \"problems\": [{\"finding\": " \
	"\"served-stale\", \"severity\": \"critical\", \"words\": \"old\", " \
	"\"advice\": \"reload\"}]}"
#define SOON(stage, days) "{\"name\": \"smtp\", \"file\": \"/a\", " \
	"\"sni\": null, \"finding\": \"cert-expires-soon\", \"findings\": " \
	"[\"cert-expires-soon\"], \"days\": " #days ", \"stage\": " #stage \
	", \"problems\": [{\"finding\": \"cert-expires-soon\", " \
	"\"severity\": \"warning\", \"words\": \"soon\"}]}"
#define OTHER	"{\"name\": \"sni\", \"file\": \"/b\", \"sni\": \"b.example\", " \
	"\"finding\": \"not-served\", \"findings\": [\"not-served\"]}"

/* In their order, over one file; "" after a restart too. */
static const struct {
	const char	*label, *report, *want;
	bool		 is_restart;
} rows[] = {
	{ "good from the start is no news", HEAD GOOD TAIL, "", false },
	{ "something wrong", HEAD STALE TAIL,
	    "smtp:served-stale:broken:40:old;", false },
	{ "the same once more", HEAD STALE TAIL, "", false },
	{ "the same after a restart", HEAD STALE TAIL, "", true },
	{ "mended", HEAD GOOD TAIL, "smtp:ok:fine:40:;", false },
	{ "near its end", HEAD SOON(1, 20) TAIL,
	    "smtp:cert-expires-soon:doubtful:20:soon;", false },
	{ "a day nearer is no news", HEAD SOON(1, 19) TAIL, "", true },
	{ "the next time to warn is", HEAD SOON(2, 10) TAIL,
	    "smtp:cert-expires-soon:doubtful:10:soon;", false },
	{ "another one", HEAD SOON(2, 10) "," OTHER TAIL,
	    "sni/b.example:not-served:fine:-1:;", false },
	{ "removed without a word", HEAD OTHER TAIL, "", false },
	{ "none", HEAD TAIL, "", false },
};

static void
test_changes(const char *path)
{
	struct cert_states *s = cert_states_new(path, on_change, NULL);
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].is_restart) {
			cert_states_free(s);
			s = cert_states_new(path, on_change, NULL);
		}
		buffer_reset(&told);
		check_bool(rows[i].label, cert_states_take(s,
		    text_of(rows[i].report), 1000), true);
		check_text(rows[i].label, buffer_text(&told), rows[i].want);
	}
	check_int("when", cert_states_seen_at(s), 1000);
	cert_states_free(s);
}

static void
test_refusals(const char *path)
{
	static const char *const bad[] = { "", "{", "[]", "{}", "null",
	    "{\"certificates\": 1}", "{\"certificates\": [" };
	struct cert_states *s = cert_states_new(path, on_change, NULL);
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		check_bool(bad[i], cert_states_take(s, text_of(bad[i]), 1),
		    false);
	check_bool("strange members", cert_states_take(s, text_of(HEAD
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
	file = fopen(path, "w");	/* a file that is none */
	if (file != NULL)
		fclose(file);
	test_refusals(path);
	buffer_clear(&told);
	unlink(path);
	rmdir(folder);
	return check_end();
}
