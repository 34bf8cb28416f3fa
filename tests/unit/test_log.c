/* SPDX-License-Identifier: MIT */
#include "common/log.h"

#include "suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Runs a statement with stderr going to a file in memory, and gives what was written. */
static char captured[1 << 20];
static int capture_file, capture_saved;

static void capture_begin(void)
{
        capture_file = memfd_create("stderr", MFD_CLOEXEC);
        capture_saved = dup(STDERR_FILENO);
        ck_assert_int_ge(dup2(capture_file, STDERR_FILENO), 0);
}

static const char *capture_end(void)
{
        ssize_t n = pread(capture_file, captured, sizeof(captured) - 1, 0);

        ck_assert_int_ge(n, 0);
        captured[n] = '\0';
        dup2(capture_saved, STDERR_FILENO);
        close(capture_saved);
        close(capture_file);
        return captured;
}

#define CAPTURE(statement)                                                                         \
        ({                                                                                         \
                capture_begin();                                                                   \
                statement;                                                                         \
                capture_end();                                                                     \
        })

static const struct log_context calc = {.program = "calc", .pid = 1234, .request = 17, .slot = -1};

START_TEST(a_line_names_level_and_object)
{
        const struct log_context full = {.program_set = "math",
                                         .program = "calc",
                                         .function = "add",
                                         .event = LOG_EVENT_WORKER_DIED,
                                         .request = 17,
                                         .pid = 1234,
                                         .slot = 2};
        const struct log_context set = {.program_set = "math", .slot = -1};
        const struct log_context process = {.pid = 7}, request = {.request = 8};
        const struct log_context function = {.function = "add"}, empty = {0};

        ck_assert_str_eq(CAPTURE(log_warning(&calc, "took %d ms", 5)),
                         "warning: calc[1234] #17: took 5 ms\n");
        ck_assert_str_eq(CAPTURE(log_error(&full, "no")), "error: calc[1234] #17 add: no\n");
        ck_assert_str_eq(CAPTURE(log_notice(&set, "loaded")), "notice: math: loaded\n");
        ck_assert_str_eq(CAPTURE(log_info(&process, "x")), "info: [7]: x\n");
        ck_assert_str_eq(CAPTURE(log_info(&request, "x")), "info: #8: x\n");
        ck_assert_str_eq(CAPTURE(log_info(&function, "x")), "info: add: x\n");
        ck_assert_str_eq(CAPTURE(log_info(&empty, "x")), "info: x\n");
        ck_assert_str_eq(CAPTURE(log_info(NULL, "ready")), "info: ready\n");
        ck_assert_str_eq(CAPTURE(log_text(LOG_CRIT, &calc, "abcdef", 3)),
                         "crit: calc[1234] #17: abc\n");
}
END_TEST

static int evaluated;

static int count_evaluation(void)
{
        return ++evaluated;
}

START_TEST(levels_are_filtered)
{
        ck_assert(log_enabled(LOG_INFO));
        ck_assert(!log_enabled(LOG_DEBUG));
        ck_assert_str_eq(CAPTURE(log_debug(NULL, "%d", count_evaluation())), "");
        ck_assert_int_eq(evaluated, 0);

        log_set_level(LOG_ERR);
        ck_assert_str_eq(CAPTURE(log_warning(NULL, "x")), "");
        ck_assert_str_eq(CAPTURE(log_text(LOG_WARNING, NULL, "x", 1)), "");
        ck_assert_str_eq(CAPTURE(log_error(NULL, "x")), "error: x\n");

        log_set_level(LOG_DEBUG);
        ck_assert_str_eq(CAPTURE(log_debug(NULL, "%d", count_evaluation())), "debug: 1\n");
        log_set_level(LOG_INFO);
}
END_TEST

START_TEST(levels_have_names)
{
        static const char *const names[] = {"emerg",   "alert",  "crit", "error",
                                            "warning", "notice", "info", "debug"};

        for (int level = LOG_EMERG; level <= LOG_DEBUG; level++) {
                ck_assert_str_eq(log_level_name(level), names[level]);
                ck_assert_int_eq(log_level_from_name(names[level]), level);
        }
        ck_assert_int_eq(log_level_from_name("loud"), -EINVAL);
        ck_assert_int_eq(log_level_from_name("warn"), -EINVAL);
        ck_assert_int_eq(log_level_from_name(""), -EINVAL);
        ck_assert_str_eq(log_level_name(8), "unknown");
        ck_assert_str_eq(log_level_name(-1), "unknown");
}
END_TEST

