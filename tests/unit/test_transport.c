/*
 * Where one Postfix sends a mail: the numbered steps of transport.c, over
 * tables that stand in the test.
 */

#include "shared/postfix/transport.h"

#include "tests/unit/check.h"

#define ROWS(table)	(sizeof(table) / sizeof(table[0]))

/* "table key value" lines; "table ?" cannot be asked, "table ..." waits. */
struct book {
	const char	*lines;
	unsigned	 asked_count;
	char		 asked[1024];	/* the keys, a blank behind each */
};

static enum table_answer
lookup(const char *config_dir, struct text table, struct text key,
    struct text *value, void *arg)
{
	struct book *book = arg;
	struct text rest = text_of(book->lines), line, name, word;

	(void)config_dir;
	book->asked_count++;
	if (strlen(book->asked) + key.len + 2 < sizeof(book->asked)) {
		strncat(book->asked, key.data, key.len);
		strcat(book->asked, " ");
	}
	while (text_next_line(&rest, &line)) {
		if (!text_next_word(&line, &name) ||
		    !text_next_word(&line, &word) || name.len != table.len ||
		    memcmp(name.data, table.data, name.len) != 0)
			continue;
		if (text_equals(word, "?"))
			return TABLE_UNKNOWN;
		if (text_equals(word, "..."))
			return TABLE_PENDING;
		if (word.len == key.len &&
		    memcmp(word.data, key.data, key.len) == 0) {
			*value = text_trim(line);
			return TABLE_FOUND;
		}
	}
	return TABLE_NOT_FOUND;
}

static void
set_up(struct instance *instance, const char *settings)
{
	struct text rest = text_of(settings), line, name;

	while (text_next_line(&rest, &line)) {
		text_next_field(&line, '=', &name);
		if (text_equals(name, "master.cf"))
			instance_add_service(instance, line);
		else if (!instance_set(instance, name, line))
			abort();
	}
}

#define MASTER	"master.cf=smtp inet n - y - - smtpd\n" \
	"master.cf=smtp unix - - y - - smtp\n" \
	"master.cf=relay unix - - y - - smtp -o syslog_name=relay\n" \
	"master.cf=slow unix - - y - 1 smtp\n" \
	"master.cf=bare unix - - y - - smtp -o smtp_tls_security_level=none\n" \
	"master.cf=glued unix - - y - - smtp -osmtp_tls_policy_maps=\n" \
	"master.cf=error unix - - y - - error\n" \
	"master.cf=lmtp unix - - y - - lmtp\n" \
	"master.cf=uucp unix - n n - - pipe flags=Fqhu\n"

