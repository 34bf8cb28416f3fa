/* SPDX-License-Identifier: MIT */
/*
 * How much a program may log, by a made-up clock.
 */
#include "daemon/quota.h"

#include "common/units.h"
#include "fixture_log.h"
#include "suite.h"

#include <check.h>

#define BURST    10
#define INTERVAL (5 * USEC_PER_SEC)

static const struct log_context calc = {.program = "calc"};
static struct quota quota;
static uint64_t now, told_until;
static unsigned n_exceeded;

static void on_exceeded(void *userdata, uint64_t until)
{
        ck_assert_ptr_eq(userdata, &quota);
        n_exceeded++;
        told_until = until;
}

static void setup(void)
{
        log_capture();
        quota = (struct quota){.exceeded = on_exceeded, .userdata = &quota};
        now = 1000 * USEC_PER_SEC;
        n_exceeded = 0;
}

static bool take(unsigned n)
{
        return quota_take(&quota, BURST, INTERVAL, n, true, now);
}

static void exhaust(void)
{
        for (unsigned i = 0; i < BURST; i++)
                ck_assert(take(1));
}

START_TEST(so_many_lines_are_logged_in_an_interval)
{
        exhaust();
        ck_assert(!take(1));
        ck_assert(!take(2));
        ck_assert_uint_eq(n_exceeded, 1);
        ck_assert_uint_eq(told_until, now + INTERVAL);
        ck_assert_uint_eq(quota_maintain(&quota, &calc, now + INTERVAL - 1), now + INTERVAL);
        ck_assert_uint_eq(captured_length, 0);
        now += INTERVAL;
        ck_assert_uint_eq(quota_maintain(&quota, &calc, now), 0);
        ck_assert(
                log_has("warning calc#0: its workers wrote too much: lines that were dropped: 3"));
        ck_assert_uint_eq(captured_events[LOG_EVENT_OUTPUT_LIMITED], 1);
        exhaust();
        ck_assert(!take(1));
        ck_assert_uint_eq(n_exceeded, 2);
}
END_TEST

START_TEST(an_interval_begins_with_its_first_line)
{
        ck_assert(take(1));
        now += INTERVAL - 1;
        for (unsigned i = 1; i < BURST; i++)
                ck_assert(take(1));
        ck_assert(!take(1));
}
END_TEST

START_TEST(what_keeps_below_is_never_dropped)
{
        for (unsigned i = 0; i < 100 * BURST; i++) {
                ck_assert(take(1));
                now += INTERVAL / BURST + 1;
        }
        ck_assert_uint_eq(quota_maintain(&quota, &calc, now), 0);
        ck_assert_uint_eq(n_exceeded, 0);
}
END_TEST

/* An entry is logged whole or not at all. */
START_TEST(an_entry_of_many_lines_counts_as_many)
{
        ck_assert(take(BURST + 5));
        ck_assert(!take(1));
}
END_TEST

/* Else what was dropped would be told behind lines that came later. */
START_TEST(nothing_is_logged_before_the_loss_is_told)
{
        exhaust();
        ck_assert(!take(1));
        now += INTERVAL + 1;
        ck_assert(!take(1));
        quota_maintain(&quota, &calc, now);
        ck_assert(log_has("dropped: 2"));
        ck_assert(take(1));
}
END_TEST

START_TEST(what_nobody_wanted_is_no_loss)
{
        exhaust();
        ck_assert(!quota_take(&quota, BURST, INTERVAL, 1, false, now));
        ck_assert_uint_eq(n_exceeded, 0);
        ck_assert_uint_eq(quota_maintain(&quota, &calc, now + INTERVAL), 0);
        ck_assert_uint_eq(captured_length, 0);
        now += INTERVAL;
        ck_assert(take(1));
}
END_TEST

START_TEST(without_a_limit_all_is_logged)
{
        for (unsigned i = 0; i < 1000; i++)
                ck_assert(quota_take(&quota, 0, INTERVAL, 1000, true, now));
}
END_TEST

START_TEST(workers_take_turns)
{
        uint64_t first = quota_turn(&quota, now), second = quota_turn(&quota, now);

        ck_assert_uint_gt(first, now);
        ck_assert_uint_eq(second - first, first - now);
        now += USEC_PER_SEC; /* all turns that were not used are gone */
        ck_assert_uint_eq(quota_turn(&quota, now) - now, second - first);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("quota");
        TCase *tcase = tcase_create("tests");

        tcase_add_checked_fixture(tcase, setup, NULL);
        tcase_add_test(tcase, so_many_lines_are_logged_in_an_interval);
        tcase_add_test(tcase, an_interval_begins_with_its_first_line);
        tcase_add_test(tcase, what_keeps_below_is_never_dropped);
        tcase_add_test(tcase, an_entry_of_many_lines_counts_as_many);
        tcase_add_test(tcase, nothing_is_logged_before_the_loss_is_told);
        tcase_add_test(tcase, what_nobody_wanted_is_no_loss);
        tcase_add_test(tcase, without_a_limit_all_is_logged);
        tcase_add_test(tcase, workers_take_turns);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
