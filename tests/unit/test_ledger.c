/* SPDX-License-Identifier: MIT */
/*
 * The books that are kept of what a worker was sent. Requests are addresses here, and no more.
 */
#include "daemon/ledger.h"

#include "suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct ledger ledger;
static char place[LEDGER_SIZE * 4];

static void setup(void)
{
        memset(&ledger, 0, sizeof(ledger));
}

/* The request with the given serial. */
static struct request *request_of(uint64_t serial)
{
        return (struct request *)(void *)&place[serial % sizeof(place)];
}

static uint64_t add(uint64_t serial, uint64_t now)
{
        return ledger_add(&ledger, request_of(serial), serial, now);
}

START_TEST(ordinals_count_from_one)
{
        ck_assert(ledger_is_empty(&ledger));
        ck_assert_uint_eq(ledger_head(&ledger), 0);
        ck_assert_uint_eq(add(170, 5), 1);
        ck_assert_uint_eq(add(180, 6), 2);
        ck_assert_uint_eq(ledger_head(&ledger), 1);
        ck_assert_uint_eq(ledger_find(&ledger, 170), 1);
        ck_assert_uint_eq(ledger_find(&ledger, 180), 2);
        ck_assert_uint_eq(ledger_find(&ledger, 190), 0);
        ck_assert_ptr_null(ledger_at(&ledger, 0));
        ck_assert_ptr_null(ledger_at(&ledger, 3));
        ck_assert_ptr_eq(ledger_at(&ledger, 2)->request, request_of(180));
        ck_assert_ptr_eq(ledger_first_request(&ledger), request_of(170));
}
END_TEST

START_TEST(an_answer_comes_once)
{
        add(17, 1);
        ledger_answered(&ledger, 1, 2);
        ck_assert(ledger_is_empty(&ledger));
        ck_assert_uint_eq(ledger_find(&ledger, 17), 0);
        ck_assert_ptr_null(ledger_at(&ledger, 1));
        ck_assert_ptr_null(ledger_first_request(&ledger));
        ledger_answered(&ledger, 1, 3);
        ck_assert_uint_eq(ledger.answered, 1);
        ck_assert_uint_eq(add(17, 4), 2);
}
END_TEST

START_TEST(answers_may_come_in_any_order)
{
        for (uint64_t i = 1; i <= 4; i++)
                add(i, 10);
        ledger_answered(&ledger, 3, 11);
        ledger_answered(&ledger, 2, 12);
        ck_assert_uint_eq(ledger_head(&ledger), 1);
        ck_assert_uint_eq(ledger.head_since, 10);
        ck_assert_uint_eq(ledger_find(&ledger, 3), 0);
        ledger_answered(&ledger, 1, 13);
        ck_assert_uint_eq(ledger_head(&ledger), 4);
        ck_assert_uint_eq(ledger.head_since, 13);
        ledger_answered(&ledger, 4, 14);
        ck_assert(ledger_is_empty(&ledger));
}
END_TEST

START_TEST(an_entry_may_lose_its_request)
{
        add(1, 1);
        add(2, 1);
        ledger_at(&ledger, 1)->request = NULL;
        ck_assert_ptr_eq(ledger_first_request(&ledger), request_of(2));
        ck_assert_uint_eq(ledger_count_requests(&ledger), 1);
        ck_assert_uint_eq(ledger_find(&ledger, 1), 1);
        ck_assert_uint_eq(ledger_head(&ledger), 1);
        ledger_at(&ledger, 2)->request = NULL;
        ck_assert_ptr_null(ledger_first_request(&ledger));
        ck_assert(!ledger_is_empty(&ledger));
}
END_TEST

START_TEST(the_time_of_the_head_is_when_it_came_to_be_it)
{
        add(1, 100);
        add(2, 101);
        ck_assert_uint_eq(ledger.head_since, 100);
        ledger_answered(&ledger, 1, 150);
        ck_assert_uint_eq(ledger.head_since, 150);
        ledger_answered(&ledger, 2, 160);
        add(3, 200);
        ck_assert_uint_eq(ledger.head_since, 200);
}
END_TEST

/* Against books that are kept without any art. */
START_TEST(it_is_right_after_anything)
{
        static bool is_open[20000];
        uint64_t sent = 0, open = 0, first = 1;

        srand(4711);
        for (int i = 0; i < 100000; i++) {
                while (first <= sent && !is_open[first])
                        first++;
                ck_assert_uint_eq(ledger_head(&ledger), first <= sent ? first : 0);
                ck_assert_int_eq(ledger_is_empty(&ledger), open == 0);
                if (rand() % 2 && !ledger_is_full(&ledger) && sent < 19999) {
                        ck_assert_uint_eq(add(++sent * 7, (uint64_t)i), sent);
                        is_open[sent] = true;
                        open++;
                } else if (first <= sent) {
                        uint64_t any = first + (uint64_t)rand() % (sent - first + 1);
                        ck_assert_uint_eq(ledger_find(&ledger, any * 7), is_open[any] ? any : 0);
                        ledger_answered(&ledger, any, (uint64_t)i);
                        open -= is_open[any];
                        is_open[any] = false;
                }
        }
        ck_assert_uint_gt(sent, 1000);
}
END_TEST

START_TEST(it_is_full_at_its_size)
{
        for (uint64_t i = 1; i <= LEDGER_SIZE; i++) {
                ck_assert(!ledger_is_full(&ledger));
                add(i, 1);
        }
        ck_assert(ledger_is_full(&ledger));
        ledger_answered(&ledger, 2, 1);
        ck_assert(ledger_is_full(&ledger));
        ledger_answered(&ledger, 1, 1);
        ck_assert(!ledger_is_full(&ledger));
}
END_TEST

START_TEST(the_last_answers_are_remembered)
{
        ck_assert(!ledger_has_answered(&ledger, 1));
        for (uint64_t serial = 1; serial <= LEDGER_SIZE; serial++)
                add(serial, 1);
        ledger_answered(&ledger, 2, 1);
        ck_assert(ledger_has_answered(&ledger, 2));
        ck_assert(!ledger_has_answered(&ledger, 1));
        ledger_answered(&ledger, 1, 1);
        ck_assert(ledger_has_answered(&ledger, 1));
        add(1000, 1);
        ck_assert(!ledger_has_answered(&ledger, 1));
        ck_assert(!ledger_has_answered(&ledger, 1000));
        ck_assert(ledger_has_answered(&ledger, 2));
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("ledger");
        TCase *tcase = tcase_create("tests");

        tcase_add_checked_fixture(tcase, setup, NULL);
        tcase_add_test(tcase, ordinals_count_from_one);
        tcase_add_test(tcase, an_answer_comes_once);
        tcase_add_test(tcase, answers_may_come_in_any_order);
        tcase_add_test(tcase, an_entry_may_lose_its_request);
        tcase_add_test(tcase, the_time_of_the_head_is_when_it_came_to_be_it);
        tcase_add_test(tcase, it_is_right_after_anything);
        tcase_add_test(tcase, it_is_full_at_its_size);
        tcase_add_test(tcase, the_last_answers_are_remembered);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
