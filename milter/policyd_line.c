/*
 * Questions to policyd.  Callers wait, each on a connection of its own; all
 * that they share is how many they are.
 */

#include "milter/policyd_line.h"

#include <pthread.h>
#include <unistd.h>

#include "shared/io/clock.h"
#include "shared/io/exchange.h"
#include "shared/xalloc.h"

struct policyd_line {
	pthread_mutex_t	lock;
	unsigned	asking_count;	/* guarded by lock */
};

struct policyd_line *
policyd_line_new(void)
{
	struct policyd_line *line = xcalloc(1, sizeof(*line));

	pthread_mutex_init(&line->lock, NULL);
	return line;
}

static bool
begin_asking(struct policyd_line *line)
{
	bool may_ask;

	pthread_mutex_lock(&line->lock);
	may_ask = line->asking_count < POLICYD_ASKING_MAX;
	if (may_ask)
		line->asking_count++;
	pthread_mutex_unlock(&line->lock);
	return may_ask;
}

static void
end_asking(struct policyd_line *line)
{
	pthread_mutex_lock(&line->lock);
	line->asking_count--;
	pthread_mutex_unlock(&line->lock);
}

int
policyd_line_ask(struct policyd_line *line, const char *where,
    const char *request, unsigned wait_ms, struct buffer *answer,
    const char **why)
{
	int64_t deadline_ms = clock_monotonic_ms() + wait_ms;
	char error[ENDPOINT_ERROR_SIZE];
	int fd, result = -1;

	*why = "control_listen is empty";
	if (where[0] == '\0')
		return -1;
	*why = "too many ask policyd";
	if (!begin_asking(line))
		return -1;
	*why = "policyd is away";
	fd = exchange_connect(where, deadline_ms, error);
	if (fd != -1) {
		*why = "policyd gave no answer in time";
		result = exchange_line(fd, request, answer, deadline_ms);
		close(fd);
	}
	end_asking(line);
	return result;
}