static const struct row {
	const char	*label, *settings, *tables, *sender, *recipient;
	const char	*want;		/* hops, or "none", "unknown" ... */
	const char	*because;	/* or NULL */
} rows[] = {
	{ "0 nothing set", "", "", "", "u@a.example", "a.example",
	    "the recipient's domain" },
	{ "0 the domain in one spelling", "", "", "", "u@A.Example.",
	    "a.example", NULL },
	{ "0 no domain", "", "", "", "user", "none", NULL },
	{ "0 no domain behind the @", "", "", "", "user@", "none", NULL },
	{ "0 no address", "", "", "", "", "unknown", NULL },
	{ "0 the last @ counts", "", "", "", "\"a@b\"@c.example", "c.example",
	    NULL },

	{ "1 canonical_maps", "canonical_maps=t:c\n",
	    "t:c u@a.example v@b.example\n", "", "u@a.example", "b.example",
	    NULL },
	{ "1 recipient_canonical_maps first",
	    "recipient_canonical_maps=t:r\ncanonical_maps=t:c\n",
	    "t:r u@a.example v@b.example\nt:c v@b.example w@c.example\n", "",
	    "u@a.example", "c.example", NULL },
	{ "1 only once", "canonical_maps=t:c\n",
	    "t:c u@a.example u@b.example\nt:c u@b.example u@c.example\n", "",
	    "u@a.example", "b.example", NULL },
	{ "1 cannot be asked", "canonical_maps=t:c\n", "t:c ?\n", "",
	    "u@a.example", "unknown", "canonical_maps" },

	{ "2 an alias", "virtual_alias_maps=t:v\n",
	    "t:v u@a.example x@b.example\n", "", "u@a.example", "b.example",
	    "virtual_alias_maps" },
	{ "2 an alias of an alias", "virtual_alias_maps=t:v\n",
	    "t:v u@a.example x@b.example\nt:v x@b.example y@c.example\n", "",
	    "u@a.example", "c.example", NULL },
	{ "2 several", "virtual_alias_maps=t:v\n",
	    "t:v u@a.example x@b.example, y@c.example z@b.example\n", "",
	    "u@a.example", "b.example c.example", NULL },
	{ "2 itself and another", "virtual_alias_maps=t:v\n",
	    "t:v u@a.example u@a.example, x@b.example\n", "", "u@a.example",
	    "a.example b.example", NULL },
	{ "2 a whole domain", "virtual_alias_maps=t:v\n",
	    "t:v @a.example @b.example\n", "", "u@a.example", "b.example",
	    NULL },
	{ "2 the extension is tried without",
	    "virtual_alias_maps=t:v\nrecipient_delimiter=+-\n",
	    "t:v u@a.example x@b.example\n", "", "u-e+f@a.example",
	    "b.example", NULL },
	{ "2 a user here", "virtual_alias_maps=t:v\nmydestination=here\n",
	    "t:v u x@b.example\n", "", "u@here", "b.example", NULL },
	{ "2 a user at the origin", "virtual_alias_maps=t:v\n"
	    "myorigin=a.example\n", "t:v u x@b.example\n", "", "u@A.example",
	    "b.example", NULL },
	{ "2 no user elsewhere", "virtual_alias_maps=t:v\n"
	    "myorigin=a.example\n", "t:v u x@b.example\n", "", "u@c.example",
	    "c.example", NULL },
	{ "2 an answer without domain", "virtual_alias_maps=t:v\n"
	    "myorigin=o.example\n", "t:v u@a.example x\n", "", "u@a.example",
	    "o.example", NULL },
	{ "2 one of several is ours", "virtual_alias_maps=t:v\n"
	    "mydestination=here.example\n",
	    "t:v u@a.example x@b.example x@here.example\n", "",
	    "u@a.example", "none", NULL },
	{ "2 in a circle", "virtual_alias_maps=t:v\n",
	    "t:v u@a.example x@b.example\nt:v x@b.example u@a.example\n", "",
	    "u@a.example", "unknown", "virtual_alias_maps" },
	{ "2 too many", "virtual_alias_maps=t:v\n", "t:v u@a.example "
	    "1@b 2@b 3@b 4@b 5@b 6@b 7@b 8@b 9@b 10@b 11@b 12@b 13@b 14@b "
	    "15@b 16@b 17@b\n", "", "u@a.example", "unknown", NULL },
	{ "2 quoted", "virtual_alias_maps=t:v\n",
	    "t:v u@a.example \"x y\"@b.example\n", "", "u@a.example",
	    "unknown", NULL },
	{ "2 tables of patterns see the whole address alone",
	    "virtual_alias_maps=pcre:v\n",
	    "pcre:v @a.example x@b.example\n", "", "u@a.example", "a.example",
	    NULL },
	{ "2 chance is no answer", "virtual_alias_maps=randmap:{a,b}\n", "",
	    "", "u@a.example", "unknown", NULL },
	{ "2 cannot be asked", "virtual_alias_maps=t:v\n", "t:v ?\n", "",
	    "u@a.example", "unknown", "virtual_alias_maps" },
	{ "2 waits", "virtual_alias_maps=t:v\n", "t:v ...\n", "",
	    "u@a.example", "pending", NULL },

	{ "3 mydestination", "mydestination=a.example\n", "", "",
	    "u@a.example", "none", "a domain of ours" },
	{ "3 the host itself", "myhostname=a.example\n", "", "",
	    "u@a.example", "none", NULL },
	{ "3 virtual_mailbox_domains in a table",
	    "virtual_mailbox_domains=t:d\n", "t:d a.example yes\n", "",
	    "u@a.example", "none", NULL },
	{ "3 virtual_alias_domains", "virtual_alias_domains=a.example\n", "",
	    "", "u@a.example", "none", NULL },
	{ "3 relay_domains and below",
	    "parent_domain_matches_subdomains=relay_domains\n"
	    "relay_domains=example\n", "", "", "u@a.example", "none", NULL },
	{ "3 relay_domains, not below", "relay_domains=example\n", "", "",
	    "u@a.example", "a.example", NULL },
	{ "3 relay_domains with a dot", "relay_domains=.example\n", "", "",
	    "u@a.example", "none", NULL },
	{ "3 a table below its names",
	    "parent_domain_matches_subdomains=relay_domains\n"
	    "relay_domains=t:d\n", "t:d example yes\n", "", "u@a.b.example",
	    "none", NULL },
	{ "3 an exception", "mydestination=!a.example t:d\n",
	    "t:d a.example yes\n", "", "u@a.example", "a.example", NULL },
	{ "3 cannot be asked", "mydestination=t:d b.example\n", "t:d ?\n",
	    "", "u@a.example", "unknown", NULL },
	{ "3 cannot be asked, and makes no difference",
	    "mydestination=t:d a.example\n", "t:d ?\n", "", "u@a.example",
	    "none", NULL },
	{ "3 a file that was not read", "mydestination=/etc/x\n", "", "",
	    "u@a.example", "unknown", NULL },
	{ "3 ours whatever transport_maps say", "mydestination=a.example\n"
	    "transport_maps=t:t\n", "t:t a.example smtp:[b.example]\n", "",
	    "u@a.example", "none", NULL },

	{ "4 default_transport", "default_transport=slow\n" MASTER, "", "",
	    "u@a.example", "a.example", NULL },
	{ "4 by sender",
	    "sender_dependent_default_transport_maps=t:s\n" MASTER,
	    "t:s @o.example uucp\n", "me@o.example", "u@a.example", "none",
	    NULL },
	{ "4 by sender, not said who",
	    "sender_dependent_default_transport_maps=t:s\n", "", NULL,
	    "u@a.example", "unknown",
	    "sender_dependent_default_transport_maps" },
	{ "4 by sender, DUNNO",
	    "sender_dependent_default_transport_maps=t:s\n"
	    "default_transport=smtp:[d.example]\n", "t:s me@o.example DUNNO\n",
	    "me@o.example", "u@a.example", "[d.example]:25", NULL },

	{ "5 relayhost", "relayhost=[r.example]:587\n", "", "",
	    "u@a.example", "[r.example]:587", "relayhost" },
	{ "5 relayhost with MX", "relayhost=r.example\n", "", "",
	    "u@a.example", "r.example", NULL },
	{ "5 by sender", "relayhost=r.example\n"
	    "sender_dependent_relayhost_maps=t:s\n",
	    "t:s me@o.example [s.example]\n", "me@o.example", "u@a.example",
	    "[s.example]:25", "sender_dependent_relayhost_maps" },
	{ "5 another sender", "relayhost=r.example\n"
	    "sender_dependent_relayhost_maps=t:s\n",
	    "t:s me@o.example [s.example]\n", "you@o.example",
	    "u@a.example", "r.example", "relayhost" },
	{ "5 the null sender", "sender_dependent_relayhost_maps=t:s\n",
	    "t:s <> [n.example]\n", "", "u@a.example", "[n.example]:25",
	    NULL },
	{ "5 DUNNO leaves the relayhost", "relayhost=r.example\n"
	    "sender_dependent_relayhost_maps=t:s\n",
	    "t:s @o.example DUNNO\n", "me@o.example", "u@a.example",
	    "r.example", NULL },
	{ "5 the sender as canonical_maps have it",
	    "sender_dependent_relayhost_maps=t:s\n"
	    "sender_canonical_maps=t:c\n", "t:c me@o.example x@p.example\n"
	    "t:s x@p.example [p.example]\n", "me@o.example", "u@a.example",
	    "[p.example]:25", NULL },

	{ "6 a hop in default_transport wins", "relayhost=r.example\n"
	    "default_transport=smtp:[d.example]\n", "", "", "u@a.example",
	    "[d.example]:25", "default_transport" },
	{ "6 and one by sender", "relayhost=r.example\n"
	    "sender_dependent_default_transport_maps=t:s\n",
	    "t:s @o.example smtp:[s.example]\n", "me@o.example",
	    "u@a.example", "[s.example]:25", NULL },

	{ "7 an address", "transport_maps=t:t\n",
	    "t:t u@a.example smtp:[b.example]\nt:t a.example smtp:c\n", "",
	    "u@a.example", "[b.example]:25", "transport_maps" },
	{ "7 an address without its extension",
	    "transport_maps=t:t\nrecipient_delimiter=+\n",
	    "t:t u@a.example smtp:b.example\n", "", "u+x@a.example",
	    "b.example", NULL },
	{ "7 a domain", "transport_maps=t:t\n",
	    "t:t a.example smtp:b.example:587\n", "", "u@A.EXAMPLE",
	    "b.example:587", NULL },
	{ "7 a parent with its dot", "transport_maps=t:t\n",
	    "t:t .example smtp:b.example\n", "", "u@x.a.example",
	    "b.example", NULL },
	{ "7 a parent without is none", "transport_maps=t:t\n",
	    "t:t example smtp:b.example\n", "", "u@a.example", "a.example",
	    NULL },
	{ "7 unless parents match subdomains", "transport_maps=t:t\n"
	    "parent_domain_matches_subdomains=x, transport_maps\n",
	    "t:t example smtp:b.example\n", "", "u@x.a.example",
	    "b.example", NULL },
	{ "7 everything", "transport_maps=t:t\n", "t:t * smtp:[b.example]\n",
	    "", "u@a.example", "[b.example]:25", NULL },
	{ "7 the second table", "transport_maps=t:t, proxy:t:u\n",
	    "proxy:t:u a.example :[b.example]\n", "", "u@a.example",
	    "[b.example]:25", NULL },
	{ "7 an exact key in the second before a parent in the first",
	    "transport_maps=t:t t:u\n", "t:t .example smtp:b.example\n"
	    "t:u a.example smtp:c.example\n", "", "u@a.example", "c.example",
	    NULL },
	{ "7 a transport alone resets the hop", "transport_maps=t:t\n"
	    "relayhost=r.example\n" MASTER, "t:t a.example slow:\n", "",
	    "u@a.example", "a.example", "transport_maps" },
	{ "7 a hop alone", "transport_maps=t:t\n",
	    "t:t a.example :[b.example]\n", "", "u@a.example",
	    "[b.example]:25", NULL },
	{ "7 a colon alone leaves all", "transport_maps=t:t\n"
	    "relayhost=r.example\n", "t:t a.example :\nt:t * smtp:x\n", "",
	    "u@a.example", "r.example", "relayhost" },
	{ "7 patterns see no parts", "transport_maps=regexp:t\n",
	    "regexp:t a.example smtp:b.example\n", "", "u@a.example",
	    "a.example", NULL },
	{ "7 an inline table", "transport_maps=inline:{a.example=smtp:b}\n",
	    "inline:{a.example=smtp:b} a.example smtp:b.example\n", "",
	    "u@a.example", "b.example", NULL },
	{ "7 cannot be asked", "transport_maps=t:t\n", "t:t ?\n", "",
	    "u@a.example", "unknown", "transport_maps" },
	{ "7 found before one that cannot be asked",
	    "transport_maps=t:t t:u\n", "t:u ?\nt:t u@a.example smtp:b.x\n",
	    "", "u@a.example", "b.x", NULL },
	{ "7 a domain of too many labels", "transport_maps=t:t\n", "", "",
	    "u@1.2.3.4.5.6.7.8.9.1.2.3.4.5.6.7.8.9.1.2.3.4.5.6.7.8.9.1.2.3.4."
	    "5.6.7.8.9.example", "unknown", NULL },

	{ "8 a transport that is not there", "default_transport=fast\n"
	    MASTER, "", "", "u@a.example", "unknown", NULL },
	{ "8 with TLS of its own", "default_transport=bare\n" MASTER, "", "",
	    "u@a.example", "unknown", NULL },
	{ "8 the same, glued", "default_transport=glued\n" MASTER, "", "",
	    "u@a.example", "unknown", NULL },
	{ "8 error", "transport_maps=t:t\n" MASTER,
	    "t:t a.example error:gone to b.example, c\n", "", "u@a.example",
	    "none", NULL },
	{ "8 lmtp", "transport_maps=t:t\n" MASTER,
	    "t:t a.example lmtp:unix:private/lmtp\n", "", "u@a.example",
	    "none", NULL },
	{ "8 relay", "transport_maps=t:t\n" MASTER,
	    "t:t a.example relay:[b.example]\n", "", "u@a.example",
	    "[b.example]:25", NULL },
	{ "8 without master.cf", "default_transport=relay\n", "", "",
	    "u@a.example", "a.example", NULL },
	{ "8 without master.cf, another", "default_transport=slow\n", "", "",
	    "u@a.example", "unknown", NULL },

	{ "9 a list", "relayhost=[a.example], [b.example]\n", "", "",
	    "u@a.example", "unknown", "a list of next hops" },
	{ "9 an address literal", "relayhost=[192.0.2.1]\n", "", "",
	    "u@a.example", "none", NULL },
	{ "9 a recipient at one", "", "", "", "u@[192.0.2.1]", "none",
	    NULL },
};

