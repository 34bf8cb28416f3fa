/* SPDX-License-Identifier: MIT */
/*
 * Socket files in a folder of the test's own, and what may lie in their place.
 */
#include "daemon/socket_file.h"

#include "fixture_log.h"
#include "folder.h"
#include "socket_path.h"
#include "suite.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/file.h>
#include <sys/wait.h>

static struct socket_file file;
static char error[SOCKET_FILE_ERROR_MAX];

static void setup(void)
{
        folder_make();
        file = (struct socket_file){.lock = -1};
}

static bool is_there(const char *path)
{
        struct stat status;

        return lstat(path, &status) == 0;
}

static bool is_locked_away(void)
{
        return is_there(folder_at("the.sock.lock"));
}

static void teardown(void)
{
        socket_file_remove(&file);
        socket_file_remove(&file);
        ck_assert(!is_locked_away());
        folder_remove();
}

/* A socket of another make at the path. */
static int bind_there(int type)
{
        struct sockaddr_un address = address_of(socket_path());
        int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

        ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        return fd;
}

static int make(void)
{
        int fd = socket_file_make(&file, socket_path(), 0600, NULL, error);

        ck_assert_msg(fd >= 0, "%s", error);
        ck_assert_int_eq(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
        ck_assert_int_eq(fcntl(file.lock, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
        return fd;
}

static void check_refused(int expected, const char *reason)
{
        ck_assert_int_eq(socket_file_make(&file, socket_path(), 0600, NULL, error), expected);
        ck_assert_msg(strstr(error, reason), "%s", error);
        ck_assert_ptr_nonnull(strstr(error, socket_path()));
}

START_TEST(it_is_made_and_goes)
{
        int fd = make(), client = try_connect();

        ck_assert_int_ge(client, 0);
        ck_assert(is_locked_away());
        socket_file_remove(&file);
        ck_assert(!is_there(socket_path()));
        ck_assert_int_eq(try_connect(), -ENOENT);
        close(client);
        close(fd);
}
END_TEST

START_TEST(a_stale_one_is_replaced)
{
        close(bind_there(SOCK_STREAM));
        ck_assert_int_eq(try_connect(), -ECONNREFUSED);
        int fd = make(), client = try_connect();
        ck_assert_int_ge(client, 0);
        close(client);
        close(fd);
}
END_TEST

START_TEST(one_that_is_served_is_kept)
{
        int other = bind_there(SOCK_STREAM);

        ck_assert_int_eq(listen(other, 5), 0);
        check_refused(-EADDRINUSE, "another daemon answers on");
        ck_assert(is_there(socket_path()));
        close(other);
}
END_TEST

START_TEST(one_whose_backlog_is_full_is_served_too)
{
        int other = bind_there(SOCK_STREAM), waiting[8], n = 0;

        ck_assert_int_eq(listen(other, 0), 0);
        while ((waiting[n] = try_connect()) >= 0)
                ck_assert_int_lt(++n, 8);
        ck_assert_int_eq(waiting[n], -EAGAIN);
        check_refused(-EADDRINUSE, "another daemon answers on");
        while (n-- > 0)
                close(waiting[n]);
        close(other);
}
END_TEST

/* The story: a daemon that had bound its socket and did not listen yet looked like one that had
 * died, and another one that started at the same time took its file away. */
START_TEST(one_that_another_daemon_makes_just_now_is_kept)
{
        int lock = open(folder_at("the.sock.lock"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        int other = bind_there(SOCK_STREAM);

        ck_assert_int_eq(flock(lock, LOCK_EX), 0);
        check_refused(-EADDRINUSE, "another daemon holds");
        ck_assert(is_there(socket_path()));
        ck_assert(is_locked_away());
        close(lock);
        int fd = make();
        close(fd);
        close(other);
}
END_TEST

#define RIVALS 16

/* Tells by its exit status whether it has got the socket; holds it until the pipe ends. */
static _Noreturn void contend(int begin, int ready, int end)
{
        char byte;

        if (read(begin, &byte, 1) != 0)
                _exit(2);
        int fd = socket_file_make(&file, socket_path(), 0600, NULL, error);
        if (write(ready, fd >= 0 ? "1" : "0", 1) != 1 || read(end, &byte, 1) != 0)
                _exit(2);
        socket_file_remove(&file);
        _exit(0);
}

START_TEST(of_many_that_start_at_once_one_gets_it)
{
        int begin[2], ready[2], end[2], won = 0, status;
        char answer;

        close(bind_there(SOCK_STREAM));
        ck_assert_int_eq(pipe(begin) + pipe(ready) + pipe(end), 0);
        for (int i = 0; i < RIVALS; i++)
                if (fork() == 0) {
                        close(begin[1]);
                        close(end[1]);
                        contend(begin[0], ready[1], end[0]);
                }
        close(begin[1]);
        for (int i = 0; i < RIVALS; i++) {
                ck_assert_int_eq(read(ready[0], &answer, 1), 1);
                won += answer == '1';
        }
        ck_assert_int_eq(won, 1);
        int client = try_connect();
        ck_assert_int_ge(client, 0);
        close(client);
        close(end[1]);
        for (int i = 0; i < RIVALS; i++) {
                ck_assert_int_gt(wait(&status), 0);
                ck_assert_int_eq(status, 0);
        }
        ck_assert(!is_there(socket_path()));
        close(begin[0]);
        close(ready[0]);
        close(ready[1]);
        close(end[0]);
}
END_TEST

START_TEST(the_lock_of_one_that_was_killed_does_not_matter)
{
        folder_write("the.sock.lock", "");
        close(make());
}
END_TEST

START_TEST(a_lock_that_cannot_be_had_is_told)
{
        ck_assert_int_eq(symlink("elsewhere", folder_at("the.sock.lock")), 0);
        check_refused(-ELOOP, "cannot open the lock file");
        unlink(folder_at("the.sock.lock"));
}
END_TEST

START_TEST(what_is_no_stream_socket_is_kept)
{
        int other = bind_there(SOCK_DGRAM);

        check_refused(-EPROTOTYPE, "cannot tell whether");
        ck_assert(is_there(socket_path()));
        close(other);
}
END_TEST

START_TEST(what_is_no_socket_is_kept)
{
        folder_write("the.sock", "precious");
        check_refused(-EEXIST, "no socket");
        ck_assert(is_there(socket_path()));
        unlink(socket_path());
        ck_assert_int_eq(symlink("elsewhere", socket_path()), 0);
        check_refused(-EEXIST, "no socket");
        ck_assert(is_there(socket_path()));
}
END_TEST

START_TEST(it_gets_mode_and_group_and_the_umask_is_back)
{
        struct stat status;
        struct group *group = getgrgid(getgid());
        mode_t before = umask(0027);

        ck_assert_ptr_nonnull(group);
        int fd = socket_file_make(&file, socket_path(), 0666, group->gr_name, error);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(lstat(socket_path(), &status), 0);
        ck_assert_int_eq(status.st_mode & 07777, 0666);
        ck_assert_int_eq(status.st_gid, getgid());
        ck_assert_int_eq(lstat(folder_at("the.sock.lock"), &status), 0);
        ck_assert_int_eq(status.st_mode & 07777, 0600);
        ck_assert_int_eq(umask(before), 0027);
        close(fd);
}
END_TEST

START_TEST(a_failure_leaves_nothing_behind)
{
        ck_assert_int_eq(socket_file_make(&file, socket_path(), 0600, "no-such-group-here", error),
                         -ENOENT);
        ck_assert_ptr_nonnull(strstr(error, "no-such-group-here"));
        ck_assert(!is_there(socket_path()));
        ck_assert(!is_locked_away());
        ck_assert_int_eq(socket_file_make(&file, folder_at("missing/the.sock"), 0600, NULL, error),
                         -ENOENT);
        ck_assert_ptr_nonnull(strstr(error, "missing"));
}
END_TEST

START_TEST(a_path_that_is_too_long_is_refused)
{
        char path[200] = "/tmp/";

        memset(path + 5, 'x', sizeof(path) - 6);
        path[sizeof(path) - 1] = '\0';
        ck_assert_int_eq(socket_file_make(&file, path, 0600, NULL, error), -ENAMETOOLONG);
        ck_assert_ptr_nonnull(strstr(error, "xxx"));
}
END_TEST

START_TEST(only_its_own_is_removed)
{
        int fd = make();

        unlink(socket_path());
        int other = bind_there(SOCK_STREAM);
        socket_file_remove(&file);
        ck_assert(is_there(socket_path()));
        close(other);
        close(fd);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("socket_file");
        TCase *tcase = tcase_create("tests");

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, it_is_made_and_goes);
        tcase_add_test(tcase, a_stale_one_is_replaced);
        tcase_add_test(tcase, one_that_is_served_is_kept);
        tcase_add_test(tcase, one_whose_backlog_is_full_is_served_too);
        tcase_add_test(tcase, one_that_another_daemon_makes_just_now_is_kept);
        tcase_add_test(tcase, of_many_that_start_at_once_one_gets_it);
        tcase_add_test(tcase, the_lock_of_one_that_was_killed_does_not_matter);
        tcase_add_test(tcase, a_lock_that_cannot_be_had_is_told);
        tcase_add_test(tcase, what_is_no_stream_socket_is_kept);
        tcase_add_test(tcase, what_is_no_socket_is_kept);
        tcase_add_test(tcase, it_gets_mode_and_group_and_the_umask_is_back);
        tcase_add_test(tcase, a_failure_leaves_nothing_behind);
        tcase_add_test(tcase, a_path_that_is_too_long_is_refused);
        tcase_add_test(tcase, only_its_own_is_removed);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
