/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const char *const level_names[] = {
    [LOG_LEVEL_ERROR] = "error",
    [LOG_LEVEL_WARNING] = "warning",
    [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_DEBUG] = "debug",
};

static _Atomic int max_level = LOG_LEVEL_INFO;
static pthread_mutex_t sink_lock = PTHREAD_MUTEX_INITIALIZER;
/* NULL: standard error; under sink_lock */
static void (*current_sink)(void *arg, enum log_level level, const char *line);
static void *current_sink_arg;

void log_set_level(enum log_level level)
{
    max_level = level;
}

int log_level_parse(const char *text, enum log_level *ret_level)
{
    for (size_t i = 0; i < sizeof level_names / sizeof level_names[0]; i++) {
        if (strcmp(text, level_names[i]) == 0) {
            *ret_level = (enum log_level)i;
            return 0;
        }
    }
    return -EINVAL;
}

void log_set_sink(void (*sink)(void *arg, enum log_level level, const char *line), void *arg)
{
    pthread_mutex_lock(&sink_lock);
    current_sink = sink;
    current_sink_arg = arg;
    pthread_mutex_unlock(&sink_lock);
}

void log_write(enum log_level level, const char *format, ...)
{
    char line[1024];
    va_list args;

    if ((int)level > max_level)
        return;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    pthread_mutex_lock(&sink_lock);
    if (current_sink)
        current_sink(current_sink_arg, level, line);
    else
        fprintf(stderr, "vds: %s: %s\n", level_names[level], line);
    pthread_mutex_unlock(&sink_lock);
}
