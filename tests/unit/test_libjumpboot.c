/* SPDX-License-Identifier: MIT */
/*
 * libjumpboot against a daemon that these tests play themselves, at the other end of a socket pair:
 * so each byte comes when the test says. Where both ends must run at once, a child plays it.
 */
#include "client/jumpboot.h"

#include "suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define LONG_TIME_MS 60000 /* a test that takes it has failed */

static struct jumpboot *jb;
static int daemon_end;

static void setup(void)
{
        int fds[2];

        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        ck_assert_int_eq(jumpboot_from_fd(fds[0], &jb), 0);
        daemon_end = fds[1];
}

static void teardown(void)
{
        jumpboot_close(jb);
        if (daemon_end >= 0)
                close(daemon_end);
}

static void say_bytes(const char *bytes, size_t length)
{
        ck_assert_int_eq(send(daemon_end, bytes, length, MSG_NOSIGNAL), (ssize_t)length);
}

static void say(const char *text)
{
        say_bytes(text, strlen(text));
}

static void hang_up(void)
{
        close(daemon_end);
        daemon_end = -1;
}

/* What the library has sent, once it has written all that it has. */
static const char *heard(void)
{
        static char text[65536];
        ssize_t n;

        ck_assert_int_ge(jumpboot_process(jb), 0);
        n = recv(daemon_end, text, sizeof(text) - 1, MSG_DONTWAIT);
        text[n > 0 ? n : 0] = '\0';
        return text;
}

static uint64_t submit(const char *method, const char *params)
{
        uint64_t id = 0;

        ck_assert_int_eq(jumpboot_submit(jb, method, params, JUMPBOOT_NO_TIMEOUT, &id), 0);
        return id;
}

static struct jumpboot_reply *next_reply(void)
{
        struct jumpboot_reply *reply;

        ck_assert_int_eq(jumpboot_next_reply(jb, &reply), 1);
        return reply;
}

static void expect_result(uint64_t id, const char *result)
{
        struct jumpboot_reply *reply = next_reply();
        size_t length;

        ck_assert_uint_eq(jumpboot_reply_id(reply), id);
        ck_assert_int_eq(jumpboot_reply_status(reply), 0);
        ck_assert_str_eq(jumpboot_reply_result(reply, &length), result);
        ck_assert_uint_eq(length, strlen(result));
        ck_assert_ptr_null(jumpboot_reply_message(reply));
        ck_assert_ptr_null(jumpboot_reply_error(reply, NULL));
        jumpboot_reply_free(reply);
}

static void expect_failure(uint64_t id, int status)
{
        struct jumpboot_reply *reply = next_reply();

        ck_assert_uint_eq(jumpboot_reply_id(reply), id);
        ck_assert_int_eq(jumpboot_reply_status(reply), status);
        ck_assert_ptr_null(jumpboot_reply_result(reply, NULL));
        ck_assert_ptr_nonnull(jumpboot_reply_message(reply));
        jumpboot_reply_free(reply);
}

static void expect_no_reply(void)
{
        struct jumpboot_reply *reply;

        ck_assert_int_eq(jumpboot_next_reply(jb, &reply), 0);
        ck_assert_ptr_null(reply);
}

/* A child that runs play(fd) with the daemon's end; it ends with its parent. */
static pid_t spawn_daemon(void (*play)(int fd))
{
        pid_t pid = fork();

        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                close(jumpboot_fd(jb));
                play(daemon_end);
                _exit(0);
        }
        hang_up();
        return pid;
}

static void join_daemon(pid_t pid)
{
        int status;

        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the daemon's part failed");
}

/* ---- What is sent ---- */

START_TEST(test_request_is_one_line_with_the_id_first)
{
        submit("calc.add", "{\"a\":1}");
        ck_assert_str_eq(heard(), "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"calc.add\","
                                  "\"params\":{\"a\":1}}\n");
        submit("calc.add", NULL);
        ck_assert_str_eq(heard(), "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"calc.add\"}\n");
}
END_TEST

START_TEST(test_timeout_is_sent_in_seconds)
{
        uint64_t id;

        setlocale(LC_ALL, "de_DE.UTF-8"); /* a decimal comma, where it is installed */
        ck_assert_int_eq(jumpboot_submit(jb, "p.f", "[]", 1050, &id), 0);
        ck_assert_ptr_nonnull(strstr(heard(), "\"timeout\":1.050,"));
}
END_TEST

START_TEST(test_method_is_escaped)
{
        submit("p.\"\\\n", NULL);
        ck_assert_ptr_nonnull(strstr(heard(), "\"method\":\"p.\\\"\\\\\\n\""));
}
END_TEST

START_TEST(test_line_breaks_in_params_become_blanks)
{
        submit("p.f", "\n{\n  \"a\":\r\n  [1,\n2]\n}\n");
        ck_assert_ptr_nonnull(strstr(heard(), "\"params\":\t{\t  \"a\":\r\t  [1,\t2]\t}\t}\n"));
}
END_TEST

