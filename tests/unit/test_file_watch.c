/*
 * Changes of files as they come: in place, by rename, by a link on the way,
 * with the whole folder; and of nothing else.
 */

#include "policyd/file_watch.h"

#include <sys/stat.h>

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "shared/buffer.h"
#include "tests/unit/check.h"

#define WAIT_MS	80

static struct event_base *base;
static bool was_told;

static void
on_change(void *arg)
{
	(void)arg;
	was_told = true;
	event_base_loopbreak(base);
}

static bool
is_told(void)
{
	struct timeval wait = { 0, WAIT_MS * 1000 };

	was_told = false;
	event_base_loopexit(base, &wait);
	event_base_dispatch(base);
	return was_told;
}

#define BEGIN	"mkdir -p live/x archive/x kube/..1 && " \
	"echo 1 >archive/x/cert1.pem && echo 2 >archive/x/cert2.pem && " \
	"ln -s ../../archive/x/cert1.pem live/x/cert.pem && " \
	"echo 1 >kube/..1/tls.crt && ln -s ..1 kube/..data && " \
	"ln -s ..data/tls.crt kube/tls.crt && ln -s loop loop"

/* One behind the other; the files are set again after each. */
static const struct {
	const char	*label, *command;
	bool		 want;
} rows[] = {
	{ "nothing", ":", false },
	{ "another file of the folder", "echo >archive/x/privkey9.pem", false },
	{ "read", "cat live/x/cert.pem >/dev/null", false },
	{ "written in place", "echo >>archive/x/cert1.pem", true },
	{ "its mode", "chmod 600 archive/x/cert1.pem", true },
	{ "put in its place", "echo >new; mv new archive/x/cert1.pem", true },
	{ "a link replaced, as certbot does",
	    "ln -s ../../archive/x/cert2.pem new; mv new live/x/cert.pem",
	    true },
	{ "what it led to before", "echo >>archive/x/cert1.pem", false },
	{ "what it leads to now", "echo >>archive/x/cert2.pem", true },
	{ "a folder's link replaced, as Kubernetes does",
	    "mkdir kube/..2; echo 2 >kube/..2/tls.crt; ln -s ..2 new; "
	    "mv -T new kube/..data", true },
	{ "the folder before", "rm -r kube/..1", false },
	{ "removed", "rm live/x/cert.pem", true },
	{ "with its folder", "rm -r live/x", true },
	{ "the folder again", "mkdir live/x", true },
	{ "and the file", "ln -s ../../archive/x/cert1.pem live/x/cert.pem",
	    true },
	{ "the folder renamed", "mv live/x live/y", true },
	{ "another one takes its name", "mkdir live/new; mv live/new live/x",
	    true },
	{ "a folder that there never was", "mkdir later", true },
	{ "the next in it", "mkdir later/deep", true },
	{ "the file in it", "echo >later/deep/cert.pem", true },
};

static void
run(const char *folder, const char *command)
{
	char line[1024];

	snprintf(line, sizeof(line), "cd %s && { %s; }", folder, command);
	check_int(command, system(line), 0);
}

static void
test_changes(struct file_watch *w, const char *folder)
{
	char paths[1024];
	size_t i;

	run(folder, BEGIN);
	snprintf(paths, sizeof(paths), "%s/live/x/cert.pem\n%s/kube/tls.crt\n"
	    "%s/later/deep/cert.pem\n%s/loop\nrelative\n\n/\n%s/live/../live/"
	    "./x//cert.pem\n", folder, folder, folder, folder, folder);
	file_watch_set(w, text_of(paths));
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		run(folder, rows[i].command);
		check_bool(rows[i].label, is_told(), rows[i].want);
		file_watch_set(w, text_of(paths));
	}
	file_watch_set(w, text_of(""));
	run(folder, "echo >>archive/x/cert1.pem");
	check_bool("none any more", is_told(), false);
}

/* Too many folders cost those that are too many, and nothing else. */
static void
test_limit(struct file_watch *w, const char *folder)
{
	char path[128], last[64], beyond[64];
	struct buffer paths;
	int i;

	snprintf(last, sizeof(last), "echo >f%d/cert.pem",
	    FILE_WATCH_FOLDERS_MAX - 1);
	snprintf(beyond, sizeof(beyond), "echo >f%d/cert.pem",
	    FILE_WATCH_FOLDERS_MAX);

	buffer_init(&paths, 1024 * 1024);
	for (i = 0; i <= FILE_WATCH_FOLDERS_MAX; i++) {
		snprintf(path, sizeof(path), "%s/f%d", folder, i);
		mkdir(path, 0700);
		buffer_addf(&paths, "%s/cert.pem\n", path);
	}
	file_watch_set(w, text_of(buffer_text(&paths)));
	run(folder, last);
	check_bool("the last that is watched", is_told(), true);
	run(folder, beyond);
	check_bool("one too many", is_told(), false);
	buffer_clear(&paths);
}

int
main(void)
{
	char folder[] = "/tmp/hopseal-watch-XXXXXX";
	struct file_watch *w;

	base = event_base_new();
	w = file_watch_new(base, on_change, NULL);
	if (mkdtemp(folder) == NULL || w == NULL)
		return 1;
	test_changes(w, folder);
	test_limit(w, folder);
	file_watch_free(w);
	run(folder, "rm -rf -- \"$PWD\"");
	event_base_free(base);
	return check_end();
}
