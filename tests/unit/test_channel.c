/* SPDX-License-Identifier: MIT */
/*
 * A channel whose worker is the test itself: it reads requests from one pipe and writes answers,
 * or what is none, to the other.
 */
#include "daemon/channel.h"

#include "fixture_request.h"

#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define MAX_RESPONSE 100000U
#define MAX_REQUEST  200000U

static struct channel channel;
static int worker_in, worker_out; /* the worker's ends */

static char told[8192]; /* "17 result=3|" for each */
static unsigned n_told, n_too_large, n_broken, n_closed;
static uint64_t large_serial;
static const char *reason;
static size_t last_length;

static void note_part(const char *name, const struct rpc_part *part)
{
        size_t length = strlen(told);

        if (!part->source)
                return;
        ck_assert_uint_le(part->offset + part->length, part->source->length);
        last_length = part->length;
        size_t shown = part->length < 64 ? part->length : 64;
        length += (size_t)sprintf(told + length, " %s=", name);
        buffer_copy(part->source, part->offset, shown, told + length);
        told[length + shown] = '\0';
}

static void on_answered(void *userdata, const struct channel_answer *answer)
{
        ck_assert_ptr_eq(userdata, &channel);
        n_told++;
        if (strlen(told) > sizeof(told) - 512)
                told[0] = '\0';
        sprintf(told + strlen(told), "%" PRIu64, answer->serial);
        if (answer->serial == 0)
                note_part("id", &answer->id);
        note_part("result", &answer->result);
        note_part("error", &answer->error);
        note_part("kind", &answer->kind);
        note_part("data", &answer->data);
        note_part("traceback", &answer->traceback);
        strcat(told, "|");
}

static void on_too_large(void *userdata, uint64_t serial)
{
        (void)userdata;
        ck_assert_uint_eq(n_broken, 1);
        n_too_large++;
        large_serial = serial;
}

static void note_span(const char *name, const struct channel_call *call,
                      const struct envelope_span *span)
{
        struct rpc_part part = {call->source, span->offset, span->length};

        if (span->type != ENVELOPE_ABSENT)
                note_part(name, &part);
}

static void on_called(void *userdata, const struct channel_call *call)
{
        ck_assert_ptr_eq(userdata, &channel);
        strcat(told, "call");
        note_span("id", call, &call->id);
        note_span("command", call, &call->command);
        note_span("data", call, &call->data);
        note_span("timeout", call, &call->timeout);
        note_span("for", call, &call->within);
        strcat(told, "|");
}

static void on_broken(void *userdata, const char *why)
{
        (void)userdata;
        n_broken++;
        reason = why;
}

static void on_closed(void *userdata, const char *why)
{
        (void)userdata;
        n_closed++;
        reason = why;
}

static const struct channel_events events = {
        .answered = on_answered,
        .called = on_called,
        .too_large = on_too_large,
        .broken = on_broken,
        .closed = on_closed,
};

static void setup(void)
{
        int in_fd, out_fd;

        loop_begin();
        requests_begin();
        make_pipe(&worker_in, &in_fd);
        make_pipe(&out_fd, &worker_out);
        ck_assert_int_eq(channel_init(&channel, base, &turn, &buffers, in_fd, out_fd, MAX_RESPONSE,
                                      MAX_REQUEST, &events, &channel),
                         0);
}

static void teardown(void)
{
        requests_end();
        channel_clear(&channel);
        channel_clear(&channel);
        close_fd(worker_in);
        close_fd(worker_out);
        loop_end();
}

static struct request *make(uint64_t serial, const char *function, const char *params)
{
        struct request *request = new_request(function, params);

        request->serial = serial;
        return request;
}

/* What the worker can read now. */
static const char *worker_reads(void)
{
        static char text[65536];
        ssize_t n = read(worker_in, text, sizeof(text) - 1);

        text[n > 0 ? n : 0] = '\0';
        return text;
}

static void answer(const char *line)
{
        write_text(worker_out, line);
        loop_now();
}

START_TEST(a_request_is_one_line_of_the_fixed_layout)
{
        ck_assert_int_eq(channel_send(&channel, make(17, "add", "{\"a\": 1}")), 0);
        ck_assert_str_eq(worker_reads(), "");
        loop_now();
        ck_assert_str_eq(worker_reads(),
                         "{\"request_id\":\"17\",\"command\":\"add\",\"data\":{\"a\": 1}}\n");
        ck_assert_uint_eq(channel.to_worker.length, 0);
}
END_TEST

