/* SPDX-License-Identifier: MIT */
/*
 * Lines, marks and tails, out of a pipe that the test writes to.
 */
#include "daemon/output.h"

#include "fixture_loop.h"

#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static struct output output;
static int writer;
static char told[262144]; /* "17:text|" for each entry, "<3>17:text|" if its level is another one */
static unsigned n_told;

static void on_entry(void *userdata, const struct entry_text *text)
{
        char number[32];

        ck_assert_ptr_eq(userdata, &told);
        n_told++;
        if (strlen(told) + text->length + sizeof(number) > sizeof(told))
                return;
        if (text->level != LOG_INFO) {
                snprintf(number, sizeof(number), "<%d>", text->level);
                strcat(told, number);
        }
        snprintf(number, sizeof(number), "%" PRIu64 ":", text->serial);
        strcat(told, number);
        strncat(told, text->text, text->length);
        strcat(told, "|");
}

static void setup(void)
{
        int reader;

        loop_begin();
        told[0] = '\0';
        n_told = 0;
        make_pipe(&reader, &writer);
        ck_assert_int_eq(output_init(&output, base, reader, LOG_INFO, on_entry, &told), 0);
}

static void teardown(void)
{
        output_clear(&output);
        output_clear(&output);
        close_fd(writer);
        loop_end();
}

static void check_told(const char *text, const char *expected)
{
        write_text(writer, text);
        loop_now();
        ck_assert_str_eq(told, expected);
}

static void check_tail(const char *expected)
{
        ck_assert_uint_eq(output.tail_length, strlen(expected));
        ck_assert_int_eq(memcmp(output.tail ? output.tail : "", expected, strlen(expected)), 0);
}

/* Writes `length` letters. */
static void write_letters(char letter, size_t length)
{
        char letters[length];

        memset(letters, letter, length);
        write_all(writer, letters, length);
        loop_now();
}

START_TEST(lines_are_told_as_they_end)
{
        check_told("one\ntwo\nthr", "0:one|0:two|");
        check_told("ee", "0:one|0:two|");
        check_told("\n\n", "0:one|0:two|0:three|0:|");
        check_tail("one\ntwo\nthree\n\n");
}
END_TEST

START_TEST(a_mark_gives_the_serial_and_is_taken_off)
{
        check_told("\x1e"
                   "17\x1e"
                   "text\nplain\n\x1e"
                   "18446744073709551615\x1e\n",
                   "17:text|0:plain|18446744073709551615:|");
        check_tail("text\nplain\n\n");
}
END_TEST

START_TEST(a_mark_may_come_byte_by_byte)
{
        for (const char *p = "\x1e"
                             "42\x1e"
                             "hello\n";
             *p; p++) {
                write_all(writer, p, 1);
                loop_now();
        }
        ck_assert_str_eq(told, "42:hello|");
}
END_TEST

START_TEST(what_is_no_mark_stays)
{
        check_told("\x1e\n\x1e"
                   "1\nx\x1e"
                   "1\x1e"
                   "y\n\x1e"
                   "1x\x1e"
                   "z\n",
                   "0:\x1e|0:\x1e"
                   "1|0:x\x1e"
                   "1\x1e"
                   "y|0:\x1e"
                   "1x\x1e"
                   "z|");
}
END_TEST

START_TEST(lines_that_were_written_together_are_one_entry)
{
        check_told("\x1e"
                   "17\x1d"
                   "one\n\x1e"
                   "17\x1d\n\x1e"
                   "17\x1ethree\nfour\n\x1e\x1d"
                   "five\n\x1e\x1e\n",
                   "17:one\n\nthree|0:four|0:five\n|");
        check_tail("one\n\nthree\nfour\nfive\n\n");
}
END_TEST

START_TEST(a_line_may_name_its_level)
{
        check_told("<3>bad\n\x1e"
                   "17\x1e<7>detail\n<6>usual\n<8>x\n<3x\n<>\n<4\nplain\n<4>\n",
                   "<3>0:bad|<7>17:detail|0:usual|0:<8>x|0:<3x|0:<>|0:<4|0:plain|<4>0:|");
        check_tail("bad\ndetail\nusual\n<8>x\n<3x\n<>\n<4\nplain\n\n");
}
END_TEST

START_TEST(all_pieces_of_a_long_line_have_its_level)
{
        write_text(writer, "<3>");
        write_letters('a', 2 * OUTPUT_LINE_MAX + 1);
        write_text(writer, "\nnext\n");
        loop_now();
        ck_assert_uint_eq(n_told, 4);
        for (const char *p = told; (p = strchr(p, '|')) && strcmp(p, "|0:next|") != 0; p++)
                ck_assert_int_eq(strncmp(p, "|<3>0:a", 7), 0);
}
END_TEST

