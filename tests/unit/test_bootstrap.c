/* SPDX-License-Identifier: MIT */
/*
 * The whole bootstrap: a program made from files, a real Python process, both texts fed by an event
 * loop, "ready" on the status pipe, requests and answers on the others.
 */
#include "bootstrap/feed.h"
#include "bootstrap/program.h"
#include "bootstrap/spawn.h"
#include "common/cleanup.h"
#include "daemon/pages.h"
#include "folder.h"
#include "suite.h"

#include <check.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>

#define PYTHON "/usr/bin/python3"

/* What comes from one pipe, and a line taken from it. */
struct stream {
        struct event *event;
        bool ended;
        size_t length;
        char text[1 << 20];
};

static struct event_base *base;
static struct event *failsafe;
static bool hung;
static struct program *program;
static struct program_text *text;
static struct spawned spawned;
static struct feed *feeds[2];
static int feeds_done, feed_result;
static struct stream status_pipe, answers, out, err;

static void on_failsafe(evutil_socket_t fd, short what, void *userdata)
{
        (void)fd;
        (void)what;
        (void)userdata;
        hung = true;
        event_base_loopbreak(base);
}

static void setup(void)
{
        const struct timeval deadline = {.tv_sec = 60};

        signal(SIGPIPE, SIG_IGN);
        folder_make();
        base = event_base_new();
        failsafe = evtimer_new(base, on_failsafe, NULL);
        evtimer_add(failsafe, &deadline);
        program = program_new("calc");
        spawned = (struct spawned)SPAWNED_NONE;
        feeds_done = feed_result = 0;
        status_pipe = answers = out = err = (struct stream){0};
}

static void teardown(void)
{
        struct stream *streams[] = {&status_pipe, &answers, &out, &err};

        for (size_t i = 0; i < ARRAY_SIZE(feeds); i++)
                feeds[i] = feed_free(feeds[i]);
        for (size_t i = 0; i < ARRAY_SIZE(streams); i++)
                if (streams[i]->event)
                        event_free(streams[i]->event);
        spawned_close(&spawned);
        text = program_text_free(text);
        program = program_free(program);
        event_free(failsafe);
        event_base_free(base);
        folder_remove();
}

static void on_readable(evutil_socket_t fd, short what, void *userdata)
{
        struct stream *stream = userdata;
        ssize_t n =
                read(fd, stream->text + stream->length, sizeof(stream->text) - 1 - stream->length);

        (void)what;
        if (n > 0) {
                stream->length += (size_t)n;
                stream->text[stream->length] = '\0';
        } else if (n == 0) {
                stream->ended = true;
                event_del(stream->event);
        }
}

static void add_stream(struct stream *stream, int fd)
{
        stream->event = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, stream);
        ck_assert_int_eq(event_add(stream->event, NULL), 0);
}

static void on_fed(struct feed *feed, int result, void *userdata)
{
        (void)feed;
        (void)userdata;
        feeds_done++;
        if (result < 0)
                feed_result = result;
}

/* Starts a process for the program as it is now. */
static void start(void)
{
        static const char *const environment[] = {"LANG=C.UTF-8", NULL};
        static const char *const arguments[] = {"--mode", "test", NULL};
        struct pages pages;
        const struct spawn_options options = {
                .python = PYTHON,
                .arguments = arguments,
                .environment = environment,
                .page_fds = pages.fd,
                .umask = -1,
        };
        char error[SPAWN_ERROR_MAX];
        const char *secondary;
        size_t length;
        int r;

        ck_assert_int_eq(program_to_text(program, &text), 0);
        ck_assert_int_eq(pages_open(&pages), 0);
        r = spawn_process(&options, &spawned, error);
        pages_clear(&pages);
        ck_assert_msg(r == 0, "%s", error);
        secondary = spawn_secondary(&length);
        ck_assert_int_eq(feed_new(base, steal_fd(&spawned.bootstrap_in), secondary, length, on_fed,
                                  NULL, &feeds[0]),
                         0);
        ck_assert_int_eq(feed_new(base, steal_fd(&spawned.program_in), text->data, text->length,
                                  on_fed, NULL, &feeds[1]),
                         0);
        add_stream(&status_pipe, spawned.status_in);
        add_stream(&answers, spawned.pipe_out);
        add_stream(&out, spawned.out);
        add_stream(&err, spawned.err);
}

