/* SPDX-License-Identifier: MIT */
/*
 * The readers here are events of the same loop, so every test is one thread taking turns. The
 * failsafe timer ends the loop only if a test hangs.
 */
#include "bootstrap/feed.h"

#include "common/cleanup.h"

#include "suite.h"

#include <check.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

static struct event_base *base;
static struct event *failsafe;
static int reader, writer; /* a pipe's ends; the writer goes to the feed */

struct outcome {
        int calls, result;
        bool free_it;
};

static void on_failsafe(evutil_socket_t fd, short what, void *userdata)
{
        (void)fd;
        (void)what;
        *(bool *)userdata = true;
        event_base_loopbreak(base);
}

static bool hung;

/* libevent's own words on what it is asked to do. */
static void ignore_message(int severity, const char *message)
{
        (void)severity;
        (void)message;
}

static void setup(void)
{
        const struct timeval deadline = {.tv_sec = 60};
        int ends[2];

        signal(SIGPIPE, SIG_IGN); /* as the daemon does */
        base = event_base_new();
        failsafe = evtimer_new(base, on_failsafe, &hung);
        evtimer_add(failsafe, &deadline);
        ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
        reader = ends[0];
        writer = ends[1];
}

static void teardown(void)
{
        ck_assert(!hung);
        close_fd(reader);
        event_free(failsafe);
        event_base_free(base);
}

static void on_done(struct feed *feed, int result, void *userdata)
{
        struct outcome *outcome = userdata;

        outcome->calls++;
        outcome->result = result;
        if (outcome->free_it)
                feed_free(feed);
        event_base_loopbreak(base);
}

static struct feed *new_feed(const void *data, size_t length, struct outcome *outcome)
{
        struct feed *feed;

        ck_assert_int_eq(feed_new(base, writer, data, length, on_done, outcome, &feed), 0);
        ck_assert_int_eq(outcome->calls, 0); /* only from the loop */
        return feed;
}

/* A pattern in which every place is told from its neighbours. */
static uint8_t *make_pattern(size_t length)
{
        uint8_t *pattern = malloc(length);

        for (size_t i = 0; i < length; i++)
                pattern[i] = (uint8_t)(i * 131 + (i >> 8) * 31 + (i >> 16));
        return pattern;
}

struct slow_reader {
        const uint8_t *expected;
        size_t seen, length, step;
        bool wrong, ended;
};

static void on_readable(evutil_socket_t fd, short what, void *userdata)
{
        static uint8_t bytes[65536];
        struct slow_reader *slow = userdata;
        ssize_t n = read(fd, bytes, slow->step);

        (void)what;
        if (n <= 0) {
                slow->ended = n == 0;
                event_base_loopbreak(base);
                return;
        }
        if ((size_t)n > slow->length - slow->seen ||
            memcmp(bytes, slow->expected + slow->seen, (size_t)n) != 0)
                slow->wrong = true;
        slow->seen += (size_t)n;
}

static struct event *add_reader(struct slow_reader *slow)
{
        struct event *event = event_new(base, reader, EV_READ | EV_PERSIST, on_readable, slow);

        ck_assert_int_eq(event_add(event, NULL), 0);
        return event;
}

static void run_to_end(struct slow_reader *slow)
{
        while (!slow->ended && !hung)
                event_base_loop(base, EVLOOP_ONCE);
}

START_TEST(a_large_text_arrives_whole_through_a_slow_reader)
{
        size_t length = 50 << 20;
        uint8_t *data = make_pattern(length);
        struct slow_reader slow = {.expected = data, .length = length, .step = 4099};
        struct outcome outcome = {0};
        struct event *event = add_reader(&slow);
        struct feed *feed = new_feed(data, length, &outcome);
        size_t before = mallinfo2().uordblks;

        while (slow.seen < length / 2 && !hung)
                event_base_loop(base, EVLOOP_ONCE);
        ck_assert_uint_lt(mallinfo2().uordblks, before + 65536); /* nothing is kept for later */
        run_to_end(&slow);
        ck_assert(slow.ended && !slow.wrong);
        ck_assert_uint_eq(slow.seen, length);
        ck_assert_int_eq(outcome.calls, 1);
        ck_assert_int_eq(outcome.result, 0);
        feed_free(feed);
        event_free(event);
        free(data);
}
END_TEST

START_TEST(an_empty_text_is_just_the_end)
{
        struct slow_reader slow = {.step = 16};
        struct outcome outcome = {.free_it = true};
        struct event *event;

        new_feed(NULL, 0, &outcome);
        event = add_reader(&slow);
        run_to_end(&slow);
        ck_assert_uint_eq(slow.seen, 0);
        ck_assert_int_eq(outcome.calls, 1);
        ck_assert_int_eq(outcome.result, 0);
        event_free(event);
}
END_TEST

START_TEST(the_end_comes_before_the_feed_is_freed)
{
        struct outcome outcome = {0};
        struct feed *feed = new_feed("abc", 3, &outcome);
        char bytes[8];

        event_base_dispatch(base);
        ck_assert_int_eq(outcome.calls, 1);
        ck_assert_int_eq(read(reader, bytes, sizeof(bytes)), 3);
        ck_assert_int_eq(read(reader, bytes, sizeof(bytes)), 0);
        event_base_loop(base, EVLOOP_NONBLOCK);
        ck_assert_int_eq(outcome.calls, 1);
        ck_assert_ptr_null(feed_free(feed));
        ck_assert_ptr_null(feed_free(NULL));
}
END_TEST