START_TEST(test_notification_has_no_id)
{
        ck_assert_int_eq(jumpboot_notify(jb, "p.f", "[1]"), 0);
        ck_assert_uint_eq(jumpboot_in_flight(jb), 0);
        ck_assert_int_eq(jumpboot_flush(jb, LONG_TIME_MS), 0);
        ck_assert_str_eq(heard(), "{\"jsonrpc\":\"2.0\",\"method\":\"p.f\",\"params\":[1]}\n");
}
END_TEST

static const struct {
        const char *params;
        const char *where; /* part of the error text */
} bad_params[] = {
        {"", "at byte 0, "},
        {"  ", "at byte 2, "},
        {"1", "at byte 0, expected '{' or '['"},
        {"\"text\"", "at byte 0, expected '{' or '['"},
        {"nonsense", "at byte 0, expected '{' or '['"},
        {"{\"a\":}", "at byte 5, "},
        {"{\"a\":1", "at byte 6, "},
        {"{\"a", "at byte 3, "},
        {"[1,]", "at byte 3, "},
        {"[1]]", "at byte 3, "},
        {"[1],[2]", "at byte 3, "},
        {"{},\"method\":\"evil.call\"", "at byte 2, "},
        {"{}}\n{\"jsonrpc\":\"2.0\",\"method\":\"evil.call\"}", "at byte 2, "},
        {"[\"a\nb\"]", "at byte 3, "}, /* a line break in a string is none of JSON's */
        {"[\"\xff\"]", "at byte 2, "},
        {"[NaN]", "at byte 1, "},
        {"\xef\xbb\xbf[]", "at byte 0, "},
};

START_TEST(test_bad_params_are_refused)
{
        uint64_t id;
        int r;

        r = jumpboot_submit(jb, "p.f", bad_params[_i].params, JUMPBOOT_NO_TIMEOUT, &id);
        ck_assert_int_eq(r, JUMPBOOT_EPARAMS);
        ck_assert_msg(strstr(jumpboot_error_text(jb), bad_params[_i].where),
                      "\"%s\" should contain \"%s\"", jumpboot_error_text(jb),
                      bad_params[_i].where);
        ck_assert_uint_eq(jumpboot_in_flight(jb), 0);
        ck_assert_int_eq(jumpboot_notify(jb, "p.f", bad_params[_i].params), JUMPBOOT_EPARAMS);
        ck_assert_int_eq(jumpboot_events(jb), POLLIN);
        ck_assert_str_eq(heard(), "");
        ck_assert_uint_eq(submit("p.f", "[]"), 1);
}
END_TEST

START_TEST(test_params_as_deep_as_a_request_can_be)
{
        char params[2 * 256 + 1];
        struct jumpboot_reply *reply;

        memset(params, '[', 255);
        memset(params + 255, ']', 255);
        params[510] = '\0';
        submit("p.f", params);
        memset(params, '[', 256);
        memset(params + 256, ']', 256);
        params[512] = '\0';
        ck_assert_int_eq(jumpboot_call(jb, "p.f", params, 1, &reply), JUMPBOOT_EPARAMS);
}
END_TEST

START_TEST(test_bad_methods_and_timeouts_are_refused)
{
        uint64_t id;

        ck_assert_int_eq(jumpboot_submit(jb, "", NULL, -1, &id), JUMPBOOT_EMETHOD);
        ck_assert_int_eq(jumpboot_submit(jb, "p.\xff", NULL, -1, &id), JUMPBOOT_EMETHOD);
        ck_assert_int_eq(jumpboot_submit(jb, "p.f", NULL, 0, &id), -EINVAL);
        ck_assert_int_eq(jumpboot_submit(jb, "p.f", NULL, -2, &id), -EINVAL);
        ck_assert_uint_eq(jumpboot_in_flight(jb), 0);
        ck_assert_str_eq(heard(), "");
}
END_TEST

/* ---- What is received ---- */

START_TEST(test_answers_in_any_order)
{
        uint64_t a = submit("p.f", "[1]"), b = submit("p.f", "[2]"), c = submit("p.f", "[3]");

        say("{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":\"c\"}\n{\"id\":1,\"result\":[1, 2]}\n");
        ck_assert_int_eq(jumpboot_process(jb), 0);
        ck_assert_uint_eq(jumpboot_in_flight(jb), 1);
        expect_result(c, "\"c\"");
        expect_result(a, "[1, 2]");
        expect_no_reply();
        say(" { \"result\" : null , \"id\" : 2 } \r\n");
        ck_assert_int_eq(jumpboot_process(jb), 0);
        expect_result(b, "null");
}
END_TEST

START_TEST(test_answers_byte_by_byte)
{
        const char *text = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"a\\\\\":\"}\\n\"}}\n"
                           "\n{\"id\":2,\"result\":2}\n";
        uint64_t a = submit("p.f", NULL), b = submit("p.f", NULL);

        for (; *text; text++) {
                say_bytes(text, 1);
                ck_assert_int_eq(jumpboot_process(jb), 0);
        }
        expect_result(a, "{\"a\\\\\":\"}\\n\"}");
        expect_result(b, "2");
}
END_TEST

