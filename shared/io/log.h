/*
 * One line per event for people and grep: what happened, then key=value in the
 * glossary's words.  Where lines go is chosen once at start; a sink of the program's
 * own (the front hands its lines to the clerk) replaces the writing.
 */

#ifndef HOPSEAL_LOG_H
#define HOPSEAL_LOG_H

#include "shared/io/config.h"

#define LOG_LINE_MAX 1000	/* octets; longer lines are cut, "..." */

/*
 * program: "policyd", "milter"; lines are marked "hopseal/PROGRAM[pid]" as Postfix
 * marks its own.  target AUTO: the journal when stderr is its stream, else syslog when
 * /dev/log is there, else stderr.
 */
void	log_open(const char *program, enum config_log_target target,
	    enum config_log_level level);
void	log_set_level(enum config_log_level level);

/* Takes each finished line (no line end) instead of writing; NULL undoes it. */
typedef void log_sink(enum config_log_level level, const char *line, void *arg);
void	log_set_sink(log_sink *sink, void *arg);
/* Writes a line that another process made, with its own mark. */
void	log_forward(enum config_log_level level, const char *program, int pid,
	    const char *line);

/* Control bytes in the result become '?'. */
void	log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void	log_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void	log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void	log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
