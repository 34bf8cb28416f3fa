/* SPDX-License-Identifier: MIT */
#include "log.h"
#include "log_line.h"
#include "log_outlet.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

/* Whatever the text is, it takes the lines that it has, and cannot look like a line of its own:
 * only its first one begins at the left. */
static void format(struct log_line *line, int level, const struct log_context *context,
                   const char *text, size_t length)
{
        log_line_put_string(line, log_level_name(level));
        log_line_put_string(line, ": ");
        if (context)
                log_line_put_context(line, context);
        log_line_put_text(line, text, length, "\n    ");
        log_line_put(line, "\n", 1);
}

static enum log_written is_writable(void)
{
        struct pollfd ready = {.fd = STDERR_FILENO, .events = POLLOUT};
        int r;

        do
                r = poll(&ready, 1, 0);
        while (r < 0 && errno == EINTR);
        if (r == 0)
                return LOG_BUSY;
        return r > 0 && (ready.revents & POLLOUT) ? LOG_WRITTEN : LOG_DROPPED;
}

/* A pipe that is ready takes PIPE_BUF bytes without blocking, and stderr cannot be set to
 * non-blocking: others share it. What nobody reads any more is lost. */
static enum log_written write_some(const char *bytes, size_t length, size_t *done)
{
        while (*done < length) {
                size_t part = length - *done < PIPE_BUF ? length - *done : PIPE_BUF;
                enum log_written r = is_writable();

                if (r != LOG_WRITTEN)
                        return r;
                ssize_t n = write(STDERR_FILENO, bytes + *done, part);
                if (n < 0 && errno == EAGAIN) /* somebody else has set it to that */
                        return LOG_BUSY;
                if (n < 0 && errno != EINTR)
                        return LOG_DROPPED;
                *done += n > 0 ? (size_t)n : 0;
        }
        return LOG_WRITTEN;
}

static int descriptor(void)
{
        return STDERR_FILENO;
}

const struct log_outlet log_stderr = {format, write_some, descriptor};