/* Written piece by piece, as Python does it. */
START_TEST(a_traceback_is_one_entry_and_told_in_time)
{
        check_told("Traceback (most recent call last):\n", "");
        check_told("  File \"x\"\n    1 / 0\n", "");
        check_told("ZeroDivisionError: x\n", "");
        loop_until(n_told == 1);
        ck_assert_str_eq(told, "0:Traceback (most recent call last):\n  File \"x\"\n    1 / 0\n"
                               "ZeroDivisionError: x|");
        check_tail("Traceback (most recent call last):\n  File \"x\"\n    1 / 0\n"
                   "ZeroDivisionError: x\n");
}
END_TEST

START_TEST(a_drain_tells_what_is_held)
{
        check_told("Traceback (most recent call last):\n  File", "");
        output_drain(&output);
        ck_assert_str_eq(told, "0:Traceback (most recent call last):\n  File|");
}
END_TEST

START_TEST(bytes_that_are_no_text_are_passed_on)
{
        write_all(writer, "\xff\0\x80\n", 4);
        loop_now();
        ck_assert_uint_eq(n_told, 1);
        ck_assert_uint_eq(output.tail_length, 4);
        ck_assert_int_eq(memcmp(output.tail, "\xff\0\x80\n", 4), 0);
}
END_TEST

START_TEST(the_longest_line_is_told_whole)
{
        write_letters('a', OUTPUT_LINE_MAX);
        write_text(writer, "\nb\n");
        loop_now();
        ck_assert_uint_eq(n_told, 2);
        ck_assert_uint_eq(strlen(told), 2 + OUTPUT_LINE_MAX + 1 + strlen("0:b|"));
}
END_TEST

/* The story: of a line that was told in pieces only the first knew the request, and one that ended
 * together with a piece was followed by an empty line that nobody had written. */
START_TEST(the_pieces_of_a_long_line_have_its_serial)
{
        write_text(writer, "\x1e"
                           "17\x1e");
        write_letters('a', 3 * OUTPUT_LINE_MAX);
        write_text(writer, "end\nnext\n");
        loop_now();
        _cleanup_free_ char *copy = strdup(told);
        size_t letters = 0;
        char *save = NULL, *piece = strtok_r(copy, "|", &save);
        for (; piece && strcmp(piece, "0:next") != 0; piece = strtok_r(NULL, "|", &save)) {
                ck_assert_int_eq(strncmp(piece, "17:", 3), 0);
                ck_assert_uint_le(strlen(piece + 3), OUTPUT_LINE_MAX);
                letters += strlen(piece + 3);
        }
        ck_assert_uint_eq(letters, 3 * OUTPUT_LINE_MAX + 3);
        ck_assert_str_eq(piece, "0:next");
}
END_TEST

START_TEST(a_piece_is_no_place_for_a_mark)
{
        write_letters('a', OUTPUT_LINE_MAX);
        write_text(writer, "\x1e"
                           "9\x1e"
                           "b\n");
        loop_now();
        ck_assert_str_eq(told + strlen(told) - 8, "|0:\x1e"
                                                  "9\x1e"
                                                  "b|");
}
END_TEST

START_TEST(a_long_line_in_small_parts_is_not_kept)
{
        for (int i = 0; i < 100; i++)
                write_letters('a', 1000);
        ck_assert_uint_ge(n_told, 100000 / OUTPUT_LINE_MAX - 1);
        ck_assert_uint_le(n_told, 100000 / OUTPUT_LINE_MAX + 1);
        write_text(writer, "\n");
        loop_now();
        size_t letters = 0;
        for (const char *p = told; *p; p++)
                letters += *p == 'a';
        ck_assert_uint_eq(letters, 100000);
}
END_TEST

START_TEST(the_tail_keeps_the_last_lines)
{
        char line[101];

        memset(line, 'a', 99);
        line[99] = '\n';
        line[100] = '\0';
        for (char letter = 'a'; letter <= 'z'; letter++)
                for (int i = 0; i < 10; i++) {
                        memset(line, letter, 99);
                        write_text(writer, line);
                        loop_now();
                }
        ck_assert_uint_eq(output.tail_length, OUTPUT_TAIL_MAX);
        ck_assert_int_eq(memcmp(output.tail + OUTPUT_TAIL_MAX - 100, line, 100), 0);
        write_letters('!', OUTPUT_LINE_MAX);
        write_text(writer, "\n");
        loop_now();
        ck_assert_uint_eq(output.tail_length, OUTPUT_TAIL_MAX);
        ck_assert_int_eq(output.tail[0], '!');
        output_forget_tail(&output, 0, false);
        check_told("", told);
        check_tail("");
        write_text(writer, "new\n");
        loop_now();
        check_tail("new\n");
}
END_TEST

/* Requests from the number on are not over. */
static bool is_open_from(void *userdata, uint64_t serial)
{
        return serial >= *(const uint64_t *)userdata;
}

static void hear(const char *text)
{
        write_text(writer, text);
        loop_now();
}

