/* SPDX-License-Identifier: MIT */
#include "bootstrap/cpus.h"

#include "common/cleanup.h"
#include "suite.h"

static const char *again(const char *text)
{
        static char formatted[CPUS_TEXT_MAX];
        cpu_set_t set;

        return cpus_parse(text, &set) ? cpus_format(&set, formatted) : NULL;
}

START_TEST(test_lists)
{
        ck_assert_str_eq(again("0"), "0");
        ck_assert_str_eq(again("0-3,8"), "0-3,8");
        ck_assert_str_eq(again("8,3,0-2,1"), "0-3,8");
        ck_assert_str_eq(again("5-5,7"), "5,7");
        ck_assert_str_eq(again("0-1023"), "0-1023");
}
END_TEST

START_TEST(test_what_is_no_list)
{
        static const char *const texts[] = {"",
                                            "a",
                                            ",",
                                            "1,",
                                            ",1",
                                            "1,,2",
                                            "-1",
                                            "1-",
                                            "-",
                                            "3-1",
                                            "1 ",
                                            " 1",
                                            "1-2-3",
                                            "0x1",
                                            "1.",
                                            "+1",
                                            "1024",
                                            "0-1024",
                                            "99999999999999999999"};

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                ck_assert_msg(!again(texts[i]), "%s is none", texts[i]);
}
END_TEST

/* Every second CPU: as long as it gets. */
START_TEST(test_the_longest_text)
{
        char text[CPUS_TEXT_MAX];
        cpu_set_t set, parsed;

        CPU_ZERO(&set);
        for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu += 2)
                CPU_SET(cpu, &set);
        ck_assert(cpus_parse(cpus_format(&set, text), &parsed));
        ck_assert(CPU_EQUAL(&set, &parsed));
}
END_TEST

static const char *of_slot(struct cpus *cpus, int slot)
{
        static char text[CPUS_TEXT_MAX];
        cpu_set_t set;

        return cpus_of_slot(cpus, slot, &set) ? cpus_format(&set, text) : NULL;
}

START_TEST(test_those_of_a_slot)
{
        struct cpus cpus = {0};

        ck_assert_ptr_null(of_slot(&cpus, 0));
        cpus.is_set = true;
        ck_assert(cpus_parse("1,4-5", &cpus.set));
        ck_assert_str_eq(of_slot(&cpus, 0), "1,4-5");
        ck_assert_str_eq(of_slot(&cpus, -1), "1,4-5");
        cpus.is_spread = true;
        ck_assert_ptr_null(of_slot(&cpus, -1));
        ck_assert_str_eq(of_slot(&cpus, 0), "1");
        ck_assert_str_eq(of_slot(&cpus, 2), "5");
        ck_assert_str_eq(of_slot(&cpus, 3), "1");
        ck_assert_str_eq(of_slot(&cpus, 65535), "1");
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("cpus");
        TCase *tests = tcase_create("cpus");

        tcase_add_test(tests, test_lists);
        tcase_add_test(tests, test_what_is_no_list);
        tcase_add_test(tests, test_the_longest_text);
        tcase_add_test(tests, test_those_of_a_slot);
        suite_add_tcase(suite, tests);
        return run_suite(suite);
}
