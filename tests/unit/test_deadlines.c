/* SPDX-License-Identifier: MIT */
/*
 * List and heap against a plain array that is searched.
 */
#include "daemon/deadlines.h"

#include "fixture_loop.h"

#include "daemon/request.h"

#include <stdlib.h>
#include <time.h>

#define REQUESTS 300

static struct request requests[REQUESTS];
static bool is_in[REQUESTS];
static struct deadlines deadlines;

static uint64_t earliest(void)
{
        uint64_t first = UINT64_MAX;

        for (size_t i = 0; i < REQUESTS; i++)
                if (is_in[i] && requests[i].deadline < first)
                        first = requests[i].deadline;
        return first;
}

/* How many stand in the list, each knowing its neighbours. */
static size_t check_list(void)
{
        const struct request *before = NULL;
        size_t n = 0;

        for (const struct request *at = deadlines.first; at; before = at, at = at->later, n++) {
                ck_assert_uint_eq(at->heap_index, DEADLINES_IN_LIST);
                ck_assert_ptr_eq(at->earlier, before);
                ck_assert(!before || before->deadline <= at->deadline);
        }
        ck_assert_ptr_eq(deadlines.last, before);
        return n;
}

static void check_against_model(size_t n)
{
        struct request *first = deadlines_first(&deadlines);

        ck_assert_uint_eq(deadlines.length, n);
        ck_assert_uint_eq(check_list() + deadlines.heap_length, n);
        ck_assert_int_eq(first != NULL, n > 0);
        if (first) {
                ck_assert(is_in[first - requests]);
                ck_assert_uint_eq(first->deadline, earliest());
        }
        for (size_t i = 0; i < deadlines.heap_length; i++)
                ck_assert_uint_eq(deadlines.heap[i]->heap_index, i);
}

static void teardown(void)
{
        deadlines_clear(&deadlines);
        ck_assert_ptr_null(deadlines_first(&deadlines));
        loop_end();
}

START_TEST(nothing_is_first_in_an_empty_one)
{
        ck_assert_ptr_null(deadlines_first(&deadlines));
}
END_TEST

/* The usual case needs no heap, however many there are and in whatever order they leave. */
START_TEST(those_that_come_in_order_need_no_heap)
{
        for (size_t i = 0; i < REQUESTS; i++) {
                requests[i].deadline = 1 + i / 2;
                is_in[i] = true;
                ck_assert_int_eq(deadlines_add(&deadlines, &requests[i]), 0);
        }
        ck_assert_ptr_null(deadlines.heap);
        for (size_t i = 0, n = REQUESTS; n > 0; i = (i + 7) % REQUESTS) {
                check_against_model(n--);
                deadlines_remove(&deadlines, &requests[i]);
                is_in[i] = false;
        }
        check_against_model(0);
}
END_TEST

START_TEST(they_come_out_in_order)
{
        uint64_t last = 0;

        for (size_t i = 0; i < REQUESTS; i++) {
                requests[i].deadline = 1 + (i * 7919) % REQUESTS;
                is_in[i] = true;
                ck_assert_int_eq(deadlines_add(&deadlines, &requests[i]), 0);
        }
        for (size_t n = REQUESTS; n > 0; n--) {
                struct request *first = deadlines_first(&deadlines);
                check_against_model(n);
                ck_assert_uint_ge(first->deadline, last);
                last = first->deadline;
                deadlines_remove(&deadlines, first);
                is_in[first - requests] = false;
        }
        check_against_model(0);
}
END_TEST

START_TEST(random_adds_and_removes_agree_with_a_search)
{
        const char *given = getenv("JUMPBOOT_SEED");
        unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
        size_t n = 0;

        printf("test_deadlines: JUMPBOOT_SEED=%u\n", seed);
        srand(seed);
        for (int round = 0; round < 20000; round++) {
                size_t i = (size_t)rand() % REQUESTS;
                if (is_in[i]) {
                        deadlines_remove(&deadlines, &requests[i]);
                        n--;
                } else {
                        requests[i].deadline = 1 + (uint64_t)rand() % 50;
                        ck_assert_int_eq(deadlines_add(&deadlines, &requests[i]), 0);
                        n++;
                }
                is_in[i] = !is_in[i];
                check_against_model(n);
        }
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("deadlines");
        TCase *tcase = loop_case(suite, loop_begin, teardown);

        tcase_add_test(tcase, nothing_is_first_in_an_empty_one);
        tcase_add_test(tcase, those_that_come_in_order_need_no_heap);
        tcase_add_test(tcase, they_come_out_in_order);
        tcase_add_test(tcase, random_adds_and_removes_agree_with_a_search);
        return run_suite(suite);
}
