/* SPDX-License-Identifier: MIT */
/*
 * A service manager played by the test: it hands over descriptors and listens to notifications.
 * Each test is a process of its own, whose environment and descriptors it may change.
 */
#include "daemon/sd.h"

#include "fixture_log.h"
#include "folder.h"

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

#define FIRST_FD 3

static void setup(void)
{
        log_capture();
        folder_make();
}

static void teardown(void)
{
        folder_remove();
}

static int new_socket(int type, const char *name)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, type, 0);

        ck_assert_int_ge(fd, 0);
        strcpy(address.sun_path, folder_at(name));
        ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        return fd;
}

static int new_listener(const char *name)
{
        int fd = new_socket(SOCK_STREAM, name);

        ck_assert_int_eq(listen(fd, 5), 0);
        return fd;
}

/* Puts the descriptors where a service manager would, from 3 on. */
static void hand_over(const int *fds, int n, pid_t pid)
{
        char text[32];
        int high[SD_SOCKETS_MAX + 1];

        for (int i = 0; i < n; i++)
                high[i] = fcntl(fds[i], F_DUPFD, 100);
        for (int i = 0; i < n; i++) {
                close(fds[i]);
                ck_assert_int_eq(dup2(high[i], FIRST_FD + i), FIRST_FD + i);
                close(high[i]);
        }
        snprintf(text, sizeof(text), "%d", (int)pid);
        setenv("LISTEN_PID", text, 1);
        snprintf(text, sizeof(text), "%d", n);
        setenv("LISTEN_FDS", text, 1);
}

static int taken[SD_SOCKETS_MAX];

START_TEST(without_a_manager_there_is_no_socket)
{
        unsetenv("LISTEN_FDS");
        ck_assert_uint_eq(sd_take_sockets(taken), 0);
}
END_TEST

START_TEST(the_listening_socket_is_taken)
{
        int fds[] = {new_listener("a")};

        hand_over(fds, 1, getpid());
        ck_assert_uint_eq(sd_take_sockets(taken), 1);
        ck_assert_int_eq(taken[0], FIRST_FD);
        ck_assert(fcntl(FIRST_FD, F_GETFD) & FD_CLOEXEC);
        ck_assert_ptr_null(getenv("LISTEN_FDS"));
        ck_assert_uint_eq(sd_take_sockets(taken), 0);
}
END_TEST

START_TEST(what_is_meant_for_another_process_is_not)
{
        int fds[] = {new_listener("a")};

        hand_over(fds, 1, getpid() + 1);
        ck_assert_uint_eq(sd_take_sockets(taken), 0);
        ck_assert_int_ge(fcntl(FIRST_FD, F_GETFD), 0);
}
END_TEST

START_TEST(others_are_closed_with_a_warning)
{
        int fds[] = {
                open("/dev/null", O_RDONLY),
                new_socket(SOCK_STREAM, "not-listening"),
                new_socket(SOCK_DGRAM, "datagrams"),
                new_listener("a"),
                new_listener("b"),
        };

        hand_over(fds, 5, getpid());
        setenv("LISTEN_FDNAMES", "null:silent:datagrams:a:b", 1);
        ck_assert_uint_eq(sd_take_sockets(taken), 2);
        ck_assert_int_eq(taken[0], FIRST_FD + 3);
        ck_assert_int_eq(taken[1], FIRST_FD + 4);
        for (int i = 0; i < 5; i++) {
                char text[64];
                snprintf(text, sizeof(text), "ignoring descriptor %d", FIRST_FD + i);
                ck_assert_int_eq(log_has(text), i < 3);
                ck_assert_int_eq(fcntl(FIRST_FD + i, F_GETFD) >= 0, i >= 3);
        }
        ck_assert(log_has("(datagrams) of the service manager: it is not a listening UNIX stream"));
}
END_TEST

START_TEST(too_many_are_told)
{
        int fds[SD_SOCKETS_MAX + 1];
        char name[8];

        for (unsigned i = 0; i < ARRAY_SIZE(fds); i++) {
                snprintf(name, sizeof(name), "%u", i);
                fds[i] = new_listener(name);
        }
        hand_over(fds, ARRAY_SIZE(fds), getpid());
        ck_assert_uint_eq(sd_take_sockets(taken), SD_SOCKETS_MAX);
        ck_assert(log_has("ignoring descriptor 19 (unknown) of the service manager: there are too "
                          "many sockets"));
        ck_assert_int_lt(fcntl(FIRST_FD + SD_SOCKETS_MAX, F_GETFD), 0);
}
END_TEST

START_TEST(none_that_fits_is_none)
{
        int fds[] = {open("/dev/null", O_RDONLY)};

        hand_over(fds, 1, getpid());
        ck_assert_uint_eq(sd_take_sockets(taken), 0);
        ck_assert(log_has("ignoring descriptor 3"));
}
END_TEST

