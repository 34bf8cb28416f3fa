/* SPDX-License-Identifier: MIT */
#include "log.h"

#include "log_line.h"
#include "log_outlet.h"
#include "log_queue.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

static struct {
        log_sink_fn *sink;
        void *userdata;
        int level;
        struct log_line line; /* the entry that is being put together */
        struct log_queue queue;
} log_state = {
        .level = LOG_INFO,
        .queue = {.outlet = &log_stderr, .lines = STAILQ_HEAD_INITIALIZER(log_state.queue.lines)},
};

static const char *const level_names[] = {
        [LOG_EMERG] = "emerg", [LOG_ALERT] = "alert",     [LOG_CRIT] = "crit",
        [LOG_ERR] = "error",   [LOG_WARNING] = "warning", [LOG_NOTICE] = "notice",
        [LOG_INFO] = "info",   [LOG_DEBUG] = "debug",
};

static const char *const event_ids[LOG_EVENTS] = {
#define EVENT(name, id, help) [LOG_EVENT_##name] = id,
#include "events.def"
#undef EVENT
};

const char *log_event_id(enum log_event event)
{
        return event_ids[event];
}

void log_set_sink(log_sink_fn *sink, void *userdata)
{
        log_state.sink = sink;
        log_state.userdata = userdata;
}

void log_set_outlet(const struct log_outlet *outlet)
{
        log_queue_clear(&log_state.queue);
        log_state.queue.outlet = outlet ? outlet : &log_stderr;
}

void log_attach(struct event_base *base)
{
        log_queue_attach(&log_state.queue, base);
}

void log_detach(void)
{
        log_queue_attach(&log_state.queue, NULL);
}

void log_finish(uint64_t usec)
{
        log_queue_finish(&log_state.queue, usec);
        log_line_clear(&log_state.line);
}

void log_set_level(int level)
{
        log_state.level = level;
}

bool log_enabled(int level)
{
        return level <= log_state.level;
}

int log_level_from_name(const char *name)
{
        for (size_t level = 0; level < ARRAY_SIZE(level_names); level++) {
                if (strcmp(level_names[level], name) == 0)
                        return (int)level;
        }
        return -EINVAL;
}

const char *log_level_name(int level)
{
        return level >= 0 && level < (int)ARRAY_SIZE(level_names) ? level_names[level] : "unknown";
}

/* What may take the last places of a queue that is nearly full. What workers call an error may not:
 * one that floods would take them all. */
static bool is_important(int level, const struct log_context *context)
{
        if (context && context->event != LOG_EVENT_NONE)
                return true;
        return level <= LOG_ERR && !(context && context->stream);
}

static void emit(int level, const struct log_context *context, const char *text, size_t length)
{
        struct log_line *line = &log_state.line;

        if (log_state.sink) {
                log_state.sink(log_state.userdata, level, context, text, length);
                return;
        }
        while (length > 0 && text[length - 1] == '\n')
                length--;
        log_line_reset(line);
        log_state.queue.outlet->format(line, level, context, text, length);
        if (line->is_failed)
                log_state.queue.lost++;
        else
                log_queue_put(&log_state.queue, line->bytes, line->length,
                              is_important(level, context));
}

/* Where to cut a text: not within a character. */
static size_t cut_length(const char *text, size_t length)
{
        size_t cut = LOG_TEXT_MAX;

        if (length <= LOG_TEXT_MAX)
                return length;
        while (cut > LOG_TEXT_MAX - 3 && ((uint8_t)text[cut] & 0xC0) == 0x80)
                cut--;
        return cut;
}

static void _printf_(3, 0) log_formatted(int level, const struct log_context *context,
                                         const char *format, va_list arguments)
{
        char text[LOG_TEXT_MAX + 2];
        int saved = errno, length = vsnprintf(text, sizeof(text), format, arguments);

        if (length < 0)
                length = snprintf(text, sizeof(text), "(a log text could not be formatted)");
        if ((size_t)length > LOG_TEXT_MAX) {
                length = (int)cut_length(text, (size_t)length);
                text[length] = '\0';
        }
        emit(level, context, text, (size_t)length);
        errno = saved;
}

void log_at(int level, const struct log_context *context, const char *format, ...)
{
        va_list arguments;

        if (!log_enabled(level))
                return;
        va_start(arguments, format);
        log_formatted(level, context, format, arguments);
        va_end(arguments);
}

void log_event(enum log_event event, int level, const struct log_context *context,
               const char *format, ...)
{
        struct log_context about = context ? *context : (struct log_context){0};
        va_list arguments;

        if (!log_enabled(level))
                return;
        about.event = event;
        va_start(arguments, format);
        log_formatted(level, &about, format, arguments);
        va_end(arguments);
}

void log_text(int level, const struct log_context *context, const char *text, size_t length)
{
        char copy[LOG_TEXT_MAX + 1];
        int saved = errno;

        if (!log_enabled(level))
                return;
        length = cut_length(text, length);
        memcpy(copy, text, length);
        copy[length] = '\0';
        emit(level, context, copy, length);
        errno = saved;
}
