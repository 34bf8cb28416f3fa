/* SPDX-License-Identifier: MIT */
#include "common/fdpass.h"

#include "suite.h"

#include "common/cleanup.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int ends[2];
static char text[32];
static pid_t sender;

static void setup(void)
{
        ck_assert_int_eq(fdpass_pair(ends), 0);
}

static void teardown(void)
{
        ends[0] = close_fd(ends[0]);
        ends[1] = close_fd(ends[1]);
}

static ssize_t receive(void)
{
        memset(text, 0, sizeof(text));
        sender = -1;
        return fdpass_receive(ends[0], text, sizeof(text) - 1, &sender);
}

static int lowest_free(void)
{
        int fd = dup(STDIN_FILENO);

        ck_assert_int_ge(fd, 0);
        close(fd);
        return fd;
}

START_TEST(messages_keep_their_bounds_and_tell_who_sent_them)
{
        pid_t child = fork();

        if (child == 0)
                _exit(fdpass_send(ends[1], "one", 3, NULL, 0) < 0);
        ck_assert_int_eq(waitpid(child, NULL, 0), child);
        ck_assert_int_eq(fdpass_send(ends[1], "two", 3, NULL, 0), 0);
        ck_assert_int_eq(receive(), 3);
        ck_assert_str_eq(text, "one");
        ck_assert_int_eq(sender, child);
        ck_assert_int_eq(receive(), 3);
        ck_assert_str_eq(text, "two");
        ck_assert_int_eq(sender, getpid());
}
END_TEST

START_TEST(nothing_blocks)
{
        ck_assert_int_eq(receive(), -EAGAIN);
        int r = 0;
        while (r == 0)
                r = fdpass_send(ends[1], "full", 4, NULL, 0);
        ck_assert_int_eq(r, -EAGAIN);
}
END_TEST

START_TEST(the_end_is_seen_when_nobody_has_the_other_end)
{
        int copy = dup(ends[1]);

        ends[1] = close_fd(ends[1]);
        ck_assert_int_eq(receive(), -EAGAIN);
        close(copy);
        ck_assert_int_eq(receive(), 0);
        ck_assert_int_eq(fdpass_send(ends[0], "to nobody", 9, NULL, 0), -EPIPE);
}
END_TEST

/* Takes one descriptor from the second end, as Python would. */
static int receive_descriptors(int *fds, size_t room)
{
        char control[CMSG_SPACE(FDPASS_MAX * sizeof(int))];
        struct iovec part = {text, sizeof(text)};
        struct msghdr message = {.msg_iov = &part,
                                 .msg_iovlen = 1,
                                 .msg_control = control,
                                 .msg_controllen = sizeof(control)};
        ck_assert_int_ge(recvmsg(ends[1], &message, 0), 0);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        ck_assert(header && header->cmsg_type == SCM_RIGHTS);
        size_t size = header->cmsg_len - CMSG_LEN(0);
        ck_assert_uint_le(size, room * sizeof(int));
        memcpy(fds, CMSG_DATA(header), size);
        return (int)(size / sizeof(int));
}

START_TEST(descriptors_are_passed_in_their_order)
{
        int pair[2], fds[FDPASS_MAX];
        char letter;

        ck_assert_int_eq(pipe(pair), 0);
        ck_assert_int_eq(fdpass_send(ends[0], "two", 3, (int[]){pair[1], pair[0]}, 2), 0);
        ck_assert_int_eq(receive_descriptors(fds, ARRAY_SIZE(fds)), 2);
        ck_assert_int_eq(write(fds[0], "x", 1), 1);
        ck_assert_int_eq(read(fds[1], &letter, 1), 1);
        ck_assert_int_eq(write(pair[1], "y", 1), 1); /* still open here */
        for (size_t i = 0; i < 2; i++) {
                close(fds[i]);
                close(pair[i]);
        }
}
END_TEST

START_TEST(too_many_descriptors_are_refused)
{
        int fds[FDPASS_MAX + 1] = {0};

        ck_assert_int_eq(fdpass_send(ends[0], "x", 1, fds, ARRAY_SIZE(fds)), -EINVAL);
        ck_assert_int_eq(fdpass_send(ends[0], "x", 1, (int[]){-1}, 1), -EBADF);
}
END_TEST

START_TEST(descriptors_that_nobody_asked_for_are_closed)
{
        int before = lowest_free();

        ck_assert_int_eq(fdpass_send(ends[1], "here", 4, (int[]){0, 1, 2}, 3), 0);
        ck_assert_int_eq(fdpass_send(ends[1], "more", 4, (int[]){0}, 1), 0);
        ck_assert_int_eq(receive(), 4);
        ck_assert_int_eq(sender, getpid());
        ck_assert_int_eq(receive(), 4);
        ck_assert_int_eq(lowest_free(), before);
}
END_TEST

START_TEST(a_message_that_is_too_long_is_told)
{
        char longer[sizeof(text) + 1] = "";

        ck_assert_int_eq(fdpass_send(ends[1], longer, sizeof(longer), NULL, 0), 0);
        ck_assert_int_eq(receive(), -EMSGSIZE);
        ck_assert_int_eq(receive(), -EAGAIN);
}
END_TEST

START_TEST(a_socket_that_tells_no_sender_is_told)
{
        static const int off = 0;

        ck_assert_int_eq(setsockopt(ends[0], SOL_SOCKET, SO_PASSCRED, &off, sizeof(off)), 0);
        ck_assert_int_eq(fdpass_send(ends[1], "x", 1, NULL, 0), 0);
        ck_assert_int_eq(receive(), -EPROTO);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("fdpass");
        TCase *tcase = tcase_create("tests");

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, messages_keep_their_bounds_and_tell_who_sent_them);
        tcase_add_test(tcase, nothing_blocks);
        tcase_add_test(tcase, the_end_is_seen_when_nobody_has_the_other_end);
        tcase_add_test(tcase, descriptors_are_passed_in_their_order);
        tcase_add_test(tcase, too_many_descriptors_are_refused);
        tcase_add_test(tcase, descriptors_that_nobody_asked_for_are_closed);
        tcase_add_test(tcase, a_message_that_is_too_long_is_told);
        tcase_add_test(tcase, a_socket_that_tells_no_sender_is_told);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
