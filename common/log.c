/* SPDX-License-Identifier: MIT */
#include "log.h"

#include "units.h"
#include "utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>

/* How long stderr is waited for in all, within each interval. */
#define PATIENCE          (100 * USEC_PER_MSEC)
#define PATIENCE_INTERVAL (1 * USEC_PER_SEC)

/* One line on its way to stderr. What is at most PIPE_BUF long is a single write. */
struct line {
        size_t length;
        bool failed;
        char bytes[PIPE_BUF];
};

static struct {
        log_sink_fn *sink;
        void *userdata;
        int level;
        /* Of the sink that writes to stderr. */
        uint64_t lost; /* lines, since the last one that could be written */
        bool torn;     /* what was written last did not end its line */
        uint64_t patience, patience_since;
} log_state = {.level = LOG_INFO};

static const char *const level_names[] = {
        [LOG_EMERG] = "emerg", [LOG_ALERT] = "alert",     [LOG_CRIT] = "crit",
        [LOG_ERR] = "error",   [LOG_WARNING] = "warning", [LOG_NOTICE] = "notice",
        [LOG_INFO] = "info",   [LOG_DEBUG] = "debug",
};

void log_set_sink(log_sink_fn *sink, void *userdata)
{
        log_state.sink = sink;
        log_state.userdata = userdata;
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

/* Waits for stderr to take more, as long as there is patience left. */
static bool await_stderr(void)
{
        struct pollfd ready = {.fd = STDERR_FILENO, .events = POLLOUT};
        uint64_t begin = units_now();
        int r;

        if (begin - log_state.patience_since >= PATIENCE_INTERVAL) {
                log_state.patience_since = begin;
                log_state.patience = PATIENCE;
        }
        do
                r = poll(&ready, 1, (int)(log_state.patience / USEC_PER_MSEC));
        while (r < 0 && errno == EINTR);
        uint64_t waited = units_now() - begin;
        log_state.patience -= waited < log_state.patience ? waited : log_state.patience;
        return r > 0 && (ready.revents & POLLOUT);
}

/*
 * Writes without waiting for long: a reader that is stuck or slow costs a tenth of the time at the
 * most, and lines, until it reads again; a reader that is gone costs lines only. A pipe that is
 * ready takes PIPE_BUF bytes without blocking, and stderr cannot be set to non-blocking: others
 * share it.
 */
static bool write_stderr(const char *bytes, size_t length)
{
        while (length > 0) {
                ssize_t n;

                if (!await_stderr())
                        return false;
                n = write(STDERR_FILENO, bytes, length);
                if (n <= 0)
                        return false;
                log_state.torn = bytes[n - 1] != '\n';
                bytes += n;
                length -= (size_t)n;
        }
        return true;
}

static void line_flush(struct line *line)
{
        if (!line->failed && !write_stderr(line->bytes, line->length))
                line->failed = true;
        line->length = 0;
}

static void line_put(struct line *line, const char *bytes, size_t length)
{
        if (line->length + length > sizeof(line->bytes))
                line_flush(line);
        memcpy(line->bytes + line->length, bytes, length);
        line->length += length;
}

static void line_put_string(struct line *line, const char *string)
{
        line_put(line, string, strlen(string));
}

/* Characters that make a terminal or a viewer do something: C1 controls, line and paragraph
 * separators, and marks that turn the order of what is shown. */
static bool is_control_sequence(const uint8_t *p, size_t length)
{
        if (length == 2)
                return p[0] == 0xC2 && p[1] < 0xA0;
        if (length != 3 || p[0] != 0xE2)
                return false;
        return (p[1] == 0x80 && ((p[2] >= 0xA8 && p[2] <= 0xAE) || p[2] == 0x8E || p[2] == 0x8F)) ||
               (p[1] == 0x81 && p[2] >= 0xA6 && p[2] <= 0xA9);
}

static void line_put_escaped(struct line *line, const uint8_t *bytes, size_t length)
{
        static const char digits[] = "0123456789ABCDEF";

        for (size_t i = 0; i < length; i++) {
                const char escape[] = {'\\', 'x', digits[bytes[i] >> 4], digits[bytes[i] & 15]};

                line_put(line, escape, sizeof(escape));
        }
}

/* Whatever the text is, it takes the lines that it has, and cannot look like a line of its own:
 * only its first one begins at the left. */
static void line_put_text(struct line *line, const char *text, size_t length, const char *newline)
{
        const uint8_t *p = (const uint8_t *)text, *end = p + length;

        while (p < end) {
                size_t sequence = *p < 0x80 ? 1 : utf8_sequence(p, end);
                bool control = *p < 0x20 || *p == 0x7F || sequence == 0 ||
                               is_control_sequence(p, sequence);

                if (sequence == 0)
                        sequence = 1;
                if (*p == '\n' && newline)
                        line_put_string(line, newline);
                else if (control && *p != '\t')
                        line_put_escaped(line, p, sequence);
                else
                        line_put(line, (const char *)p, sequence);
                p += sequence;
        }
}

/* "calc[1234] #17 add: " */
static void line_put_context(struct line *line, const struct log_context *context)
{
        const char *name = context->program ? context->program : context->program_set;
        const char *space = "";
        char number[32];

        if (name) {
                line_put_text(line, name, strlen(name), NULL);
                space = " ";
        }
        if (context->pid) {
                snprintf(number, sizeof(number), "[%d]", (int)context->pid);
                line_put_string(line, number);
                space = " ";
        }
        if (context->request) {
                snprintf(number, sizeof(number), "%s#%" PRIu64, space, context->request);
                line_put_string(line, number);
                space = " ";
        }
        if (context->function) {
                line_put_string(line, space);
                line_put_text(line, context->function, strlen(context->function), NULL);
                space = " ";
        }
        if (*space)
                line_put_string(line, ": ");
}

/* Says how many lines are missing, as soon as there is somebody to read it. */
static void line_put_losses(struct line *line)
{
        char text[64];

        if (log_state.torn)
                line_put(line, "\n", 1);
        if (log_state.lost == 0)
                return;
        snprintf(text, sizeof(text), "warning: lines of the log that were lost: %" PRIu64 "\n",
                 log_state.lost);
        line_put_string(line, text);
}

static void write_line(int level, const struct log_context *context, const char *text,
                       size_t length)
{
        struct line line;

        line.length = 0;
        line.failed = false;
        line_put_losses(&line);
        line_put_string(&line, log_level_name(level));
        line_put_string(&line, ": ");
        if (context)
                line_put_context(&line, context);
        while (length > 0 && text[length - 1] == '\n')
                length--;
        line_put_text(&line, text, length, "\n    ");
        line_put(&line, "\n", 1);
        line_flush(&line);
        log_state.lost = line.failed ? log_state.lost + 1 : 0;
}

static void emit(int level, const struct log_context *context, const char *text, size_t length)
{
        if (log_state.sink)
                log_state.sink(log_state.userdata, level, context, text, length);
        else
                write_line(level, context, text, length);
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

void log_at(int level, const struct log_context *context, const char *format, ...)
{
        char text[LOG_TEXT_MAX + 2];
        va_list arguments;
        int saved = errno, length;

        if (!log_enabled(level))
                return;
        va_start(arguments, format);
        length = vsnprintf(text, sizeof(text), format, arguments);
        va_end(arguments);
        if (length < 0)
                length = snprintf(text, sizeof(text), "(a log text could not be formatted)");
        if ((size_t)length > LOG_TEXT_MAX) {
                length = (int)cut_length(text, (size_t)length);
                text[length] = '\0';
        }
        emit(level, context, text, (size_t)length);
        errno = saved;
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
