/*
 * Redis' answers: hiredis' reader, filled with values of our own.  The reader
 * asks us for each value, which is where the count of values is bounded; a
 * value that it does not get is an error to it.
 */

#include "shared/io/redis_reply.h"

#include <hiredis/hiredis.h>

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "shared/xalloc.h"

struct redis_reader {
	redisReader	*parser;
	size_t		 begun_bytes;	/* fed since the last reply ended */
	size_t		 value_count;	/* of the reply that is being read */
	bool		 is_beyond;	/* too many values */
};

/* ----------------------------------------------------- what hiredis calls */

/*
 * A value in its place, with extra bytes behind it in the same block, or NULL
 * when there are too many.
 */
static struct redis_reply *
value_new(const redisReadTask *task, enum redis_reply_type type, size_t extra)
{
	struct redis_reader *r = task->privdata;
	struct redis_reply *value, *parent;

	if (++r->value_count > REDIS_REPLY_VALUES_MAX) {
		r->is_beyond = true;
		return NULL;
	}
	value = xcalloc(1, sizeof(*value) + extra);
	value->type = type;
	if (task->parent != NULL) {
		parent = task->parent->obj;
		parent->elements[task->idx] = value;
	}
	return value;
}

static void *
create_text(const redisReadTask *task, char *text, size_t len)
{
	enum redis_reply_type type = task->type == REDIS_REPLY_ERROR ?
	    REDIS_ERROR : task->type == REDIS_REPLY_STATUS ?
	    REDIS_STATUS : REDIS_TEXT;
	struct redis_reply *value = value_new(task, type, len);

	if (value != NULL) {
		memcpy(value + 1, text, len);
		value->text = (struct text){ (const char *)(value + 1), len };
	}
	return value;
}

/* The count's type changed with hiredis 1.0. */
#if HIREDIS_MAJOR >= 1
typedef size_t array_count;
#else
typedef int array_count;
#endif

static void *
create_array(const redisReadTask *task, array_count count)
{
	struct redis_reader *r = task->privdata;
	struct redis_reply *value;

	if ((size_t)count > REDIS_REPLY_VALUES_MAX) {
		r->is_beyond = true;
		return NULL;
	}
	value = value_new(task, REDIS_ARRAY,
	    (size_t)count * sizeof(struct redis_reply *));
	if (value != NULL) {
		value->count = (size_t)count;
		value->elements = (struct redis_reply **)(value + 1);
	}
	return value;
}

static void *
create_integer(const redisReadTask *task, long long integer)
{
	struct redis_reply *value = value_new(task, REDIS_INTEGER, 0);

	if (value != NULL)
		value->integer = integer;
	return value;
}

static void *
create_nil(const redisReadTask *task)
{
	return value_new(task, REDIS_NIL, 0);
}

static void
free_value(void *value)
{
	redis_reply_free(value);
}

#if HIREDIS_MAJOR >= 1
/* RESP3, which we never ask for. */
static void *
create_double(const redisReadTask *task, double number, char *text, size_t len)
{
	(void)task, (void)number, (void)text, (void)len;
	return NULL;
}

static void *
create_bool(const redisReadTask *task, int truth)
{
	(void)task, (void)truth;
	return NULL;
}
#endif

static redisReplyObjectFunctions functions = {
	.createString = create_text,
	.createArray = create_array,
	.createInteger = create_integer,
	.createNil = create_nil,
#if HIREDIS_MAJOR >= 1
	.createDouble = create_double,
	.createBool = create_bool,
#endif
	.freeObject = free_value
};

/* -------------------------------------------------------------- the reader */

struct redis_reader *
redis_reader_new(void)
{
	struct redis_reader *r = xcalloc(1, sizeof(*r));

	r->parser = redisReaderCreateWithFunctions(&functions);
	if (r->parser == NULL)
		abort();
	r->parser->privdata = r;
	return r;
}

void
redis_reader_free(struct redis_reader *r)
{
	if (r == NULL)
		return;
	redisReaderFree(r->parser);
	free(r);
}

void
redis_reader_feed(struct redis_reader *r, const void *data, size_t len)
{
	if (redisReaderFeed(r->parser, data, len) != REDIS_OK)
		abort();
	r->begun_bytes += len;
}

enum redis_reader_result
redis_reader_next(struct redis_reader *r, struct redis_reply **out,
    const char **why)
{
	void *reply = NULL;

	if (redisReaderGetReply(r->parser, &reply) != REDIS_OK) {
		*why = r->is_beyond ? "a reply of too many values" :
		    "no RESP2";
		return REDIS_READER_BAD;
	}
	if (reply != NULL) {
		r->begun_bytes = 0;
		r->value_count = 0;
		*out = reply;
		return REDIS_READER_DONE;
	}
	if (r->begun_bytes > REDIS_REPLY_BYTES_MAX) {
		*why = "a reply of too many bytes";
		return REDIS_READER_BAD;
	}
	return REDIS_READER_MORE;
}

void
redis_reply_free(struct redis_reply *reply)
{
	size_t i;

	if (reply == NULL)
		return;
	for (i = 0; i < reply->count; i++)
		redis_reply_free(reply->elements[i]);
	free(reply);
}
