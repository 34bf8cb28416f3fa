/* SPDX-License-Identifier: MIT */
/*
 * A whole server with fake workers, from its start to the signals that end it. Server, client and
 * whoever sends the signals are this process, which acts between the turns of the server's loop.
 */
#include "daemon/server.h"

#include "fixture_worker.h"

#include "daemon/id_list.h"

#include <sched.h>
#include <sys/socket.h>
#include <sys/un.h>

static struct server server;
static struct config config;
static struct program_options *programs[2];
static struct file_limit file_limit;
static int connection;
static char received[65536];
static size_t n_received;

static void setup(void)
{
        folder_make();
        chmod(folder_write("python", fake_worker_script), 0700);
        ck_assert_int_eq(mkfifo(folder_at("python.gate"), 0600), 0);
        signal(SIGPIPE, SIG_IGN);
        log_capture();
        unsetenv("LISTEN_FDS");
        unsetenv("NOTIFY_SOCKET");
        descriptors_before = count_descriptors();
        config = (struct config){.programs = programs};
        ck_assert_int_eq(options_set_defaults(&server_option_table, &config.server), 0);
        free(config.server.listen);
        config.server.listen = strdup(folder_at("the.sock"));
        config.path = strdup(folder_at("jumpbootd.conf"));
        file_limit.raised = RLIM_INFINITY;
        getrlimit(RLIMIT_NOFILE, &file_limit.files);
        connection = -1;
        n_received = 0;
}

/* A thread that was left in the middle of reading a config gives back what it has a moment later.
 */
static void wait_for_descriptors(void)
{
        uint64_t end = units_now() + LOOP_DEADLINE;

        while (count_descriptors() != descriptors_before) {
                ck_assert(units_now() < end);
                sched_yield();
        }
}

static void teardown(void)
{
        connection = close_fd(connection);
        server_clear(&server);
        server_clear(&server);
        ck_assert_uint_eq(server.buffers.memory, 0);
        ck_assert_int_eq(access(config.server.listen, F_OK), -1);
        for (size_t i = 0; i < config.n_programs; i++)
                program_options_unref(programs[i]);
        options_clear(&server_option_table, &config.server);
        free(config.path);
        wait_for_descriptors();
        folder_remove();
}

static void add_program(const char *name, const char *mode)
{
        programs[config.n_programs++] = new_options(name, mode);
}

/* Takes what the server has sent by now. */
static void receive(void)
{
        ssize_t n;

        while (connection >= 0 &&
               (n = read(connection, received + n_received, sizeof(received) - 1 - n_received)) > 0)
                n_received += (size_t)n;
        received[n_received] = '\0';
}

static bool has_received(const char *text)
{
        receive();
        return strstr(received, text) != NULL;
}

static int connect_to_server(void)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        strcpy(address.sun_path, config.server.listen);
        ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        return fd;
}

/* A test is a list of steps. Each is tried once a turn of the server's loop, until it says that it
 * is through; then comes the next. */
typedef bool step_fn(void);
static step_fn *const *next_step;
static struct event *stepper, *limit;

static void on_step(evutil_socket_t fd, short what, void *userdata)
{
        (void)fd;
        (void)what;
        (void)userdata;
        if ((*next_step)())
                next_step++;
        if (*next_step)
                event_add(stepper, &(struct timeval){0});
}

static void on_limit(evutil_socket_t fd, short what, void *userdata)
{
        (void)fd;
        (void)what;
        (void)userdata;
        ck_abort_msg("the server did not end; the log:\n%s", log_tail());
}

/* Runs the server to its end, with these steps besides. */
static void run(step_fn *const *steps)
{
        struct timeval deadline = {LOOP_DEADLINE / USEC_PER_SEC, 0};

        ck_assert_int_eq(server_init(&server, &config, &file_limit, true), 0);
        next_step = steps;
        stepper = evtimer_new(server.base, on_step, NULL);
        limit = evtimer_new(server.base, on_limit, NULL);
        event_add(stepper, &(struct timeval){0});
        event_add(limit, &deadline);
        ck_assert_int_eq(server_run(&server), 0);
        event_free(stepper);
        event_free(limit);
        ck_assert_msg(!*next_step, "it ended too early; the log:\n%s", log_tail());
        receive();
}

static bool terminate(void)
{
        raise(SIGTERM);
        return true;
}

static bool interrupt(void)
{
        raise(SIGINT);
        return true;
}

