/* SPDX-License-Identifier: MIT */
/*
 * Configs read by a thread, and what becomes of them.
 */
#include "daemon/loading.h"

#include "fixture_loop.h"
#include "folder.h"

#include <sched.h>

static struct loading *loading;
static struct loaded got;
static unsigned n_done;

static void on_done(void *userdata, struct loaded *loaded)
{
        ck_assert_ptr_eq(userdata, &got);
        got = *loaded;
        *loaded = (struct loaded){0};
        n_done++;
}

static void setup(void)
{
        loop_begin();
        folder_make();
        got = (struct loaded){0};
        n_done = 0;
}

static void teardown(void)
{
        loading = loading_free(loading);
        loaded_clear(&got);
        folder_remove();
        loop_end();
}

static void begin(void)
{
        ck_assert_int_eq(loading_new(base, folder_at("jumpbootd.conf"), on_done, &got, &loading),
                         0);
}

START_TEST(a_right_config_is_handed_over)
{
        folder_write("jumpbootd.conf", "{\"program_sets\":[\"tools.conf\"],\"max_clients\":17}");
        folder_write("tools.conf", "{\"programs\":{\"calc\":{\"main\":{\"source\":\"x = 1\"}}}}");
        begin();
        loop_until(n_done == 1);
        ck_assert_int_eq(got.result, 0);
        ck_assert_uint_eq(got.config->server.max_clients, 17);
        ck_assert_uint_eq(got.config->n_programs, 1);
        ck_assert_ptr_null(got.config->sources);
        loop_now();
        ck_assert_uint_eq(n_done, 1);
}
END_TEST

START_TEST(what_is_wrong_is_handed_over_too)
{
        folder_write("jumpbootd.conf", "{\"max_clients\":0,\n\"x\":1}");
        begin();
        loop_until(n_done == 1);
        ck_assert_int_eq(got.result, 1);
        ck_assert_ptr_null(got.config);
        ck_assert_uint_eq(got.errors.n_errors, 2);
        ck_assert_ptr_nonnull(strstr(got.errors.messages[0].text, "jumpbootd.conf:1:16: "));
}
END_TEST

/* The thread frees what it has made, when it comes to it. */
static void wait_for_descriptors(int n)
{
        uint64_t end = units_now() + LOOP_DEADLINE;

        while (count_descriptors() != n) {
                ck_assert(units_now() < end);
                sched_yield();
        }
}

START_TEST(one_that_nobody_waits_for_any_more_tells_nobody)
{
        int before = count_descriptors();

        folder_write("jumpbootd.conf", "{}");
        for (int i = 0; i < 100; i++) {
                begin();
                /* Early, late, and in between. */
                for (int turns = i % 10; turns > 0; turns--)
                        sched_yield();
                loading = loading_free(loading);
        }
        wait_for_descriptors(before);
        loop_now();
        ck_assert_uint_eq(n_done, 0);
}
END_TEST

START_TEST(signals_stay_the_loop_s)
{
        sigset_t before, after;

        sigprocmask(SIG_SETMASK, NULL, &before);
        folder_write("jumpbootd.conf", "{}");
        begin();
        sigprocmask(SIG_SETMASK, NULL, &after);
        for (int number = 1; number < NSIG; number++)
                ck_assert_int_eq(sigismember(&before, number), sigismember(&after, number));
        loop_until(n_done == 1);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("loading");
        TCase *tcase = loop_case(suite, setup, teardown);

        tcase_add_test(tcase, a_right_config_is_handed_over);
        tcase_add_test(tcase, what_is_wrong_is_handed_over_too);
        tcase_add_test(tcase, one_that_nobody_waits_for_any_more_tells_nobody);
        tcase_add_test(tcase, signals_stay_the_loop_s);
        return run_suite(suite);
}
