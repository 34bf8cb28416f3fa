/* SPDX-License-Identifier: MIT */
/*
 * What a template is asked for, and what comes back: the test is the template, and forks children
 * of its own.
 */
#include "daemon/births.h"

#include "fixture_worker.h"

#include "daemon/birth_fork.h"

#include <json-c/json.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define MANY 20

struct kid {
        struct process process;
        struct birth birth;
        struct spawned ends;
        unsigned n_exited;
};

static struct program_options *options;
static struct process template;
static struct births births;
static int control; /* the template's end */
static struct kid kids[MANY];
static unsigned n_changed, n_refused, n_broken, n_closed, n_begun;
static int begin_result;
static char error[SPAWN_ERROR_MAX];

static void on_changed(void *owner)
{
        ck_assert_ptr_eq(owner, &template);
        n_changed++;
}

static void on_refused(void *owner, const char *reason)
{
        ck_assert_ptr_eq(owner, &template);
        ck_assert_str_eq(reason, "no room");
        n_refused++;
}

static void on_broken(void *owner, const char *reason)
{
        ck_assert_ptr_eq(owner, &template);
        ck_assert_str_eq(reason, "it wrote what no template writes");
        n_broken++;
}

static void on_closed(void *owner)
{
        ck_assert_ptr_eq(owner, &template);
        n_closed++;
}

static const struct births_events events = {on_changed, on_refused, on_broken, on_closed};

static void ignore(void *owner)
{
        (void)owner;
}

static void on_exited(void *owner)
{
        struct kid *kid = owner;

        kid->n_exited++;
}

static void on_ready(void *owner, struct json_object *line)
{
        (void)owner;
        (void)line;
}

static const struct process_events process_events = {
        .ready = on_ready,
        .ending = ignore,
        .leaving = ignore,
        .drain = ignore,
        .exited = on_exited,
};

/* As a worker does it. */
static int begin(struct birth *birth, char text[SPAWN_ERROR_MAX])
{
        struct kid *kid = CONTAINER_OF(birth, struct kid, birth);
        static const int pages[] = {0, 0};

        n_begun++;
        if (begin_result < 0) {
                snprintf(text, SPAWN_ERROR_MAX, "not today");
                return begin_result;
        }
        return birth->births ? birth_fork(birth, pages, &kid->ends, text) : 0;
}

/* What libevent allocates with. */
static bool is_memory_out;

static void *take_memory(size_t size)
{
        return is_memory_out ? NULL : malloc(size);
}

static void setup(void)
{
        workers_begin();
        options = new_options("calc", "echo");
        n_changed = n_refused = n_broken = n_closed = n_begun = 0;
        begin_result = 0;
        process_init(&template, &around, options, -1, &process_events, &template, 0);
        template.pid = getpid();
        ck_assert_int_eq(births_init(&births, base, &template, &events, &template, &control), 0);
        for (size_t i = 0; i < MANY; i++) {
                struct kid *kid = &kids[i];
                *kid = (struct kid){.ends = SPAWNED_NONE};
                process_init(&kid->process, &around, options, 0, &process_events, kid, 0);
                kid->birth = (struct birth){.process = &kid->process, .begin = begin};
        }
}

static void teardown(void)
{
        template.pid = 0;
        for (size_t i = 0; i < MANY; i++) {
                birth_clear(&kids[i].birth);
                process_clear(&kids[i].process);
                spawned_close(&kids[i].ends);
        }
        births_clear(&births);
        ck_assert_uint_eq(children.n_numbers, 0);
        process_clear(&template);
        close_fd(control);
        program_options_unref(options);
        workers_end();
}

static void add(struct kid *kid)
{
        ck_assert_int_eq(births_add(&births, &kid->birth, error), 0);
}

static void open_births(void)
{
        births_open(&births, json_tokener_parse("{\"look\":{}}"));
}

/* The next command, and how many descriptors came with it. */
static struct json_object *take_command(unsigned *ret_fds)
{
        char text[4096], space[CMSG_SPACE(16 * sizeof(int))];
        struct iovec part = {text, sizeof(text) - 1};
        struct msghdr message = {.msg_iov = &part,
                                 .msg_iovlen = 1,
                                 .msg_control = space,
                                 .msg_controllen = sizeof(space)};
        ssize_t n = recvmsg(control, &message, MSG_DONTWAIT);
        ck_assert_int_gt(n, 0);
        text[n] = '\0';
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        ck_assert(header && header->cmsg_type == SCM_RIGHTS);
        *ret_fds = (unsigned)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        for (unsigned i = 0; i < *ret_fds; i++) {
                int fd;
                memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
                close(fd);
        }
        return json_tokener_parse(text);
}

