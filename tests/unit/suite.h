/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What every test program ends with.
 */
#include <check.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <unistd.h>

#define EXIT_SKIPPED 77 /* what automake takes for it */

/* Runs the suite as Check's environment variables say; returns the exit status. */
static inline int run_suite(Suite *suite)
{
        SRunner *runner = srunner_create(suite);

        srunner_run_all(runner, CK_ENV);
        int failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Without it no worker can be forked from a template; valgrind 3.19 does not know it. */
static inline bool has_pidfd_open(void)
{
        int pidfd = pidfd_open(getpid(), 0);

        return pidfd >= 0 && close(pidfd) == 0;
}
