/* SPDX-License-Identifier: MIT */
/*
 * answerer: stands in for Python where the daemon's own cost is counted: a worker that takes what
 * is there, answers it at once in one piece, and so does the same in every run. It never runs the
 * bootstrap; its program is
 *   add(a, b)     the sum
 *   echo(n, text) the text
 *   step()        null, as soon as a byte has come through the pipe that the program argument names
 * Started as every interpreter: -u -c PRIMARY BOOTSTRAP_FD COUNT EXTRA_FD... [PIPE].
 */
#include "bootstrap/spawn.h"
#include "daemon/pages.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ROOM_MAX (16U * 1024U * 1024U) /* more than any line that the counting sends */
#define READY                                                                                      \
        "{\"type\":\"status\",\"message\":\"ready\",\"counters\":true,\"methods\":{"               \
        "\"add\":" METHOD ",\"echo\":" METHOD ",\"step\":" METHOD "}}\n"
#define METHOD                                                                                     \
        "{\"doc\":null,\"async\":false,\"parameters\":[],\"returns\":{\"type\":null,\"schema\":"   \
        "{}}}"

/* The daemon refuses to start what does not look like an interpreter. */
static const char sign[] __attribute__((used)) = "PYTHONHOME";

struct answerer {
        uint64_t *counters; /* see daemon/pages.h */
        int steps;          /* -1: there is no pipe */
        char *in, *out;
        size_t in_length, out_length;
};

static _Noreturn void fail(const char *what)
{
        fprintf(stderr, "answerer: %s: %s\n", what, strerror(errno));
        exit(EXIT_FAILURE);
}

static void write_all(int fd, const char *bytes, size_t length)
{
        while (length > 0) {
                ssize_t n = write(fd, bytes, length);
                if (n < 0 && errno != EINTR)
                        fail("cannot write");
                bytes += n > 0 ? n : 0;
                length -= n > 0 ? (size_t)n : 0;
        }
}

static void flush(struct answerer *answerer)
{
        write_all(SPAWN_FD_PIPE_OUT, answerer->out, answerer->out_length);
        answerer->out_length = 0;
}

static void put(struct answerer *answerer, const char *bytes, size_t length)
{
        if (answerer->out_length + length > ROOM_MAX)
                flush(answerer);
        memcpy(answerer->out + answerer->out_length, bytes, length);
        answerer->out_length += length;
}

/* What has been answered before must not wait for the step. */
static void wait_for_step(struct answerer *answerer)
{
        char byte;

        flush(answerer);
        if (read(answerer->steps, &byte, 1) != 1)
                exit(EXIT_SUCCESS);
}

static void put_result(struct answerer *answerer, const char *command, const char *data,
                       const char *end)
{
        if (*command == 'a') {
                char text[32], *comma;
                uint64_t sum = strtoull(data + 1, &comma, 10);
                sum += strtoull(comma + 1, NULL, 10);
                put(answerer, text, (size_t)snprintf(text, sizeof(text), "%" PRIu64, sum));
        } else if (*command == 'e') {
                const char *text = strchr(data, ',') + 1;
                put(answerer, text, (size_t)(end - 1 - text));
        } else {
                wait_for_step(answerer);
                put(answerer, "null", 4);
        }
}

/* Whatever the clock says, a request has taken a microsecond. */
static void tell_ended(uint64_t *counters)
{
        uint64_t ordinal = counters[1] + 1;

        counters[PAGES_RUN_TIMES_AT + ordinal % PAGES_RUN_TIMES] = 1000;
        __atomic_store_n(&counters[1], ordinal, __ATOMIC_SEQ_CST);
}

/* {"request_id":"17","command":"add","data":[1,2]}, which ends before the newline at `end`. */
static void answer(struct answerer *answerer, const char *line, const char *end)
{
        static const char head[] = "{\"request_id\":\"", command[] = "\",\"command\":\"",
                          data[] = "\",\"data\":";
        const char *id = line + sizeof(head) - 1;
        const char *id_end = strchr(id, '"');
        const char *name = id_end + sizeof(command) - 1;
        const char *params = strchr(name, '"') + sizeof(data) - 1;

        __atomic_fetch_add(&answerer->counters[0], 1, __ATOMIC_SEQ_CST);
        put(answerer, line, (size_t)(id_end - line));
        put(answerer, "\",\"result\":", 11);
        put_result(answerer, name, params, end - 1);
        put(answerer, "}\n", 2);
        tell_ended(answerer->counters);
}

/* Answers all lines that are whole, together. */
static void answer_all(struct answerer *answerer)
{
        char *line = answerer->in, *end;
        size_t left = answerer->in_length;

        while ((end = memchr(line, '\n', left))) {
                answer(answerer, line, end);
                left -= (size_t)(end + 1 - line);
                line = end + 1;
        }
        memmove(answerer->in, line, left);
        answerer->in_length = left;
        flush(answerer);
}

static void serve(struct answerer *answerer)
{
        for (;;) {
                ssize_t n = read(SPAWN_FD_PIPE_IN, answerer->in + answerer->in_length,
                                 ROOM_MAX - answerer->in_length);
                if (n <= 0)
                        return;
                answerer->in_length += (size_t)n;
                if (memchr(answerer->in + answerer->in_length - (size_t)n, '\n', (size_t)n))
                        answer_all(answerer);
        }
}

static void take_all(int fd)
{
        char bytes[65536];

        while (read(fd, bytes, sizeof(bytes)) > 0)
                ;
        close(fd);
}

int main(int argc, char **argv)
{
        static struct answerer answerer = {.steps = -1};
        const char *pipe_path = argc > 6 ? argv[argc - 1] : NULL;

        take_all(SPAWN_FD_BOOTSTRAP);
        take_all(SPAWN_FD_PROGRAM);
        answerer.counters = mmap(NULL, PAGES_COUNTERS_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
                                 SPAWN_FD_COUNTERS, 0);
        answerer.in = malloc(ROOM_MAX);
        answerer.out = malloc(ROOM_MAX);
        if (answerer.counters == MAP_FAILED || !answerer.in || !answerer.out)
                fail("no memory");
        if (pipe_path && (answerer.steps = open(pipe_path, O_RDWR | O_CLOEXEC)) < 0)
                fail(pipe_path);
        write_all(SPAWN_FD_STATUS_IN, READY, sizeof(READY) - 1);
        serve(&answerer);
        return EXIT_SUCCESS;
}
