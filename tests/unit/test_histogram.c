/* SPDX-License-Identifier: MIT */
/*
 * Quantiles against those of the sorted values themselves.
 */
#include "daemon/histogram.h"

#include "suite.h"

#include <string.h>

#define VALUES 20000

static struct histogram histogram;
static uint64_t values[VALUES];
static uint64_t seed;

static void setup(void)
{
        memset(&histogram, 0, sizeof(histogram));
        seed = 88172645463325252ULL;
}

static uint64_t next_random(void)
{
        seed ^= seed << 13;
        seed ^= seed >> 7;
        return seed ^= seed << 17;
}

static int compare(const void *a, const void *b)
{
        uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

        return x < y ? -1 : x > y;
}

static void record(size_t n)
{
        for (size_t i = 0; i < n; i++)
                histogram_record(&histogram, values[i]);
        qsort(values, n, sizeof(values[0]), compare);
}

static void check_quantiles(size_t n)
{
        static const unsigned per_mille[] = {1, 10, 250, 500, 900, 990, 999, 1000};

        ck_assert_uint_eq(histogram.count, n);
        ck_assert_uint_eq(histogram.max, values[n - 1]);
        for (size_t i = 0; i < sizeof(per_mille) / sizeof(per_mille[0]); i++) {
                uint64_t exact = values[(n * per_mille[i] + 999) / 1000 - 1];
                uint64_t found = histogram_quantile(&histogram, per_mille[i]);
                double error = (double)found - (double)exact;
                ck_assert_msg(error <= 0.02 * (double)exact && -error <= 0.02 * (double)exact,
                              "%u of 1000: %llu, not %llu", per_mille[i], (unsigned long long)found,
                              (unsigned long long)exact);
        }
}

START_TEST(an_empty_one_has_only_zeroes)
{
        ck_assert_uint_eq(histogram_quantile(&histogram, 0), 0);
        ck_assert_uint_eq(histogram_quantile(&histogram, 500), 0);
        ck_assert_uint_eq(histogram_quantile(&histogram, 1000), 0);
}
END_TEST

START_TEST(one_value_is_every_quantile)
{
        for (uint64_t value = 0; value < 40ULL * 3600 * 1000000; value = value * 3 + 1) {
                setup();
                histogram_record(&histogram, value);
                for (unsigned per_mille = 1; per_mille <= 1000; per_mille += 333)
                        ck_assert_uint_eq(histogram_quantile(&histogram, per_mille), value);
        }
}
END_TEST

START_TEST(small_values_are_exact)
{
        for (unsigned i = 0; i < 64; i++)
                histogram_record(&histogram, i);
        histogram_record(&histogram, 100000);
        for (unsigned i = 0; i < 64; i++)
                ck_assert_uint_eq(histogram_quantile(&histogram, (i + 1) * 1000 / 65), i);
}
END_TEST

/* From a microsecond to a day, as many of each order of magnitude. */
START_TEST(quantiles_are_right_within_two_percent)
{
        for (size_t i = 0; i < VALUES; i++)
                values[i] = next_random() >> (27 + next_random() % 36);
        record(VALUES);
        check_quantiles(VALUES);
}
END_TEST

START_TEST(and_so_they_are_of_few_values)
{
        for (size_t n = 1; n < 200; n++) {
                memset(&histogram, 0, sizeof(histogram));
                for (size_t i = 0; i < n; i++)
                        values[i] = next_random() % 1000000;
                record(n);
                check_quantiles(n);
        }
}
END_TEST

/* The first value of a bucket comes right after the last one of the bucket before. */
START_TEST(buckets_leave_no_gap)
{
        unsigned index = 0, gaps = 0;

        for (uint64_t value = 0; value < 1ULL << 20; value++) {
                unsigned next = histogram_index(value);
                gaps += next != index && next != index + 1;
                index = next;
        }
        ck_assert_uint_eq(gaps, 0);
        for (unsigned bits = 20; bits < HISTOGRAM_SIZE_BITS; bits++)
                ck_assert_uint_eq(histogram_index((1ULL << bits) - 1) + 1,
                                  histogram_index(1ULL << bits));
        ck_assert_uint_eq(histogram_index((1ULL << HISTOGRAM_SIZE_BITS) - 1),
                          HISTOGRAM_BUCKETS - 1);
}
END_TEST

START_TEST(what_is_longer_than_all_buckets_counts_as_the_last)
{
        histogram_record(&histogram, 10);
        histogram_record(&histogram, 1ULL << HISTOGRAM_SIZE_BITS);
        histogram_record(&histogram, UINT64_MAX / 4);
        ck_assert_uint_eq(histogram_index(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
        ck_assert_uint_eq(histogram_quantile(&histogram, 300), 10);
        ck_assert_uint_eq(histogram_quantile(&histogram, 1000), UINT64_MAX / 4);
}
END_TEST

START_TEST(two_are_added_up)
{
        struct histogram other = {0};

        for (unsigned i = 1; i <= 10; i++)
                histogram_record(i % 2 ? &histogram : &other, i);
        histogram_add(&histogram, &other);
        ck_assert_uint_eq(histogram.count, 10);
        ck_assert_uint_eq(histogram.sum, 55);
        ck_assert_uint_eq(histogram.max, 10);
        ck_assert_uint_eq(histogram_quantile(&histogram, 500), 5);
        ck_assert_uint_eq(histogram_quantile(&histogram, 900), 9);
}
END_TEST

START_TEST(ranks_do_not_overflow)
{
        histogram.count = UINT64_MAX;
        histogram.buckets[7] = UINT64_MAX;
        histogram.max = 8;
        ck_assert_uint_eq(histogram_quantile(&histogram, 999), 7);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("histogram");
        TCase *tcase = tcase_create("histogram");

        tcase_add_checked_fixture(tcase, setup, NULL);
        tcase_add_test(tcase, an_empty_one_has_only_zeroes);
        tcase_add_test(tcase, one_value_is_every_quantile);
        tcase_add_test(tcase, small_values_are_exact);
        tcase_add_test(tcase, quantiles_are_right_within_two_percent);
        tcase_add_test(tcase, and_so_they_are_of_few_values);
        tcase_add_test(tcase, buckets_leave_no_gap);
        tcase_add_test(tcase, what_is_longer_than_all_buckets_counts_as_the_last);
        tcase_add_test(tcase, two_are_added_up);
        tcase_add_test(tcase, ranks_do_not_overflow);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
