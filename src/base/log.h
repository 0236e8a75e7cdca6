/* SPDX-License-Identifier: MIT */
/* The log: one line per event, written where the decision is taken. Thread-safe. Library layers below
 * `target` log at debug only. */
#ifndef VDS_BASE_LOG_H
#define VDS_BASE_LOG_H

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Lines above this level are dropped before they are formatted. Default: info. */
void log_set_level(enum log_level level);

/* "error", "warning", "info", "debug" -> level; -EINVAL for other words. */
int log_level_parse(const char *text, enum log_level *ret_level);

/* Where lines go; NULL restores standard error. Called with the finished line, no newline, one thread at a
 * time. */
void log_set_sink(void (*sink)(void *arg, enum log_level level, const char *line), void *arg);

void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...)   log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)    log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)   log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
