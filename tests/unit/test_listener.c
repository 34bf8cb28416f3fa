/* SPDX-License-Identifier: MIT */
/*
 * Real sockets in a folder of the test's own.
 */
#include "daemon/listener.h"

#include "fixture_loop.h"
#include "folder.h"

#include <grp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

static struct listener listener;
static char error[LISTENER_ERROR_MAX];
static int accepted[16];
static unsigned n_accepted;

static void on_accepted(void *userdata, int fd)
{
        ck_assert_ptr_eq(userdata, &listener);
        ck_assert_uint_lt(n_accepted, ARRAY_SIZE(accepted));
        ck_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        ck_assert(fcntl(fd, F_GETFL) & O_NONBLOCK);
        accepted[n_accepted++] = fd;
}

static void setup(void)
{
        folder_make();
        loop_begin();
        listener.fd = -1;
        n_accepted = 0;
}

static void teardown(void)
{
        for (unsigned i = 0; i < n_accepted; i++)
                close(accepted[i]);
        listener_clear(&listener);
        listener_clear(&listener);
        loop_end();
        folder_remove();
}

static const char *socket_path(void)
{
        return folder_at("the.sock");
}

static struct sockaddr_un address_of(const char *path)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};

        ck_assert_uint_lt(strlen(path), sizeof(address.sun_path));
        strcpy(address.sun_path, path);
        return address;
}

/* A connection to the socket, or a negative errno. */
static int try_connect(void)
{
        struct sockaddr_un address = address_of(socket_path());
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        ck_assert_int_ge(fd, 0);
        if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
                return fd;
        int code = errno;
        close(fd);
        return -code;
}

static void listen_there(void)
{
        int fd = listener_open(socket_path(), 0600, NULL, error);

        ck_assert_msg(fd >= 0, "%s", error);
        ck_assert_int_eq(listener_init(&listener, base, fd, socket_path(), on_accepted, &listener),
                         0);
}

/* A socket of another make at the path. */
static int bind_there(int type)
{
        struct sockaddr_un address = address_of(socket_path());
        int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

        ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        return fd;
}

static bool is_there(void)
{
        struct stat status;

        return lstat(socket_path(), &status) == 0;
}

START_TEST(it_accepts_and_goes_with_its_socket)
{
        listen_there();
        int first = try_connect(), second = try_connect();
        ck_assert_int_ge(first, 0);
        loop_until(n_accepted == 2);
        close(first);
        close(second);
        listener_clear(&listener);
        ck_assert(!is_there());
        ck_assert_int_eq(try_connect(), -ENOENT);
}
END_TEST

START_TEST(a_stale_socket_is_replaced)
{
        close(bind_there(SOCK_STREAM));
        ck_assert_int_eq(try_connect(), -ECONNREFUSED);
        listen_there();
        int fd = try_connect();
        ck_assert_int_ge(fd, 0);
        close(fd);
}
END_TEST

START_TEST(a_socket_that_is_served_is_not)
{
        int other = bind_there(SOCK_STREAM);

        ck_assert_int_eq(listen(other, 5), 0);
        ck_assert_int_eq(listener_open(socket_path(), 0600, NULL, error), -EADDRINUSE);
        ck_assert_ptr_nonnull(strstr(error, "another daemon answers on"));
        ck_assert_ptr_nonnull(strstr(error, socket_path()));
        ck_assert(is_there());
        close(other);
}
END_TEST

START_TEST(a_socket_whose_backlog_is_full_is_served_too)
{
        int other = bind_there(SOCK_STREAM), waiting[8], n = 0;

        ck_assert_int_eq(listen(other, 0), 0);
        while ((waiting[n] = try_connect()) >= 0)
                ck_assert_int_lt(++n, 8);
        ck_assert_int_eq(waiting[n], -EAGAIN);
        ck_assert_int_eq(listener_open(socket_path(), 0600, NULL, error), -EADDRINUSE);
        while (n-- > 0)
                close(waiting[n]);
        close(other);
}
END_TEST

START_TEST(what_is_no_stream_socket_is_kept)
{
        int other = bind_there(SOCK_DGRAM);

        ck_assert_int_eq(listener_open(socket_path(), 0600, NULL, error), -EPROTOTYPE);
        ck_assert_ptr_nonnull(strstr(error, "cannot tell whether"));
        ck_assert(is_there());
        close(other);
}
END_TEST

START_TEST(what_is_no_socket_is_kept)
{
        folder_write("the.sock", "precious");
        ck_assert_int_eq(listener_open(socket_path(), 0600, NULL, error), -EEXIST);
        ck_assert_ptr_nonnull(strstr(error, "no socket"));
        ck_assert(is_there());
        unlink(socket_path());
        ck_assert_int_eq(symlink("elsewhere", socket_path()), 0);
        ck_assert_int_eq(listener_open(socket_path(), 0600, NULL, error), -EEXIST);
        ck_assert(is_there());
}
END_TEST

