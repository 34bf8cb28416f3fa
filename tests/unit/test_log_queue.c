/* SPDX-License-Identifier: MIT */
/*
 * The queue of the log before an outlet that the test plays: one that takes lines, is busy, or is
 * not there.
 */
#include "common/log_queue.h"

#include "common/log_line.h"
#include "common/log_outlet.h"
#include "fixture_loop.h"

static struct log_queue queue;
static enum log_written mood;
static unsigned takes;      /* so many, and then it is busy */
static size_t takes_bytes;  /* of each at one time; 0: all */
static unsigned n_attempts; /* to write */
static char taken[8 << 20]; /* "line|" for each */
static size_t taken_length;
static int waited_for, other_end;

static void format(struct log_line *line, int level, const struct log_context *context,
                   const char *text, size_t length)
{
        ck_assert_int_eq(level, LOG_WARNING);
        ck_assert_int_eq(context->event, LOG_EVENT_LOG_LOST);
        log_line_put(line, text, length);
}

static enum log_written take(const char *bytes, size_t length, size_t *done)
{
        size_t part = length - *done;

        n_attempts++;
        if (mood != LOG_WRITTEN)
                return mood;
        if (takes == 0)
                return LOG_BUSY;
        takes--;
        if (takes_bytes && part > takes_bytes)
                part = takes_bytes;
        memcpy(taken + taken_length, bytes + *done, part);
        taken_length += part;
        *done += part;
        if (*done < length)
                return LOG_BUSY;
        taken[taken_length++] = '|';
        taken[taken_length] = '\0';
        return LOG_WRITTEN;
}

static int descriptor(void)
{
        return waited_for;
}

static const struct log_outlet outlet = {format, take, descriptor};

static void setup(void)
{
        loop_begin();
        queue = (struct log_queue){.outlet = &outlet};
        STAILQ_INIT(&queue.lines);
        mood = LOG_WRITTEN;
        takes = UINT32_MAX;
        takes_bytes = n_attempts = 0;
        taken_length = 0;
        taken[0] = '\0';
        make_pipe(&other_end, &waited_for); /* always takes more */
}

static void teardown(void)
{
        log_queue_clear(&queue);
        close_fd(waited_for);
        close_fd(other_end);
        loop_end();
}

static void put(const char *text)
{
        log_queue_put(&queue, text, strlen(text), false);
}

START_TEST(a_line_is_written_at_once_and_once)
{
        put("a");
        put("b");
        ck_assert_str_eq(taken, "a|b|");
        ck_assert_uint_eq(n_attempts, 2);
        ck_assert_uint_eq(queue.size, 0);
}
END_TEST

START_TEST(what_is_not_taken_is_written_by_the_loop_in_order)
{
        log_queue_attach(&queue, base);
        takes = 1;
        put("a");
        put("b");
        put("c");
        ck_assert_str_eq(taken, "a|");
        takes = 1;
        loop_until(takes == 0);
        ck_assert_str_eq(taken, "a|b|");
        put("d");
        takes = UINT32_MAX;
        loop_until(STAILQ_EMPTY(&queue.lines));
        ck_assert_str_eq(taken, "a|b|c|d|");
        ck_assert_ptr_null(queue.event);
}
END_TEST

/* While it waits for the descriptor, a line costs no attempt, and so no system call. */
START_TEST(lines_that_must_wait_are_not_tried)
{
        log_queue_attach(&queue, base);
        takes = 0;
        put("a");
        unsigned before = n_attempts;
        for (int i = 0; i < 100; i++)
                put("b");
        ck_assert_uint_eq(n_attempts, before);
}
END_TEST

START_TEST(without_a_loop_each_line_takes_the_others_along)
{
        takes = 0;
        put("a");
        put("b");
        takes = UINT32_MAX;
        put("c");
        ck_assert_str_eq(taken, "a|b|c|");
}
END_TEST

START_TEST(a_line_that_was_begun_goes_on_where_it_ended)
{
        takes_bytes = 2;
        takes = 1;
        put("abcde");
        ck_assert_str_eq(taken, "ab");
        takes = 2;
        put("fg");
        takes = 3;
        log_queue_finish(&queue, USEC_PER_SEC);
        ck_assert_str_eq(taken, "abcde|fg|");
}
END_TEST

START_TEST(a_turn_of_the_loop_writes_so_many_only)
{
        log_queue_attach(&queue, base);
        takes = 0;
        for (int i = 0; i < 1000; i++)
                put("x");
        takes = UINT32_MAX;
        loop_once();
        ck_assert_uint_lt(taken_length, 2 * 500);
        loop_until(taken_length == 2 * 1000);
}
END_TEST

