/* SPDX-License-Identifier: MIT */
/*
 * The two sides of the shared memory: the daemon's is the module, the worker's are the descriptors
 * as a process would get them.
 */
#include "daemon/pages.h"

#include "suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <threads.h>
#include <unistd.h>

static struct pages pages;
static uint64_t *counters;
static const uint64_t *wanted;

/* What the worker has mapped. */
static void setup(void)
{
        ck_assert_int_eq(pages_open(&pages), 0);
        counters = mmap(NULL, PAGES_COUNTERS_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
                        pages.fd[PAGES_COUNTERS], 0);
        wanted = mmap(NULL, PAGES_WANTED_SIZE, PROT_READ, MAP_SHARED, pages.fd[PAGES_WANTED], 0);
        ck_assert(counters != MAP_FAILED && wanted != MAP_FAILED);
}

static void teardown(void)
{
        munmap(counters, PAGES_COUNTERS_SIZE);
        munmap((void *)(uintptr_t)wanted, PAGES_WANTED_SIZE);
        pages_clear(&pages);
        pages_clear(&pages);
}

START_TEST(nobody_can_resize_them)
{
        for (int i = 0; i < PAGES_COUNT; i++) {
                off_t size = lseek(pages.fd[i], 0, SEEK_END);
                ck_assert_int_eq(size,
                                 i == PAGES_COUNTERS ? PAGES_COUNTERS_SIZE : PAGES_WANTED_SIZE);
                ck_assert_int_eq(ftruncate(pages.fd[i], 0), -1);
                ck_assert_int_eq(errno, EPERM);
                ck_assert_int_eq(ftruncate(pages.fd[i], size + 1), -1);
                ck_assert_int_eq(fcntl(pages.fd[i], F_ADD_SEALS, F_SEAL_WRITE), -1);
                ck_assert(fcntl(pages.fd[i], F_GETFD) & FD_CLOEXEC);
        }
}
END_TEST