START_TEST(without_params_the_data_is_empty)
{
        ck_assert_int_eq(channel_send(&channel, make(1, "f", "")), 0);
        loop_now();
        ck_assert_str_eq(worker_reads(), "{\"request_id\":\"1\",\"command\":\"f\",\"data\":{}}\n");
}
END_TEST

START_TEST(a_serial_has_all_its_digits)
{
        static const uint64_t serials[] = {0, 9, 10, 1009, UINT64_MAX - 5, UINT64_MAX};
        char line[128];

        for (size_t i = 0; i < ARRAY_SIZE(serials); i++) {
                ck_assert_int_eq(channel_send(&channel, make(serials[i], "f", "")), 0);
                loop_now();
                sprintf(line, "{\"request_id\":\"%" PRIu64 "\",\"command\":\"f\",\"data\":{}}\n",
                        serials[i]);
                ck_assert_str_eq(worker_reads(), line);
        }
}
END_TEST

START_TEST(a_function_cannot_change_the_line)
{
        ck_assert_int_eq(channel_send(&channel, make(1, "\",\"x\":\"\\\n", "")), 0);
        loop_now();
        ck_assert_str_eq(worker_reads(), "{\"request_id\":\"1\",\"command\":"
                                         "\"\\\",\\\"x\\\":\\\"\\\\\\n\",\"data\":{}}\n");
}
END_TEST

START_TEST(the_longest_function_fits)
{
        char function[REQUEST_FUNCTION_MAX + 1];

        memset(function, '\x01', REQUEST_FUNCTION_MAX);
        function[REQUEST_FUNCTION_MAX] = '\0';
        struct request *request = make(UINT64_MAX, function, "[]");
        ck_assert_int_eq(channel_send(&channel, request), 0);
        loop_now();
        ck_assert_uint_eq(strlen(worker_reads()),
                          strlen("{\"request_id\":\"18446744073709551615\",\"command\":\"\","
                                 "\"data\":[]}\n") +
                                  6 * REQUEST_FUNCTION_MAX);
}
END_TEST

/* The story: a program's call with one argument, of a method that takes one, got that an array. */
START_TEST(arrays_of_calls_by_programs_are_marked_for_who_asks)
{
        static char large[BUFFER_SHARE_MIN + 100];
        struct request parent, *request = make(1, "f", "[1]");

        memset(large, ' ', sizeof(large) - 1);
        large[0] = '[';
        large[sizeof(large) - 2] = ']';
        channel.marks_positional = true;
        channel_send(&channel, request);
        loop_now();
        ck_assert_str_eq(worker_reads(), "{\"request_id\":\"1\",\"command\":\"f\",\"data\":[1]}\n");
        request->parent = &parent;
        channel_send(&channel, request);
        loop_now();
        ck_assert_str_eq(worker_reads(), "{\"request_id\":\"1\",\"command\":\"f\",\"data\":[1],"
                                         "\"positional\":true}\n");
        channel.marks_positional = false;
        channel_send(&channel, request);
        loop_now();
        ck_assert_str_eq(worker_reads(), "{\"request_id\":\"1\",\"command\":\"f\",\"data\":[1]}\n");
        channel.marks_positional = true;
        request = make(2, "f", "{}");
        request->parent = &parent;
        channel_send(&channel, request);
        request = make(3, "f", "");
        request->parent = &parent;
        channel_send(&channel, request);
        loop_now();
        ck_assert_str_eq(worker_reads(), "{\"request_id\":\"2\",\"command\":\"f\",\"data\":{}}\n"
                                         "{\"request_id\":\"3\",\"command\":\"f\",\"data\":{}}\n");
        request = make(4, "f", large);
        request->parent = &parent;
        channel_send(&channel, request);
        loop_now();
        ck_assert_ptr_nonnull(strstr(worker_reads(), "],\"positional\":true}\n"));
}
END_TEST

START_TEST(requests_of_a_turn_are_written_together)
{
        channel_send(&channel, make(1, "f", "[1]"));
        channel_send(&channel, make(2, "g", "[2]"));
        loop_now();
        ck_assert_str_eq(worker_reads(), "{\"request_id\":\"1\",\"command\":\"f\",\"data\":[1]}\n"
                                         "{\"request_id\":\"2\",\"command\":\"g\",\"data\":[2]}\n");
}
END_TEST