static bool hang_up_signal(void)
{
        raise(SIGHUP);
        return true;
}

static bool is_serving(void)
{
        return log_has("serving ");
}

static bool is_draining(void)
{
        return server.state == SERVER_DRAINING;
}

static bool say(const char *line)
{
        if (connection < 0)
                connection = connect_to_server();
        write_text(connection, line);
        return true;
}

static bool call_echo(void)
{
        return say("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"calc.echo\",\"params\":[7]}\n");
}

static bool call_hang(void)
{
        return say("{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"calc.hang\"}\n");
}

static bool notify_and_leave(void)
{
        say("{\"jsonrpc\":\"2.0\",\"method\":\"calc.echo\",\"params\":[7]}\n");
        connection = close_fd(connection);
        return true;
}

static bool is_answered(void)
{
        return has_received("\"result\":[7]");
}

static bool has_requests(void)
{
        return server.clients.n_requests > 0;
}

static bool is_busy(void)
{
        struct pool *pool = server.fleet.registry.pools[0];

        return pool->workers.count[WORKER_BUSY] == 1 &&
               buffer_is_empty(&TAILQ_FIRST(&pool->workers.list[WORKER_BUSY])->channel.to_worker);
}

static bool has_husk(void)
{
        return !TAILQ_EMPTY(&server.clients.husks);
}

static bool has_no_socket(void)
{
        return access(config.server.listen, F_OK) < 0;
}

static bool opens_gate(void)
{
        open_gate();
        return true;
}

START_TEST(a_signal_ends_it)
{
        add_program("calc", "echo");
        run((step_fn *[]){is_serving, terminate, NULL});
        ck_assert(log_has("SIGTERM"));
}
END_TEST

START_TEST(it_may_end_before_its_workers_are_ready)
{
        add_program("calc", "never");
        run((step_fn *[]){interrupt, NULL});
        ck_assert(log_has("SIGINT"));
        ck_assert(!log_has("serving"));
}
END_TEST

START_TEST(without_programs_it_serves_all_the_same)
{
        run((step_fn *[]){is_serving, terminate, NULL});
        ck_assert(log_has("serving 0 programs"));
}
END_TEST

START_TEST(a_program_that_fails_does_not_hold_up_the_others)
{
        add_program("calc", "echo");
        add_program("broken", "exit3");
        run((step_fn *[]){is_serving, call_echo, is_answered, terminate, NULL});
        ck_assert(log_has("serving 2 programs"));
        ck_assert(log_has("some of which fail to start"));
}
END_TEST

/* What the next reload finds. */
static void write_config(const char *options, const char *all)
{
        char text[4096];

        snprintf(text, sizeof(text), "{%s\"program_sets\":[\"tools.conf\"]}", options);
        folder_write("jumpbootd.conf", text);
        snprintf(text, sizeof(text),
                 "{\"environment\":{\"python\":\"python\"},\"defaults\":{\"max_workers\":1},"
                 "\"programs\":{%s}}",
                 all);
        folder_write("tools.conf", text);
}

#define PROGRAM(name, mode) "\"" name "\":{\"main\":{\"source\":\"\"},\"args\":[\"" mode "\"]}"

/* Whoever runs the test may ask for a reload. */
static void make_admin(void)
{
        const char *name = "me";
        id_t uid = getuid();

        config.server.admin_users = id_list_new(&name, &uid, 1);
        ck_assert_ptr_nonnull(config.server.admin_users);
}

static bool is_taken(void)
{
        return log_has("the config is taken");
}

static bool is_refused(void)
{
        return log_has("the old one goes on");
}

static bool call_reload(void)
{
        return say("{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"jumpbootd.reload\"}\n");
}

static bool is_reloaded(void)
{
        return has_received("\"id\":3");
}

/* Three times, which all come in the same turn. */
static bool call_reloads(void)
{
        return say("[{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"jumpbootd.reload\"},"
                   "{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"jumpbootd.reload\"}]\n"
                   "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"jumpbootd.reload\"}\n");
}

static bool is_reloading(void)
{
        return server.reload.state == RELOAD_LOADING;
}

