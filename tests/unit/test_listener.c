/* SPDX-License-Identifier: MIT */
/*
 * Real sockets in a folder of the test's own.
 */
#include "daemon/listener.h"

#include "fixture_loop.h"
#include "folder.h"
#include "socket_path.h"

#include <sys/resource.h>

static struct listener listener;
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

static void listen_there(void)
{
        struct sockaddr_un address = address_of(socket_path());
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        ck_assert_int_eq(listen(fd, 16), 0);
        ck_assert_int_eq(listener_init(&listener, base, fd, on_accepted, &listener), 0);
}

START_TEST(it_accepts)
{
        listen_there();
        int first = try_connect(), second = try_connect();
        ck_assert_int_ge(first, 0);
        loop_until(n_accepted == 2);
        close(first);
        close(second);
        listener_clear(&listener);
        ck_assert_int_eq(try_connect(), -ECONNREFUSED);
}
END_TEST

START_TEST(all_who_wait_can_be_accepted_at_once)
{
        int clients[3];

        listen_there();
        for (int i = 0; i < 3; i++)
                clients[i] = try_connect();
        listener_accept_all(&listener);
        ck_assert_uint_eq(n_accepted, 3);
        listener_pause(&listener);
        int last = try_connect();
        listener_accept_all(&listener);
        ck_assert_uint_eq(n_accepted, 3);
        close(last);
        for (int i = 0; i < 3; i++)
                close(clients[i]);
}
END_TEST

START_TEST(it_tells_where_it_is)
{
        char path[LISTENER_PATH_MAX];
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        struct listener abstract;

        listen_there();
        ck_assert_str_eq(listener_path(&listener, path), socket_path());
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        /* The kernel chooses a name of five digits. */
        ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address.sun_family)), 0);
        ck_assert_int_eq(listen(fd, 5), 0);
        ck_assert_int_eq(listener_init(&abstract, base, fd, on_accepted, &abstract), 0);
        ck_assert_int_eq(*listener_path(&abstract, path), '@');
        ck_assert_uint_eq(strlen(path), 6);
        listener_clear(&abstract);
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
        /* Once each try was told, ten a second. */
        log_forget();
        loop_until(!event_pending(listener.retry, EV_TIMEOUT, NULL));
        loop_until(event_pending(listener.retry, EV_TIMEOUT, NULL));
        ck_assert(!log_has("cannot accept"));
        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
        /* valgrind, which plays the limit itself, has lost those that came meanwhile. */
        clients[2] = try_connect();
        loop_until(n_accepted > 0);
        ck_assert(!listener.is_short);
        for (int i = 0; i < 3; i++)
                close(clients[i]);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("listener");
        TCase *tcase = loop_case(suite, setup, teardown);

        tcase_add_test(tcase, it_accepts);
        tcase_add_test(tcase, all_who_wait_can_be_accepted_at_once);
        tcase_add_test(tcase, it_tells_where_it_is);
        tcase_add_test(tcase, a_pause_lets_them_wait);
        tcase_add_test(tcase, without_descriptors_it_tries_again);
        return run_suite(suite);
}
