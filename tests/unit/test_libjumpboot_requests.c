/* SPDX-License-Identifier: MIT */
/*
 * What becomes of requests when their connection ends: by how much of them was sent.
 */
#include "client/libjumpboot_outbox.h"
#include "client/libjumpboot_requests.h"

#include "suite.h"

#include <sys/socket.h>

static struct requests requests;
static struct outbox outbox;

static void setup(void)
{
        requests_init(&requests);
        outbox = (struct outbox){0};
}

static void teardown(void)
{
        requests_clear(&requests);
        outbox_clear(&outbox);
}

static void add(uint64_t id)
{
        struct jumpboot_reply *reply = reply_new(id, JUMPBOOT_NO_TIMEOUT, 0);
        struct params_fault fault;

        ck_assert_ptr_nonnull(reply);
        ck_assert_int_eq(requests_add(&requests, reply), 0);
        ck_assert_int_eq(outbox_add(&outbox,
                                    &(struct outbox_request){
                                            .id = id,
                                            .method = "p.f",
                                            .timeout_ms = JUMPBOOT_NO_TIMEOUT,
                                    },
                                    &fault),
                         0);
        reply->end = outbox.added;
}

static int status_of(uint64_t id)
{
        struct jumpboot_reply *reply = requests_take(&requests, id);

        ck_assert_ptr_nonnull(reply);
        int status = jumpboot_reply_status(reply);
        jumpboot_reply_free(reply);
        return status;
}

/* The end of a connection ends a line for the daemon: a request that lacks its newline only may
 * have run. */
START_TEST(what_lacks_more_than_its_newline_has_not_run)
{
        static const int missing[] = {0, 1, 2, 20};

        for (size_t i = 0; i < 4; i++) {
                add(1);
                uint64_t sent = outbox.added - (uint64_t)missing[i];
                add(2);
                requests_fail(&requests, JUMPBOOT_ECLOSED, "over", sent);
                ck_assert_int_eq(status_of(1), i < 2 ? JUMPBOOT_ECLOSED : JUMPBOOT_EUNSENT);
                ck_assert_int_eq(status_of(2), JUMPBOOT_EUNSENT);
        }
}
END_TEST

START_TEST(other_failures_are_what_they_are)
{
        add(1);
        requests_fail(&requests, JUMPBOOT_EPROTOCOL, "nonsense", 0);
        ck_assert_int_eq(status_of(1), JUMPBOOT_EPROTOCOL);
}
END_TEST

START_TEST(what_is_sent_is_counted_whatever_is_thrown_away)
{
        int fds[2];

        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        add(1);
        uint64_t first = outbox.added;
        ck_assert_int_eq(outbox_send(&outbox, fds[0]), 0);
        ck_assert_uint_eq(outbox.sent, first);
        add(2);
        outbox_clear(&outbox);
        ck_assert_uint_eq(outbox.sent, first);
        add(3);
        requests_fail(&requests, JUMPBOOT_ECLOSED, "over", outbox.sent);
        ck_assert_int_eq(status_of(1), JUMPBOOT_ECLOSED);
        ck_assert_int_eq(status_of(2), JUMPBOOT_EUNSENT);
        ck_assert_int_eq(status_of(3), JUMPBOOT_EUNSENT);
        close(fds[0]);
        close(fds[1]);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("libjumpboot_requests");
        TCase *tcase = tcase_create("tests");

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, what_lacks_more_than_its_newline_has_not_run);
        tcase_add_test(tcase, other_failures_are_what_they_are);
        tcase_add_test(tcase, what_is_sent_is_counted_whatever_is_thrown_away);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