START_TEST(test_many_in_flight)
{
        enum { N = 5000 };
        char text[64];

        for (int i = 1; i <= N; i++)
                ck_assert_uint_eq(submit("p.f", NULL), (unsigned)i);
        for (int i = N; i >= 1; i -= 1) {
                snprintf(text, sizeof(text), "{\"id\":%d,\"result\":%d}\n", i, i * 7);
                say(text);
                while (jumpboot_in_flight(jb) >= (size_t)i) {
                        heard();
                        ck_assert_int_eq(jumpboot_process(jb), 0);
                }
                snprintf(text, sizeof(text), "%d", i * 7);
                expect_result((unsigned)i, text);
        }
}
END_TEST

static const char exception_answer[] =
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32000,\"message\":\"ValueError: "
        "\\u00e9\\ud83d\\ude00\",\"data\":{\"kind\":\"exception\",\"args\":[1],"
        "\"traceback\":\"Traceback:\\n  x\\n\"}}}\n";

START_TEST(test_error_answer)
{
        struct jumpboot_reply *reply;
        size_t length;

        say(exception_answer);
        ck_assert_int_eq(jumpboot_call(jb, "p.f", NULL, LONG_TIME_MS, &reply), JUMPBOOT_EANSWER);
        ck_assert_int_eq(jumpboot_reply_status(reply), JUMPBOOT_EANSWER);
        ck_assert_int_eq(jumpboot_reply_code(reply), JUMPBOOT_CODE_EXCEPTION);
        ck_assert_str_eq(jumpboot_reply_kind(reply), "exception");
        ck_assert_str_eq(jumpboot_reply_message(reply), "ValueError: \u00e9\U0001f600");
        ck_assert_str_eq(jumpboot_error_text(jb), "ValueError: \u00e9\U0001f600");
        ck_assert_str_eq(jumpboot_reply_traceback(reply), "Traceback:\n  x\n");
        ck_assert_double_lt(jumpboot_reply_retry_after(reply), 0);
        ck_assert_str_eq(jumpboot_reply_data(reply, &length),
                         "{\"kind\":\"exception\",\"args\":[1],\"traceback\":\"Traceback:\\n  "
                         "x\\n\"}");
        ck_assert_uint_eq(length, strlen(jumpboot_reply_data(reply, NULL)));
        ck_assert_mem_eq(jumpboot_reply_error(reply, &length), "{\"code\":-32000,", 15);
        ck_assert_str_eq(jumpboot_reply_error(reply, NULL) + length - 3, "\"}}");
        ck_assert_ptr_null(jumpboot_reply_result(reply, &length));
        ck_assert_uint_eq(length, 0);
        jumpboot_reply_free(reply);
}
END_TEST

START_TEST(test_retry_after_in_any_locale)
{
        struct jumpboot_reply *reply;

        setlocale(LC_ALL, "de_DE.UTF-8");
        say("{\"id\":1,\"error\":{\"message\":\"full\",\"data\":{\"retry_after\":1.25,\"kind\":"
            "\"overloaded\"},\"code\":-32001}}\n");
        ck_assert_int_eq(jumpboot_call(jb, "p.f", NULL, LONG_TIME_MS, &reply), JUMPBOOT_EANSWER);
        ck_assert_double_eq(jumpboot_reply_retry_after(reply), 1.25);
        ck_assert_str_eq(jumpboot_reply_kind(reply), "overloaded");
        ck_assert_ptr_null(jumpboot_reply_traceback(reply));
        jumpboot_reply_free(reply);
}
END_TEST

START_TEST(test_error_without_data)
{
        struct jumpboot_reply *reply;

        say("{\"id\":1,\"error\":{\"code\":-32601,\"message\":\"Method not found\"}}\n");
        ck_assert_int_eq(jumpboot_call(jb, "p.f", NULL, LONG_TIME_MS, &reply), JUMPBOOT_EANSWER);
        ck_assert_int_eq(jumpboot_reply_code(reply), JUMPBOOT_CODE_METHOD_NOT_FOUND);
        ck_assert_ptr_null(jumpboot_reply_kind(reply));
        ck_assert_ptr_null(jumpboot_reply_data(reply, NULL));
        jumpboot_reply_free(reply);
}
END_TEST

static const char *const no_answers[] = {
        "HTTP/1.1 400 Bad Request\r\n",
        "\x16\x03\x01\x02\x01\n",
        "[{\"id\":1,\"result\":1}]\n",
        "17\n",
        "null\n",
        "{}\n",
        "{\"result\":1}\n",
        "{\"id\":1}\n",
        "{\"id\":1,\"result\":1,\"error\":{\"code\":1,\"message\":\"\"}}\n",
        "{\"id\":1,\"result\":1,\"result\":2}\n",
        "{\"id\":1,\"id\":1,\"result\":2}\n",
        "{\"id\":\"1\",\"result\":1}\n",
        "{\"id\":1.0,\"result\":1}\n",
        "{\"id\":-1,\"result\":1}\n",
        "{\"id\":2,\"result\":1}\n",
        "{\"id\":18446744073709551617,\"result\":1}\n",
        "{\"id\":null,\"result\":1}\n",
        "{\"id\":1,\"error\":null}\n",
        "{\"id\":1,\"error\":\"text\"}\n",
        "{\"id\":1,\"error\":{}}\n",
        "{\"id\":1,\"error\":{\"code\":1}}\n",
        "{\"id\":1,\"error\":{\"code\":\"1\",\"message\":\"\"}}\n",
        "{\"id\":1,\"error\":{\"code\":1.5,\"message\":\"\"}}\n",
        "{\"id\":1,\"error\":{\"code\":99999999999,\"message\":\"\"}}\n",
        "{\"id\":1,\"error\":{\"code\":1,\"message\":2}}\n",
        "{\"id\":1,\"result\":1\n",
        "{\"id\":1,\"result\":\"\xff\"}\n",
};