static const struct {
        const char *text, *line;
} escapes[] = {
        {"", ""},
        {"caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x90\x8D", "caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x90\x8D"},
        {"a\tb\\n", "a\tb\\n"},
        {"\x1b[31mred\r", "\\x1B[31mred\\x0D"},
        {"\x01\x1f\x7f", "\\x01\\x1F\\x7F"},
        {"\xFF\xC3", "\\xFF\\xC3"},                            /* no UTF-8, a character cut short */
        {"\xC0\xAF\xED\xA0\x80", "\\xC0\\xAF\\xED\\xA0\\x80"}, /* overlong; a surrogate */
        {"\xC2\x9B"
         "2J",
         "\\xC2\\x9B2J"}, /* CSI as a C1 control */
        {"\xC2\xA0", "\xC2\xA0"},
        {"\xE2\x80\xA8\xE2\x80\xAE", "\\xE2\\x80\\xA8\\xE2\\x80\\xAE"}, /* line separator, RLO */
        {"\xE2\x81\xA6\xE2\x80\x94", "\\xE2\\x81\\xA6\xE2\x80\x94"},
        {"end\n\n", "end"},
        {"Traceback:\n  File\nZeroDivisionError\n",
         "Traceback:\n      File\n    ZeroDivisionError"},
        {"x\nerror: calc[1] #1: forged", "x\n    error: calc[1] #1: forged"},
        {"x\r\nerror: y", "x\\x0D\n    error: y"},
};

START_TEST(texts_are_escaped)
{
        const char *text = escapes[_i].text;
        char expected[256];

        snprintf(expected, sizeof(expected), "info: %s\n", escapes[_i].line);
        ck_assert_str_eq(CAPTURE(log_info(NULL, "%s", text)), expected);
        ck_assert_str_eq(CAPTURE(log_text(LOG_INFO, NULL, text, strlen(text))), expected);
}
END_TEST

START_TEST(a_zero_byte_does_not_end_a_text)
{
        ck_assert_str_eq(CAPTURE(log_text(LOG_INFO, NULL, "a\0b", 3)), "info: a\\x00b\n");
}
END_TEST

START_TEST(names_cannot_forge_a_line)
{
        const struct log_context evil = {.program = "a\nerror: b", .function = "f\x1b\n"};

        ck_assert_str_eq(CAPTURE(log_info(&evil, "x")), "info: a\\x0Aerror: b f\\x1B\\x0A: x\n");
}
END_TEST

START_TEST(long_texts_are_cut_between_characters)
{
        char *text = malloc(LOG_TEXT_MAX * 2);
        const char *line;

        memset(text, 'a', LOG_TEXT_MAX * 2);
        line = CAPTURE(log_text(LOG_INFO, NULL, text, LOG_TEXT_MAX * 2));
        ck_assert_uint_eq(strlen(line), strlen("info: \n") + LOG_TEXT_MAX);

        memcpy(text + LOG_TEXT_MAX - 2, "\xE2\x82\xAC", 3);
        text[LOG_TEXT_MAX * 2 - 1] = '\0';
        line = CAPTURE(log_info(NULL, "%s", text));
        ck_assert_uint_eq(strlen(line), strlen("info: \n") + LOG_TEXT_MAX - 2);
        ck_assert_str_eq(line + strlen(line) - 3, "aa\n");

        memset(text, '\x01', LOG_TEXT_MAX);
        line = CAPTURE(log_text(LOG_INFO, NULL, text, LOG_TEXT_MAX));
        ck_assert_uint_eq(strlen(line), strlen("info: \n") + 4 * LOG_TEXT_MAX);
        ck_assert_ptr_null(strchr(line, '\x01'));
        free(text);
}
END_TEST