START_TEST(large_params_are_shared_and_wait_for_room)
{
        const size_t size = 3000000;
        _cleanup_free_ char *params = malloc(size + 1);
        size_t got = 0;
        char last = 0;

        memset(params, ' ', size);
        params[0] = '[';
        params[size - 1] = ']';
        params[size] = '\0';
        struct request *request = make(1, "f", params);
        size_t memory = buffers.memory;
        ck_assert_int_eq(channel_send(&channel, request), 0);
        ck_assert_uint_le(buffers.memory, memory + BUFFER_CHUNK_SIZE);
        loop_now();
        ck_assert(event_pending(channel.write_event, EV_WRITE, NULL));
        request_free(request);
        while (last != '\n') {
                const char *text = worker_reads();
                got += strlen(text);
                if (*text)
                        last = text[strlen(text) - 1];
                loop_now();
        }
        ck_assert_uint_eq(got,
                          strlen("{\"request_id\":\"1\",\"command\":\"f\",\"data\":}\n") + size);
        ck_assert_uint_eq(buffers.memory, 0);
        ck_assert(!event_pending(channel.write_event, EV_WRITE, NULL));
}
END_TEST

START_TEST(an_answer_may_be_split_at_every_byte)
{
        static const char line[] = "{\"request_id\":\"17\",\"result\":{\"x\":[1,\"\xc3\xa9\"]}}\n";

        for (size_t split = 1; split < strlen(line); split++) {
                told[0] = '\0';
                write_all(worker_out, line, split);
                loop_now();
                ck_assert_str_eq(told, "");
                answer(line + split);
                ck_assert_str_eq(told, "17 result={\"x\":[1,\"\xc3\xa9\"]}|");
        }
        ck_assert_uint_eq(buffers.memory, 0);
}
END_TEST

START_TEST(many_answers_may_come_at_once)
{
        answer("{\"request_id\":\"1\",\"result\":1}\n{\"request_id\":\"2\",\"result\":null}\n \n"
               "{\"result\":3,\"request_id\":\"3\"}\n{\"request_id\":\"4\"");
        ck_assert_str_eq(told, "1 result=1|2 result=null|3 result=3|");
        answer(",\"result\":4}\n");
        ck_assert_str_eq(told, "1 result=1|2 result=null|3 result=3|4 result=4|");
}
END_TEST

START_TEST(an_error_comes_with_all_its_parts)
{
        answer("{\"request_id\":\"5\",\"error\":\"boom\",\"kind\":\"exception\",\"data\":{},"
               "\"traceback\":\"T\",\"other\":1}\n");
        ck_assert_str_eq(told, "5 error=\"boom\" kind=\"exception\" data={} traceback=\"T\"|");
        ck_assert_uint_eq(n_broken, 0);
}
END_TEST

START_TEST(a_serial_may_be_a_bare_number)
{
        answer("{\"request_id\":17,\"result\":1}\n");
        ck_assert_str_eq(told, "17 result=1|");
}
END_TEST

static const char *const faulty_lines[] = {
        "nonsense\n",
        "{\"request_id\":\"1\",\"result\":1\n",
        "{\"request_id\":\"1\",\"result\":NaN}\n",
        "{\"request_id\":\"1\",\"result\":\"\xff\"}\n",
        "[{\"request_id\":\"1\",\"result\":1}]\n",
        "17\n",
        "{\"request_id\":\"1\",\"result\":1,\"result\":2}\n",
        "{\"request_id\":\"1\",\"request_id\":\"2\",\"result\":1}\n",
};

START_TEST(what_is_no_answer_breaks_it_once)
{
        const char *good = "{\"request_id\":\"9\",\"result\":9}\n";

        write_text(worker_out, good);
        write_text(worker_out, faulty_lines[_i]);
        answer(good);
        ck_assert_str_eq(told, "9 result=9|");
        ck_assert_uint_eq(n_broken, 1);
        ck_assert_uint_eq(n_closed, 0);
        ck_assert(channel.has_ended);
        answer(good);
        channel_drain(&channel);
        channel_send(&channel, make(1, "f", ""));
        loop_now();
        ck_assert_str_eq(worker_reads(), "");
        ck_assert_uint_eq(n_told, 1);
        ck_assert_uint_eq(n_broken, 1);
}
END_TEST

