/* SPDX-License-Identifier: MIT */
/*
 * How many files may be open, and how many clients that leaves room for.
 */
#include "daemon/file_limit.h"

#include "fixture_log.h"
#include "suite.h"

static struct file_limit limit;

static void begin(void)
{
        log_capture();
}

/* Room for 64 files of the daemon's own, 10 for each worker, and the rest. */
static unsigned clients(rlim_t files, uint64_t n_workers, unsigned wanted)
{
        limit.raised = files;
        log_forget();
        return file_limit_clients(&limit, n_workers, wanted);
}

START_TEST(all_where_there_is_room)
{
        ck_assert_uint_eq(clients(RLIM_INFINITY, 1000, 4096), 4096);
        ck_assert_uint_eq(clients(64 + 40 + 100, 4, 100), 100);
        ck_assert_str_eq(captured_log, "");
}
END_TEST

START_TEST(fewer_where_workers_need_it)
{
        ck_assert_uint_eq(clients(64 + 40 + 99, 4, 100), 99);
        ck_assert_str_eq(captured_log,
                         "warning #0: the limit of open files is 203: serving at most 99 clients, "
                         "not 100, since the workers may need 104\n");
}
END_TEST

START_TEST(some_in_any_case)
{
        ck_assert_uint_eq(clients(64 + 40 + 16, 4, 100), 16);
        ck_assert_uint_eq(clients(64 + 40 + 15, 4, 100), 16);
        ck_assert_uint_eq(clients(1, 100000, 100), 16);
        ck_assert(log_has("serving at most 16 clients, not 100"));
        ck_assert_uint_eq(clients(1, 100000, 7), 7);
}
END_TEST

/* Each test runs in a process of its own, whose limits these are. */
START_TEST(the_soft_limit_is_raised_to_the_hard_one)
{
        const struct rlimit few = {200, 300};
        struct rlimit now;

        if (setrlimit(RLIMIT_NOFILE, &few) < 0)
                return; /* valgrind keeps a limit of its own */
        file_limit_raise(&limit);
        ck_assert_uint_eq(limit.files.rlim_cur, 200);
        ck_assert_uint_eq(limit.files.rlim_max, 300);
        ck_assert_uint_eq(limit.raised, 300);
        ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &now), 0);
        ck_assert_uint_eq(now.rlim_cur, 300);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("file_limit");
        TCase *tcase = tcase_create("file_limit");

        tcase_add_checked_fixture(tcase, begin, NULL);
        tcase_add_test(tcase, all_where_there_is_room);
        tcase_add_test(tcase, fewer_where_workers_need_it);
        tcase_add_test(tcase, some_in_any_case);
        tcase_add_test(tcase, the_soft_limit_is_raised_to_the_hard_one);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
