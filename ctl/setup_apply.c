/*
 * Changes Postfix's settings and ours and takes them back.  Beside them lie
 * then copies of what was there before, and a file that says of each parameter
 * what it was and what it was set to.  Back goes a whole file where nobody has
 * touched it since, else each parameter whose value is still ours.
 */

#include "ctl/setup.h"

#include <sys/random.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/answer.h"
#include "ctl/ask.h"
#include "ctl/endpoints.h"
#include "ctl/program.h"
#include "shared/config_edit.h"
#include "shared/io/file.h"
#include "shared/siphash.h"
#include "shared/xalloc.h"

#define STATE_NAME	"hopseal-setup.json"
#define BACKUP_SUFFIX	".before-hopseal"
#define STATE_VERSION	1
#define PRINT_SIZE	24	/* of a fingerprint */
#define PASSWORD_OPTION	"status_password_file"
#define PASSWORD_LEN	16	/* of 32 letters each: 80 bits */

static const enum setup_file files[] = {
	SETUP_MAIN_CF, SETUP_MASTER_CF, SETUP_HOPSEAL_CONF
};
#define FILE_COUNT	(sizeof(files) / sizeof(files[0]))

static void __attribute__((format(printf, 2, 3)))
say(const struct setup *setup, const char *format, ...)
{
	va_list args;

	if (setup->options->is_json)
		return;
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

/* -------------------------------------------------------------------- files */

static char *
path_of(const struct setup *setup, const char *name, const char *suffix)
{
	struct buffer path;

	buffer_init(&path, PATH_MAX);
	if (strcmp(name, setup_file_name(SETUP_HOPSEAL_CONF)) == 0)
		buffer_addf(&path, "%s%s", setup->config_path, suffix);
	else
		buffer_addf(&path, "%s/%s%s", setup->dir, name, suffix);
	return buffer_take(&path);
}

/* Tells whether a file is still what we left; nobody forges his own. */
static void
fingerprint(const struct setup *setup, const char *name, char out[PRINT_SIZE])
{
	static const struct siphash_key key;
	char *path = path_of(setup, name, "");
	struct buffer content;

	buffer_init(&content, FILE_COPY_MAX_BYTES);
	out[0] = '\0';
	if (file_read(path, &content) == 0)
		snprintf(out, PRINT_SIZE, "%016" PRIx64, siphash(&key,
		    buffer_text(&content), content.len));
	buffer_clear(&content);
	free(path);
}

static int
copy(const struct setup *setup, const char *name, const char *from,
    const char *to)
{
	char *source = path_of(setup, name, from);
	char *target = path_of(setup, name, to);
	int result = file_copy(source, target);

	if (result == -1)
		ctl_complain("%s cannot be copied to %s: %s", source, target,
		    strerror(errno));
	free(source);
	free(target);
	return result;
}

/* -------------------------------------------------------------------- state */

/* Without one an empty one; NULL when it cannot be read, which is said. */
static json_t *
state_read(const struct setup *setup)
{
	char *path = path_of(setup, STATE_NAME, "");
	struct buffer text;
	json_t *state = NULL;

	buffer_init(&text, FILE_COPY_MAX_BYTES);
	if (file_read(path, &text) == 0) {
		state = json_loadb(buffer_text(&text), text.len, 0, NULL);
		if (answer_number(state, "version") != STATE_VERSION ||
		    !json_is_object(json_object_get(state, "files")) ||
		    !json_is_array(json_object_get(state, "changes"))) {
			ctl_complain("%s: not what --apply writes", path);
			json_decref(state);
			state = NULL;
		}
	} else if (errno == ENOENT)
		state = json_pack("{s:i, s:{}, s:[]}", "version",
		    STATE_VERSION, "files", "changes");
	else
		ctl_complain("%s: %s", path, strerror(errno));
	buffer_clear(&text);
	free(path);
	return state;
}

static int
state_write(const struct setup *setup, const json_t *state)
{
	char *path = path_of(setup, STATE_NAME, "");
	char *text = json_dumps(state, JSON_INDENT(1));
	int result = file_replace(path, text_of(text));

	if (result == -1)
		ctl_complain("%s: %s", path, strerror(errno));
	free(text);
	free(path);
	return result;
}

static bool
is_same_place(const json_t *a, const json_t *b)
{
	return answer_is(a, "file", answer_text(b, "file")) &&
	    answer_is(a, "name", answer_text(b, "name"));
}

/*
 * A parameter that we have set before keeps its first value as the one to go
 * back to, unless somebody changed it in between.
 */
static void
state_add(json_t *state, const json_t *change)
{
	json_t *known = json_object_get(state, "changes"), *before;
	json_t *entry = json_pack("{s:s, s:s, s:O, s:s}", "file",
	    answer_text(change, "file"), "name", answer_text(change, "name"),
	    "old", json_object_get(change, "old"), "new",
	    answer_text(change, "value"));
	size_t i;

	json_array_foreach(known, i, before)
		if (is_same_place(before, change)) {
			if (answer_is(change, "old", answer_text(before,
			    "new")))
				json_object_set(entry, "old", json_object_get(
				    before, "old"));
			json_array_set_new(known, i, entry);
			return;
		}
	json_array_append_new(known, entry);
}

/* ----------------------------------------------------------------- settings */

static bool
run_postconf(const struct setup *setup, const char *flag,
    const json_t *assignments)
{
	size_t count = json_array_size(assignments), i;
	const char **argv;
	struct buffer output;
	bool is_done;

	if (count == 0)
		return true;
	argv = xcalloc(count + 5, sizeof(*argv));
	argv[0] = "postconf";
	argv[1] = "-c";
	argv[2] = setup->dir;
	argv[3] = flag;
	for (i = 0; i < count; i++)
		argv[i + 4] = json_string_value(json_array_get(assignments,
		    i));
	buffer_init(&output, SETUP_OUTPUT_MAX);
	is_done = program_read(argv, &output);
	if (!is_done)
		ctl_complain("postconf %s failed for %s: try it by hand", flag,
		    argv[4]);
	buffer_clear(&output);
	free(argv);
	return is_done;
}

/* Sets options, and takes out those whose "value" is null. */
static bool
edit_config(const struct setup *setup, const json_t *options)
{
	struct buffer text, edited;
	const json_t *option;
	bool is_done;
	size_t i;

	if (json_array_size(options) == 0)
		return true;
	buffer_init(&text, FILE_COPY_MAX_BYTES);
	is_done = file_read(setup->config_path, &text) == 0;
	json_array_foreach(options, i, option) {
		buffer_init(&edited, FILE_COPY_MAX_BYTES);
		config_edit((struct text){ buffer_text(&text), text.len },
		    answer_text(option, "name"), json_string_value(
		    json_object_get(option, "value")), &edited);
		buffer_clear(&text);
		text = edited;
	}
	is_done = is_done && file_rewrite(setup->config_path, (struct text){
	    buffer_text(&text), text.len }) == 0;
	if (!is_done)
		ctl_complain("%s: %s", setup->config_path, strerror(errno));
	buffer_clear(&text);
	return is_done;
}

/* False where it has never been started: asking "postfix" takes seconds. */
static bool
may_run(const struct setup *setup)
{
	struct text queue = setup_value(setup->host.settings,
	    "queue_directory");
	struct buffer path;
	bool result;

	buffer_init(&path, PATH_MAX);
	buffer_addf(&path, "%.*s/pid/master.pid", (int)queue.len, queue.data);
	result = access(buffer_text(&path), F_OK) == 0;
	buffer_clear(&path);
	return result;
}

static bool
reload(const struct setup *setup)
{
	const char *argv[] = { "postfix", "-c", setup->dir, "reload", NULL };
	struct buffer output;
	bool is_done;

	if (!may_run(setup)) {
		say(setup, "Postfix does not run: it reads them when it "
		    "starts.");
		return false;
	}
	buffer_init(&output, SETUP_OUTPUT_MAX);
	is_done = program_read(argv, &output);
	buffer_clear(&output);
	if (is_done)
		say(setup, "Postfix was reloaded.");
	else
		say(setup, "Postfix was not reloaded: if it runs, do "
		    "\"postfix%s reload\".", setup->flags);
	return is_done;
}

/* policyd judges by Postfix's settings, too.  False when it was not told. */
static bool
tell_policyd(const struct setup *setup)
{
	json_t *answer = ask_quietly(setup->config->control_listen,
	    json_pack("{s:s}", "command", "reload"));
	bool is_told = answer != NULL;

	json_decref(answer);
	if (!is_told)
		say(setup, "hopseal-policyd was not told: if it runs, reload "
		    "it; else it reads them when it starts.");
	return is_told;
}

/* Who may not, or has nothing to change. */
static bool
may_change(const struct setup *setup, const char *option)
{
	if (geteuid() != 0)
		ctl_complain("--%s: only root may change Postfix's settings",
		    option);
	else if (setup->dir == NULL)
		ctl_complain("--%s: there is no Postfix with a main.cf here",
		    option);
	else
		return true;
	return false;
}

/* -------------------------------------------------------------------- apply */

/* Mail would be deferred, or come in unjudged. */
static bool
is_answered(const struct setup *setup)
{
	json_t *answer = json_pack("{s:s, s:[]}", "state", "ok", "parts");
	bool is_answered = true;
	json_t *part;
	size_t i;

	endpoints_add(setup->config, &setup->view, false, answer);
	json_array_foreach(json_object_get(answer, "parts"), i, part)
		if (!answer_is(part, "name", "milter") &&
		    !answer_is_true(part, "ok")) {
			is_answered = false;
			ctl_complain("%s: %s", answer_text(part, "name"),
			    answer_text(part, "detail"));
		}
	json_decref(answer);
	return is_answered;
}

/*
 * The page's password, which root may read; policyd reads it before it gives up
 * root's rights.  One that is there stays.
 */
static bool
make_password(const struct setup *setup, json_t *state)
{
	static const char letters[] = "abcdefghijkmnpqrstuvwxyz23456789";
	unsigned char octets[PASSWORD_LEN];
	char password[PASSWORD_LEN + 1];
	bool is_done;
	size_t i;
	int fd;

	if (setup->password_file == NULL)
		return true;
	fd = open(setup->password_file, O_WRONLY | O_CREAT | O_EXCL |
	    O_CLOEXEC, 0600);
	if (fd == -1 && errno == EEXIST)
		return true;
	is_done = fd != -1 && getrandom(octets, sizeof(octets), 0) ==
	    (ssize_t)sizeof(octets);
	for (i = 0; is_done && i < PASSWORD_LEN; i++)
		password[i] = letters[octets[i] % (sizeof(letters) - 1)];
	password[PASSWORD_LEN] = '\n';
	is_done = is_done && write(fd, password, sizeof(password)) ==
	    (ssize_t)sizeof(password) && fsync(fd) == 0;
	if (!is_done)
		ctl_complain("%s: %s", setup->password_file, strerror(errno));
	if (fd != -1)
		close(fd);
	if (fd != -1 && !is_done)
		unlink(setup->password_file);
	json_object_set_new(state, "password_file",
	    json_string(setup->password_file));
	return is_done;
}

/* Where the page is now, and what opens it. */
static void
tell_page(const struct setup *setup)
{
	struct text rest = text_of(setup->config->status_listen), where;
	struct text password = { "", 0 };
	struct buffer content;

	if (setup->password_file == NULL || !text_next_item(&rest, &where) ||
	    !text_starts_with(where, "inet:"))
		return;
	buffer_init(&content, FILE_COPY_MAX_BYTES);
	if (file_read(setup->password_file, &content) == 0) {
		rest = text_of(buffer_text(&content));
		text_next_line(&rest, &password);
		say(setup, "The status page: http://%.*s/, any user name, "
		    "password %.*s", (int)(where.len - strlen("inet:")),
		    where.data + strlen("inet:"), (int)password.len,
		    password.data);
	}
	buffer_clear(&content);
}

/* What "postconf -e" and "postconf -P" take. */
static void
add_assignment(json_t *assignments, const char *name, const char *value)
{
	json_array_append_new(assignments, json_sprintf("%s=%s", name,
	    value));
}

/* One that is missing, which --revert removes; the milter reads it, too. */
static bool
make_config(const struct setup *setup, json_t *state)
{
	if (access(setup->config_path, F_OK) == 0)
		return true;
	if (file_replace(setup->config_path, text_of("")) == -1 ||
	    chmod(setup->config_path, 0644) == -1) {
		ctl_complain("%s: %s", setup->config_path, strerror(errno));
		return false;
	}
	json_object_set_new(state, "config_file",
	    json_string(setup->config_path));
	return true;
}

/* Keeps the file as it was before the first time. */
static int
keep_file(const struct setup *setup, json_t *kept, const char *name)
{
	char print[PRINT_SIZE], *path;

	fingerprint(setup, name, print);
	if (json_object_get(kept, name) == NULL) {
		if (copy(setup, name, "", BACKUP_SUFFIX) == -1)
			return -1;
		path = path_of(setup, name, "");
		say(setup, "%s is kept as %s%s.", path, path, BACKUP_SUFFIX);
		free(path);
	} else if (!answer_is(kept, name, print))
		print[0] = '\0';	/* edited since: never back whole */
	json_object_set_new(kept, name, json_string(print));
	return 0;
}

/*
 * The state is written first without what the file will be, so that a crash
 * leaves a file that goes back parameter by parameter.
 */
static bool
apply_file(const struct setup *setup, json_t *state, const json_t *changes,
    enum setup_file file)
{
	json_t *kept = json_object_get(state, "files");
	json_t *assignments = json_array(), *ours = json_array(), *change;
	const char *name = setup_file_name(file);
	char print[PRINT_SIZE];
	bool is_done = true, is_whole;
	size_t i;

	json_array_foreach(changes, i, change)
		if (answer_is(change, "file", name)) {
			add_assignment(assignments, answer_text(change,
			    "name"), answer_text(change, "value"));
			json_array_append(ours, change);
			state_add(state, change);
		}
	if (json_array_size(assignments) > 0) {
		is_done = (file != SETUP_HOPSEAL_CONF ||
		    make_config(setup, state)) &&
		    keep_file(setup, kept, name) == 0;
		is_whole = answer_text(kept, name)[0] != '\0';
		json_object_set_new(kept, name, json_string(""));
		is_done = is_done && state_write(setup, state) == 0 &&
		    (file == SETUP_HOPSEAL_CONF ? edit_config(setup, ours) :
		    run_postconf(setup, file == SETUP_MAIN_CF ? "-e" : "-P",
		    assignments));
		if (is_done && is_whole) {
			fingerprint(setup, name, print);
			json_object_set_new(kept, name, json_string(print));
			is_done = state_write(setup, state) == 0;
		}
	}
	json_decref(assignments);
	json_decref(ours);
	return is_done;
}

/* Says what was set, and how it is known. */
static void
tell_changes(const struct setup *setup, const json_t *changes,
    const json_t *options)
{
	const json_t *change;
	size_t i;

	json_array_foreach(changes, i, change)
		say(setup, "%s", answer_text(change, "command"));
	json_array_foreach(options, i, change)
		say(setup, "%s: %s = %s", setup->config_path,
		    answer_text(change, "name"), answer_text(change, "value"));
}

/* False when it is not to be tried, which was said. */
static bool
may_apply(const struct setup *setup, const json_t *changes)
{
	if (json_array_size(changes) != setup->plan->change_count)
		ctl_complain("a setting of Postfix that must change is not "
		    "UTF-8: do it by hand");
	else if (setup->plan->change_count > 0 && !is_answered(setup) &&
	    setup->options->values[CTL_FORCE] == NULL)
		ctl_complain("nothing was changed: without an answer Postfix "
		    "would defer all mail; start hopseal-policyd first, or "
		    "--force");
	else
		return true;
	return false;
}

/* Takes over the state. */
static bool
apply_all(const struct setup *setup, json_t *state, const json_t *changes,
    const json_t *options)
{
	bool is_done = make_password(setup, state);
	size_t i;

	for (i = 0; i < FILE_COUNT && is_done; i++)
		is_done = apply_file(setup, state, files[i] ==
		    SETUP_HOPSEAL_CONF ? options : changes, files[i]);
	json_decref(state);
	return is_done;
}

enum ctl_exit
setup_apply(struct setup *setup, json_t **answer)
{
	bool is_done = false, is_reloaded = false;
	json_t *changes, *options, *state = NULL;

	if (!may_change(setup, "apply"))
		return CTL_CRITICAL;
	changes = setup_changes(setup);
	options = setup_options(setup);
	if (may_apply(setup, changes))
		state = state_read(setup);
	if (state == NULL)
		goto out;
	is_done = apply_all(setup, state, changes, options);
	tell_changes(setup, changes, options);
	if (setup->plan->change_count + setup->plan->option_count == 0)
		say(setup, "Nothing to do: %s says all that is needed.",
		    setup->dir);
	else if (is_done) {
		is_reloaded = setup->plan->change_count > 0 && reload(setup);
		say(setup, "\"hopseal setup --revert\" takes it back.");
		if (tell_policyd(setup))
			tell_page(setup);
	}
	if (!setup->options->is_json)
		setup_print_warnings(setup, "");
	*answer = json_pack("{s:b, s:O, s:O, s:b}", "done", is_done,
	    "changes", changes, "options", options, "reloaded", is_reloaded);
out:
	json_decref(changes);
	json_decref(options);
	return is_done ? CTL_FINE : CTL_CRITICAL;
}

/* ------------------------------------------------------------------- revert */

/* What goes back parameter by parameter. */
struct reversal {
	json_t	*removed, *set, *overrides;	/* for -X, -e, -P */
	json_t	*options;			/* for edit_config */
	json_t	*restored, *left;		/* for the answer */
};

static enum setup_file
file_of(const json_t *change)
{
	size_t i = FILE_COUNT - 1;

	while (i > 0 && !answer_is(change, "file", setup_file_name(files[i])))
		i--;
	return files[i];
}

static struct text
value_now(const struct setup *setup, const json_t *change)
{
	const struct text settings[] = {
		[SETUP_MAIN_CF] = setup->host.written,
		[SETUP_MASTER_CF] = setup->host.overrides,
		[SETUP_HOPSEAL_CONF] = setup->host.options
	};

	return setup_value(settings[file_of(change)], answer_text(change,
	    "name"));
}

static void
revert_change(const struct setup *setup, struct reversal *r,
    const json_t *change)
{
	const char *name = answer_text(change, "name");
	json_t *old = json_object_get(change, "old");
	struct buffer value;

	if (!text_equals(value_now(setup, change), answer_text(change,
	    "new"))) {
		json_array_append_new(r->left, json_string(name));
		return;
	}
	json_array_append_new(r->restored, json_string(name));
	switch (file_of(change)) {
	case SETUP_MAIN_CF:
		if (json_is_string(old))
			add_assignment(r->set, name, json_string_value(old));
		else
			json_array_append_new(r->removed, json_string(name));
		break;
	case SETUP_MASTER_CF:
		buffer_init(&value, SETUP_OUTPUT_MAX);
		setup_compact(text_of(answer_text(change, "old")), &value);
		add_assignment(r->overrides, name, buffer_text(&value));
		buffer_clear(&value);
		break;
	case SETUP_HOPSEAL_CONF:
		json_array_append_new(r->options, json_pack("{s:s, s:O}",
		    "name", name, "value", old));
		break;
	}
}

/* Untouched since: as it was, to the octet. */
static bool
revert_whole(const struct setup *setup, const json_t *state, const char *name)
{
	const json_t *kept = json_object_get(state, "files");
	char print[PRINT_SIZE];
	char *backup, *path;

	fingerprint(setup, name, print);
	if (print[0] == '\0' || !answer_is(kept, name, print) ||
	    copy(setup, name, BACKUP_SUFFIX, "") == -1)
		return false;
	backup = path_of(setup, name, BACKUP_SUFFIX);
	unlink(backup);
	free(backup);
	path = path_of(setup, name, "");
	if (answer_is(state, "config_file", path))
		unlink(path);	/* there was none */
	say(setup, "%s is as it was before.", path);
	free(path);
	return true;
}

static void
revert_file(const struct setup *setup, struct reversal *r,
    const json_t *state, enum setup_file file)
{
	const json_t *changes = json_object_get(state, "changes"), *change;
	const char *name = setup_file_name(file);
	bool is_whole = revert_whole(setup, state, name);
	size_t i;

	json_array_foreach(changes, i, change)
		if (!answer_is(change, "file", name))
			continue;
		else if (is_whole)
			json_array_append(r->restored, json_object_get(change,
			    "name"));
		else
			revert_change(setup, r, change);
}

static void
revert_end(const struct setup *setup, const struct reversal *r,
    const json_t *state)
{
	char *path = path_of(setup, STATE_NAME, "");
	json_t *name;
	size_t i;

	unlink(path);
	free(path);
	json_array_foreach(r->restored, i, name) {
		say(setup, "%s: set back", json_string_value(name));
		if (strcmp(json_string_value(name), PASSWORD_OPTION) == 0)
			unlink(answer_text(state, "password_file"));
	}
	json_array_foreach(r->left, i, name)
		say(setup, "%s: left alone, it was changed since",
		    json_string_value(name));
}

enum ctl_exit
setup_revert(struct setup *setup, json_t **answer)
{
	struct reversal r = { json_array(), json_array(), json_array(),
	    json_array(), json_array(), json_array() };
	bool is_done = false, is_reloaded = false;
	json_t *state = NULL;
	size_t i;

	if (!may_change(setup, "revert") ||
	    (state = state_read(setup)) == NULL)
		goto out;
	if (json_array_size(json_object_get(state, "changes")) == 0) {
		say(setup, "Nothing to do: --apply has changed nothing in %s.",
		    setup->dir);
		is_done = true;
		goto out;
	}
	for (i = 0; i < FILE_COUNT; i++)
		revert_file(setup, &r, state, files[i]);
	is_done = run_postconf(setup, "-X", r.removed) &&
	    run_postconf(setup, "-e", r.set) &&
	    run_postconf(setup, "-P", r.overrides) &&
	    edit_config(setup, r.options);
	if (is_done) {
		revert_end(setup, &r, state);
		is_reloaded = reload(setup);
		tell_policyd(setup);
	}
out:
	if (state != NULL)
		*answer = json_pack("{s:b, s:O, s:O, s:b}", "done", is_done,
		    "restored", r.restored, "left", r.left, "reloaded",
		    is_reloaded);
	json_decref(r.removed);
	json_decref(r.set);
	json_decref(r.overrides);
	json_decref(r.options);
	json_decref(r.restored);
	json_decref(r.left);
	json_decref(state);
	return is_done ? CTL_FINE : CTL_CRITICAL;
}