START_TEST(test_what_is_no_answer_ends_the_connection)
{
        uint64_t id = submit("p.f", NULL);

        say(no_answers[_i]);
        ck_assert_int_eq(jumpboot_process(jb), JUMPBOOT_EPROTOCOL);
        ck_assert_str_ne(jumpboot_error_text(jb), "");
        expect_failure(id, JUMPBOOT_EPROTOCOL);
        ck_assert_int_eq(jumpboot_events(jb), 0);
        ck_assert_int_eq(jumpboot_timeout(jb), -1);
        ck_assert_int_eq(jumpboot_submit(jb, "p.f", NULL, -1, &id), JUMPBOOT_EPROTOCOL);
        ck_assert_int_eq(jumpboot_notify(jb, "p.f", NULL), JUMPBOOT_EPROTOCOL);
        ck_assert_int_eq(jumpboot_process(jb), JUMPBOOT_EPROTOCOL);
}
END_TEST

#define REFUSAL "{\"id\":null,\"error\":{\"code\":-32600,\"message\":\"Invalid Request\"}}\n"

START_TEST(test_refusal_without_id_is_for_the_only_request)
{
        struct jumpboot_reply *reply;

        say(REFUSAL);
        ck_assert_int_eq(jumpboot_call(jb, "p.f", NULL, LONG_TIME_MS, &reply), JUMPBOOT_EANSWER);
        ck_assert_int_eq(jumpboot_reply_code(reply), JUMPBOOT_CODE_INVALID_REQUEST);
        jumpboot_reply_free(reply);
}
END_TEST

START_TEST(test_refusal_without_id_ends_all_if_it_may_be_any)
{
        uint64_t a = submit("p.f", NULL), b = submit("p.f", NULL);

        say(REFUSAL);
        ck_assert_int_eq(jumpboot_process(jb), JUMPBOOT_EPROTOCOL);
        expect_failure(a, JUMPBOOT_EPROTOCOL);
        expect_failure(b, JUMPBOOT_EPROTOCOL);
}
END_TEST

START_TEST(test_refusal_of_a_notification_harms_nobody)
{
        uint64_t id;

        ck_assert_int_eq(jumpboot_notify(jb, "p.f", NULL), 0);
        id = submit("p.f", NULL);
        say(REFUSAL "{\"id\":1,\"result\":5}\n");
        ck_assert_int_eq(jumpboot_process(jb), 0);
        expect_result(id, "5");
}
END_TEST

/* What was sent before the end is read first. */
static void process_to_the_end(void)
{
        int r;

        while ((r = jumpboot_process(jb)) == 0)
                continue;
        ck_assert_int_eq(r, JUMPBOOT_ECLOSED);
}

START_TEST(test_end_ends_what_is_in_flight)
{
        uint64_t a = submit("p.f", NULL), b = submit("p.f", NULL);

        ck_assert_int_eq(jumpboot_process(jb), 0);
        say("{\"id\":2,\"result\":2}\n");
        hang_up();
        process_to_the_end();
        expect_result(b, "2");
        expect_failure(a, JUMPBOOT_ECLOSED);
        ck_assert_int_eq(jumpboot_flush(jb, LONG_TIME_MS), JUMPBOOT_ECLOSED);
}
END_TEST

START_TEST(test_end_in_the_middle_of_an_answer)
{
        uint64_t id = submit("p.f", NULL);

        ck_assert_int_eq(jumpboot_process(jb), 0);
        say("{\"id\":1,\"result\":2}");
        hang_up();
        process_to_the_end();
        ck_assert_ptr_nonnull(strstr(jumpboot_error_text(jb), "in the middle"));
        expect_failure(id, JUMPBOOT_ECLOSED);
}
END_TEST

/* The library has more to write than the socket takes when the daemon goes away: SIGPIPE would end
 * this process, and the answer that came before must still be read. */
START_TEST(test_answer_before_the_end_is_read_though_writing_fails)
{
        char *params = malloc(4 << 20);
        uint64_t a, b;

        memset(params, ' ', 4 << 20);
        strcpy(params + (4 << 20) - 3, "[]");
        a = submit("p.f", NULL);
        b = submit("p.f", params);
        ck_assert_int_eq(jumpboot_process(jb), 0);
        ck_assert_int_eq(jumpboot_events(jb), POLLIN | POLLOUT);
        say("{\"id\":1,\"result\":1}\n");
        hang_up();
        ck_assert_int_eq(jumpboot_process(jb), JUMPBOOT_ECLOSED);
        expect_result(a, "1");
        expect_failure(b, JUMPBOOT_EUNSENT);
        free(params);
}
END_TEST

