/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What every test program ends with.
 */
#include <check.h>
#include <stdlib.h>

/* Runs the suite as Check's environment variables say; returns the exit status. */
static inline int run_suite(Suite *suite)
{
        SRunner *runner = srunner_create(suite);

        srunner_run_all(runner, CK_ENV);
        int failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