static void say(const char *text)
{
        ck_assert_int_eq(send(control, text, strlen(text), 0), (ssize_t)strlen(text));
}

static const char *announcement(const struct kid *kid)
{
        static char text[64];

        snprintf(text, sizeof(text), "{\"number\":%llu}", (unsigned long long)kid->process.number);
        return text;
}

/* Makes a process that says so, and lives on. */
static pid_t fork_one(const char *text)
{
        pid_t pid = fork();

        ck_assert_int_ge(pid, 0);
        if (pid > 0)
                return pid;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        setpgid(0, 0);
        say(text);
        for (;;)
                pause();
}

static void be_born(struct kid *kid)
{
        pid_t pid = fork_one(announcement(kid));

        loop_until(kid->birth.state == BIRTH_BORN);
        ck_assert_int_eq(kid->process.pid, pid);
}

static const char *start_error(const struct kid *kid)
{
        return json_object_get_string(json_object_object_get(kid->process.start_error, "message"));
}

START_TEST(what_is_asked_for_is_born)
{
        struct kid *kid = kids;
        unsigned n_fds;

        open_births();
        add(kid);
        ck_assert_uint_eq(births.n_asked, 1);
        ck_assert(children_has_number(&children, kid->process.number));
        struct json_object *command = take_command(&n_fds);
        ck_assert_uint_eq(n_fds, SPAWN_PIPES + 2);
        ck_assert_uint_eq(
                (uint64_t)json_object_get_int64(json_object_object_get(command, "number")),
                kid->process.number);
        ck_assert_int_eq(json_object_get_int(json_object_object_get(command, "parent")), getpid());
        struct json_object *environment = json_object_object_get(command, "environment");
        ck_assert_int_eq(json_object_object_length(environment), 1);
        ck_assert_ptr_nonnull(json_object_object_get(environment, "JUMPBOOT_WORKER"));
        json_object_put(command);
        be_born(kid);
        ck_assert_uint_eq(births.n_asked, 0);
        ck_assert_str_eq(json_object_get_string(kid->birth.methods), "{ \"look\": { } }");
        ck_assert_uint_gt(n_changed, 0);
        process_kill(&kid->process);
        loop_until(kid->n_exited == 1);
        ck_assert_int_eq(kid->process.exit_status, SIGKILL);
}
END_TEST

START_TEST(who_comes_early_waits)
{
        add(&kids[0]);
        ck_assert_uint_eq(n_begun, 0);
        open_births();
        ck_assert_uint_eq(n_begun, 1);
        be_born(&kids[0]);
}
END_TEST

/* It stayed in the table of children, so that nobody ever reaped it. */
START_TEST(who_is_born_without_memory_is_lost)
{
        struct kid *kid = kids;
        int status;

        open_births();
        add(kid);
        is_memory_out = true;
        pid_t pid = fork_one(announcement(kid));
        loop_until(kid->n_exited == 1);
        is_memory_out = false;
        ck_assert_str_eq(start_error(kid), "out of memory");
        ck_assert_uint_eq(births.n_asked, 0);
        ck_assert_ptr_null(children_find(&children, pid));
        ck_assert(!children_has_number(&children, kid->process.number));
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        add(&kids[1]);
        be_born(&kids[1]);
}
END_TEST

START_TEST(only_so_many_are_asked_for_at_a_time)
{
        open_births();
        for (size_t i = 0; i < MANY; i++)
                add(&kids[i]);
        ck_assert_uint_eq(births.n_asked, 16);
        be_born(&kids[3]);
        ck_assert_uint_eq(births.n_asked, 16);
        ck_assert_uint_eq(n_begun, 17);
}
END_TEST

