/* SPDX-License-Identifier: MIT */
#include "common/units.h"

#include "common/cleanup.h"

#include "suite.h"

#include <check.h>
#include <errno.h>

typedef int parse_fn(const char *text, uint64_t *ret);
typedef const char *format_fn(char buffer[static UNITS_TEXT_MAX], uint64_t value);

struct right {
        const char *text;
        uint64_t value;
};

static const struct right durations[] = {
        {"0", 0},
        {"0s", 0},
        {"0.0", 0},
        {"1us", 1},
        {"250ms", 250 * USEC_PER_MSEC},
        {"30s", 30 * USEC_PER_SEC},
        {"5m", 300 * USEC_PER_SEC},
        {"5min", 300 * USEC_PER_SEC},
        {"2h", 7200 * USEC_PER_SEC},
        {"1d", 86400 * USEC_PER_SEC},
        {"1.5s", 1500 * USEC_PER_MSEC},
        {"0.25ms", 250},
        {"00030s", 30 * USEC_PER_SEC},
        {"1.0000009s", 1000000},
        {"0.5000000000000000000000001s", 500000},
        {"18446744073709551615us", UINT64_MAX},
};

static const struct right sizes[] = {
        {"0", 0},
        {"0B", 0},
        {"1B", 1},
        {"64K", 64 << 10},
        {"512M", 512ULL << 20},
        {"1.5K", 1536},
        {"2G", 2ULL << 30},
        {"1T", 1ULL << 40},
        {"0.1G", 107374182},
        {"16777215T", 16777215ULL << 40},
};

START_TEST(test_right_duration)
{
        uint64_t value = 42;

        ck_assert_int_eq(units_parse_duration(durations[_i].text, &value), 0);
        ck_assert_uint_eq(value, durations[_i].value);
}
END_TEST

START_TEST(test_right_size)
{
        uint64_t value = 42;

        ck_assert_int_eq(units_parse_size(sizes[_i].text, &value), 0);
        ck_assert_uint_eq(value, sizes[_i].value);
}
END_TEST

/* A wrong text leaves the value alone. */
static void check_refused(parse_fn *parse, const char *text, int error)
{
        uint64_t value = 42;

        ck_assert_msg(parse(text, &value) == error, "\"%s\" should be refused with %d", text,
                      error);
        ck_assert_uint_eq(value, 42);
}

static const char *const wrong[] = {
        "",
        " ",
        "30",
        "1",
        "-1s",
        "+1s",
        "s",
        "K",
        ".5s",
        "1.s",
        "1..5s",
        "1e3s",
        "30 s",
        " 30s",
        "30s ",
        "30S",
        "30sec",
        "30x",
        "1,5s",
        "0x1s",
        "١s",
        "64KB",
        "64k",
        "64KiB",
        "1.5",
        "0.0001",
        "nan",
        "30ss",
        "0.0000000000000000000000001",
};

START_TEST(test_wrong)
{
        check_refused(units_parse_duration, wrong[_i], -EINVAL);
        check_refused(units_parse_size, wrong[_i], -EINVAL);
}
END_TEST

START_TEST(test_units_are_not_mixed_up)
{
        check_refused(units_parse_duration, "64K", -EINVAL);
        check_refused(units_parse_duration, "1M", -EINVAL);
        check_refused(units_parse_size, "30s", -EINVAL);
        check_refused(units_parse_size, "5m", -EINVAL);
}
END_TEST

START_TEST(test_past_64_bits)
{
        check_refused(units_parse_duration, "18446744073709551616us", -ERANGE);
        check_refused(units_parse_duration, "18446744073709551615s", -ERANGE);
        check_refused(units_parse_duration, "213503983d", -ERANGE);
        check_refused(units_parse_size, "16777216T", -ERANGE);
        check_refused(units_parse_size, "99999999999999999999999999B", -ERANGE);
        check_refused(units_parse_size, "99999999999999999999999999X", -EINVAL);
        check_refused(units_parse_size, "99999999999999999999999999", -EINVAL);
}
END_TEST

/* 0 switches things off; nothing that somebody wrote as more than that may become it. */
START_TEST(test_nothing_is_rounded_to_off)
{
        check_refused(units_parse_duration, "0.1us", -EINVAL);
        check_refused(units_parse_duration, "0.0000000000000000000000001s", -EINVAL);
        check_refused(units_parse_size, "0.5B", -EINVAL);
}
END_TEST

static const struct right duration_texts[] = {
        {"0", 0},
        {"1us", 1},
        {"1500ms", 1500 * USEC_PER_MSEC},
        {"90s", 90 * USEC_PER_SEC},
        {"1m", 60 * USEC_PER_SEC},
        {"2h", 7200 * USEC_PER_SEC},
        {"1d", 86400 * USEC_PER_SEC},
        {"1000001us", 1000001},
        {"18446744073709551615us", UINT64_MAX},
};

static const struct right size_texts[] = {
        {"0", 0},          {"1B", 1},          {"1000B", 1000},
        {"64K", 64 << 10}, {"1536B", 1536},    {"1025K", 1025 << 10},
        {"1G", 1 << 30},   {"3T", 3ULL << 40}, {"18446744073709551615B", UINT64_MAX},
};

static void check_format(format_fn *format, parse_fn *parse, const struct right *right)
{
        char buffer[UNITS_TEXT_MAX];
        uint64_t value = 42;

        ck_assert_str_eq(format(buffer, right->value), right->text);
        ck_assert_int_eq(parse(buffer, &value), 0);
        ck_assert_uint_eq(value, right->value);
}

START_TEST(test_format)
{
        for (size_t i = 0; i < ARRAY_SIZE(duration_texts); i++)
                check_format(units_format_duration, units_parse_duration, &duration_texts[i]);
        for (size_t i = 0; i < ARRAY_SIZE(size_texts); i++)
                check_format(units_format_size, units_parse_size, &size_texts[i]);
}
END_TEST

START_TEST(test_now_does_not_go_back)
{
        uint64_t before = units_now();

        ck_assert_uint_gt(before, 0);
        ck_assert_uint_ge(units_now(), before);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("units");
        TCase *tests = tcase_create("units");

        tcase_add_loop_test(tests, test_right_duration, 0, ARRAY_SIZE(durations));
        tcase_add_loop_test(tests, test_right_size, 0, ARRAY_SIZE(sizes));
        tcase_add_loop_test(tests, test_wrong, 0, ARRAY_SIZE(wrong));
        tcase_add_test(tests, test_units_are_not_mixed_up);
        tcase_add_test(tests, test_past_64_bits);
        tcase_add_test(tests, test_nothing_is_rounded_to_off);
        tcase_add_test(tests, test_format);
        tcase_add_test(tests, test_now_does_not_go_back);
        suite_add_tcase(suite, tests);
        return run_suite(suite);
}
