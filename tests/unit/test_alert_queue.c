/*
 * Who is told what when: grouping, the quiet time, tries, restarts, settings
 * that change, and what is too much.
 */

#include "policyd/clerk/alert/alert_queue.h"

#include "shared/buffer.h"
#include "shared/text.h"
#include "tests/unit/check.h"

#define ROWS(table) (sizeof(table) / sizeof(table[0]))
#define QUIET_S	300

enum op {
	ADD,		/* arg: words; "!" before: critical */
	NEXT,		/* want: the message that is due, or "" */
	TAKEN, FAILED,	/* the destination of the last NEXT */
	RESTART,	/* the file is read again */
	SETTINGS	/* arg: targets */
};

/* One story a table: over one queue, time goes on. */
struct step {
	const char	*label;
	int64_t		 at;
	enum op		 op;
	const char	*arg, *want;
};

static const struct step grouping[] = {
	{ "one destination", 0, SETTINGS, "/a", NULL },
	{ "nothing to tell", 1, NEXT, NULL, "" },
	{ "a change", 10, ADD, "one", NULL },
	{ "more may come", 14, NEXT, NULL, "" },
	{ "another", 14, ADD, "!two", NULL },
	{ "both are one message, 5 s after the first", 15, NEXT, NULL,
	    "/a 2 critical: one two" },
	{ "none while it is on its way", 400, NEXT, NULL, "" },
	{ "it is taken", 400, TAKEN, NULL, NULL },
	{ "a change in the quiet time", 401, ADD, "three", NULL },
	{ "waits", 699, NEXT, NULL, "" },
	{ "another one", 699, ADD, "four", NULL },
	{ "and is not lost", 700, NEXT, NULL, "/a 2 ok: three four" },
	{ "taken", 700, TAKEN, NULL, NULL },
	{ "nothing is left", 99999, NEXT, NULL, "" },
	{ "after the quiet time", 100000, ADD, "five", NULL },
	{ "5 s suffice", 100005, NEXT, NULL, "/a 1 ok: five" },
};

static const struct step tries[] = {
	{ "one destination", 0, SETTINGS, "/a", NULL },
	{ "a change", 10, ADD, "one", NULL },
	{ "first try", 15, NEXT, NULL, "/a 1 ok: one" },
	{ "fails", 15, FAILED, NULL, NULL },
	{ "a change meanwhile", 16, ADD, "two", NULL },
	{ "too early", 44, NEXT, NULL, "" },
	{ "the same message once more", 45, NEXT, NULL, "/a 1 ok: one" },
	{ "fails", 45, FAILED, NULL, NULL },
	{ "four times as long", 164, NEXT, NULL, "" },
	{ "third", 165, NEXT, NULL, "/a 1 ok: one" },
	{ "fails", 165, FAILED, NULL, NULL },
	{ "fourth", 645, NEXT, NULL, "/a 1 ok: one" },
	{ "fails", 645, FAILED, NULL, NULL },
	{ "fifth", 2565, NEXT, NULL, "/a 1 ok: one" },
	{ "fails, and is given up", 2565, FAILED, NULL, NULL },
	{ "the next one is quiet so long", 2864, NEXT, NULL, "" },
	{ "and is told", 2865, NEXT, NULL, "/a 1 ok: two" },
};

static const struct step restarts[] = {
	{ "two destinations", 0, SETTINGS, "/a b@c", NULL },
	{ "a change", 10, ADD, "one", NULL },
	{ "to the first", 15, NEXT, NULL, "/a 1 ok: one" },
	{ "taken", 15, TAKEN, NULL, NULL },
	{ "to the second", 15, NEXT, NULL, "b@c 1 ok: one" },
	{ "killed on its way", 16, RESTART, "/a b@c", NULL },
	{ "only the second hears again", 16, NEXT, NULL, "b@c 1 ok: one" },
	{ "fails", 16, FAILED, NULL, NULL },
	{ "restart", 17, RESTART, "/a b@c", NULL },
	{ "the back-off stays", 45, NEXT, NULL, "" },
	{ "a change", 45, ADD, "two", NULL },
	{ "what was tried is the same message", 46, NEXT, NULL,
	    "b@c 1 ok: one" },
	{ "taken", 46, TAKEN, NULL, NULL },
	{ "restart", 47, RESTART, "/a b@c", NULL },
	{ "the quiet time stays", 314, NEXT, NULL, "" },
	{ "the first", 315, NEXT, NULL, "/a 1 ok: two" },
	{ "taken", 315, TAKEN, NULL, NULL },
	{ "the second", 346, NEXT, NULL, "b@c 1 ok: two" },
	{ "taken", 346, TAKEN, NULL, NULL },
	{ "restart", 347, RESTART, "/a b@c", NULL },
	{ "nothing twice", 99999, NEXT, NULL, "" },
};