/* A program with a loop of its own may leave out what the daemon can work out, and get it wrong. */
START_TEST(what_is_no_serial_is_told_as_it_stands)
{
        static const char *const ids[] = {
                "\"\"",
                "\"x\"",
                "\"0\"",
                "\"-1\"",
                "1.5",
                "[1]",
                "\"1111111111111111111111111\"",
                "\"18446744073709551617\"", /* 1, past 64 bits */
        };
        char line[128], expected[128];

        for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
                told[0] = '\0';
                sprintf(line, "{\"request_id\":%s,\"result\":1}\n", ids[i]);
                answer(line);
                sprintf(expected, "0 id=%s result=1|", ids[i]);
                ck_assert_str_eq(told, expected);
        }
        told[0] = '\0';
        answer("{\"result\":1}\n{\"request_id\":null,\"result\":2}\n");
        ck_assert_str_eq(told, "0 result=1|0 result=2|");
        ck_assert_uint_eq(n_broken, 0);
}
END_TEST

START_TEST(null_stands_for_what_is_not_there)
{
        static const char *const lines[][2] = {
                {"\"result\":1,\"error\":null", "1 result=1|"},
                {"\"result\":null,\"error\":\"x\"", "1 error=\"x\"|"},
                {"\"result\":null,\"error\":null", "1 result=null|"},
                {"\"result\":null", "1 result=null|"},
                {"\"error\":null", "1 error=null|"},
                {"\"result\":1,\"error\":\"x\"", "1 result=1 error=\"x\"|"},
                {"\"other\":1", "1|"},
        };
        char line[128];

        for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
                told[0] = '\0';
                sprintf(line, "{\"request_id\":\"1\",%s}\n", lines[i][0]);
                answer(line);
                ck_assert_str_eq(told, lines[i][1]);
        }
}
END_TEST

START_TEST(garbage_breaks_it_before_the_line_ends)
{
        answer("garbage without an end");
        ck_assert_uint_eq(n_broken, 1);
}
END_TEST

static void write_digits(size_t total)
{
        char digits[4096];

        memset(digits, '7', sizeof(digits));
        for (size_t done = 0; done < total && !channel.has_ended;) {
                size_t part = total - done < sizeof(digits) ? total - done : sizeof(digits);
                write_all(worker_out, digits, part);
                done += part;
                loop_now();
        }
}

START_TEST(the_largest_answer_is_taken)
{
        write_text(worker_out, "{\"request_id\":\"1\",\"result\":");
        write_digits(MAX_RESPONSE);
        answer("}\n");
        ck_assert_uint_eq(n_told, 1);
        ck_assert_uint_eq(last_length, MAX_RESPONSE);
}
END_TEST

START_TEST(an_answer_that_is_far_too_large_breaks_it)
{
        write_text(worker_out, "{\"request_id\":\"1\",\"result\":");
        write_digits(3 * MAX_RESPONSE);
        ck_assert_uint_eq(n_broken, 1);
        ck_assert_ptr_nonnull(strstr(reason, "max_response_size"));
        ck_assert_uint_eq(n_too_large, 1);
        ck_assert_uint_eq(large_serial, 1);
        ck_assert_uint_le(buffers.memory, 2 * MAX_RESPONSE + 4 * BUFFER_CHUNK_SIZE);
}
END_TEST

START_TEST(a_call_is_told_with_where_its_parts_lie)
{
        answer("{\"request_id\":\"py-1\",\"command\":\"b.f\",\"data\":[1, 2],\"timeout\":2.5,"
               "\"for\":\"17\"}\n{\"command\":null}\n");
        ck_assert_str_eq(told,
                         "call id=\"py-1\" command=\"b.f\" data=[1, 2] timeout=2.5 for=\"17\"|"
                         "call command=null|");
        ck_assert_uint_eq(n_told + n_broken, 0);
}
END_TEST

START_TEST(a_line_that_is_an_answer_and_a_call_breaks_it)
{
        answer("{\"request_id\":\"1\",\"command\":\"b.f\",\"result\":1}\n");
        ck_assert_uint_eq(n_broken, 1);
        ck_assert_ptr_nonnull(strstr(reason, "a call as well"));
}
END_TEST

START_TEST(a_call_may_be_larger_than_an_answer)
{
        write_text(worker_out, "{\"request_id\":\"py-1\",\"command\":\"b.f\",\"data\":");
        write_digits(MAX_REQUEST);
        write_text(worker_out, "}\n");
        loop_now();
        ck_assert_uint_eq(last_length, MAX_REQUEST);
        ck_assert_uint_eq(n_broken, 0);
        write_text(worker_out, "{\"request_id\":\"py-1\",\"command\":\"b.f\",\"data\":");
        write_digits(2 * MAX_REQUEST);
        ck_assert_uint_eq(n_broken, 1);
        ck_assert_uint_eq(n_too_large, 0);
        ck_assert_ptr_nonnull(strstr(reason, "max_request_size"));
}
END_TEST

