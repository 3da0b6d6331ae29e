/*
 * One function for each part.  What cannot be learned without root's rights is
 * left out.
 */

#include "ctl/surroundings.h"

#include <sys/statvfs.h>
#include <sys/timex.h>

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctl/answer.h"
#include "ctl/postfix_view.h"
#include "ctl/program.h"
#include "shared/io/clock.h"
#include "shared/io/config.h"
#include "shared/io/file.h"
#include "shared/postfix/setup_plan.h"
#include "shared/postfix/table.h"
#include "shared/xalloc.h"

#define DETAIL_SIZE	1024
#define FILE_MAX	65536
#define RESOLV_CONF	"/etc/resolv.conf"

/* The journal of a busy day, and one of which nothing is left. */
#define DISK_FEW_BYTES	(UINT64_C(500) << 20)
#define DISK_LAST_BYTES	(UINT64_C(50) << 20)

/* ------------------------------------------------------------------ tables */

/* As Postfix asks it, for a name that nobody has; another table answers it. */
static bool
answers(const struct postfix_view *view, struct text table)
{
	char *name = xstrndup(table.data, table.len);
	const char *const with_folder[] = { "postmap", "-c", view->config_dir,
	    "-q", "hopseal.invalid", name, "static:hopseal", NULL };
	const char *const without[] = { "postmap", "-q", "hopseal.invalid",
	    name, "static:hopseal", NULL };
	struct buffer output;
	bool result;

	buffer_init(&output, FILE_MAX);
	result = program_read(view->config_dir != NULL ? with_folder : without,
	    &output);
	buffer_clear(&output);
	free(name);
	return result;
}

/* Tables of the operator's that Postfix asks before it asks us. */
static void
add_tables(const struct postfix_view *view, json_t *answer)
{
	struct text tables = setup_value((struct text){
	    buffer_text(&view->settings), view->settings.len },
	    "smtp_tls_policy_maps"), item;
	char detail[DETAIL_SIZE], table[DETAIL_SIZE / 2];
	size_t count = 0;

	if (geteuid() != 0)
		return;
	while (table_next_item(&tables, &item)) {
		if (text_starts_with(item, "socketmap:"))
			continue;
		count++;
		if (answers(view, item))
			continue;
		text_quote(table, sizeof(table), item);
		snprintf(detail, sizeof(detail), "smtp_tls_policy_maps: %s "
		    "cannot be asked", table);
		answer_add_part(answer, "tables", PART_CRITICAL, detail,
		    "Postfix defers all mail: postmap -q x TABLE says why; of "
		    "a file, postmap makes the table");
		return;
	}
	if (count == 0)
		return;
	snprintf(detail, sizeof(detail), "%zu before ours in "
	    "smtp_tls_policy_maps, which %s asked", count, count == 1 ?
	    "can be" : "can all be");
	answer_add_part(answer, "tables", PART_OK, detail, NULL);
}

/* ------------------------------------------------------------ name servers */

/* A chrooted process reads the copy that was made when Postfix started. */
static void
add_name_servers(const struct postfix_view *view, json_t *answer)
{
	char path[PATH_MAX], detail[PATH_MAX + 100];
	struct buffer ours, theirs;

	if (!postfix_view_is_chrooted(view, "smtp"))
		return;
	snprintf(path, sizeof(path), "%s" RESOLV_CONF, view->queue_directory);
	buffer_init(&ours, FILE_MAX);
	buffer_init(&theirs, FILE_MAX);
	if (file_read(RESOLV_CONF, &ours) == -1 ||
	    (file_read(path, &theirs) == -1 && errno == EACCES))
		goto out;
	if (ours.len == theirs.len && memcmp(buffer_text(&ours),
	    buffer_text(&theirs), ours.len) == 0) {
		snprintf(detail, sizeof(detail), "%s is as " RESOLV_CONF, path);
		answer_add_part(answer, "chroot", PART_OK, detail, NULL);
	} else {
		snprintf(detail, sizeof(detail), "smtp runs chrooted and reads "
		    "%s, which %s", path, theirs.len == 0 ? "is not there" :
		    "is not as " RESOLV_CONF);
		answer_add_part(answer, "chroot", PART_WARNING, detail,
		    "restart Postfix, which copies it, or copy " RESOLV_CONF
		    " there and reload Postfix");
	}
out:
	buffer_clear(&ours);
	buffer_clear(&theirs);
}

/* ------------------------------------------------------------------- disk */

static void
add_disk(const struct config *config, json_t *answer)
{
	char detail[PATH_MAX + 100];
	struct statvfs disk;
	uint64_t free_bytes;

	if (statvfs(config->state_dir, &disk) == -1)
		return;
	free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
	snprintf(detail, sizeof(detail), "%" PRIu64 " MB free for %s",
	    free_bytes >> 20, config->state_dir);
	answer_add_part(answer, "disk", free_bytes < DISK_LAST_BYTES ?
	    PART_CRITICAL : free_bytes < DISK_FEW_BYTES ? PART_WARNING :
	    PART_OK, detail, "make room: without it what is counted, and "
	    "learned, stays in memory and is lost with a restart");
}

/* ------------------------------------------------------------------ clock */

/* Certificates and signatures of DNS are judged by it. */
static void
add_time(json_t *answer)
{
	static const char advice[] = "certificates are judged by it: "
	    "timedatectl set-ntp true, or install chrony";
	struct timex clock = { .modes = 0 };
	char detail[DETAIL_SIZE];
	time_t now = (time_t)clock_now_s();
	struct tm tm;
	int state = adjtimex(&clock);

	gmtime_r(&now, &tm);
	strftime(detail, sizeof(detail), "%Y-%m-%d %H:%M:%S UTC", &tm);
	if (state == -1)
		return;
	if (state == TIME_ERROR || (clock.status & STA_UNSYNC) != 0) {
		strcat(detail, ", and nothing keeps the clock right");
		answer_add_part(answer, "time", PART_WARNING, detail, advice);
	} else
		answer_add_part(answer, "time", PART_OK, detail, NULL);
}

void
surroundings_add(const struct config *config, const struct postfix_view *view,
    json_t *answer)
{
	if (!json_is_array(json_object_get(answer, "parts")))
		return;
	if (view->is_there) {
		add_tables(view, answer);
		add_name_servers(view, answer);
	}
	add_disk(config, answer);
	add_time(answer);
}