START_TEST(what_is_refused_is_told)
{
        char text[128];

        open_births();
        add(&kids[0]);
        snprintf(text, sizeof(text), "{\"number\":%llu,\"error\":\"no room\"}",
                 (unsigned long long)kids[0].process.number);
        say(text);
        loop_until(n_refused == 1);
        ck_assert_uint_eq(births.n_refused, 1);
        ck_assert_uint_eq(births.n_asked, 0);
        ck_assert_uint_eq(kids[0].n_exited, 1);
        ck_assert_str_eq(start_error(&kids[0]), "no room");
        add(&kids[1]);
        be_born(&kids[1]);
        ck_assert_uint_eq(births.n_refused, 0);
}
END_TEST

/* It would be a process of somebody else's. */
START_TEST(what_is_no_child_is_not_believed)
{
        open_births();
        add(&kids[0]);
        pid_t middle = fork();
        if (middle == 0) {
                fork_one(announcement(&kids[0]));
                for (;;)
                        pause();
        }
        loop_until(log_has("No child processes"));
        ck_assert_int_eq(kids[0].birth.state, BIRTH_ASKED);
        kill(middle, SIGKILL);
        waitpid(middle, NULL, 0);
        be_born(&kids[0]);
}
END_TEST

START_TEST(nobody_is_born_twice)
{
        open_births();
        add(&kids[0]);
        add(&kids[1]);
        be_born(&kids[0]);
        ck_assert_int_eq(children_add(&children, getpid(), 1000), 0);
        say(announcement(&kids[1])); /* the template itself */
        loop_until(log_has("ignoring that it has forked"));
        children_remove(&children, getpid(), "calc");
        ck_assert_int_eq(kids[1].birth.state, BIRTH_ASKED);
}
END_TEST

START_TEST(who_is_not_waited_for_is_killed)
{
        int status;
        open_births();
        pid_t pid = fork_one("{\"number\":999999}");
        loop_until(n_changed > 0);
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}
END_TEST

START_TEST(what_no_template_writes_is_told)
{
        static const char *const messages[] = {"nonsense", "{}", "{\"number\":\"1\"}", "[1]", "7"};
        char longer[5000];

        open_births();
        add(&kids[0]);
        for (size_t i = 0; i < ARRAY_SIZE(messages); i++) {
                say(messages[i]);
                loop_until(n_broken == i + 1);
        }
        memset(longer, ' ', sizeof(longer));
        longer[sizeof(longer) - 1] = '\0';
        say(longer);
        loop_until(n_broken == ARRAY_SIZE(messages) + 1);
        be_born(&kids[0]);
}
END_TEST

START_TEST(those_who_wait_are_spawned_if_there_will_be_no_forks)
{
        add(&kids[0]);
        add(&kids[1]);
        process_kill(&kids[1].process);
        births_spawn(&births);
        ck_assert_uint_eq(n_begun, 1);
        ck_assert_ptr_null(kids[0].birth.births);
        ck_assert_ptr_nonnull(kids[1].birth.births);
}
END_TEST

START_TEST(who_cannot_begin_ends)
{
        add(&kids[0]);
        begin_result = -ENOMEM;
        open_births();
        ck_assert_uint_eq(kids[0].n_exited, 1);
        ck_assert_str_eq(start_error(&kids[0]), "not today");
        ck_assert_int_eq(births_add(&births, &kids[1].birth, error), -ENOMEM);
        ck_assert_str_eq(error, "not today");
}
END_TEST

START_TEST(who_is_to_end_is_not_waited_for)
{
        bool is_late = false;

        open_births();
        add(&kids[0]);
        add(&kids[1]);
        process_expect_end(&kids[0].process, SIGKILL, 1000);
        ck_assert_uint_eq(births_maintain(&births, 0, 999, &is_late), 1000);
        ck_assert_uint_eq(kids[0].n_exited, 0);
        ck_assert_uint_eq(births_maintain(&births, 0, 1000, &is_late), 0);
        ck_assert_uint_eq(kids[0].n_exited, 1);
        ck_assert_ptr_null(kids[0].birth.births);
        ck_assert(!is_late);
        ck_assert_uint_eq(kids[1].n_exited, 0);
}
END_TEST

START_TEST(one_that_is_late_is_told)
{
        bool is_late = false;

        add(&kids[0]);
        open_births();
        uint64_t asked = kids[0].process.started;
        ck_assert_uint_gt(asked, 0); /* it is since then that it starts */
        births_maintain(&births, 50, asked + 49, &is_late);
        ck_assert(!is_late);
        births_maintain(&births, 50, asked + 50, &is_late);
        ck_assert(is_late);
        be_born(&kids[0]);
        is_late = false;
        births_maintain(&births, 50, asked + 1000, &is_late);
        ck_assert(!is_late);
}
END_TEST