START_TEST(an_answer_to_a_call_begins_with_its_id)
{
        struct rpc_answer result;

        rpc_answer_init(&result, &buffers);
        ck_assert_int_eq(channel_answer(&channel, "\"py-1\"", 6, &result), 0);
        rpc_answer_fail(&result, RPC_CALL_REFUSED, NULL, "no");
        ck_assert_int_eq(channel_answer(&channel, "null", 4, &result), 0);
        rpc_answer_clear(&result);
        loop_now();
        ck_assert_str_eq(
                worker_reads(),
                "{\"request_id\":\"py-1\",\"result\":null}\n"
                "{\"request_id\":null,\"error\":{\"code\":-32009,\"message\":"
                "\"Call refused\",\"data\":{\"kind\":\"call_refused\",\"detail\":\"no\"}}}\n");
}
END_TEST

START_TEST(one_that_names_its_request_last_is_told_without_it)
{
        write_text(worker_out, "{\"result\":");
        write_digits(3 * MAX_RESPONSE);
        ck_assert_uint_eq(n_too_large, 1);
        ck_assert_uint_eq(large_serial, 0);
}
END_TEST

START_TEST(the_end_of_answers_closes_it)
{
        write_text(worker_out, "{\"request_id\":\"1\",\"result\":1}\n{\"request_id\":");
        worker_out = close_fd(worker_out);
        loop_now();
        loop_now();
        ck_assert_str_eq(told, "1 result=1|");
        ck_assert_uint_eq(n_closed, 1);
        ck_assert_uint_eq(n_broken, 0);
        ck_assert_ptr_nonnull(strstr(reason, "answers on"));
        channel_drain(&channel);
        ck_assert_uint_eq(n_closed, 1);
}
END_TEST

START_TEST(a_worker_that_reads_no_more_closes_it_after_its_answers)
{
        worker_in = close_fd(worker_in);
        write_text(worker_out, "{\"request_id\":\"1\",\"result\":1}\n");
        channel_send(&channel, make(2, "f", ""));
        loop_now();
        ck_assert_str_eq(told, "1 result=1|");
        ck_assert_uint_eq(n_closed, 1);
        ck_assert_ptr_nonnull(strstr(reason, "reads requests from"));
}
END_TEST

START_TEST(a_worker_that_stops_reading_midway_closes_it)
{
        _cleanup_free_ char *params = malloc(1000001);

        memset(params, '1', 1000000);
        params[1000000] = '\0';
        channel_send(&channel, make(2, "f", params));
        loop_now();
        ck_assert_uint_eq(n_closed, 0);
        worker_in = close_fd(worker_in);
        loop_until(n_closed == 1);
}
END_TEST

START_TEST(closing_comes_behind_what_was_sent)
{
        char rest;

        channel_send(&channel, make(1, "f", ""));
        channel_close_input(&channel);
        loop_now();
        ck_assert_str_eq(worker_reads(), "{\"request_id\":\"1\",\"command\":\"f\",\"data\":{}}\n");
        ck_assert_int_eq(read(worker_in, &rest, 1), 0);
        ck_assert_int_eq(channel.in_fd, -1);
        answer("{\"request_id\":\"1\",\"result\":1}\n");
        ck_assert_uint_eq(n_told, 1);
        channel_close_input(&channel);
        loop_now();
        ck_assert_uint_eq(n_closed, 0);
}
END_TEST

START_TEST(closing_waits_for_a_worker_that_does_not_read)
{
        _cleanup_free_ char *params = malloc(500001);

        memset(params, '1', 500000);
        params[500000] = '\0';
        channel_send(&channel, make(1, "f", params));
        channel_close_input(&channel);
        loop_now();
        ck_assert_int_ge(channel.in_fd, 0);
        while (channel.in_fd >= 0) {
                worker_reads();
                loop_now();
        }
}
END_TEST

START_TEST(a_drain_takes_what_is_there)
{
        write_text(worker_out, "{\"request_id\":\"1\",\"result\":1}\n{\"request_id\":");
        channel_drain(&channel);
        ck_assert_uint_eq(n_told, 1);
        ck_assert(!channel.has_ended);
}
END_TEST