static void check_notified(int fd, const char *expected)
{
        char text[1024];
        ssize_t n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);

        ck_assert_int_gt(n, 0);
        text[n] = '\0';
        ck_assert_str_eq(text, expected);
}

START_TEST(the_manager_is_told)
{
        int manager = new_socket(SOCK_DGRAM, "notify");

        setenv("NOTIFY_SOCKET", folder_at("notify"), 1);
        ck_assert_int_eq(sd_tell("READY=1\nSTATUS=well\n"), 0);
        check_notified(manager, "READY=1\nSTATUS=well\n");
        close(manager);
        ck_assert_int_eq(sd_tell("READY=1\n"), -ECONNREFUSED);
}
END_TEST

START_TEST(an_abstract_name_is_understood)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        socklen_t length = sizeof(address.sun_family);
        int manager = socket(AF_UNIX, SOCK_DGRAM, 0);
        char name[16] = "@";

        /* The kernel chooses a name of five digits. */
        ck_assert_int_eq(bind(manager, (struct sockaddr *)&address, length), 0);
        length = sizeof(address);
        ck_assert_int_eq(getsockname(manager, (struct sockaddr *)&address, &length), 0);
        memcpy(name + 1, address.sun_path + 1, 5);
        setenv("NOTIFY_SOCKET", name, 1);
        ck_assert_int_eq(sd_tell("WATCHDOG=1\n"), 0);
        check_notified(manager, "WATCHDOG=1\n");
        close(manager);
}
END_TEST

/* The story: sd_notify() waits for a manager that does not read, and every client would wait for
 * it. */
START_TEST(a_manager_that_does_not_read_is_not_waited_for)
{
        int manager = new_socket(SOCK_DGRAM, "notify"), n = 0, r;

        setenv("NOTIFY_SOCKET", folder_at("notify"), 1);
        while ((r = sd_tell("STATUS=more\n")) == 0)
                ck_assert_int_lt(++n, 100000);
        ck_assert_int_eq(r, -EAGAIN);
        check_notified(manager, "STATUS=more\n");
        ck_assert_int_eq(sd_tell("STATUS=more\n"), 0);
        close(manager);
}
END_TEST

START_TEST(without_a_manager_nothing_is_told)
{
        static const char *const wrong[] = {"", "/", "relative", "vsock:2:1234"};
        char path[sizeof(((struct sockaddr_un *)NULL)->sun_path) + 2];

        unsetenv("NOTIFY_SOCKET");
        ck_assert_int_eq(sd_tell("READY=1\n"), -ENOENT);
        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
                setenv("NOTIFY_SOCKET", wrong[i], 1);
                ck_assert_int_eq(sd_tell("READY=1\n"), -ENOENT);
        }
        memset(path, '/', sizeof(path) - 1);
        path[sizeof(path) - 1] = '\0';
        setenv("NOTIFY_SOCKET", path, 1);
        ck_assert_int_eq(sd_tell("READY=1\n"), -ENOENT);
}
END_TEST

START_TEST(the_watchdog_is_for_this_process_alone)
{
        char pid[16];

        unsetenv("WATCHDOG_USEC");
        ck_assert_uint_eq(sd_watchdog(), 0);
        setenv("WATCHDOG_USEC", "20000000", 1);
        snprintf(pid, sizeof(pid), "%d", (int)getpid());
        setenv("WATCHDOG_PID", pid, 1);
        ck_assert_uint_eq(sd_watchdog(), 20000000);
        setenv("WATCHDOG_PID", "1", 1);
        ck_assert_uint_eq(sd_watchdog(), 0);
        setenv("WATCHDOG_PID", pid, 1);
        setenv("WATCHDOG_USEC", "nonsense", 1);
        ck_assert_uint_eq(sd_watchdog(), 0);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("sd");
        TCase *tcase = tcase_create("tests");

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, without_a_manager_there_is_no_socket);
        tcase_add_test(tcase, the_listening_socket_is_taken);
        tcase_add_test(tcase, what_is_meant_for_another_process_is_not);
        tcase_add_test(tcase, others_are_closed_with_a_warning);
        tcase_add_test(tcase, too_many_are_told);
        tcase_add_test(tcase, none_that_fits_is_none);
        tcase_add_test(tcase, the_manager_is_told);
        tcase_add_test(tcase, an_abstract_name_is_understood);
        tcase_add_test(tcase, a_manager_that_does_not_read_is_not_waited_for);
        tcase_add_test(tcase, without_a_manager_nothing_is_told);
        tcase_add_test(tcase, the_watchdog_is_for_this_process_alone);
        suite_add_tcase(suite, tcase);

        SRunner *runner = srunner_create(suite);
        srunner_set_fork_status(runner, CK_FORK);
        srunner_run_all(runner, CK_ENV);
        int failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