/* Takes the next line off a stream, as a tree. */
static struct json_object *next_line(struct stream *stream)
{
        struct json_object *tree;
        char *newline;

        while (!(newline = memchr(stream->text, '\n', stream->length)) && !stream->ended && !hung)
                event_base_loop(base, EVLOOP_ONCE);
        ck_assert_msg(newline != NULL, "no line came; stderr: %s", err.text);
        *newline = '\0';
        tree = json_tokener_parse(stream->text);
        ck_assert_msg(tree != NULL, "not JSON: %s", stream->text);
        stream->length -= (size_t)(newline + 1 - stream->text);
        memmove(stream->text, newline + 1, stream->length + 1);
        return tree;
}

static const char *text_of(struct json_object *object, const char *name)
{
        return json_object_get_string(json_object_object_get(object, name));
}

static struct json_object *expect_ready(void)
{
        struct json_object *ready = next_line(&status_pipe);

        ck_assert_msg(text_of(ready, "type") && strcmp(text_of(ready, "type"), "status") == 0 &&
                              strcmp(text_of(ready, "message"), "ready") == 0,
                      "%s", json_object_to_json_string(ready));
        return ready;
}

static void expect_answer(const char *request, const char *expected)
{
        struct json_object *answer;

        ck_assert_int_eq(write(spawned.pipe_in, request, strlen(request)),
                         (ssize_t)strlen(request));
        answer = next_line(&answers);
        ck_assert_str_eq(json_object_to_json_string_ext(
                                 answer, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE),
                         expected);
        json_object_put(answer);
}

/* Runs until the process has let all of its pipes go, and gives its exit status. */
static int finish(void)
{
        int status;

        spawned.pipe_in = close_fd(spawned.pipe_in);
        while (!(status_pipe.ended && answers.ended && out.ended && err.ended) && !hung)
                event_base_loop(base, EVLOOP_ONCE);
        ck_assert(!hung);
        ck_assert_int_eq(waitpid(spawned.pid, &status, 0), spawned.pid);
        ck_assert(WIFEXITED(status));
        return WEXITSTATUS(status);
}

START_TEST(from_files_to_answers)
{
        static const char *const patterns[] = {"*.json", NULL};
        char error[PROGRAM_ERROR_MAX] = "", expected[PATH_MAX + 128];
        struct json_object *ready, *line;

        folder_write("tools/__init__.py", "from .math.ops import plus\n");
        folder_write("tools/math/__init__.py", "");
        folder_write("tools/math/ops.py", "from .. import names\n"
                                          "def plus(a, b): return names.LABEL + str(a + b)\n");
        folder_write("tools/names.py", "LABEL = '\xC3\xA9='\n");
        folder_write("tools/data/table.json", "[1, 2]");
        ck_assert_int_eq(program_add_package(program, "tools", folder_at("tools"), patterns, error),
                         0);
        ck_assert_int_eq(program_add_module_file(program, "colors",
                                                 folder_write("colors.py", "RED = 'red'\n"), error),
                         0);
        ck_assert_int_eq(program_add_key_value(program, "quality", "85"), 0);
        ck_assert_int_eq(
                program_set_main_file(
                        program,
                        folder_write("main.py",
                                     "import pkgutil, sys\n"
                                     "import colors, jumpboot, tools\n"
                                     "def add(a, b): return tools.plus(a, b)\n"
                                     "def facts():\n"
                                     "    print('to the log')\n"
                                     "    return [__file__, sys.argv[1:], colors.RED,\n"
                                     "            jumpboot.quality, pkgutil.get_data(\n"
                                     "            'tools', 'data/table.json').decode()]\n"),
                        error),
                0);
        start();

        /* Nothing is read from the disk any more. */
        folder_remove();
        ready = expect_ready();
        ck_assert_int_eq(json_object_object_length(json_object_object_get(ready, "methods")), 2);
        json_object_put(ready);
        ck_assert_int_eq(feeds_done, 2);
        ck_assert_int_eq(feed_result, 0);

        expect_answer("{\"request_id\":\"1\",\"command\":\"add\",\"data\":{\"a\":1,\"b\":2}}\n",
                      "{\"request_id\":\"1\",\"result\":\"\xC3\xA9=3\"}");
        snprintf(expected, sizeof(expected),
                 "{\"request_id\":\"2\",\"result\":[\"%s\",[\"--mode\",\"test\"],\"red\",85,"
                 "\"[1, 2]\"]}",
                 folder_at("main.py"));
        expect_answer("{\"request_id\":\"2\",\"command\":\"facts\",\"data\":{}}\n", expected);

        ck_assert_int_eq(finish(), 0);
        line = next_line(&status_pipe);
        ck_assert_str_eq(text_of(line, "message"), "exit");
        json_object_put(line);
        ck_assert_str_eq(out.text, "\x1e"
                                   "2\x1e"
                                   "to the log\n");
        ck_assert_str_eq(err.text, "");
}
END_TEST

