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
        int high[8];

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

START_TEST(without_a_manager_there_is_no_socket)
{
        unsetenv("LISTEN_FDS");
        ck_assert_int_eq(sd_take_socket(), -ENOENT);
}
END_TEST

START_TEST(the_listening_socket_is_taken)
{
        int fds[] = {new_listener("a")};

        hand_over(fds, 1, getpid());
        ck_assert_int_eq(sd_take_socket(), FIRST_FD);
        ck_assert(fcntl(FIRST_FD, F_GETFD) & FD_CLOEXEC);
        ck_assert_ptr_null(getenv("LISTEN_FDS"));
        ck_assert_int_eq(sd_take_socket(), -ENOENT);
}
END_TEST

START_TEST(what_is_meant_for_another_process_is_not)
{
        int fds[] = {new_listener("a")};

        hand_over(fds, 1, getpid() + 1);
        ck_assert_int_eq(sd_take_socket(), -ENOENT);
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
        ck_assert_int_eq(sd_take_socket(), FIRST_FD + 3);
        for (int i = 0; i < 5; i++) {
                char text[64];
                snprintf(text, sizeof(text), "ignoring descriptor %d", FIRST_FD + i);
                ck_assert_int_eq(log_has(text), i != 3);
                ck_assert_int_eq(fcntl(FIRST_FD + i, F_GETFD) >= 0, i == 3);
        }
}
END_TEST

START_TEST(none_that_fits_is_none)
{
        int fds[] = {open("/dev/null", O_RDONLY)};

        hand_over(fds, 1, getpid());
        ck_assert_int_eq(sd_take_socket(), -ENOENT);
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
        sd_tell_ready();
        check_notified(manager, "READY=1");
        sd_tell_status("%d programs, %s", 3, "one failing");
        check_notified(manager, "STATUS=3 programs, one failing");
        sd_tell_stopping();
        check_notified(manager, "STOPPING=1");
        close(manager);
}
END_TEST

START_TEST(without_a_manager_telling_does_nothing)
{
        unsetenv("NOTIFY_SOCKET");
        sd_tell_ready();
        sd_tell_status("text");
        sd_tell_stopping();
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
        tcase_add_test(tcase, none_that_fits_is_none);
        tcase_add_test(tcase, the_manager_is_told);
        tcase_add_test(tcase, without_a_manager_telling_does_nothing);
        suite_add_tcase(suite, tcase);

        SRunner *runner = srunner_create(suite);
        srunner_set_fork_status(runner, CK_FORK);
        srunner_run_all(runner, CK_ENV);
        int failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