START_TEST(it_gets_mode_and_group_and_the_umask_is_back)
{
        struct stat status;
        struct group *group = getgrgid(getgid());
        mode_t before = umask(0027);

        ck_assert_ptr_nonnull(group);
        int fd = listener_open(socket_path(), 0666, group->gr_name, error);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(lstat(socket_path(), &status), 0);
        ck_assert_int_eq(status.st_mode & 07777, 0666);
        ck_assert_int_eq(status.st_gid, getgid());
        ck_assert_int_eq(umask(before), 0027);
        close(fd);
}
END_TEST

START_TEST(a_failure_leaves_no_socket_behind)
{
        ck_assert_int_eq(listener_open(socket_path(), 0600, "no-such-group-here", error), -ENOENT);
        ck_assert_ptr_nonnull(strstr(error, "no-such-group-here"));
        ck_assert(!is_there());
        ck_assert_int_eq(listener_open(folder_at("missing/the.sock"), 0600, NULL, error), -ENOENT);
        ck_assert_ptr_nonnull(strstr(error, "missing"));
}
END_TEST

START_TEST(a_path_that_is_too_long_is_refused)
{
        char path[200] = "/tmp/";

        memset(path + 5, 'x', sizeof(path) - 6);
        path[sizeof(path) - 1] = '\0';
        ck_assert_int_eq(listener_open(path, 0600, NULL, error), -ENAMETOOLONG);
        ck_assert_ptr_nonnull(strstr(error, "xxx"));
}
END_TEST

START_TEST(only_its_own_socket_is_removed)
{
        listen_there();
        unlink(socket_path());
        close(bind_there(SOCK_STREAM));
        listener_clear(&listener);
        ck_assert(is_there());
}
END_TEST

START_TEST(a_socket_that_was_handed_over_is_kept)
{
        int fd = listener_open(socket_path(), 0600, NULL, error);

        ck_assert_int_eq(listener_init(&listener, base, fd, NULL, on_accepted, &listener), 0);
        int client = try_connect();
        loop_until(n_accepted == 1);
        close(client);
        listener_clear(&listener);
        ck_assert(is_there());
}
END_TEST

START_TEST(a_pause_lets_them_wait)
{
        listen_there();
        listener_pause(&listener);
        listener_pause(&listener);
        int client = try_connect();
        ck_assert_int_ge(client, 0);
        loop_now();
        ck_assert_uint_eq(n_accepted, 0);
        listener_resume(&listener);
        listener_resume(&listener);
        loop_until(n_accepted == 1);
        close(client);
}
END_TEST

START_TEST(without_descriptors_it_tries_again)
{
        struct rlimit before, few;
        int clients[3];

        listen_there();
        clients[0] = try_connect();
        clients[1] = try_connect();
        getrlimit(RLIMIT_NOFILE, &before);
        few = before;
        few.rlim_cur = (rlim_t)clients[1] + 1;
        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
        loop_until(log_has("cannot accept a connection"));
        ck_assert(log_has("retrying"));
        ck_assert_uint_eq(n_accepted, 0);
        ck_assert(!event_pending(listener.event, EV_READ, NULL));
        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
        /* valgrind, which plays the limit itself, has lost those that came meanwhile. */
        clients[2] = try_connect();
        loop_until(n_accepted > 0);
        for (int i = 0; i < 3; i++)
                close(clients[i]);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("listener");
        TCase *tcase = loop_case(suite, setup, teardown);

        tcase_add_test(tcase, it_accepts_and_goes_with_its_socket);
        tcase_add_test(tcase, a_stale_socket_is_replaced);
        tcase_add_test(tcase, a_socket_that_is_served_is_not);
        tcase_add_test(tcase, a_socket_whose_backlog_is_full_is_served_too);
        tcase_add_test(tcase, what_is_no_stream_socket_is_kept);
        tcase_add_test(tcase, what_is_no_socket_is_kept);
        tcase_add_test(tcase, it_gets_mode_and_group_and_the_umask_is_back);
        tcase_add_test(tcase, a_failure_leaves_no_socket_behind);
        tcase_add_test(tcase, a_path_that_is_too_long_is_refused);
        tcase_add_test(tcase, only_its_own_socket_is_removed);
        tcase_add_test(tcase, a_socket_that_was_handed_over_is_kept);
        tcase_add_test(tcase, a_pause_lets_them_wait);
        tcase_add_test(tcase, without_descriptors_it_tries_again);
        return run_suite(suite);
}