/* None of those that were not sent to their end has run. */
START_TEST(test_end_tells_what_was_not_sent)
{
        char *params = malloc(4 << 20);
        uint64_t ids[3];

        memset(params, ' ', 4 << 20);
        strcpy(params + (4 << 20) - 3, "[]");
        for (int i = 0; i < 3; i++)
                ids[i] = submit("p.f", i == 1 ? params : NULL);
        ck_assert_int_eq(jumpboot_process(jb), 0);
        hang_up();
        ck_assert_int_eq(jumpboot_process(jb), JUMPBOOT_ECLOSED);
        expect_failure(ids[0], JUMPBOOT_ECLOSED);
        expect_failure(ids[1], JUMPBOOT_EUNSENT);
        expect_failure(ids[2], JUMPBOOT_EUNSENT);
        ck_assert_int_eq(jumpboot_submit(jb, "p.f", NULL, -1, &ids[0]), JUMPBOOT_EUNSENT);
        free(params);
}
END_TEST

START_TEST(test_closed_before_the_call)
{
        struct jumpboot_reply *reply;

        hang_up();
        ck_assert_int_eq(jumpboot_call(jb, "p.f", NULL, -1, &reply), JUMPBOOT_EUNSENT);
        ck_assert_ptr_null(reply);
        ck_assert_int_eq(jumpboot_call(jb, "p.f", NULL, -1, &reply), JUMPBOOT_EUNSENT);
        ck_assert_ptr_null(reply);
        ck_assert_int_eq(jumpboot_process(jb), JUMPBOOT_ECLOSED);
}
END_TEST

START_TEST(test_too_large_an_answer_ends_only_its_request)
{
        uint64_t a, b, c;

        jumpboot_set_max_answer(jb, 40);
        a = submit("p.f", NULL);
        b = submit("p.f", NULL);
        c = submit("p.f", NULL);
        say("{\"id\":1,\"result\":\"0123456789012345678901234\"}\n{\"id\":2,\"result\":1}\n");
        ck_assert_int_eq(jumpboot_process(jb), 0);
        expect_failure(a, JUMPBOOT_ETOOLARGE);
        expect_result(b, "1");

        say("{\"id\":3,\"result\":\"");
        for (int i = 0; i < 1000; i++) {
                char block[1000];

                memset(block, 'x', sizeof(block));
                say_bytes(block, sizeof(block));
                ck_assert_int_eq(jumpboot_process(jb), 0);
        }
        say("\"}\n");
        ck_assert_int_eq(jumpboot_process(jb), 0);
        expect_failure(c, JUMPBOOT_ETOOLARGE);
        submit("p.f", NULL);
        say("{\"id\":4,\"result\":4}\n");
        ck_assert_int_eq(jumpboot_process(jb), 0);
        expect_result(4, "4");
}
END_TEST

/* Then nobody can tell whose it was. */
START_TEST(test_too_large_an_answer_with_its_id_at_the_end)
{
        uint64_t id = submit("p.f", NULL);
        char block[20000];

        jumpboot_set_max_answer(jb, 100);
        memset(block, ' ', sizeof(block));
        say("{\"result\":1,");
        say_bytes(block, sizeof(block));
        ck_assert_int_eq(jumpboot_process(jb), 0);
        say("\"id\":1}\n");
        ck_assert_int_eq(jumpboot_process(jb), JUMPBOOT_EPROTOCOL);
        expect_failure(id, JUMPBOOT_EPROTOCOL);
}
END_TEST

#define LARGE ((size_t)64 << 20)

static void send_all(int fd, const char *text, size_t length)
{
        while (length > 0) {
                ssize_t n = send(fd, text, length, MSG_NOSIGNAL);

                if (n < 0)
                        _exit(1);
                text += n;
                length -= (size_t)n;
        }
}

/* Reads one line, however long; returns its length. */
static size_t receive_line(int fd)
{
        static char block[65536];
        size_t length = 0;

        for (;;) {
                ssize_t n = recv(fd, block, sizeof(block), 0);

                if (n <= 0)
                        _exit(1);
                length += (size_t)n;
                if (block[n - 1] == '\n')
                        return length;
        }
}

static void play_large_answer(int fd)
{
        char *text = malloc(LARGE);

        receive_line(fd);
        memset(text, 'x', LARGE);
        send_all(fd, "{\"id\":1,\"result\":\"", 18);
        send_all(fd, text, LARGE);
        send_all(fd, "\"}\n{\"id\":2,\"result\":2}\n", 23);
        free(text);
}

START_TEST(test_large_answer)
{
        pid_t pid = spawn_daemon(play_large_answer);
        struct jumpboot_reply *reply;
        size_t length;

        submit("p.f", NULL);
        submit("p.f", NULL);
        ck_assert_int_eq(jumpboot_wait(jb, 1, -1, &reply), 0);
        jumpboot_reply_result(reply, &length);
        ck_assert_uint_eq(length, LARGE + 2);
        ck_assert_str_eq(jumpboot_reply_result(reply, NULL) + LARGE, "x\"");
        jumpboot_reply_free(reply);
        ck_assert_int_eq(jumpboot_wait(jb, 2, -1, &reply), 0);
        ck_assert_str_eq(jumpboot_reply_result(reply, NULL), "2");
        jumpboot_reply_free(reply);
        join_daemon(pid);
}
END_TEST

static void play_large_request(int fd)
{
        char text[64];
        int n = sprintf(text, "{\"id\":1,\"result\":%zu}\n", receive_line(fd));

        send_all(fd, text, (size_t)n);
}