static void
format(const struct transport *t, char *out, size_t size)
{
	static const char *const kinds[] = { "unknown", "none", "", "pending" };
	char text[NEXT_HOP_TEXT_SIZE];
	size_t i, len = 0;

	snprintf(out, size, "%s", kinds[t->kind]);
	for (i = 0; i < t->hop_count; i++)
		len += (size_t)snprintf(out + len, size - len, "%s%s",
		    i > 0 ? " " : "", next_hop_format(&t->hops[i], text));
}

static void
find(const struct row *row, struct book *book, struct transport *out)
{
	struct instance instance = { .service_count = 0 };
	const struct tables tables = { NULL, lookup, book };
	struct text sender = { NULL, 0 };
	size_t len = strlen(row->recipient);
	char *exact = check_exact(row->recipient, len);

	if (row->sender != NULL)
		sender = text_of(row->sender);
	set_up(&instance, row->settings);
	transport_find(&instance, &tables, "", sender,
	    (struct text){ exact, len }, out);
	free(exact);
	instance_clear(&instance);
}

static void
test_rows(void)
{
	const struct row *row;
	struct transport t;
	char got[4096];

	for (row = rows; row < rows + ROWS(rows); row++) {
		struct book book = { .lines = row->tables };

		find(row, &book, &t);
		format(&t, got, sizeof(got));
		check_text(row->label, got, row->want);
		if (row->because != NULL)
			check_text(" because", t.because, row->because);
	}
}

/* All keys of a search are asked before one is waited for. */
static void
test_asks_ahead(void)
{
	const struct row row = { "", "transport_maps=t:t\n", "t:t ...\n", "",
	    "U@A.example", "", NULL };
	struct book book = { .lines = row.tables };
	struct transport t;

	find(&row, &book, &t);
	check_int("it waits", t.kind, TRANSPORT_PENDING);
	check_text("for all of them", book.asked,
	    "u@a.example a.example .example * ");
}

/* A site that needs no table asks none. */
static void
test_plain(void)
{
	const struct row row = { "", "mydestination=a.example\n" MASTER, "",
	    "", "u@b.example", "", NULL };
	struct book book = { .lines = "" };
	struct instance instance = { .service_count = 0 };
	struct transport t;

	find(&row, &book, &t);
	check_int("no question", book.asked_count, 0);
	set_up(&instance, row.settings);
	check_bool("plain", instance_is_plain(&instance), true);
	set_up(&instance, "relayhost=r.example\n");
	check_bool("not plain", instance_is_plain(&instance), false);
	instance_clear(&instance);
}

int
main(void)
{
	test_rows();
	test_asks_ahead();
	test_plain();
	return check_end();
}