START_TEST(past_the_bound_lines_are_counted_and_told_in_their_place)
{
        char line[1000];
        unsigned n = 0;

        memset(line, 'x', sizeof(line));
        log_queue_attach(&queue, base);
        takes = 0;
        for (; queue.lost == 0; n++)
                log_queue_put(&queue, line, sizeof(line), false);
        for (int i = 0; i < 41; i++)
                log_queue_put(&queue, line, sizeof(line), false);
        ck_assert_uint_le(queue.size, LOG_QUEUE_MAX - LOG_QUEUE_RESERVED);
        ck_assert_uint_ge(queue.size, LOG_QUEUE_MAX / 2);
        log_queue_put(&queue, "alarm", 5, true);
        for (int i = 0; i < 3; i++)
                put("small, and lost all the same");
        takes = UINT32_MAX;
        loop_until(STAILQ_EMPTY(&queue.lines) && queue.lost == 0);
        put("after");
        ck_assert_str_eq(taken + (size_t)(n - 1) * (sizeof(line) + 1),
                         "lines of the log that were lost: 42|alarm|"
                         "lines of the log that were lost: 3|after|");
}
END_TEST

/* Else each line that was written would make room for one more, with a count of those before it. */
START_TEST(after_a_loss_lines_are_taken_again_once_half_is_written)
{
        char line[1000];
        unsigned n_told = 0;

        memset(line, 'x', sizeof(line));
        log_queue_attach(&queue, base);
        takes = 0;
        while (queue.lost == 0)
                log_queue_put(&queue, line, sizeof(line), false);
        while (queue.size > LOG_QUEUE_MAX / 2) {
                takes = 10;
                loop_until(takes == 0);
                uint64_t lost = queue.lost;
                log_queue_put(&queue, line, sizeof(line), false);
                ck_assert(queue.lost == lost + 1 || queue.size <= LOG_QUEUE_MAX / 2);
        }
        takes = UINT32_MAX;
        loop_until(STAILQ_EMPTY(&queue.lines) && queue.lost == 0);
        for (const char *p = taken; (p = strstr(p, "lost: ")); p++)
                n_told++;
        ck_assert_uint_eq(n_told, 1);
}
END_TEST

START_TEST(even_what_matters_is_bounded)
{
        char line[4000];

        memset(line, 'x', sizeof(line));
        takes = 0;
        for (int i = 0; i < 3000; i++)
                log_queue_put(&queue, line, sizeof(line), true);
        ck_assert_uint_le(queue.size, LOG_QUEUE_MAX + sizeof(line));
        ck_assert_uint_gt(queue.lost, 1500);
}
END_TEST

/* Nobody there: it is tried again by the clock, however many lines come. */
START_TEST(who_is_gone_is_asked_again_and_gets_everything)
{
        log_queue_attach(&queue, base);
        mood = LOG_GONE;
        put("a");
        unsigned before = n_attempts;
        for (int i = 0; i < 100; i++)
                put("b");
        ck_assert_uint_eq(n_attempts, before);
        loop_until(n_attempts >= before + 2);
        mood = LOG_WRITTEN;
        loop_until(STAILQ_EMPTY(&queue.lines));
        ck_assert_uint_eq(taken_length, 2 * 101);
        ck_assert_uint_eq(queue.back_off, 0);
}
END_TEST

START_TEST(what_is_dropped_is_counted_and_told_once_it_can_be)
{
        mood = LOG_DROPPED;
        put("a");
        put("b");
        put("c");
        ck_assert_uint_eq(queue.size, 0);
        mood = LOG_WRITTEN;
        put("d");
        ck_assert_str_eq(taken, "lines of the log that were lost: 3|d|");
}
END_TEST

START_TEST(the_end_waits_for_a_reader_but_not_for_long)
{
        takes = 0;
        put("a");
        log_queue_finish(&queue, 1000); /* busy throughout */
        ck_assert_str_eq(taken, "");
        mood = LOG_GONE;
        log_queue_finish(&queue, 3600 * USEC_PER_SEC); /* nobody there */
        mood = LOG_WRITTEN;
        takes = UINT32_MAX;
        log_queue_finish(&queue, 3600 * USEC_PER_SEC);
        ck_assert_str_eq(taken, "a|");
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("log_queue");
        TCase *tcase = loop_case(suite, setup, teardown);

        tcase_add_test(tcase, a_line_is_written_at_once_and_once);
        tcase_add_test(tcase, what_is_not_taken_is_written_by_the_loop_in_order);
        tcase_add_test(tcase, lines_that_must_wait_are_not_tried);
        tcase_add_test(tcase, without_a_loop_each_line_takes_the_others_along);
        tcase_add_test(tcase, a_line_that_was_begun_goes_on_where_it_ended);
        tcase_add_test(tcase, a_turn_of_the_loop_writes_so_many_only);
        tcase_add_test(tcase, past_the_bound_lines_are_counted_and_told_in_their_place);
        tcase_add_test(tcase, after_a_loss_lines_are_taken_again_once_half_is_written);
        tcase_add_test(tcase, even_what_matters_is_bounded);
        tcase_add_test(tcase, who_is_gone_is_asked_again_and_gets_everything);
        tcase_add_test(tcase, what_is_dropped_is_counted_and_told_once_it_can_be);
        tcase_add_test(tcase, the_end_waits_for_a_reader_but_not_for_long);
        return run_suite(suite);
}