START_TEST(test_large_request)
{
        pid_t pid = spawn_daemon(play_large_request);
        char *params = malloc(LARGE + 1);
        struct jumpboot_reply *reply;

        memset(params, 'x', LARGE);
        memcpy(params, "[\"", 2);
        strcpy(params + LARGE - 2, "\"]");
        ck_assert_int_eq(jumpboot_call(jb, "p.f", params, -1, &reply), 0);
        ck_assert_uint_gt(strtoul(jumpboot_reply_result(reply, NULL), NULL, 10), LARGE);
        jumpboot_reply_free(reply);
        free(params);
        join_daemon(pid);
}
END_TEST

/* ---- Deadlines and waiting ---- */

START_TEST(test_deadline_of_a_silent_daemon)
{
        struct jumpboot_reply *reply;

        ck_assert_int_eq(jumpboot_call(jb, "p.f", NULL, 1, &reply), -ETIMEDOUT);
        ck_assert_str_eq(jumpboot_error_text(jb), "no answer within 1 ms");
        ck_assert_ptr_null(reply);
        /* What comes late is nobody's, and the connection goes on. */
        say("{\"id\":1,\"result\":1}\n{\"id\":2,\"result\":2}\n");
        ck_assert_int_eq(jumpboot_call(jb, "p.f", NULL, LONG_TIME_MS, &reply), 0);
        ck_assert_str_eq(jumpboot_reply_result(reply, NULL), "2");
        jumpboot_reply_free(reply);
}
END_TEST

START_TEST(test_deadline_of_a_daemon_that_does_not_read)
{
        char *params = malloc(8 << 20);
        struct jumpboot_reply *reply;

        memset(params, ' ', 8 << 20);
        strcpy(params + (8 << 20) - 3, "[]");
        ck_assert_int_eq(jumpboot_call(jb, "p.f", params, 1, &reply), -ETIMEDOUT);
        ck_assert_int_eq(jumpboot_flush(jb, 1), -ETIMEDOUT);
        free(params);
}
END_TEST

START_TEST(test_each_request_has_its_own_deadline)
{
        uint64_t soon, never, late;

        ck_assert_int_eq(jumpboot_timeout(jb), -1);
        ck_assert_int_eq(jumpboot_submit(jb, "p.f", NULL, LONG_TIME_MS, &late), 0);
        ck_assert_int_eq(jumpboot_submit(jb, "p.f", NULL, 1, &soon), 0);
        never = submit("p.f", NULL);
        while (jumpboot_in_flight(jb) == 3) {
                struct pollfd pollfd = {.fd = jumpboot_fd(jb), .events = POLLIN};

                ck_assert_int_ge(jumpboot_timeout(jb), 0);
                poll(&pollfd, 1, jumpboot_timeout(jb));
                ck_assert_int_eq(jumpboot_process(jb), 0);
        }
        expect_failure(soon, -ETIMEDOUT);
        expect_no_reply();
        ck_assert_int_gt(jumpboot_timeout(jb), 1000);
        ck_assert_int_eq(jumpboot_forget(jb, late), 0);
        ck_assert_uint_eq(jumpboot_in_flight(jb), 1);
        ck_assert_int_eq(jumpboot_forget(jb, never), 0);
        ck_assert_int_eq(jumpboot_timeout(jb), -1);
}
END_TEST

START_TEST(test_wait_for_one_leaves_the_others)
{
        uint64_t a = submit("p.f", NULL), b = submit("p.f", NULL);
        struct jumpboot_reply *reply;

        ck_assert_int_eq(jumpboot_wait(jb, b, 0, &reply), -ETIMEDOUT);
        ck_assert_ptr_null(reply);
        say("{\"id\":1,\"result\":1}\n{\"id\":2,\"result\":2}\n");
        ck_assert_int_eq(jumpboot_wait(jb, b, LONG_TIME_MS, &reply), 0);
        ck_assert_uint_eq(jumpboot_reply_id(reply), b);
        jumpboot_reply_free(reply);
        ck_assert_int_eq(jumpboot_wait(jb, b, LONG_TIME_MS, &reply), -ENOENT);
        ck_assert_int_eq(jumpboot_wait(jb, 0, LONG_TIME_MS, &reply), 0);
        ck_assert_uint_eq(jumpboot_reply_id(reply), a);
        jumpboot_reply_free(reply);
        ck_assert_int_eq(jumpboot_wait(jb, 0, LONG_TIME_MS, &reply), -ENOENT);
}
END_TEST

START_TEST(test_forgotten_request_gets_no_reply)
{
        uint64_t a = submit("p.f", NULL), b = submit("p.f", NULL), c = submit("p.f", NULL);

        ck_assert_int_eq(jumpboot_forget(jb, a), 0);
        ck_assert_int_eq(jumpboot_forget(jb, a), -ENOENT);
        ck_assert_int_eq(jumpboot_forget(jb, 0), -ENOENT);
        ck_assert_int_eq(jumpboot_forget(jb, 99), -ENOENT);
        say("{\"id\":1,\"result\":1}\n{\"id\":2,\"result\":2}\n{\"id\":3,\"result\":3}\n");
        ck_assert_int_eq(jumpboot_process(jb), 0);
        ck_assert_int_eq(jumpboot_forget(jb, b), 0);
        expect_result(c, "3");
        expect_no_reply();
}
END_TEST