START_TEST(the_tail_is_of_one_request)
{
        uint64_t first_open = 17;

        output.is_open = is_open_from;
        output.is_open_userdata = &first_open;
        output_forget_tail(&output, 17, false);
        hear("of C\n\x1e"
             "17\x1eof 17\n\x1e"
             "16\x1elate\n");
        check_tail("of C\nof 17\n");
        hear("\x1e"
             "18\x1eof 18\nof C\n"); /* it has begun, and the answer to 17 is on its way */
        check_tail("of 18\nof C\n");
        first_open = 18;
        output_forget_tail(&output, 18, true);
        check_tail("of 18\nof C\n");
        hear("\x1e"
             "17\x1elate\n");
        check_tail("of 18\nof C\n");
        first_open = 19;
        output_forget_tail(&output, 19, true); /* who wrote the second one is not known */
        check_tail("of C\n");
        output_forget_tail(&output, 20, false);
        check_tail("");
}
END_TEST

START_TEST(the_end_closes_the_descriptor_and_a_drain_tells_the_rest)
{
        write_text(writer, "\x1e"
                           "3\x1e"
                           "half");
        writer = close_fd(writer);
        loop_now();
        ck_assert_int_eq(output.fd, -1);
        ck_assert_str_eq(told, "");
        output_drain(&output);
        ck_assert_str_eq(told, "3:half|");
        output_drain(&output);
        ck_assert_str_eq(told, "3:half|");
}
END_TEST

START_TEST(a_drain_does_not_wait_for_more)
{
        write_text(writer, "line\nhalf");
        output_drain(&output);
        ck_assert_str_eq(told, "0:line|0:half|");
        ck_assert_int_ge(output.fd, 0);
}
END_TEST

START_TEST(while_it_is_paused_nothing_is_read)
{
        output_pause(&output, units_now() + USEC_PER_SEC / 10);
        ck_assert(output_is_paused(&output));
        check_told("one\n", "");
        loop_until(n_told == 1);
        ck_assert(!output_is_paused(&output));
        check_told("two\n", "0:one|0:two|");
}
END_TEST

START_TEST(a_pause_ends_after_the_end_of_the_pipe)
{
        write_text(writer, "one\n");
        output_pause(&output, units_now() + 1000);
        writer = close_fd(writer);
        output_drain(&output);
        ck_assert_str_eq(told, "0:one|");
        ck_assert_int_eq(output.fd, -1);
        loop_until(!output_is_paused(&output));
        loop_now();
        ck_assert_str_eq(told, "0:one|");
}
END_TEST

/* A grandchild that got away, holds the pipe and writes for ever. */
START_TEST(a_drain_ends_though_a_writer_does_not)
{
        char lines[4096];
        pid_t parent = getpid();

        memset(lines, 'x', sizeof(lines));
        for (size_t i = 127; i < sizeof(lines); i += 128)
                lines[i] = '\n';
        pid_t child = fork();
        if (child == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                fcntl(writer, F_SETFL, 0);
                while (getppid() == parent && write(writer, lines, sizeof(lines)) > 0)
                        ;
                _exit(0);
        }
        loop_until(n_told > 0);
        output_drain(&output);
        ck_assert_uint_le(n_told, (4U << 20) / 128);
        kill(child, SIGKILL);
        ck_assert_int_eq(waitpid(child, NULL, 0), child);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("output");
        TCase *tcase = loop_case(suite, setup, teardown);

        tcase_add_test(tcase, lines_are_told_as_they_end);
        tcase_add_test(tcase, a_mark_gives_the_serial_and_is_taken_off);
        tcase_add_test(tcase, a_mark_may_come_byte_by_byte);
        tcase_add_test(tcase, what_is_no_mark_stays);
        tcase_add_test(tcase, lines_that_were_written_together_are_one_entry);
        tcase_add_test(tcase, a_line_may_name_its_level);
        tcase_add_test(tcase, all_pieces_of_a_long_line_have_its_level);
        tcase_add_test(tcase, a_traceback_is_one_entry_and_told_in_time);
        tcase_add_test(tcase, a_drain_tells_what_is_held);
        tcase_add_test(tcase, bytes_that_are_no_text_are_passed_on);
        tcase_add_test(tcase, the_longest_line_is_told_whole);
        tcase_add_test(tcase, the_pieces_of_a_long_line_have_its_serial);
        tcase_add_test(tcase, a_piece_is_no_place_for_a_mark);
        tcase_add_test(tcase, a_long_line_in_small_parts_is_not_kept);
        tcase_add_test(tcase, the_tail_keeps_the_last_lines);
        tcase_add_test(tcase, the_tail_is_of_one_request);
        tcase_add_test(tcase, the_end_closes_the_descriptor_and_a_drain_tells_the_rest);
        tcase_add_test(tcase, a_drain_does_not_wait_for_more);
        tcase_add_test(tcase, while_it_is_paused_nothing_is_read);
        tcase_add_test(tcase, a_pause_ends_after_the_end_of_the_pipe);
        tcase_add_test(tcase, a_drain_ends_though_a_writer_does_not);
        return run_suite(suite);
}
