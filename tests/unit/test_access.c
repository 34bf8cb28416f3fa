/* SPDX-License-Identifier: MIT */
/*
 * Lists against callers: made-up ones, and the real other end of a socket.
 */
#include "daemon/access.h"

#include "common/cleanup.h"
#include "daemon/request.h"

#include "suite.h"

#include <check.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/wait.h>

static struct id_list *users, *groups;
static struct access access_;
static struct caller caller;

static void setup(void)
{
        static const char *const names[] = {"carol", "alice", "bob"};
        static const id_t ids[] = {3000, 1000, 4294967294U};

        users = id_list_new(names, ids, 3);
        groups = id_list_new(names, (const id_t[]){500, 300, 400}, 3);
        ck_assert(users && groups);
        access_ = (struct access){users, groups};
        caller_init(&caller, NULL);
}

static void teardown(void)
{
        users = id_list_unref(users);
        groups = id_list_unref(groups);
        peer_clear(&caller.peer);
}

/* A caller whose socket is not there any more. */
static bool allows(uid_t uid, gid_t gid)
{
        caller.peer.uid = uid;
        caller.peer.gid = gid;
        return access_allows(&access_, &caller);
}

START_TEST(a_list_has_its_ids_and_no_others)
{
        ck_assert(id_list_has(users, 1000));
        ck_assert(id_list_has(users, 3000));
        ck_assert(id_list_has(users, 4294967294U));
        ck_assert(!id_list_has(users, 0));
        ck_assert(!id_list_has(users, 2000));
        ck_assert(!id_list_has(users, 4294967295U));
        ck_assert(!id_list_has(NULL, 0));
        ck_assert_str_eq(users->names[0], "carol");
        ck_assert_str_eq(users->names[2], "bob");
        ck_assert_ptr_eq(id_list_ref(users), users);
        ck_assert_ptr_null(id_list_unref(users));
        ck_assert(id_list_has(users, 1000));
}
END_TEST

START_TEST(who_is_listed_is_allowed)
{
        ck_assert(allows(1000, 77));
        ck_assert(allows(77, 400));
        ck_assert(allows(0, 77)); /* root */
        ck_assert(!allows(77, 77));
        ck_assert(!allows(400, 1000)); /* a user is no group */
        ck_assert(!allows((uid_t)-1, (gid_t)-1));
}
END_TEST

START_TEST(one_list_alone_restricts_too)
{
        access_ = (struct access){.users = users};
        ck_assert(allows(1000, 77));
        ck_assert(!allows(77, 400));
        access_ = (struct access){.groups = groups};
        ck_assert(!allows(1000, 77));
        ck_assert(allows(77, 400));
}
END_TEST

START_TEST(without_lists_all_may_call_and_only_root_is_admin)
{
        access_ = (struct access){0};
        ck_assert(allows(77, 77));
        ck_assert(allows((uid_t)-1, (gid_t)-1));
        ck_assert(!access_is_admin(&access_, &caller));
        caller.peer.uid = getuid() ? getuid() : 77; /* the daemon's own is none */
        ck_assert(!access_is_admin(&access_, &caller));
        caller.peer.uid = 0;
        ck_assert(access_is_admin(&access_, &caller));
}
END_TEST

START_TEST(an_admin_is_listed)
{
        caller.peer.uid = 1000;
        ck_assert(access_is_admin(&access_, &caller));
        caller.peer.uid = 1001;
        ck_assert(!access_is_admin(&access_, &caller));
        caller.peer.gid = 300;
        ck_assert(access_is_admin(&access_, &caller));
}
END_TEST

/* Connects as another user would, with n supplementary groups: 10000, 10001... */
static int socket_of_another(uid_t uid, size_t n)
{
        const struct sockaddr address = {.sa_family = AF_UNIX};
        int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), status;
        struct sockaddr_storage bound;
        socklen_t length = sizeof(bound);
        pid_t pid;

        /* the kernel picks an abstract name */
        ck_assert_int_eq(bind(listener, &address, sizeof(sa_family_t)), 0);
        ck_assert_int_eq(listen(listener, 1), 0);
        ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&bound, &length), 0);
        pid = fork();
        if (pid == 0) {
                _cleanup_free_ gid_t *list = calloc(n + 1, sizeof(*list));
                int fd = socket(AF_UNIX, SOCK_STREAM, 0);

                for (size_t i = 0; i < n; i++)
                        list[i] = (gid_t)(10000 + i);
                _exit(setgroups(n, list) == 0 && setgid(77) == 0 && setuid(uid) == 0 &&
                                      connect(fd, (struct sockaddr *)&bound, length) == 0
                              ? 0
                              : 1);
        }
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert_int_eq(status, 0);
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        ck_assert_int_ge(fd, 0);
        close(listener);
        return fd;
}

static const size_t group_counts[] = {0, 1, 31, 32, 33, 500};

/* How many there are is not known before they are read; and they are read once. */
START_TEST(supplementary_groups_count)
{
        size_t n = group_counts[_i], n_found;

        if (geteuid() != 0)
                return; /* only root can be somebody else */
        int fd = socket_of_another(88, n);
        static const char *const names[] = {"wanted"};
        id_t last = (id_t)(10000 + n - 1);
        struct id_list *wanted = id_list_new(names, &last, 1);

        access_ = (struct access){.groups = wanted};
        peer_init(&caller.peer, fd);
        ck_assert_uint_eq(caller.peer.uid, 88);
        ck_assert_uint_eq(caller.peer.gid, 77);
        ck_assert(!caller.peer.has_groups);
        ck_assert(access_allows(&access_, &caller) == (n > 0));
        ck_assert(caller.peer.has_groups);
        peer_detach(&caller.peer);
        close(fd);
        peer_groups(&caller.peer, &n_found);
        ck_assert_uint_eq(n_found, n);
        ck_assert(access_allows(&access_, &caller) == (n > 0));
        access_ = (struct access){.groups = groups};
        ck_assert(!access_allows(&access_, &caller));
        id_list_unref(wanted);
}
END_TEST

START_TEST(a_peer_is_known_by_its_socket)
{
        int ends[2];
        size_t n;

        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        peer_init(&caller.peer, ends[0]);
        ck_assert_uint_eq(caller.peer.uid, geteuid());
        ck_assert_uint_eq(caller.peer.gid, getegid());
        ck_assert_int_eq(caller.peer.pid, getpid());
        const gid_t *found = peer_groups(&caller.peer, &n);
        ck_assert_ptr_eq(peer_groups(&caller.peer, &n), found);
        ck_assert_int_eq((int)n, getgroups(0, NULL));
        close(ends[0]);
        close(ends[1]);
        peer_init(&caller.peer, ends[0]);
        ck_assert_uint_eq(caller.peer.uid, (uid_t)-1);
        peer_groups(&caller.peer, &n);
        ck_assert_uint_eq(n, 0);
        free((void *)found);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("access");
        TCase *tests = tcase_create("access");

        tcase_add_checked_fixture(tests, setup, teardown);
        tcase_add_test(tests, a_list_has_its_ids_and_no_others);
        tcase_add_test(tests, who_is_listed_is_allowed);
        tcase_add_test(tests, one_list_alone_restricts_too);
        tcase_add_test(tests, without_lists_all_may_call_and_only_root_is_admin);
        tcase_add_test(tests, an_admin_is_listed);
        tcase_add_loop_test(tests, supplementary_groups_count, 0, ARRAY_SIZE(group_counts));
        tcase_add_test(tests, a_peer_is_known_by_its_socket);
        suite_add_tcase(suite, tests);
        return run_suite(suite);
}
