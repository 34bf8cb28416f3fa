/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * One log for the process, the only global there is. A line has a syslog level, a text and the
 * object it speaks of. Where lines go is the sink's business: stderr unless another was set.
 */
#include "cleanup.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <syslog.h>

#define LOG_TEXT_MAX ((size_t)65536) /* a longer text is cut */

/* The object that a line is about. What is NULL, 0 or (slot) negative is left out. */
struct log_context {
        const char *program_set;
        const char *program;
        const char *function;
        const char *message_id; /* 128-bit id of a catalogued event, 32 hex digits */
        uint64_t request;
        pid_t pid;
        int slot; /* only looked at where pid is set */
};

/* text is NUL-terminated, its length given besides; control characters are still in it. */
typedef void log_sink_fn(void *userdata, int level, const struct log_context *context,
                         const char *text, size_t length);

void log_set_sink(log_sink_fn *sink, void *userdata); /* NULL: back to stderr */
void log_set_level(int level);
bool log_enabled(int level);

/* The names of the levels, for people. */
#define LOG_LEVELS "emerg, alert, crit, error, warning, notice, info, debug"
/* The level of one of these names, or -EINVAL. */
int log_level_from_name(const char *name);
const char *log_level_name(int level);

/* Writes a line, of LOG_TEXT_MAX bytes at most. errno is left as it was. */
void log_at(int level, const struct log_context *context, const char *format, ...) _printf_(3, 4);
void log_text(int level, const struct log_context *context, const char *text, size_t length);

#define log_error(context, ...)   log_at(LOG_ERR, context, __VA_ARGS__)
#define log_warning(context, ...) log_at(LOG_WARNING, context, __VA_ARGS__)
#define log_notice(context, ...)  log_at(LOG_NOTICE, context, __VA_ARGS__)
#define log_info(context, ...)    log_at(LOG_INFO, context, __VA_ARGS__)
#define log_debug(context, ...)                                                                    \
        do {                                                                                       \
                if (log_enabled(LOG_DEBUG))                                                        \
                        log_at(LOG_DEBUG, context, __VA_ARGS__);                                   \
        } while (0)