static const struct step settings[] = {
	{ "nobody", 0, SETTINGS, "", NULL },
	{ "a change that nobody hears", 1, ADD, "zero", NULL },
	{ "one", 2, SETTINGS, "/a", NULL },
	{ "not what was before", 99, NEXT, NULL, "" },
	{ "a change", 100, ADD, "one", NULL },
	{ "another one", 101, SETTINGS, "b@c /a /a", NULL },
	{ "a change", 102, ADD, "two", NULL },
	{ "the new one hears what came since", 107, NEXT, NULL,
	    "b@c 1 ok: two" },
	{ "the old one all", 107, NEXT, NULL, "/a 2 ok: one two" },
	{ "the old one leaves", 108, SETTINGS, "b@c", NULL },
	{ "and nobody asks for it", 999, NEXT, NULL, "" },
};

static const struct step clocks[] = {
	{ "one", 1000000, SETTINGS, "/a", NULL },
	{ "a change", 1000000, ADD, "one", NULL },
	{ "told", 1000005, NEXT, NULL, "/a 1 ok: one" },
	{ "taken", 1000005, TAKEN, NULL, NULL },
	{ "the clock is set back for a week", 395205, ADD, "two", NULL },
	{ "nobody waits a week", 395210, NEXT, NULL, "/a 1 ok: two" },
};

static struct alert_queue *queue;
static struct alert_destination *last;

static void
set_destinations(const char *targets)
{
	struct text rest = text_of(targets), item;
	char *target;

	alert_queue_begin_destinations(queue);
	while (text_next_item(&rest, &item)) {
		target = strndup(item.data, item.len);
		alert_queue_add_destination(queue, target[0] == '/' ?
		    ALERT_COMMAND : ALERT_MAIL, target);
		free(target);
	}
	alert_queue_end_destinations(queue);
}

static void
restart(const char *targets)
{
	json_t *value = alert_queue_format(queue);
	char *text = json_dumps(value, 0);

	json_decref(value);
	alert_queue_free(queue);
	queue = alert_queue_new();
	value = json_loads(text, 0, NULL);
	alert_queue_parse(queue, value);
	set_destinations(targets);
	json_decref(value);
	free(text);
}

static void
check_next(const struct step *s)
{
	struct alert_destination *due = alert_queue_next(queue, s->at);
	struct alert_message m;
	struct buffer got;
	size_t i;

	buffer_init(&got, 4096);
	if (due != NULL) {
		last = due;
		alert_queue_message(queue, last, &m);
		buffer_addf(&got, "%s %zu %s:", last->target, m.total,
		    alert_severity_name(m.worst));
		for (i = 0; i < m.count; i++)
			buffer_addf(&got, " %s", m.alerts[i]->words);
	}
	check_text(s->label, buffer_text(&got), s->want);
	buffer_clear(&got);
}

static void
run(const struct step *steps, size_t count)
{
	const struct step *s;

	queue = alert_queue_new();
	for (s = steps; s < steps + count; s++)
		switch (s->op) {
		case ADD:
			alert_queue_add(queue, s->arg[0] == '!' ?
			    ALERT_CRITICAL : ALERT_OK, "redis", "",
			    s->arg + (s->arg[0] == '!'), s->at);
			break;
		case NEXT:
			check_next(s);
			break;
		case TAKEN:
		case FAILED:
			alert_queue_ended(queue, last, s->op == TAKEN, "x",
			    QUIET_S, s->at);
			break;
		case RESTART:
			restart(s->arg);
			break;
		case SETTINGS:
			set_destinations(s->arg);
			break;
		}
	alert_queue_free(queue);
}

