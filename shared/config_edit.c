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

/*
 * The line that is replaced, or behind which the option is to stand, from 1 on;
 * 0: at the end.  A sample in the middle of another setting is no place.
 */
static size_t
place_of(struct text text, const char *name)
{
	size_t place = 0, sample = 0, number;
	struct text line;

	for (number = 1; text_next_line(&text, &line); number++)
		switch (kind_of(line, name)) {
		case LINE_OURS:
			return number;
		case LINE_SAMPLE:
			sample = number;
			break;
		case LINE_MORE:
			sample = 0;
			break;
		case LINE_OTHER:
			place = place != 0 ? place : sample;
			break;
		case LINE_COMMENT:
			break;
		}
	return place != 0 ? place : sample;
}

void
config_edit(struct text text, const char *name, const char *value,
    struct buffer *out)
{
	size_t place = place_of(text, name), number;
	enum line_kind kind;
	bool is_gone = false;
	struct text line;

	for (number = 1; text_next_line(&text, &line); number++) {
		kind = kind_of(line, name);
		if (kind == LINE_OURS || kind == LINE_OTHER)
			is_gone = kind == LINE_OURS;
		if (!is_gone || kind == LINE_COMMENT || kind == LINE_SAMPLE) {
			buffer_add(out, line.data, line.len);
			buffer_add_text(out, "\n");
		}
		if (value != NULL && number == place)
			buffer_addf(out, "%s = %s\n", name, value);
	}
	if (value != NULL && place == 0)
		buffer_addf(out, "%s = %s\n", name, value);
}