START_TEST(a_hangup_has_the_config_read_anew)
{
        add_program("calc", "never");
        programs[0]->min_workers = 0;
        write_config("\"max_clients\":17,\"listen_mode\":\"0600\",",
                     PROGRAM("calc", "echo") "," PROGRAM("more", "echo"));
        run((step_fn *[]){is_serving, hang_up_signal, is_taken, call_echo, is_answered, terminate,
                          NULL});
        ck_assert(log_has("1 programs changed, 1 added, 0 removed, 0 unchanged"));
        ck_assert(log_has("listen has changed: that needs a restart"));
        ck_assert(log_has("listen_mode has changed: that needs a restart"));
        ck_assert_uint_eq(server.max_clients, 17);
}
END_TEST

START_TEST(a_wrong_config_changes_nothing)
{
        add_program("calc", "echo");
        make_admin();
        write_config("\"max_clients\":0,", PROGRAM("calc", "exit3"));
        run((step_fn *[]){is_serving, call_reload, is_reloaded, call_echo, is_answered, terminate,
                          NULL});
        ck_assert(is_refused());
        ck_assert(has_received("\"result\":{\"ok\":false,\"errors\":[\""));
        ck_assert(has_received("jumpbootd.conf:1:16: max_clients must be"));
}
END_TEST

START_TEST(who_asks_is_answered_when_all_is_done)
{
        add_program("calc", "echo");
        make_admin();
        write_config("", PROGRAM("calc", "echo") "," PROGRAM("more", "exit3"));
        run((step_fn *[]){is_serving, call_reload, is_reloaded, terminate, NULL});
        ck_assert(has_received("\"result\":{\"ok\":false,\"programs\":{"));
        ck_assert(has_received("\"calc\":{\"change\":\"changed\",\"ok\":true}"));
        ck_assert(has_received("\"more\":{\"change\":\"added\",\"ok\":false,\"error\":{"));
}
END_TEST

START_TEST(those_who_ask_meanwhile_share_the_next_one)
{
        add_program("calc", "echo");
        write_config("", PROGRAM("calc", "echo"));
        make_admin();
        config.server.max_client_requests = 8;
        run((step_fn *[]){is_serving, hang_up_signal, is_reloading, call_reloads, is_reloaded,
                          terminate, NULL});
        unsigned n_readings = 0;
        for (const char *p = captured_log; (p = strstr(p, "reading the config anew")); p++)
                n_readings++;
        /* On a slow machine the signal's is over when they ask; the first one begins the next then.
         */
        ck_assert_uint_ge(n_readings, 2);
        ck_assert_uint_le(n_readings, 3);
        ck_assert(is_taken());
        ck_assert(has_received("\"id\":4"));
        ck_assert(has_received("\"id\":5"));
}
END_TEST

START_TEST(a_hangup_in_its_start_may_mend_it)
{
        add_program("calc", "never");
        write_config("", PROGRAM("calc", "echo"));
        run((step_fn *[]){hang_up_signal, is_taken, is_serving, call_echo, is_answered, terminate,
                          NULL});
        ck_assert(log_has("0 programs changed, 1 added, 0 removed, 0 unchanged"));
}
END_TEST

START_TEST(an_end_gives_a_reload_up)
{
        add_program("calc", "echo");
        make_admin();
        write_config("", PROGRAM("calc", "never"));
        run((step_fn *[]){is_serving, call_reload, is_reloading, terminate, NULL});
        ck_assert(log_has("giving up on the config"));
        ck_assert(has_received("\"id\":3,\"error\":{\"code\":-32004"));
        ck_assert(!is_taken());
}
END_TEST

static bool is_settling(void)
{
        return server.reload.state == RELOAD_SETTLING;
}

START_TEST(an_end_gives_up_on_new_workers)
{
        add_program("calc", "echo");
        make_admin();
        write_config("", PROGRAM("calc", "never") "," PROGRAM("more", "never"));
        run((step_fn *[]){is_serving, call_reload, is_settling, terminate, NULL});
        ck_assert(has_received("\"id\":3,\"error\":{\"code\":-32004"));
        ck_assert(!is_taken());
}
END_TEST

START_TEST(it_answers_and_ends_though_a_client_stays)
{
        add_program("calc", "echo");
        run((step_fn *[]){call_echo, is_answered, terminate, NULL});
        ck_assert(log_has("every client is answered"));
}
END_TEST

START_TEST(what_is_under_way_is_answered_before_it_ends)
{
        add_program("calc", "gated");
        run((step_fn *[]){call_echo, has_requests, terminate, is_draining, has_no_socket,
                          opens_gate, NULL});
        ck_assert(is_answered());
}
END_TEST