/* The story: a grandchild that kept the pipe of a worker that had ended, and wrote to it for ever,
 * held up the whole daemon. */
START_TEST(a_drain_ends_though_a_writer_does_not)
{
        char lines[4096];
        pid_t parent = getpid();

        memset(lines, '\n', sizeof(lines));
        pid_t child = fork();
        if (child == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                fcntl(worker_out, F_SETFL, 0);
                while (getppid() == parent && write(worker_out, lines, sizeof(lines)) > 0)
                        ;
                _exit(0);
        }
        channel_drain(&channel);
        ck_assert(!channel.has_ended);
        kill(child, SIGKILL);
        ck_assert_int_eq(waitpid(child, NULL, 0), child);
}
END_TEST

/* They lie elsewhere than in the pipe, where half a line may have come. */
START_TEST(lines_are_taken_from_elsewhere)
{
        static const char line[] = "{\"request_id\":\"17\",\"result\":[1,2]}\n";
        static const char half[] = "{\"request_id\":\"18\",\"result\":[1,2";

        write_text(worker_out, half);
        loop_until(channel.from_worker.length == sizeof(half) - 1);
        ck_assert_int_eq(channel_take(&channel, line, sizeof(line) - 1), 0);
        ck_assert_int_eq(channel_take(&channel, half, sizeof(half) - 1), 0);
        write_text(worker_out, "]}\n");
        loop_until(n_told == 2);
        ck_assert_str_eq(told, "17 result=[1,2]|18 result=[1,2]|");
        worker_out = close_fd(worker_out);
        loop_until(n_closed == 1);
        ck_assert_int_eq(channel_take(&channel, line, sizeof(line) - 1), 0);
        ck_assert_uint_eq(n_told, 3);
        ck_assert(channel.has_ended);
        ck_assert_uint_eq(n_broken, 0);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("channel");
        TCase *tcase = loop_case(suite, setup, teardown);

        tcase_add_test(tcase, a_request_is_one_line_of_the_fixed_layout);
        tcase_add_test(tcase, without_params_the_data_is_empty);
        tcase_add_test(tcase, a_serial_has_all_its_digits);
        tcase_add_test(tcase, a_function_cannot_change_the_line);
        tcase_add_test(tcase, the_longest_function_fits);
        tcase_add_test(tcase, arrays_of_calls_by_programs_are_marked_for_who_asks);
        tcase_add_test(tcase, requests_of_a_turn_are_written_together);
        tcase_add_test(tcase, large_params_are_shared_and_wait_for_room);
        tcase_add_test(tcase, an_answer_may_be_split_at_every_byte);
        tcase_add_test(tcase, many_answers_may_come_at_once);
        tcase_add_test(tcase, an_error_comes_with_all_its_parts);
        tcase_add_test(tcase, a_serial_may_be_a_bare_number);
        tcase_add_loop_test(tcase, what_is_no_answer_breaks_it_once, 0,
                            (int)ARRAY_SIZE(faulty_lines));
        tcase_add_test(tcase, what_is_no_serial_is_told_as_it_stands);
        tcase_add_test(tcase, null_stands_for_what_is_not_there);
        tcase_add_test(tcase, garbage_breaks_it_before_the_line_ends);
        tcase_add_test(tcase, the_largest_answer_is_taken);
        tcase_add_test(tcase, an_answer_that_is_far_too_large_breaks_it);
        tcase_add_test(tcase, a_call_is_told_with_where_its_parts_lie);
        tcase_add_test(tcase, a_line_that_is_an_answer_and_a_call_breaks_it);
        tcase_add_test(tcase, a_call_may_be_larger_than_an_answer);
        tcase_add_test(tcase, an_answer_to_a_call_begins_with_its_id);
        tcase_add_test(tcase, one_that_names_its_request_last_is_told_without_it);
        tcase_add_test(tcase, the_end_of_answers_closes_it);
        tcase_add_test(tcase, a_worker_that_reads_no_more_closes_it_after_its_answers);
        tcase_add_test(tcase, a_worker_that_stops_reading_midway_closes_it);
        tcase_add_test(tcase, closing_comes_behind_what_was_sent);
        tcase_add_test(tcase, closing_waits_for_a_worker_that_does_not_read);
        tcase_add_test(tcase, a_drain_takes_what_is_there);
        tcase_add_test(tcase, a_drain_ends_though_a_writer_does_not);
        tcase_add_test(tcase, lines_are_taken_from_elsewhere);
        return run_suite(suite);
}