START_TEST(test_a_cancelled_request_has_its_reply)
{
        uint64_t a = submit("p.f", NULL), b = submit("p.f", NULL);

        heard();
        ck_assert_int_eq(jumpboot_cancel(jb, b), 0);
        ck_assert_str_eq(heard(), "{\"jsonrpc\":\"2.0\",\"method\":\"$/cancelRequest\","
                                  "\"params\":{\"id\":2}}\n");
        ck_assert_int_eq(jumpboot_cancel(jb, 0), -ENOENT);
        ck_assert_int_eq(jumpboot_cancel(jb, 3), -ENOENT);
        ck_assert_uint_eq(jumpboot_in_flight(jb), 2);
        say("{\"id\":1,\"result\":1}\n{\"id\":2,\"result\":2}\n");
        ck_assert_int_eq(jumpboot_process(jb), 0);
        expect_result(a, "1");
        expect_result(b, "2");
        ck_assert_int_eq(jumpboot_cancel(jb, a), -ENOENT);
        expect_no_reply();
}
END_TEST

static volatile sig_atomic_t alarms;

static void on_alarm(int signal)
{
        (void)signal;
        alarms++;
}

static void *answer_after_alarms(void *userdata)
{
        sigset_t all;

        (void)userdata;
        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, NULL);
        while (alarms < 5)
                sched_yield();
        say("{\"id\":1,\"result\":1}\n");
        return NULL;
}

START_TEST(test_signals_do_not_end_a_wait)
{
        struct sigaction action = {.sa_handler = on_alarm}; /* and no SA_RESTART */
        struct itimerval every_ms = {.it_interval.tv_usec = 1000, .it_value.tv_usec = 1000};
        struct jumpboot_reply *reply;
        pthread_t thread;

        sigaction(SIGALRM, &action, NULL);
        ck_assert_int_eq(pthread_create(&thread, NULL, answer_after_alarms, NULL), 0);
        setitimer(ITIMER_REAL, &every_ms, NULL);
        ck_assert_int_eq(jumpboot_call(jb, "p.f", NULL, -1, &reply), 0);
        setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
        pthread_join(thread, NULL);
        ck_assert_int_ge(alarms, 5);
        jumpboot_reply_free(reply);
}
END_TEST

START_TEST(test_replies_outlive_their_connection)
{
        struct jumpboot_reply *reply;

        say("{\"id\":1,\"result\":[true]}\n");
        ck_assert_int_eq(jumpboot_call(jb, "p.f", NULL, LONG_TIME_MS, &reply), 0);
        submit("p.f", NULL); /* and one is in flight when the connection closes */
        jumpboot_close(jb);
        jb = NULL;
        ck_assert_str_eq(jumpboot_reply_result(reply, NULL), "[true]");
        jumpboot_reply_free(reply);
        jumpboot_reply_free(NULL);
}
END_TEST

/* ---- Connecting ---- */

static char folder[] = "/tmp/libjumpboot-XXXXXX";
static struct sockaddr_un address = {.sun_family = AF_UNIX};

static int listen_somewhere(int backlog)
{
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        ck_assert_ptr_nonnull(mkdtemp(folder));
        snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", folder);
        ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        ck_assert_int_eq(listen(fd, backlog), 0);
        return fd;
}

static void stop_listening(int fd)
{
        close(fd);
        unlink(address.sun_path);
        rmdir(folder);
}

START_TEST(test_connect)
{
        int listener = listen_somewhere(1);
        struct jumpboot *connection;

        setenv("JUMPBOOT_SOCKET", address.sun_path, 1);
        ck_assert_str_eq(jumpboot_socket_path(), address.sun_path);
        ck_assert_int_eq(jumpboot_connect(NULL, LONG_TIME_MS, &connection), 0);
        ck_assert(fcntl(jumpboot_fd(connection), F_GETFD) & FD_CLOEXEC);
        jumpboot_close(connection);
        stop_listening(listener);
        setenv("JUMPBOOT_SOCKET", "", 1);
        ck_assert_str_eq(jumpboot_socket_path(), JUMPBOOT_DEFAULT_SOCKET);
}
END_TEST

/* The kernel lets a connect wait while the queue of the listener is full. */
START_TEST(test_connect_gives_up_in_time)
{
        int listener = listen_somewhere(0);
        struct jumpboot *first, *second, *third = NULL;

        ck_assert_int_eq(jumpboot_connect(address.sun_path, 0, &first), 0);
        ck_assert_int_eq(jumpboot_connect(address.sun_path, 10, &second), -ETIMEDOUT);
        ck_assert_ptr_null(second);
        ck_assert_int_eq(jumpboot_connect(address.sun_path, 0, &third), -ETIMEDOUT);
        jumpboot_close(first);
        stop_listening(listener);
}
END_TEST

