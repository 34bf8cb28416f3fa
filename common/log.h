/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * One log for the process, the only global there is. A line has a syslog level, a text and the
 * object it speaks of. It goes to an outlet, stderr unless another was set, and never waits for it:
 * what the outlet cannot take at once stands in a queue, and past a limit it is dropped and
 * counted.
 */
#include "cleanup.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <syslog.h>

#define LOG_TEXT_MAX ((size_t)65536) /* a longer text is cut */

struct event_base;
struct log_outlet;

/* What operators look for: see events.def. */
enum log_event {
        LOG_EVENT_NONE,
#define EVENT(name, ...) LOG_EVENT_##name,
#include "events.def"
#undef EVENT
        LOG_EVENTS
};

/* The 128-bit id of an event, 32 hex digits; NULL for none. */
const char *log_event_id(enum log_event event);

/* The object that a line is about. What is NULL, 0 or (slot) negative is left out. */
struct log_context {
        const char *program_set;
        const char *program;
        const char *function;
        const char *stream; /* "stdout" or "stderr": these are a worker's own words */
        enum log_event event;
        uint64_t request;
        pid_t pid;
        int slot; /* only looked at where pid is set */
};

/* text is NUL-terminated, its length given besides; control characters are still in it. */
typedef void log_sink_fn(void *userdata, int level, const struct log_context *context,
                         const char *text, size_t length);

/* Takes the lines instead of the outlet; NULL: none does. */
void log_set_sink(log_sink_fn *sink, void *userdata);

/* Where lines go from here on; NULL: stderr. What waits for another one is lost. */
void log_set_outlet(const struct log_outlet *outlet);
/* The loop that writes what waits. Before that, and after log_detach(), it is tried with each
 * line. */
void log_attach(struct event_base *base);
void log_detach(void);
/* For the end of the process: writes what waits, if the outlet takes it within this time. */
void log_finish(uint64_t usec);

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
/* A line about an event. */
void log_event(enum log_event event, int level, const struct log_context *context,
               const char *format, ...) _printf_(4, 5);

#define log_error(context, ...)   log_at(LOG_ERR, context, __VA_ARGS__)
#define log_warning(context, ...) log_at(LOG_WARNING, context, __VA_ARGS__)
#define log_notice(context, ...)  log_at(LOG_NOTICE, context, __VA_ARGS__)
#define log_info(context, ...)    log_at(LOG_INFO, context, __VA_ARGS__)
#define log_debug(context, ...)                                                                    \
        do {                                                                                       \
                if (log_enabled(LOG_DEBUG))                                                        \
                        log_at(LOG_DEBUG, context, __VA_ARGS__);                                   \
        } while (0)
