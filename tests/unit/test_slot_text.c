/* SPDX-License-Identifier: MIT */
#include "daemon/slot_text.h"

#include "common/cleanup.h"

#include "suite.h"

#include <check.h>
#include <string.h>

static const struct {
        const char *text, *expanded;
        bool uses_slot;
} right[] = {
        {"", "", false},
        {"plain", "plain", false},
        {"${slot}", "17", true},
        {"GPU-${slot}/${slot}.", "GPU-17/17.", true},
        {"$${slot}", "${slot}", false},
        {"$${slot} is ${slot}", "${slot} is 17", true},
        {"$${anything", "${anything", false},
        {"$", "$", false},
        {"$$", "$$", false},
        {"$HOME $(x) $$ 100$", "$HOME $(x) $$ 100$", false},
        {"$$${slot}", "$${slot}", false},
        {"{slot}", "{slot}", false},
        {"\xc3\xa9${slot}\x01",
         "\xc3\xa9"
         "17\x01",
         true},
};

START_TEST(a_text_stands_for_another)
{
        char fault[SLOT_TEXT_FAULT_MAX], out[64];
        size_t length = strlen(right[_i].expanded);

        ck_assert(slot_text_is_right(right[_i].text, fault));
        ck_assert(slot_text_uses_slot(right[_i].text) == right[_i].uses_slot);
        ck_assert_uint_eq(slot_text_expand(right[_i].text, 17, NULL), length);
        ck_assert_uint_eq(slot_text_expand(right[_i].text, 17, out), length);
        ck_assert_str_eq(out, right[_i].expanded);
}
END_TEST

START_TEST(the_number_may_be_long)
{
        char out[64];

        ck_assert_uint_eq(slot_text_expand("<${slot}>", 65535, out), 7);
        ck_assert_str_eq(out, "<65535>");
        slot_text_expand("<${slot}>", 0, out);
        ck_assert_str_eq(out, "<0>");
}
END_TEST

#define IS " is not known here: \"${slot}\" is the number of the worker, and "

static const struct {
        const char *text, *fault;
} wrong[] = {
        {"${SLOT}", "\"${SLOT}\"" IS "\"$${SLOT}\" stands for \"${SLOT}\" itself"},
        {"a ${slot} ${HOME} ${x}", "\"${HOME}\"" IS "\"$${HOME}\" stands for \"${HOME}\" itself"},
        {"${}", "\"${}\"" IS "\"$${}\" stands for \"${}\" itself"},
        {"${slot", "\"${\"" IS "\"$${\" stands for \"${\" itself"},
        {"${slot }", "\"${slot }\"" IS "\"$${slot }\" stands for \"${slot }\" itself"},
        {"${a-name-that-is-too-long-to-be-shown-in-full}",
         "\"${\"" IS "\"$${\" stands for \"${\" itself"},
};

START_TEST(what_is_not_known_is_refused)
{
        char fault[SLOT_TEXT_FAULT_MAX] = "";

        ck_assert(!slot_text_is_right(wrong[_i].text, fault));
        ck_assert_str_eq(fault, wrong[_i].fault);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("slot_text");
        TCase *tests = tcase_create("slot_text");

        tcase_add_loop_test(tests, a_text_stands_for_another, 0, ARRAY_SIZE(right));
        tcase_add_test(tests, the_number_may_be_long);
        tcase_add_loop_test(tests, what_is_not_known_is_refused, 0, ARRAY_SIZE(wrong));
        suite_add_tcase(suite, tests);
        return run_suite(suite);
}
