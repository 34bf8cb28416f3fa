/* SPDX-License-Identifier: MIT */
/*
 * What is told of workers that ended in all the ways there are.
 */
#include "daemon/death.h"

#include "fixture_loop.h"

#include "daemon/process.h"

#include <json-c/json.h>
#include <sys/wait.h>

static struct process process;
static char text[DEATH_TEXT_MAX];

static void setup(void)
{
        loop_begin();
        process = (struct process){.pid = 4711};
}

static void end_with(int code, int status)
{
        process.exit_code = code;
        process.exit_status = status;
}

static void check_json(struct json_object *object, const char *expected)
{
        ck_assert_str_eq(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN), expected);
        json_object_put(object);
}

START_TEST(an_exit_has_its_status)
{
        end_with(CLD_EXITED, 3);
        ck_assert_str_eq(death_text(&process, text), "exited with status 3");
        ck_assert_int_eq(death_cause(&process), DEATH_EXIT);
}
END_TEST

START_TEST(a_signal_has_its_name)
{
        end_with(CLD_KILLED, SIGSEGV);
        ck_assert_str_eq(death_text(&process, text), "was killed by SIGSEGV");
        ck_assert_int_eq(death_cause(&process), DEATH_SIGNAL);
        end_with(CLD_DUMPED, SIGABRT);
        ck_assert_str_eq(death_text(&process, text), "was killed by SIGABRT (core dumped)");
        end_with(CLD_KILLED, SIGRTMIN + 3);
        ck_assert_ptr_nonnull(strstr(death_text(&process, text), "signal "));
}
END_TEST

START_TEST(memory_may_be_the_cause)
{
        end_with(CLD_KILLED, SIGKILL);
        process.out_of_memory = OOM_YES;
        ck_assert_str_eq(death_text(&process, text),
                         "was killed for memory (SIGKILL by the kernel)");
        ck_assert_int_eq(death_cause(&process), DEATH_MEMORY);
        ck_assert_str_eq(death_cause_name(DEATH_MEMORY), "memory");
        check_json(death_data(&process), "{\"pid\":4711,\"signal\":\"SIGKILL\","
                                         "\"out_of_memory\":true,\"stderr\":\"\"}");
        process.out_of_memory = OOM_NO;
        ck_assert_int_eq(death_cause(&process), DEATH_SIGNAL);
        check_json(death_data(&process), "{\"pid\":4711,\"signal\":\"SIGKILL\","
                                         "\"out_of_memory\":false,\"stderr\":\"\"}");
}
END_TEST

START_TEST(a_fault_is_told_if_the_daemon_killed_it_for_it)
{
        process.fault = "it wrote nonsense";
        end_with(CLD_KILLED, SIGKILL);
        ck_assert_str_eq(death_text(&process, text), "was ended: it wrote nonsense");
        ck_assert_int_eq(death_cause(&process), DEATH_FAULT);
        end_with(CLD_EXITED, 9);
        ck_assert_str_eq(death_text(&process, text), "exited with status 9");
        ck_assert_int_eq(death_cause(&process), DEATH_EXIT);
        end_with(CLD_KILLED, SIGSEGV);
        ck_assert_str_eq(death_text(&process, text), "was killed by SIGSEGV");
}
END_TEST

START_TEST(the_data_has_all_that_is_known)
{
        char err[] = "oops \xff\n";

        end_with(CLD_EXITED, 3);
        check_json(death_data(&process), "{\"pid\":4711,\"exit_status\":3,\"stderr\":\"\"}");
        end_with(CLD_KILLED, SIGKILL);
        process.err.tail = err;
        process.err.tail_length = strlen(err);
        process.fault = "it wrote nonsense";
        check_json(death_data(&process),
                   "{\"pid\":4711,\"reason\":\"it wrote nonsense\",\"signal\":\"SIGKILL\","
                   "\"stderr\":\"oops \xef\xbf\xbd\\n\"}");
}
END_TEST

START_TEST(the_stack_that_it_left_is_told)
{
        char stack[] = "Fatal Python error: Aborted\n  File \"x.py\"";

        end_with(CLD_KILLED, SIGABRT);
        process.stack = stack;
        check_json(death_data(&process),
                   "{\"pid\":4711,\"signal\":\"SIGABRT\",\"stderr\":\"\",\"stack\":"
                   "\"Fatal Python error: Aborted\\n  File \\\"x.py\\\"\"}");
        death_log(LOG_ERR, &process.context, &process);
        ck_assert(log_has("error #0: was killed by SIGABRT\nFatal Python error: Aborted\n  File"));
}
END_TEST

START_TEST(a_failed_start_is_told_as_it_was_reported)
{
        end_with(CLD_EXITED, 1);
        process.start_error = json_tokener_parse("{\"exception\":\"ImportError\"}");
        check_json(death_start_error(&process), "{\"exception\":\"ImportError\"}");
        json_object_put(process.start_error);
}
END_TEST

START_TEST(a_failed_start_without_a_report_is_a_death)
{
        end_with(CLD_EXITED, 1);
        check_json(death_start_error(&process),
                   "{\"pid\":4711,\"exit_status\":1,\"stderr\":\"\",\"message\":"
                   "\"the worker exited with status 1 before it was ready\"}");
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("death");
        TCase *tcase = loop_case(suite, setup, loop_end);

        tcase_add_test(tcase, an_exit_has_its_status);
        tcase_add_test(tcase, a_signal_has_its_name);
        tcase_add_test(tcase, memory_may_be_the_cause);
        tcase_add_test(tcase, a_fault_is_told_if_the_daemon_killed_it_for_it);
        tcase_add_test(tcase, the_data_has_all_that_is_known);
        tcase_add_test(tcase, the_stack_that_it_left_is_told);
        tcase_add_test(tcase, a_failed_start_is_told_as_it_was_reported);
        tcase_add_test(tcase, a_failed_start_without_a_report_is_a_death);
        return run_suite(suite);
}
