/* SPDX-License-Identifier: MIT */
/*
 * Figures of /proc, against what is known of the process: the test itself, and a child that shares
 * most of it.
 */
#include "daemon/memory.h"

#include "suite.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define MEGABYTE (1024ULL * 1024)
#define BLOCK    (64 * MEGABYTE)

/* Memory that is really there. */
static void *new_block(void)
{
        void *block = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        ck_assert_ptr_ne(block, MAP_FAILED);
        memset(block, 7, BLOCK);
        return block;
}

START_TEST(what_a_process_gets_is_seen)
{
        uint64_t resident = memory_resident(getpid()), proportional = memory_proportional(getpid());
        void *block = new_block();
        ck_assert_uint_ge(memory_resident(getpid()), resident + BLOCK * 9 / 10);
        ck_assert_uint_ge(memory_proportional(getpid()), proportional + BLOCK * 9 / 10);
        munmap(block, BLOCK);
        ck_assert_uint_lt(memory_resident(getpid()), resident + BLOCK / 2);
}
END_TEST

START_TEST(what_is_shared_is_divided)
{
        void *block = new_block();
        pid_t parent = getpid(), child = fork();
        if (child == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                if (getppid() == parent)
                        pause();
                _exit(0);
        }
        uint64_t resident = memory_resident(parent);
        ck_assert_uint_ge(resident, BLOCK);
        ck_assert_uint_lt(memory_proportional(child), resident * 3 / 4);
        ck_assert_uint_lt(memory_of(parent, BLOCK / 2), resident * 3 / 4);
        ck_assert_int_eq(kill(child, SIGKILL), 0);
        ck_assert_int_eq(waitpid(child, NULL, 0), child);
        munmap(block, BLOCK);
}
END_TEST

START_TEST(one_that_is_small_is_not_looked_at_closer)
{
        uint64_t resident = memory_resident(getpid());
        ck_assert_uint_gt(memory_proportional(getpid()), 0);
        ck_assert_uint_lt(memory_proportional(getpid()), resident);
        ck_assert_uint_ge(memory_of(getpid(), 1000 * BLOCK), resident);
}
END_TEST

START_TEST(one_that_has_ended_has_none)
{
        pid_t child = fork();
        if (child == 0)
                _exit(0);
        siginfo_t info;
        ck_assert_int_eq(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
        ck_assert_uint_eq(memory_of(child, 0), 0);
        ck_assert_int_eq(waitpid(child, NULL, 0), child);
        ck_assert_uint_eq(memory_resident(child), 0);
        ck_assert_uint_eq(memory_proportional(child), 0);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("memory");
        TCase *tcase = tcase_create("tests");

        suite_add_tcase(suite, tcase);
        tcase_add_test(tcase, what_a_process_gets_is_seen);
        tcase_add_test(tcase, what_is_shared_is_divided);
        tcase_add_test(tcase, one_that_is_small_is_not_looked_at_closer);
        tcase_add_test(tcase, one_that_has_ended_has_none);
        return run_suite(suite);
}
