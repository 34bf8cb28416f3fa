/* SPDX-License-Identifier: MIT */
/*
 * Which request an answer is for that a program has written itself.
 */
#include "daemon/claim.h"

#include "suite.h"

#include "daemon/channel.h"
#include "daemon/ledger.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct ledger ledger;
static const struct buffer somewhere;
static uint64_t ordinal;

static void setup(void)
{
        memset(&ledger, 0, sizeof(ledger));
}

static void send_one(uint64_t serial)
{
        ledger_add(&ledger, NULL, serial, 1);
}

/* An answer that names this request. */
static enum claim naming(uint64_t serial)
{
        const struct channel_answer answer = {.id.source = &somewhere, .serial = serial};

        return claim_of(&ledger, &answer, true, &ordinal);
}

/* One that names none. */
static enum claim unnamed(bool is_read)
{
        const struct channel_answer answer = {0};

        return claim_of(&ledger, &answer, is_read, &ordinal);
}

START_TEST(it_is_for_the_one_that_it_names)
{
        send_one(17);
        send_one(18);
        ck_assert_int_eq(naming(18), CLAIM_ONE);
        ck_assert_uint_eq(ordinal, 2);
        ck_assert_int_eq(naming(17), CLAIM_ONE);
        ck_assert_uint_eq(ordinal, 1);
}
END_TEST

START_TEST(without_a_name_it_is_for_the_only_one)
{
        send_one(17);
        ck_assert_int_eq(unnamed(true), CLAIM_ONE);
        ck_assert_uint_eq(ordinal, 1);
        send_one(18);
        ck_assert_int_eq(unnamed(true), CLAIM_UNCLEAR);
        ledger_answered(&ledger, 1, 1);
        ck_assert_int_eq(unnamed(true), CLAIM_ONE);
        ck_assert_uint_eq(ordinal, 2);
        ledger_answered(&ledger, 2, 1);
        ck_assert_int_eq(unnamed(true), CLAIM_STRAY);
}
END_TEST

START_TEST(the_only_one_may_be_followed_by_answered_ones)
{
        send_one(17);
        send_one(18);
        send_one(19);
        ledger_answered(&ledger, 2, 1);
        ledger_answered(&ledger, 3, 1);
        ck_assert_int_eq(unnamed(true), CLAIM_ONE);
        ck_assert_uint_eq(ordinal, 1);
}
END_TEST

/* What a program wrote twice must not become the answer to the next request. */
START_TEST(what_has_not_been_read_cannot_be_answered)
{
        send_one(17);
        ck_assert_int_eq(unnamed(false), CLAIM_STRAY);
}
END_TEST

START_TEST(what_was_answered_is_answered)
{
        ck_assert_int_eq(naming(17), CLAIM_STRAY);
        send_one(17);
        ledger_answered(&ledger, 1, 1);
        ck_assert_int_eq(naming(17), CLAIM_STRAY);
        send_one(18);
        ck_assert_int_eq(naming(17), CLAIM_STRAY);
}
END_TEST

START_TEST(a_name_that_nobody_has_is_told_to_the_only_one)
{
        send_one(17);
        ck_assert_int_eq(naming(0), CLAIM_FOREIGN);
        ck_assert_uint_eq(ordinal, 1);
        ck_assert_int_eq(naming(99), CLAIM_FOREIGN);
        send_one(18);
        ck_assert_int_eq(naming(99), CLAIM_UNCLEAR);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("claim");
        TCase *tcase = tcase_create("all");

        tcase_add_checked_fixture(tcase, setup, NULL);
        tcase_add_test(tcase, it_is_for_the_one_that_it_names);
        tcase_add_test(tcase, without_a_name_it_is_for_the_only_one);
        tcase_add_test(tcase, the_only_one_may_be_followed_by_answered_ones);
        tcase_add_test(tcase, what_has_not_been_read_cannot_be_answered);
        tcase_add_test(tcase, what_was_answered_is_answered);
        tcase_add_test(tcase, a_name_that_nobody_has_is_told_to_the_only_one);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
