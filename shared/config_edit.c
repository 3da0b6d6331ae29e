/*
 * The lines of hopseal.conf, one by one: a line that begins with a blank goes
 * on with the setting before it, also behind comments and empty lines.
 */

#include "shared/config_edit.h"

enum line_kind { LINE_COMMENT, LINE_MORE, LINE_SAMPLE, LINE_OURS, LINE_OTHER };

static bool
sets(struct text line, const char *name)
{
	struct text key;

	text_next_field(&line, '=', &key);
	return line.data != NULL && text_equals(text_trim(key), name);
}

static enum line_kind
kind_of(struct text line, const char *name)
{
	struct text content = text_trim(line);

	if (content.len == 0)
		return LINE_COMMENT;
	if (content.data[0] == '#') {
		content.data++;
		content.len--;
		return sets(content, name) ? LINE_SAMPLE : LINE_COMMENT;
	}
	if (content.data != line.data)
		return LINE_MORE;
	return sets(line, name) ? LINE_OURS : LINE_OTHER;
}

/* Where the option is to stand. */
static enum line_kind
place_of(struct text text, const char *name)
{
	enum line_kind place = LINE_OTHER, kind;
	struct text line;

	while (place != LINE_OURS && text_next_line(&text, &line)) {
		kind = kind_of(line, name);
		if (kind == LINE_OURS || kind == LINE_SAMPLE)
			place = kind;
	}
	return place;
}

void
config_edit(struct text text, const char *name, const char *value,
    struct buffer *out)
{
	enum line_kind place = place_of(text, name), kind;
	bool is_put = value == NULL, is_gone = false;
	struct text line;

	while (text_next_line(&text, &line)) {
		kind = kind_of(line, name);
		if (kind == LINE_OURS || kind == LINE_OTHER)
			is_gone = kind == LINE_OURS;
		if (!is_gone || kind == LINE_COMMENT || kind == LINE_SAMPLE)
			buffer_addf(out, "%.*s\n", (int)line.len, line.data);
		if (!is_put && kind == place && kind != LINE_OTHER) {
			buffer_addf(out, "%s = %s\n", name, value);
			is_put = true;
		}
	}
	if (!is_put)
		buffer_addf(out, "%s = %s\n", name, value);
}