/* The story: the end waited for those who were answered, and did not look again when the last
 * request of one who had left was done. */
START_TEST(a_request_of_one_that_left_is_waited_for)
{
        add_program("calc", "gated");
        run((step_fn *[]){notify_and_leave, has_requests, terminate, is_draining, opens_gate,
                          NULL});
        ck_assert_uint_eq(server.fleet.registry.pools[0]->finished[RPC_OK], 1);
}
END_TEST

static bool leave(void)
{
        connection = close_fd(connection);
        return true;
}

START_TEST(a_husk_is_waited_for)
{
        add_program("calc", "echo");
        programs[0]->request_timeout = 20000;
        run((step_fn *[]){is_serving, call_hang, is_busy, leave, has_husk, terminate, NULL});
        ck_assert_uint_eq(server.fleet.registry.pools[0]->finished[RPC_TIMEOUT], 1);
}
END_TEST

START_TEST(a_second_signal_ends_it_at_once)
{
        add_program("calc", "deaf");
        run((step_fn *[]){call_hang, is_busy, call_echo, terminate, is_draining, terminate, NULL});
        ck_assert(log_has("stopping at once"));
        ck_assert(has_received("\"id\":1,\"error\":{\"code\":-32004"));
        ck_assert(has_received("\"id\":2,\"error\":{\"code\":-32004"));
}
END_TEST

/* More answers than the socket holds, which nobody reads. */
static bool call_and_never_read(void)
{
        static const char line[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"rpc.discover\"}\n";

        if (connection < 0)
                connection = connect_to_server();
        while (write(connection, line, strlen(line)) == (ssize_t)strlen(line))
                ;
        struct client *client = TAILQ_FIRST(&server.clients.clients);
        return client && client->out.length > 500000;
}

/* The story: without programs nobody looked whether the end had come. */
START_TEST(a_second_signal_ends_it_without_programs)
{
        run((step_fn *[]){call_and_never_read, terminate, is_draining, terminate, NULL});
        ck_assert(log_has("stopping at once"));
}
END_TEST

START_TEST(shutdown_timeout_ends_the_wait)
{
        add_program("calc", "echo");
        config.server.shutdown_timeout = 20000;
        run((step_fn *[]){call_hang, is_busy, terminate, NULL});
        ck_assert(log_has("shutdown_timeout: giving up on 1 requests"));
        ck_assert(has_received("\"id\":2,\"error\":{\"code\":-32004"));
}
END_TEST

static int first;

static bool first_connects(void)
{
        first = connect_to_server();
        return true;
}

static bool is_paused(void)
{
        return server.listeners.each[0].is_paused;
}

static bool still_waits(void)
{
        ck_assert_uint_eq(server.clients.n_clients, 1);
        ck_assert(!is_answered());
        return true;
}

static bool first_leaves(void)
{
        close(first);
        return true;
}

START_TEST(past_max_clients_the_next_ones_wait)
{
        add_program("calc", "echo");
        config.server.max_clients = 1;
        run((step_fn *[]){is_serving, first_connects, is_paused, call_echo, still_waits,
                          still_waits, first_leaves, is_answered, terminate, NULL});
        ck_assert(log_has("max_clients (1) is reached"));
}
END_TEST

/* The service manager, played by the test: what it was told, all of it. */
static int manager = -1;
static char notices[65536];

static void make_manager(void)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};

        manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        strcpy(address.sun_path, folder_at("notify"));
        ck_assert_int_eq(bind(manager, (struct sockaddr *)&address, sizeof(address)), 0);
        setenv("NOTIFY_SOCKET", address.sun_path, 1);
        notices[0] = '\0';
}

static bool was_told(const char *text)
{
        size_t length = strlen(notices);
        ssize_t n;

        while ((n = recv(manager, notices + length, sizeof(notices) - 1 - length, 0)) > 0)
                length += (size_t)n;
        notices[length] = '\0';
        return strstr(notices, text) != NULL;
}

static bool is_told_of_start(void)
{
        ck_assert(!was_told("READY=1"));
        return was_told("STATUS=Starting: 0 of 1 programs ready, waiting for calc; ");
}

static bool is_told_ready(void)
{
        return was_told("READY=1\n");
}