START_TEST(an_error_in_an_embedded_module_is_told)
{
        static const char module[] = "def broken():\n    return 1 / 0\nbroken()\n";
        struct json_object *line;

        ck_assert_int_eq(program_add_module_source(program, "colors", module, strlen(module)), 0);
        ck_assert_int_eq(program_set_main_source(program, "import colors\n", 14), 0);
        start();
        line = next_line(&status_pipe);
        ck_assert_str_eq(text_of(line, "type"), "exception");
        ck_assert_str_eq(text_of(line, "stage"), "import");
        ck_assert_str_eq(text_of(line, "exception"), "ZeroDivisionError");
        ck_assert_ptr_nonnull(strstr(text_of(line, "traceback"), "File \"<colors>\", line 2"));
        ck_assert_ptr_nonnull(strstr(text_of(line, "traceback"), "return 1 / 0"));
        json_object_put(line);
        ck_assert_int_ne(finish(), 0);
}
END_TEST

/* What else the loop does while the large text is on its way: it comes round again and again. */
struct bystander {
        struct event *event;
        int turns;
};

static void on_turn(evutil_socket_t fd, short what, void *userdata)
{
        static const struct timeval at_once = {0};
        struct bystander *bystander = userdata;

        (void)fd;
        (void)what;
        if (feeds_done < 2)
                bystander->turns++;
        event_add(bystander->event, &at_once);
}

START_TEST(a_large_program_does_not_hold_up_the_loop)
{
        static const char main_source[] = "import big\ndef size(): return len(big.TEXT)\n";
        size_t size = 20 << 20;
        char *source = malloc(size + 32);
        size_t length = (size_t)sprintf(source, "TEXT = '");
        struct bystander bystander = {0};

        memset(source + length, 'x', size);
        length += size;
        source[length++] = '\'';
        ck_assert_int_eq(program_add_module_source(program, "big", source, length), 0);
        free(source);
        ck_assert_int_eq(program_set_main_source(program, main_source, strlen(main_source)), 0);
        bystander.event = evtimer_new(base, on_turn, &bystander);
        event_active(bystander.event, EV_TIMEOUT, 0);
        start();
        json_object_put(expect_ready());
        ck_assert_int_eq(feeds_done, 2);
        ck_assert_int_eq(feed_result, 0);
        ck_assert_int_gt(bystander.turns, 100);
        expect_answer("{\"request_id\":\"1\",\"command\":\"size\",\"data\":{}}\n",
                      "{\"request_id\":\"1\",\"result\":20971520}");
        event_free(bystander.event);
        ck_assert_int_eq(finish(), 0);
}
END_TEST

START_TEST(a_process_that_dies_early_ends_its_feeds)
{
        size_t size = 4 << 20;
        char *source = calloc(1, size);

        ck_assert_int_eq(program_set_main_source(program, source, size), 0);
        free(source);
        start();
        kill(spawned.pid, SIGKILL);
        while (feeds_done < 2 && !hung)
                event_base_loop(base, EVLOOP_ONCE);
        ck_assert_int_eq(feed_result, -EPIPE);
        ck_assert_int_eq(waitpid(spawned.pid, NULL, 0), spawned.pid);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("bootstrap");
        TCase *tcase = tcase_create("bootstrap");

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_set_timeout(tcase, 120);
        tcase_add_test(tcase, from_files_to_answers);
        tcase_add_test(tcase, an_error_in_an_embedded_module_is_told);
        tcase_add_test(tcase, a_large_program_does_not_hold_up_the_loop);
        tcase_add_test(tcase, a_process_that_dies_early_ends_its_feeds);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