/* A pipe as stderr, filled until it takes nothing more. Returns the end to read from. */
static int stuck_stderr(int size)
{
        static char bytes[65536];
        int ends[2];

        ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
        ck_assert_int_gt(fcntl(ends[1], F_SETPIPE_SZ, size), 0);
        ck_assert_int_eq(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
        ck_assert_int_eq(write(ends[1], bytes, (size_t)size), size);
        capture_saved = dup(STDERR_FILENO);
        dup2(ends[1], STDERR_FILENO);
        close(ends[1]);
        return ends[0];
}

static const char *read_some(int fd)
{
        ssize_t n = read(fd, captured, sizeof(captured) - 1);

        captured[n < 0 ? 0 : n] = '\0';
        return captured;
}

static void end_stuck(int reader)
{
        dup2(capture_saved, STDERR_FILENO);
        close(capture_saved);
        close(reader);
}

/* What stderr does not take waits for it, and the process for nothing. */
START_TEST(a_stuck_reader_gets_its_lines_later)
{
        int reader = stuck_stderr(65536);

        for (int i = 0; i < 100; i++)
                log_info(NULL, "line %d", i);
        read_some(reader);
        ck_assert_uint_eq(strlen(captured), 0); /* zero bytes that filled it */
        ck_assert_str_eq(read_some(reader), "");
        log_info(NULL, "again"); /* takes the others along */
        read_some(reader);
        ck_assert_int_eq(strncmp(captured, "info: line 0\ninfo: line 1\n", 26), 0);
        ck_assert_ptr_nonnull(strstr(captured, "info: line 63\n"));
        ck_assert_ptr_null(strstr(captured, "info: line 64\n")); /* so many at one time */
        log_info(NULL, "and again");
        read_some(reader);
        ck_assert_int_eq(strncmp(captured, "info: line 64\n", 14), 0);
        ck_assert_ptr_nonnull(strstr(captured, "info: line 99\ninfo: again\ninfo: and again\n"));
        end_stuck(reader);
}
END_TEST

START_TEST(a_line_that_was_begun_is_ended_before_the_next)
{
        int reader = stuck_stderr(4096);
        char text[8000];

        read_some(reader);
        memset(text, 'x', sizeof(text));
        log_text(LOG_INFO, NULL, text, sizeof(text)); /* the pipe takes half of it */
        ck_assert_uint_eq(strlen(read_some(reader)), 4096);
        log_info(NULL, "next");
        const char *rest = read_some(reader);
        ck_assert_uint_eq(strspn(rest, "x"), sizeof(text) + strlen("info: ") - 4096);
        ck_assert_str_eq(rest + strspn(rest, "x"), "\n");
        log_finish(0);
        ck_assert_str_eq(read_some(reader), "info: next\n");
        end_stuck(reader);
}
END_TEST

/* With whatever level the lines are that come in masses: a worker's "<3>" once took all the room.
 */
START_TEST(a_reader_that_never_reads_costs_lines_and_is_told)
{
        const struct log_context worker = {.program = "calc", .pid = 17, .stream = "stderr"};
        int reader = stuck_stderr(65536);
        int lost = 0;

        for (int i = 0; i < 100000; i++)
                log_at(_i ? LOG_ERR : LOG_INFO, _i ? &worker : NULL, "line %d", i);
        log_error(NULL, "there is room for what matters");
        read_some(reader);
        do {
                log_finish(0);
                ck_assert_int_ne(*read_some(reader), 0);
                const char *told = strstr(captured, "lines of the log that were lost: ");
                if (told)
                        lost = atoi(strchr(told, ':') + 2);
        } while (!strstr(captured, "error: there is room for what matters\n"));
        ck_assert_int_gt(lost, 0);
        end_stuck(reader);
}
END_TEST

START_TEST(a_reader_that_left_or_a_closed_stderr_is_no_matter)
{
        int reader = stuck_stderr(4096);

        signal(SIGPIPE, SIG_IGN);
        close(reader);
        errno = ENXIO;
        log_info(NULL, "nobody reads this");
        close(STDERR_FILENO);
        log_info(NULL, "nor this");
        ck_assert_int_eq(errno, ENXIO);
        dup2(capture_saved, STDERR_FILENO);
        close(capture_saved);
        ck_assert_str_eq(CAPTURE(log_info(NULL, "back")),
                         "warning: lines of the log that were lost: 2\ninfo: back\n");
}
END_TEST

START_TEST(a_line_is_one_write)
{
        int ends[2];
        char text[3000];

        /* In packet mode every read gives what one write wrote. */
        ck_assert_int_eq(pipe2(ends, O_DIRECT | O_CLOEXEC), 0);
        memset(text, 'x', sizeof(text));
        memcpy(text + 1000, "\n\n", 2);
        capture_saved = dup(STDERR_FILENO);
        dup2(ends[1], STDERR_FILENO);
        log_text(LOG_INFO, &calc, text, sizeof(text));
        dup2(capture_saved, STDERR_FILENO);
        close(capture_saved);
        ck_assert_int_eq(read(ends[0], captured, sizeof(captured)),
                         sizeof(text) + 2 * strlen("    ") + strlen("info: calc[1234] #17: \n"));
        close(ends[0]);
        close(ends[1]);
}
END_TEST

START_TEST(events_have_ids_of_their_own)
{
        ck_assert_ptr_null(log_event_id(LOG_EVENT_NONE));
        for (enum log_event event = 1; event < LOG_EVENTS; event++) {
                const char *id = log_event_id(event);

                ck_assert_uint_eq(strlen(id), 32);
                ck_assert_uint_eq(strspn(id, "0123456789abcdef"), 32);
                ck_assert_int_eq(id[12], '4'); /* made by chance */
                for (enum log_event other = 1; other < event; other++)
                        ck_assert_str_ne(id, log_event_id(other));
        }
}
END_TEST

struct seen {
        enum log_event event;
        int level, count;
        const struct log_context *context;
        char text[64];
        size_t length;
};

static void remember(void *userdata, int level, const struct log_context *context, const char *text,
                     size_t length)
{
        struct seen *seen = userdata;

        seen->level = level;
        seen->count++;
        seen->context = context;
        seen->event = context ? context->event : LOG_EVENT_NONE;
        seen->length = length;
        memcpy(seen->text, text, length + 1);
        errno = EBADF;
}

START_TEST(a_sink_gets_the_parts_as_they_are)
{
        struct seen seen = {0};
        const char *written;

        log_set_sink(remember, &seen);
        errno = ENXIO;
        written = CAPTURE(log_warning(&calc, "a\n%s", "\x1b"));
        ck_assert_str_eq(written, "");
        ck_assert_int_eq(seen.level, LOG_WARNING);
        ck_assert_ptr_eq(seen.context, &calc);
        ck_assert_str_eq(seen.text, "a\n\x1b");
        ck_assert_uint_eq(seen.length, 3);

        errno = ENXIO;
        log_text(LOG_ERR, NULL, "abcdef", 2);
        ck_assert_int_eq(errno, ENXIO);
        ck_assert_str_eq(seen.text, "ab");
        ck_assert_ptr_null(seen.context);

        log_debug(NULL, "filtered");
        log_event(LOG_EVENT_RELOADED, LOG_DEBUG, &calc, "filtered");
        ck_assert_int_eq(seen.count, 2);
        log_event(LOG_EVENT_RELOADED, LOG_NOTICE, &calc, "%d", 17);
        ck_assert_str_eq(seen.text, "17");
        ck_assert_int_eq(seen.event, LOG_EVENT_RELOADED);
        log_event(LOG_EVENT_LOG_LOST, LOG_NOTICE, NULL, "x");
        ck_assert_int_eq(seen.event, LOG_EVENT_LOG_LOST);
        log_set_sink(NULL, NULL);
        ck_assert_str_eq(CAPTURE(log_info(NULL, "back")), "info: back\n");
        ck_assert_int_eq(seen.count, 4);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("log");
        TCase *tcase = tcase_create("log");

        tcase_add_test(tcase, a_line_names_level_and_object);
        tcase_add_test(tcase, levels_are_filtered);
        tcase_add_test(tcase, levels_have_names);
        tcase_add_loop_test(tcase, texts_are_escaped, 0, ARRAY_SIZE(escapes));
        tcase_add_test(tcase, a_zero_byte_does_not_end_a_text);
        tcase_add_test(tcase, names_cannot_forge_a_line);
        tcase_add_test(tcase, long_texts_are_cut_between_characters);
        tcase_add_test(tcase, a_stuck_reader_gets_its_lines_later);
        tcase_add_test(tcase, a_line_that_was_begun_is_ended_before_the_next);
        tcase_add_loop_test(tcase, a_reader_that_never_reads_costs_lines_and_is_told, 0, 2);
        tcase_add_test(tcase, events_have_ids_of_their_own);
        tcase_add_test(tcase, a_reader_that_left_or_a_closed_stderr_is_no_matter);
        tcase_add_test(tcase, a_line_is_one_write);
        tcase_add_test(tcase, a_sink_gets_the_parts_as_they_are);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