START_TEST(the_manager_is_told_all_along)
{
        make_manager();
        add_program("calc", "gated");
        write_config("", PROGRAM("calc", "echo"));
        run((step_fn *[]){is_told_of_start, opens_gate, is_told_ready, hang_up_signal, is_taken,
                          terminate, NULL});
        static const char *const expected[] = {
                "EXTEND_TIMEOUT_USEC=8000000\n",
                "READY=1\n",
                "STATUS=Serving: 1 program ready; 1 worker, 0 clients\n",
                "RELOADING=1\nMONOTONIC_USEC=",
                "STATUS=Reading the config anew: 1 program ready; 1 worker, 0 clients\n",
                "STATUS=Reloading: waiting for calc; 1 worker, 0 clients\n",
                "READY=1\n",
                "STOPPING=1\n",
                "STATUS=Stopping: answering 0 requests of 0 clients\n",
                "STATUS=Stopping: ",
        };
        ck_assert(was_told("STOPPING=1\n"));
        const char *at = notices;
        for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
                at = strstr(at, expected[i]);
                ck_assert_msg(at, "%s is not in its place in\n%s", expected[i], notices);
                at++;
        }
        ck_assert_ptr_null(strstr(notices, "WATCHDOG"));
        close(manager);
}
END_TEST

static bool is_told_a_sign_of_life(void)
{
        return was_told("WATCHDOG=1\n");
}

START_TEST(the_watchdog_gets_signs_of_life)
{
        make_manager();
        setenv("WATCHDOG_USEC", "20000", 1);
        unsetenv("WATCHDOG_PID");
        run((step_fn *[]){is_serving, is_told_a_sign_of_life, terminate, NULL});
        close(manager);
}
END_TEST

/* Without their being accepted first: nobody waits in vain for a daemon that has gone. */
static bool call_echo_unaccepted(void)
{
        call_echo();
        raise(SIGTERM);
        return true;
}

START_TEST(who_waits_at_its_own_socket_is_answered)
{
        add_program("calc", "echo");
        run((step_fn *[]){is_serving, call_echo_unaccepted, is_draining, NULL});
        ck_assert(is_answered());
}
END_TEST

START_TEST(a_socket_that_cannot_be_made_is_told)
{
        make_manager();
        folder_write("the.sock", "precious");
        ck_assert_int_eq(server_init(&server, &config, &file_limit, true), -EEXIST);
        ck_assert(log_has("refusing to replace what is no socket"));
        ck_assert(was_told("STATUS=refusing to replace what is no socket"));
        ck_assert(was_told("ERRNO=17\n"));
        close(manager);
        server_clear(&server);
        unlink(config.server.listen);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("server");
        TCase *tcase = loop_case(suite, setup, teardown);

        tcase_add_test(tcase, a_signal_ends_it);
        tcase_add_test(tcase, it_may_end_before_its_workers_are_ready);
        tcase_add_test(tcase, a_program_that_fails_does_not_hold_up_the_others);
        tcase_add_test(tcase, a_hangup_has_the_config_read_anew);
        tcase_add_test(tcase, a_wrong_config_changes_nothing);
        tcase_add_test(tcase, who_asks_is_answered_when_all_is_done);
        tcase_add_test(tcase, those_who_ask_meanwhile_share_the_next_one);
        tcase_add_test(tcase, a_hangup_in_its_start_may_mend_it);
        tcase_add_test(tcase, an_end_gives_a_reload_up);
        tcase_add_test(tcase, an_end_gives_up_on_new_workers);
        tcase_add_test(tcase, a_husk_is_waited_for);
        tcase_add_test(tcase, without_programs_it_serves_all_the_same);
        tcase_add_test(tcase, it_answers_and_ends_though_a_client_stays);
        tcase_add_test(tcase, what_is_under_way_is_answered_before_it_ends);
        tcase_add_test(tcase, a_request_of_one_that_left_is_waited_for);
        tcase_add_test(tcase, a_second_signal_ends_it_at_once);
        tcase_add_test(tcase, a_second_signal_ends_it_without_programs);
        tcase_add_test(tcase, shutdown_timeout_ends_the_wait);
        tcase_add_test(tcase, past_max_clients_the_next_ones_wait);
        tcase_add_test(tcase, the_manager_is_told_all_along);
        tcase_add_test(tcase, the_watchdog_gets_signs_of_life);
        tcase_add_test(tcase, who_waits_at_its_own_socket_is_answered);
        tcase_add_test(tcase, a_socket_that_cannot_be_made_is_told);
        return run_suite(suite);
}
