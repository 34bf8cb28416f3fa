/* SPDX-License-Identifier: MIT */
/*
 * Status lines: whole ones, split ones, and what is none.
 */
#include "daemon/report.h"

#include "fixture_loop.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static struct report report;
static int writer;
static unsigned n_lines, n_broken;
static char last[1024];
static const char *broken_reason;

static void on_line(void *userdata, struct json_object *line)
{
        ck_assert_ptr_eq(userdata, &report);
        ck_assert(json_object_is_type(line, json_type_object));
        n_lines++;
        snprintf(last, sizeof(last), "%s",
                 json_object_to_json_string_ext(line, JSON_C_TO_STRING_PLAIN));
}

static void on_broken(void *userdata, const char *reason)
{
        ck_assert_ptr_eq(userdata, &report);
        n_broken++;
        broken_reason = reason;
}

static const struct report_events events = {on_line, on_broken};

static void setup(void)
{
        int reader;

        loop_begin();
        make_pipe(&reader, &writer);
        ck_assert_int_gt(fcntl(writer, F_SETPIPE_SZ, 1 << 20), 0);
        ck_assert_int_eq(report_init(&report, base, &buffers, reader, &events, &report), 0);
}

static void teardown(void)
{
        report_clear(&report);
        report_clear(&report);
        close_fd(writer);
        loop_end();
}

START_TEST(each_line_is_an_object)
{
        write_text(writer, "{\"a\":1}\n{\"b\":[{}]}\n");
        loop_now();
        ck_assert_uint_eq(n_lines, 2);
        ck_assert_str_eq(last, "{\"b\":[{}]}");
        ck_assert_uint_eq(buffers.memory, 0);
}
END_TEST

START_TEST(a_line_may_be_split_anywhere)
{
        static const char line[] = "{\"type\":\"log\",\"message\":\"h\xc3\xa9\"}\n";

        for (size_t split = 1; split < strlen(line); split++) {
                write_all(writer, line, split);
                loop_now();
                ck_assert_uint_eq(n_lines, split - 1);
                ck_assert_uint_lt(buffers.memory, 4096);
                write_text(writer, line + split);
                loop_now();
                ck_assert_uint_eq(n_lines, split);
        }
        ck_assert_str_eq(last, "{\"type\":\"log\",\"message\":\"h\xc3\xa9\"}");
}
END_TEST

START_TEST(what_is_no_object_breaks_it_once)
{
        static const char *const lines[] = {
                "nonsense\n", "\n",        "[]\n",      "\"x\"\n", "17\n",
                "{} {}\n",    "{\"a\":\n", "{\"a\"}\n", "null\n",  "{\"a\":\"\xff\"}\n",
        };

        write_text(writer, lines[_i % (int)ARRAY_SIZE(lines)]);
        write_text(writer, "{\"a\":1}\n");
        loop_now();
        ck_assert_uint_eq(n_broken, 1);
        ck_assert_uint_eq(n_lines, 0);
        ck_assert_ptr_nonnull(strstr(broken_reason, "status pipe"));
        ck_assert_int_eq(report.fd, -1);
        report_drain(&report);
        ck_assert_uint_eq(n_broken, 1);
}
END_TEST

/* The story: a default value that was nested 40 deep kept its program from ever starting. */
START_TEST(a_line_may_be_nested_deep)
{
        char line[512] = "{\"methods\":", *p = line + strlen(line);

        for (int i = 0; i < 200; i++)
                *p++ = '[';
        for (int i = 0; i < 200; i++)
                *p++ = ']';
        strcpy(p, "}\n");
        write_text(writer, line);
        loop_now();
        ck_assert_uint_eq(n_broken, 0);
        ck_assert_uint_eq(n_lines, 1);
}
END_TEST

static void write_large(size_t total)
{
        char spaces[65536];

        memset(spaces, ' ', sizeof(spaces));
        for (size_t done = 0; done < total && n_broken == 0;) {
                ssize_t n = write(writer, spaces,
                                  total - done < sizeof(spaces) ? total - done : sizeof(spaces));
                if (n > 0)
                        done += (size_t)n;
                loop_now();
        }
}

START_TEST(a_line_of_4_mb_is_taken)
{
        write_text(writer, "{");
        write_large(REPORT_LINE_MAX - 2);
        write_text(writer, "}\n");
        loop_now();
        ck_assert_uint_eq(n_lines, 1);
        ck_assert_uint_eq(buffers.memory, 0);
}
END_TEST

START_TEST(a_line_over_4_mb_breaks_it_before_it_ends)
{
        write_text(writer, "{");
        write_large(2 * REPORT_LINE_MAX);
        ck_assert_uint_eq(n_broken, 1);
        ck_assert_ptr_nonnull(strstr(broken_reason, "4 MB"));
        ck_assert_uint_le(buffers.memory, REPORT_LINE_MAX + 8 * BUFFER_CHUNK_SIZE);
}
END_TEST

START_TEST(the_end_is_told_to_nobody)
{
        write_text(writer, "{\"a\":1}\n{\"half\":");
        writer = close_fd(writer);
        loop_now();
        ck_assert_uint_eq(n_lines, 1);
        loop_now();
        ck_assert_int_eq(report.fd, -1);
        ck_assert_uint_eq(n_broken, 0);
}
END_TEST

START_TEST(a_drain_takes_what_is_there)
{
        write_text(writer, "{\"a\":1}\n{\"b\":2}\n{");
        report_drain(&report);
        ck_assert_uint_eq(n_lines, 2);
        ck_assert_int_ge(report.fd, 0);
}
END_TEST

/* The story: whoever kept the pipe of a worker that had ended, and wrote lines for ever, held up
 * the whole daemon. */
START_TEST(a_drain_ends_though_a_writer_does_not)
{
        char lines[3 * 1024];
        pid_t parent = getpid();

        for (size_t i = 0; i < sizeof(lines); i += 3)
                memcpy(lines + i, "{}\n", 3);
        pid_t child = fork();
        if (child == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                fcntl(writer, F_SETFL, 0);
                while (getppid() == parent && write(writer, lines, sizeof(lines)) > 0)
                        ;
                _exit(0);
        }
        loop_until(n_lines > 0);
        report_drain(&report);
        kill(child, SIGKILL);
        ck_assert_int_eq(waitpid(child, NULL, 0), child);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("report");
        TCase *tcase = loop_case(suite, setup, teardown);

        tcase_add_test(tcase, each_line_is_an_object);
        tcase_add_test(tcase, a_line_may_be_split_anywhere);
        tcase_add_loop_test(tcase, what_is_no_object_breaks_it_once, 0, 10);
        tcase_add_test(tcase, a_line_may_be_nested_deep);
        tcase_add_test(tcase, a_line_of_4_mb_is_taken);
        tcase_add_test(tcase, a_line_over_4_mb_breaks_it_before_it_ends);
        tcase_add_test(tcase, the_end_is_told_to_nobody);
        tcase_add_test(tcase, a_drain_takes_what_is_there);
        tcase_add_test(tcase, a_drain_ends_though_a_writer_does_not);
        return run_suite(suite);
}