START_TEST(the_worker_cannot_write_what_is_wanted)
{
        int fd = pages.fd[PAGES_WANTED];

        ck_assert_ptr_eq(mmap(NULL, PAGES_WANTED_SIZE, PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
        ck_assert_int_eq(mprotect((void *)(uintptr_t)wanted, PAGES_WANTED_SIZE, PROT_WRITE), -1);
        ck_assert_int_eq(write(fd, "x", 1), -1);
        ck_assert_int_eq(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), -1);
}
END_TEST

START_TEST(counters_are_read)
{
        struct pages_counts counts = pages_counts(&pages);

        ck_assert(counts.started == 0 && counts.finished == 0);
        counters[0] = 18;
        counters[1] = 17;
        counts = pages_counts(&pages);
        ck_assert_uint_eq(counts.started, 18);
        ck_assert_uint_eq(counts.finished, 17);
        /* A hole reads as nothing, and is no trap. */
        ck_assert_int_eq(fallocate(pages.fd[PAGES_COUNTERS],
                                   FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
                                   PAGES_COUNTERS_SIZE),
                         0);
        ck_assert_uint_eq(pages_counts(&pages).started, 0);
}
END_TEST

START_TEST(run_times_are_read)
{
        counters[64 + 17] = 1500;
        counters[64 + 63] = 1600;
        ck_assert_uint_eq(pages_run_time(&pages, 17), 1500);
        ck_assert_uint_eq(pages_run_time(&pages, 1000 * PAGES_RUN_TIMES + 17), 1500);
        ck_assert_uint_eq(pages_run_time(&pages, 63), 1600);
        ck_assert_uint_eq(pages_run_time(&pages, 64), 0);
        counters[64] = UINT64_MAX;
        ck_assert_uint_eq(pages_run_time(&pages, 64), UINT64_MAX);
}
END_TEST

static void hold(uint64_t generation, const char *answers, size_t length)
{
        memcpy((char *)counters + PAGES_HELD_OFFSET, answers, length);
        counters[PAGES_HELD_WORD] = generation << 32 | length;
}

START_TEST(held_answers_are_read)
{
        static char copy[PAGES_HELD_MAX];

        ck_assert_uint_eq(pages_held(&pages, copy), 0);
        hold(7, "one\ntwo\n", 8);
        ck_assert_uint_eq(pages_held(&pages, copy), 8);
        ck_assert(memcmp(copy, "one\ntwo\n", 8) == 0);
        hold(8, "", 0);
        ck_assert_uint_eq(pages_held(&pages, copy), 0);
        hold(UINT32_MAX, "three\n", 6);
        ck_assert_uint_eq(pages_held(&pages, copy), 6);
        counters[PAGES_HELD_WORD] = UINT64_C(9) << 32 | PAGES_HELD_MAX;
        ck_assert_uint_eq(pages_held(&pages, copy), PAGES_HELD_MAX);
        ck_assert(memcmp(copy, "three\n", 6) == 0);
}
END_TEST

START_TEST(what_cannot_be_held_is_not_read)
{
        static char copy[PAGES_HELD_MAX];

        for (uint64_t length = PAGES_HELD_MAX + 1; length <= UINT32_MAX; length *= 2) {
                counters[PAGES_HELD_WORD] = UINT64_C(9) << 32 | length;
                ck_assert_uint_eq(pages_held(&pages, copy), 0);
        }
}
END_TEST

static atomic_uint n_looks;

/* The same byte everywhere, another one each time. Every other time it stays for a while. */
static int gather_for_ever(void *unused)
{
        (void)unused;
        for (uint64_t generation = 1;; generation++) {
                __atomic_store_n(&counters[PAGES_HELD_WORD], generation << 32, __ATOMIC_SEQ_CST);
                memset((char *)counters + PAGES_HELD_OFFSET, (int)generation & 0xff,
                       PAGES_HELD_MAX);
                __atomic_store_n(&counters[PAGES_HELD_WORD], generation << 32 | PAGES_HELD_MAX,
                                 __ATOMIC_SEQ_CST);
                unsigned before = n_looks;
                while (generation % 2 && n_looks - before < 2)
                        thrd_yield();
        }
        return 0;
}

/* A worker goes on to write while it is read. */
START_TEST(held_answers_are_of_one_time)
{
        static char copy[PAGES_HELD_MAX];
        thrd_t writer;

        ck_assert_int_eq(thrd_create(&writer, gather_for_ever, NULL), thrd_success);
        for (unsigned n_read = 0; n_read < 20;) {
                size_t length = pages_held(&pages, copy);
                ck_assert(length == 0 || length == PAGES_HELD_MAX);
                ck_assert(memcmp(copy, copy + 1, length > 0 ? length - 1 : 0) == 0);
                n_looks++;
                n_read += length > 0;
        }
        _exit(0); /* together with the writer */
}
END_TEST

START_TEST(a_cell_says_which_request_it_means)
{
        pages_want(&pages, 17, false);
        ck_assert_uint_eq(wanted[17], 17 << 1);
        pages_want(&pages, PAGES_CELLS + 17, true);
        ck_assert_uint_eq(wanted[17], (PAGES_CELLS + 17) << 1 | 1);
        pages_want(&pages, 511, true);
        ck_assert_uint_eq(wanted[511], 511 << 1 | 1);
        ck_assert_uint_eq(wanted[0], 0);
        pages_close_wanted(&pages);
        pages_want(&pages, 512, false);
        ck_assert_uint_eq(wanted[0], 512 << 1);
}
END_TEST

START_TEST(a_text_is_found_where_it_was_written)
{
        char text[16];
        int fd = dup(pages.fd[PAGES_COUNTERS]);

        ck_assert_uint_eq(pages_text(&pages, text, sizeof(text)), 0);
        ck_assert_int_eq(write(fd, "Stack", 6), 6);
        ck_assert_uint_eq(pages_text(&pages, text, sizeof(text)), 6);
        ck_assert_str_eq(text, "Stack");
        ck_assert_uint_eq(pages_text(&pages, text, 2), 6);
        pages_rewind_text(&pages);
        ck_assert_uint_eq(pages_text(&pages, text, sizeof(text)), 0);
        ck_assert_int_eq(write(fd, "Other", 6), 6);
        ck_assert_uint_eq(pages_text(&pages, text, sizeof(text)), 6);
        ck_assert_str_eq(text, "Other");
        ck_assert_uint_eq(pages_counts(&pages).started, 0);
        close(fd);
}
END_TEST

START_TEST(a_text_ends_with_the_file)
{
        static char much[PAGES_TEXT_MAX + 1];
        int fd = pages.fd[PAGES_COUNTERS];

        ck_assert_int_le(write(fd, much, sizeof(much)), PAGES_TEXT_MAX);
        while (write(fd, much, 1000) > 0)
                ;
        ck_assert_int_eq(errno, EPERM);
        ck_assert_uint_le(pages_text(&pages, much, sizeof(much)), PAGES_TEXT_MAX);
        ck_assert_int_eq(lseek(fd, 0, SEEK_END), PAGES_COUNTERS_SIZE);
}
END_TEST

START_TEST(an_offset_that_was_moved_is_no_text)
{
        char text[16];

        for (off_t at = 0; at < (1LL << 40); at = at * 2 + 4000) {
                lseek(pages.fd[PAGES_COUNTERS], at, SEEK_SET);
                size_t length = pages_text(&pages, text, sizeof(text));
                bool is_within = at > (off_t)PAGES_TEXT_OFFSET && at <= (off_t)PAGES_COUNTERS_SIZE;
                ck_assert_uint_eq(length, is_within ? (size_t)at - PAGES_TEXT_OFFSET : 0);
        }
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("pages");
        TCase *tcase = tcase_create("tests");

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, nobody_can_resize_them);
        tcase_add_test(tcase, the_worker_cannot_write_what_is_wanted);
        tcase_add_test(tcase, counters_are_read);
        tcase_add_test(tcase, run_times_are_read);
        tcase_add_test(tcase, held_answers_are_read);
        tcase_add_test(tcase, what_cannot_be_held_is_not_read);
        tcase_add_test(tcase, held_answers_are_of_one_time);
        tcase_add_test(tcase, a_cell_says_which_request_it_means);
        tcase_add_test(tcase, a_text_is_found_where_it_was_written);
        tcase_add_test(tcase, a_text_ends_with_the_file);
        tcase_add_test(tcase, an_offset_that_was_moved_is_no_text);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
