/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * An event loop with all that hangs on it, made before each test. After it everything must be back:
 * the buffers' memory, and every descriptor.
 */
#include "fixture_log.h"
#include "suite.h"

#include "common/buffer.h"
#include "common/cleanup.h"
#include "common/units.h"
#include "daemon/turn.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <unistd.h>

#define LOOP_DEADLINE (30 * USEC_PER_SEC) /* only a failing test gets there */
#define TEST_SECONDS  60

static struct event_base *base;
static struct turn turn;
static struct buffer_pool buffers;
static struct event *watchdog;
static int descriptors_before;

static inline int count_descriptors(void)
{
        _cleanup_closedir_ DIR *folder = opendir("/proc/self/fd");
        int n = 0;

        ck_assert_ptr_nonnull(folder);
        while (readdir(folder))
                n++;
        return n;
}

static inline void on_watchdog(evutil_socket_t fd, short what, void *userdata)
{
        (void)fd;
        (void)what;
        (void)userdata;
        ck_abort_msg("nothing has happened for half a minute; the log:\n%s", log_tail());
}

static inline void loop_begin(void)
{
        signal(SIGPIPE, SIG_IGN);
        log_capture();
        descriptors_before = count_descriptors();
        buffers = (struct buffer_pool){0};
        base = event_base_new();
        ck_assert_ptr_nonnull(base);
        ck_assert_int_eq(turn_init(&turn, base), 0);
        watchdog = evtimer_new(base, on_watchdog, NULL);
}

static inline void loop_end(void)
{
        turn_end(&turn);
        event_free(watchdog);
        event_base_free(base);
        ck_assert_uint_eq(buffers.memory, 0);
        buffer_pool_trim(&buffers);
        ck_assert_int_eq(count_descriptors(), descriptors_before);
}

/* Waits for whatever comes next, and deals with it. */
static inline void loop_once(void)
{
        struct timeval deadline = {LOOP_DEADLINE / USEC_PER_SEC, 0};

        event_add(watchdog, &deadline);
        event_base_loop(base, EVLOOP_ONCE);
        event_del(watchdog);
}

/* Deals with what has come, and does not wait. */
static inline void loop_now(void)
{
        event_base_loop(base, EVLOOP_NONBLOCK);
}

#define loop_until(condition)                                                                      \
        do {                                                                                       \
                uint64_t end_ = units_now() + LOOP_DEADLINE;                                       \
                while (!(condition)) {                                                             \
                        ck_assert_msg(units_now() < end_, "%s did not come true; the log:\n%s",    \
                                      #condition, log_tail());                                     \
                        loop_once();                                                               \
                }                                                                                  \
        } while (0)

/* A pipe whose ends do not block. */
static inline void make_pipe(int *read_end, int *write_end)
{
        int ends[2];

        ck_assert_int_eq(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
        *read_end = ends[0];
        *write_end = ends[1];
}

static inline void write_all(int fd, const void *data, size_t length)
{
        ck_assert_int_eq(write(fd, data, length), (ssize_t)length);
}

static inline void write_text(int fd, const char *text)
{
        write_all(fd, text, strlen(text));
}

/* All of a buffer as text; good until the next call. */
static inline const char *buffer_text(const struct buffer *buffer)
{
        static char *text;

        free(text);
        text = malloc(buffer->length + 1);
        ck_assert_ptr_nonnull(text);
        buffer_copy(buffer, 0, buffer->length, text);
        text[buffer->length] = '\0';
        return text;
}

/* A suite of one case with the loop around each test. */
static inline TCase *loop_case(Suite *suite, SFun begin, SFun end)
{
        TCase *tcase = tcase_create("tests");

        tcase_add_checked_fixture(tcase, begin, end);
        tcase_set_timeout(tcase, TEST_SECONDS);
        suite_add_tcase(suite, tcase);
        return tcase;
}