START_TEST(with_the_end_the_unborn_end)
{
        open_births();
        add(&kids[0]);
        add(&kids[1]);
        be_born(&kids[0]);
        births_end(&births, json_tokener_parse("{\"message\":\"it is over\"}"));
        ck_assert_uint_eq(kids[0].n_exited, 0);
        ck_assert_uint_eq(kids[1].n_exited, 1);
        ck_assert_str_eq(start_error(&kids[1]), "it is over");
        ck_assert(TAILQ_EMPTY(&births.list));
}
END_TEST

START_TEST(the_sockets_end_is_told_when_it_is_closed_everywhere)
{
        open_births();
        add(&kids[0]);
        be_born(&kids[0]);
        control = close_fd(control);
        loop_now();
        ck_assert_uint_eq(n_closed, 0); /* the child has it */
        process_kill(&kids[0].process);
        loop_until(n_closed == 1);
        births_watch(&births);
        loop_until(n_closed == 2);
}
END_TEST

/* Its end has not been seen yet: it is told then, and to all in the same way. */
START_TEST(a_template_that_has_just_ended_is_asked_in_vain)
{
        open_births();
        control = close_fd(control);
        add(&kids[0]);
        ck_assert_int_eq(kids[0].birth.state, BIRTH_ASKED);
        loop_until(n_closed == 1);
        births_end(&births, json_tokener_parse("{\"message\":\"it is over\"}"));
        ck_assert_str_eq(start_error(&kids[0]), "it is over");
}
END_TEST

/* Other descriptors of the process may be looked at before the control socket is. */
START_TEST(a_birth_that_is_just_being_told_is_seen)
{
        open_births();
        add(&kids[0]);
        ck_assert(!birth_is_over(&kids[0].birth));
        pid_t pid = fork_one(announcement(&kids[0]));
        uint64_t deadline = units_now() + LOOP_DEADLINE;
        while (!birth_is_over(&kids[0].birth))
                ck_assert_uint_lt(units_now(), deadline);
        ck_assert_int_eq(kids[0].process.pid, pid);
}
END_TEST

START_TEST(a_template_that_is_told_to_leave_reads_the_end)
{
        char byte;

        open_births();
        births_close(&births);
        ck_assert_int_eq(recv(control, &byte, 1, 0), 0);
        add(&kids[0]);
        ck_assert_uint_eq(n_begun, 0);
        say("{\"number\":1,\"error\":\"no room\"}"); /* what is under way still comes */
        loop_until(n_refused == 1);
}
END_TEST

int main(void)
{
        event_set_mem_functions(take_memory, realloc, free);
        if (!has_pidfd_open())
                return EXIT_SKIPPED;

        Suite *suite = suite_create("births");
        TCase *tcase = loop_case(suite, setup, teardown);

        tcase_add_test(tcase, what_is_asked_for_is_born);
        tcase_add_test(tcase, who_comes_early_waits);
        tcase_add_test(tcase, who_is_born_without_memory_is_lost);
        tcase_add_test(tcase, only_so_many_are_asked_for_at_a_time);
        tcase_add_test(tcase, what_is_refused_is_told);
        tcase_add_test(tcase, what_is_no_child_is_not_believed);
        tcase_add_test(tcase, nobody_is_born_twice);
        tcase_add_test(tcase, who_is_not_waited_for_is_killed);
        tcase_add_test(tcase, what_no_template_writes_is_told);
        tcase_add_test(tcase, those_who_wait_are_spawned_if_there_will_be_no_forks);
        tcase_add_test(tcase, who_cannot_begin_ends);
        tcase_add_test(tcase, who_is_to_end_is_not_waited_for);
        tcase_add_test(tcase, one_that_is_late_is_told);
        tcase_add_test(tcase, with_the_end_the_unborn_end);
        tcase_add_test(tcase, the_sockets_end_is_told_when_it_is_closed_everywhere);
        tcase_add_test(tcase, a_template_that_has_just_ended_is_asked_in_vain);
        tcase_add_test(tcase, a_birth_that_is_just_being_told_is_seen);
        tcase_add_test(tcase, a_template_that_is_told_to_leave_reads_the_end);
        return run_suite(suite);
}