/* More than are kept: the first stay, the rest is a number, also on disk. */
static void
test_many(void)
{
	struct alert_message m;
	char words[32];
	int i;

	queue = alert_queue_new();
	set_destinations("/a");
	for (i = 0; i < 1000; i++) {
		snprintf(words, sizeof(words), "change %d", i);
		alert_queue_add(queue, ALERT_OK, "domain", "d", words, 10);
	}
	restart("/a");
	check_int("waiting", (int64_t)alert_queue_waiting(queue), 1000);
	last = alert_queue_next(queue, 15);
	alert_queue_message(queue, last, &m);
	check_int("all are counted", (int64_t)m.total, 1000);
	check_int("some are there", (int64_t)m.count, ALERTS_KEPT_MAX);
	check_text("the first", m.alerts[0]->words, "change 0");
	alert_queue_ended(queue, last, true, "", 0, 16);
	alert_queue_add(queue, ALERT_OK, "domain", "d", "after", 17);
	last = alert_queue_next(queue, 22);
	alert_queue_message(queue, last, &m);
	check_int("one is one again", (int64_t)m.total, 1);
	check_text("and is there", m.alerts[0]->words, "after");
	alert_queue_free(queue);
}

/* What strangers write ends no line; files that are none do no harm. */
static void
test_hostile(void)
{
	static const char *const files[] = { "1", "{}", "[]", "{\"last\": -1}",
	    "{\"last\": 99999999999999, \"alerts\": 3}",
	    "{\"last\": 2, \"alerts\": [3, null, {\"number\": 1}, {\"number\""
	    ": 9, \"at\": -5, \"severity\": 1, \"kind\": \"a\", \"subject\": "
	    "\"b\", \"words\": \"c\"}, {\"number\": 9, \"at\": 5, \"severity\""
	    ": 7, \"kind\": \"a\", \"subject\": \"b\", \"words\": \"c\"}], "
	    "\"destinations\": {\"x\": 1}}" };
	struct alert_message m;
	json_t *value;
	size_t i;

	for (i = 0; i < ROWS(files); i++) {
		queue = alert_queue_new();
		value = json_loads(files[i], JSON_DECODE_ANY, NULL);
		alert_queue_parse(queue, value);
		json_decref(value);
		set_destinations("/a");
		check_bool(files[i], alert_queue_next(queue, 100) == NULL,
		    true);
		alert_queue_free(queue);
	}
	queue = alert_queue_new();
	set_destinations("/a");
	alert_queue_add(queue, ALERT_OK, "domain", "a\r\nBcc: x", "\033[1mb\n",
	    1);
	last = alert_queue_next(queue, 6);
	alert_queue_message(queue, last, &m);
	check_text("subject", m.alerts[0]->subject, "a??Bcc: x");
	check_text("words", m.alerts[0]->words, "?[1mb?");
	alert_queue_free(queue);
}

static void
test_labels(void)
{
	static const struct {
		enum alert_way	 way;
		const char	*target, *want;
	} rows[] = {
		{ ALERT_COMMAND, "/usr/bin/x", "/usr/bin/x" },
		{ ALERT_MAIL, "a@b.example", "a@b.example" },
		{ ALERT_WEBHOOK, "https://u:secret@h.example/secret?s=secret",
		    "h.example:443" },
		{ ALERT_WEBHOOK, "secret", "a URL" },
	};
	struct alert_destination d = { .done = 0 };
	char label[ALERT_LABEL_SIZE];
	size_t i;

	for (i = 0; i < ROWS(rows); i++) {
		d.way = rows[i].way;
		d.target = strdup(rows[i].target);
		check_text(rows[i].target, alert_destination_label(&d, label),
		    rows[i].want);
		free(d.target);
	}
}

int
main(void)
{
	run(grouping, ROWS(grouping));
	run(tries, ROWS(tries));
	run(restarts, ROWS(restarts));
	run(settings, ROWS(settings));
	run(clocks, ROWS(clocks));
	test_many();
	test_hostile();
	test_labels();
	return check_end();
}