START_TEST(a_reader_that_is_gone_ends_it)
{
        struct outcome outcome = {.free_it = true};

        reader = close_fd(reader);
        new_feed("abc", 3, &outcome);
        event_base_dispatch(base);
        ck_assert_int_eq(outcome.calls, 1);
        ck_assert_int_eq(outcome.result, -EPIPE);
}
END_TEST

START_TEST(a_reader_that_goes_away_ends_it)
{
        size_t length = 1 << 20;
        uint8_t *data = make_pattern(length);
        struct outcome outcome = {0};
        struct feed *feed = new_feed(data, length, &outcome);

        event_base_loop(base, EVLOOP_NONBLOCK);
        ck_assert_int_eq(outcome.calls, 0); /* the pipe is full */
        reader = close_fd(reader);
        event_base_dispatch(base);
        ck_assert_int_eq(outcome.calls, 1);
        ck_assert_int_eq(outcome.result, -EPIPE);
        feed_free(feed);
        free(data);
}
END_TEST

START_TEST(freed_midway_it_closes_the_pipe_and_is_silent)
{
        size_t length = 1 << 20;
        uint8_t *data = make_pattern(length);
        struct slow_reader slow = {.expected = data, .length = length, .step = 65536};
        struct outcome outcome = {0};
        struct feed *feed = new_feed(data, length, &outcome);
        struct event *event;

        event_base_loop(base, EVLOOP_NONBLOCK);
        feed_free(feed);
        free(data);
        slow.expected = data = make_pattern(length);
        event = add_reader(&slow);
        run_to_end(&slow);
        ck_assert(slow.ended && !slow.wrong);
        ck_assert_uint_gt(slow.seen, 0);
        ck_assert_uint_lt(slow.seen, length);
        ck_assert_int_eq(outcome.calls, 0);
        event_free(event);
        free(data);
}
END_TEST

START_TEST(a_blocking_descriptor_does_not_block)
{
        size_t length = 1 << 20;
        uint8_t *data = make_pattern(length);
        struct outcome outcome = {0};
        struct feed *feed;

        ck_assert_int_eq(fcntl(writer, F_GETFL) & O_NONBLOCK, 0);
        feed = new_feed(data, length, &outcome);
        event_base_loop(base, EVLOOP_NONBLOCK); /* nobody reads: it would stay here for ever */
        ck_assert_int_eq(outcome.calls, 0);
        feed_free(feed);
        free(data);
}
END_TEST

START_TEST(a_descriptor_that_is_none_is_refused)
{
        struct outcome outcome = {0};
        struct feed *feed;

        close(writer);
        ck_assert_int_eq(feed_new(base, writer, "x", 1, on_done, &outcome, &feed), -EBADF);
        ck_assert_int_eq(outcome.calls, 0);
}
END_TEST

START_TEST(a_file_is_refused_and_closed)
{
        struct outcome outcome = {0};
        struct feed *feed;
        int file = memfd_create("file", MFD_CLOEXEC);

        event_set_log_callback(ignore_message);
        ck_assert_int_eq(feed_new(base, file, "x", 1, on_done, &outcome, &feed), -EIO);
        event_set_log_callback(NULL);
        ck_assert_int_lt(fcntl(file, F_GETFD), 0);
        ck_assert_int_eq(outcome.calls, 0);
        close(writer);
}
END_TEST

START_TEST(many_feeds_share_one_text)
{
        size_t length = 300000;
        uint8_t *data = make_pattern(length);
        struct slow_reader slow[20];
        struct event *events[20];
        struct outcome outcomes[20] = {0};
        int first = reader;

        for (size_t i = 0; i < ARRAY_SIZE(slow); i++) {
                int ends[2];

                slow[i] = (struct slow_reader){
                        .expected = data, .length = length, .step = 1000 * (i + 1)};
                outcomes[i].free_it = true;
                if (i > 0) {
                        ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
                        reader = ends[0];
                        writer = ends[1];
                }
                events[i] = add_reader(&slow[i]);
                new_feed(data, length, &outcomes[i]);
        }
        for (size_t i = 0; i < ARRAY_SIZE(slow); i++) {
                run_to_end(&slow[i]);
                ck_assert_uint_eq(slow[i].seen, length);
                ck_assert(!slow[i].wrong);
                ck_assert_int_eq(outcomes[i].calls, 1);
                ck_assert_int_eq(outcomes[i].result, 0);
                if (event_get_fd(events[i]) != first)
                        close(event_get_fd(events[i]));
                event_free(events[i]);
        }
        reader = first;
        free(data);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("feed");
        TCase *tcase = tcase_create("feed");

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_set_timeout(tcase, 120);
        tcase_add_test(tcase, a_large_text_arrives_whole_through_a_slow_reader);
        tcase_add_test(tcase, an_empty_text_is_just_the_end);
        tcase_add_test(tcase, the_end_comes_before_the_feed_is_freed);
        tcase_add_test(tcase, a_reader_that_is_gone_ends_it);
        tcase_add_test(tcase, a_reader_that_goes_away_ends_it);
        tcase_add_test(tcase, freed_midway_it_closes_the_pipe_and_is_silent);
        tcase_add_test(tcase, a_blocking_descriptor_does_not_block);
        tcase_add_test(tcase, a_descriptor_that_is_none_is_refused);
        tcase_add_test(tcase, a_file_is_refused_and_closed);
        tcase_add_test(tcase, many_feeds_share_one_text);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