START_TEST(test_connect_failures)
{
        char long_path[200];
        struct jumpboot *connection;
        int fd;

        memset(long_path, 'x', sizeof(long_path) - 1);
        long_path[sizeof(long_path) - 1] = '\0';
        ck_assert_int_eq(jumpboot_connect(long_path, 1, &connection), -ENAMETOOLONG);
        ck_assert_int_eq(jumpboot_connect("", 1, &connection), -EINVAL);
        ck_assert_int_eq(jumpboot_connect("/nowhere/socket", 1, &connection), -ENOENT);
        ck_assert_int_eq(jumpboot_connect("/nowhere/socket", -2, &connection), -EINVAL);
        ck_assert_ptr_null(connection);
        fd = open("/dev/null", O_RDWR);
        ck_assert_int_eq(jumpboot_from_fd(fd, &connection), -ENOTSOCK);
        close(fd);
        fd = socket(AF_UNIX, SOCK_DGRAM, 0);
        ck_assert_int_eq(jumpboot_from_fd(fd, &connection), -EPROTOTYPE);
        close(fd);
        jumpboot_close(NULL);
}
END_TEST

START_TEST(test_every_error_has_words)
{
        for (int error = JUMPBOOT_ETOOLARGE; error <= JUMPBOOT_EANSWER; error++)
                ck_assert_ptr_null(strstr(jumpboot_strerror(error), "nknown"));
        ck_assert_str_eq(jumpboot_strerror(-ENOENT), strerror(ENOENT));
        ck_assert_ptr_nonnull(jumpboot_strerror(-5000));
}
END_TEST

static TCase *make_case(const char *name)
{
        TCase *tcase = tcase_create(name);

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_set_timeout(tcase, 120);
        return tcase;
}

static TCase *sending(void)
{
        TCase *tcase = make_case("sending");

        tcase_add_test(tcase, test_request_is_one_line_with_the_id_first);
        tcase_add_test(tcase, test_timeout_is_sent_in_seconds);
        tcase_add_test(tcase, test_method_is_escaped);
        tcase_add_test(tcase, test_line_breaks_in_params_become_blanks);
        tcase_add_test(tcase, test_notification_has_no_id);
        tcase_add_loop_test(tcase, test_bad_params_are_refused, 0,
                            sizeof(bad_params) / sizeof(bad_params[0]));
        tcase_add_test(tcase, test_params_as_deep_as_a_request_can_be);
        tcase_add_test(tcase, test_bad_methods_and_timeouts_are_refused);
        tcase_add_test(tcase, test_large_request);
        return tcase;
}

static TCase *receiving(void)
{
        TCase *tcase = make_case("receiving");

        tcase_add_test(tcase, test_answers_in_any_order);
        tcase_add_test(tcase, test_answers_byte_by_byte);
        tcase_add_test(tcase, test_many_in_flight);
        tcase_add_test(tcase, test_error_answer);
        tcase_add_test(tcase, test_retry_after_in_any_locale);
        tcase_add_test(tcase, test_error_without_data);
        tcase_add_loop_test(tcase, test_what_is_no_answer_ends_the_connection, 0,
                            sizeof(no_answers) / sizeof(no_answers[0]));
        tcase_add_test(tcase, test_refusal_without_id_is_for_the_only_request);
        tcase_add_test(tcase, test_refusal_without_id_ends_all_if_it_may_be_any);
        tcase_add_test(tcase, test_refusal_of_a_notification_harms_nobody);
        tcase_add_test(tcase, test_end_ends_what_is_in_flight);
        tcase_add_test(tcase, test_end_in_the_middle_of_an_answer);
        tcase_add_test(tcase, test_answer_before_the_end_is_read_though_writing_fails);
        tcase_add_test(tcase, test_end_tells_what_was_not_sent);
        tcase_add_test(tcase, test_closed_before_the_call);
        tcase_add_test(tcase, test_too_large_an_answer_ends_only_its_request);
        tcase_add_test(tcase, test_too_large_an_answer_with_its_id_at_the_end);
        tcase_add_test(tcase, test_large_answer);
        return tcase;
}

static TCase *waiting(void)
{
        TCase *tcase = make_case("waiting");

        tcase_add_test(tcase, test_deadline_of_a_silent_daemon);
        tcase_add_test(tcase, test_deadline_of_a_daemon_that_does_not_read);
        tcase_add_test(tcase, test_each_request_has_its_own_deadline);
        tcase_add_test(tcase, test_wait_for_one_leaves_the_others);
        tcase_add_test(tcase, test_forgotten_request_gets_no_reply);
        tcase_add_test(tcase, test_a_cancelled_request_has_its_reply);
        tcase_add_test(tcase, test_signals_do_not_end_a_wait);
        tcase_add_test(tcase, test_replies_outlive_their_connection);
        return tcase;
}

static TCase *connecting(void)
{
        TCase *tcase = tcase_create("connecting");

        tcase_add_test(tcase, test_connect);
        tcase_add_test(tcase, test_connect_gives_up_in_time);
        tcase_add_test(tcase, test_connect_failures);
        tcase_add_test(tcase, test_every_error_has_words);
        return tcase;
}

int main(void)
{
        Suite *suite = suite_create("libjumpboot");

        suite_add_tcase(suite, sending());
        suite_add_tcase(suite, receiving());
        suite_add_tcase(suite, waiting());
        suite_add_tcase(suite, connecting());
        return run_suite(suite);
}
