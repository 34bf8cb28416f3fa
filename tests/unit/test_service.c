/* SPDX-License-Identifier: MIT */
/*
 * What the service manager is told, and when: the clock is made up, and so is how the daemon is.
 * The manager is a socket of the test's own.
 */
#include "daemon/service.h"

#include "fixture_loop.h"
#include "folder.h"

#include <sys/socket.h>
#include <sys/un.h>

#define START (1000 * USEC_PER_SEC)

static struct service service;
static struct summary now_is; /* what the service sees when it looks */
static int manager;
static unsigned n_looks;
static uint64_t now;

static void look(void *userdata, struct summary *ret)
{
        ck_assert_ptr_eq(userdata, &now_is);
        n_looks++;
        *ret = now_is;
}

static void make_manager(void)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};

        manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        strcpy(address.sun_path, folder_at("notify"));
        unlink(address.sun_path);
        ck_assert_int_eq(bind(manager, (struct sockaddr *)&address, sizeof(address)), 0);
        setenv("NOTIFY_SOCKET", address.sun_path, 1);
}

static void begin(const char *patience)
{
        if (patience)
                setenv("WATCHDOG_USEC", patience, 1);
        ck_assert_int_eq(service_init(&service, base, look, &now_is), 0);
        if (service.ping_at)
                service.ping_at = now;
}

static void setup(void)
{
        folder_make();
        loop_begin();
        unsetenv("WATCHDOG_USEC");
        unsetenv("WATCHDOG_PID");
        make_manager();
        now_is = (struct summary){.n_programs = 2, .n_workers = 3};
        now = START;
        n_looks = 0;
}

static void teardown(void)
{
        service_clear(&service);
        service_clear(&service);
        close(manager);
        loop_end();
        folder_remove();
}

/* The next message; "" if there is none. */
static const char *told(void)
{
        static char text[4096];
        ssize_t n = recv(manager, text, sizeof(text) - 1, 0);

        text[n > 0 ? n : 0] = '\0';
        return text;
}

static void forget_told(void)
{
        while (*told())
                continue;
}

static bool has(const char *message, const char *line)
{
        char lines[4100];

        snprintf(lines, sizeof(lines), "\n%s", message);
        const char *at = strstr(lines, line);
        return at && at[-1] == '\n';
}

/* Lets the made-up time pass, with all looks at the service that it asks for. */
static void pass(uint64_t usec)
{
        uint64_t end = now + usec, next;

        while ((next = service_maintain(&service, now)) != 0 && next <= end) {
                ck_assert_uint_gt(next, now);
                now = next;
        }
        now = end;
}

static void serve(void)
{
        service_enter(&service, SUMMARY_STARTING, 0, now);
        service_enter(&service, SUMMARY_SERVING, 0, now);
        forget_told();
}

START_TEST(a_start_is_told_with_its_end)
{
        begin(NULL);
        now_is.n_waited_for = 1;
        strcpy(now_is.waited_for, "calc");
        service_enter(&service, SUMMARY_STARTING, 0, now);
        const char *message = told();
        ck_assert(has(message, "STATUS=Starting: 1 of 2 programs ready, waiting for calc; "));
        ck_assert(has(message, "EXTEND_TIMEOUT_USEC=8000000\n"));
        ck_assert(!has(message, "READY=1\n"));
        now_is.n_waited_for = 0;
        service_enter(&service, SUMMARY_SERVING, 0, now);
        message = told();
        ck_assert(has(message, "READY=1\n"));
        ck_assert(has(message, "STATUS=Serving: 2 programs ready; 3 workers, 0 clients\n"));
        ck_assert(!has(message, "EXTEND_TIMEOUT_USEC"));
        ck_assert_str_eq(told(), "");
}
END_TEST

START_TEST(one_that_serves_and_does_not_change_wants_no_timer)
{
        begin(NULL);
        serve();
        pass(SERVICE_INTERVAL);
        ck_assert_uint_eq(service_maintain(&service, now), 0);
        ck_assert(!evtimer_pending(service.timer, NULL));
        service_look(&service, now);
        ck_assert_uint_eq(service_maintain(&service, now), 0);
        ck_assert_str_eq(told(), "");
}
END_TEST

START_TEST(news_are_told_at_a_bounded_rate)
{
        unsigned n = 0;

        begin(NULL);
        serve();
        n_looks = 0;
        for (int i = 0; i < 100; i++) {
                now_is.n_clients++;
                service_look(&service, now);
                pass(100 * USEC_PER_MSEC);
                while (*told())
                        n++;
        }
        ck_assert_uint_ge(n, 4);
        ck_assert_uint_le(n, 6);
        ck_assert_uint_le(n_looks, 7);
        pass(SERVICE_INTERVAL);
        pass(SERVICE_INTERVAL);
        ck_assert_str_eq(service.told, "Serving: 2 programs ready; 3 workers, 100 clients");
        ck_assert_uint_eq(service_maintain(&service, now), 0);
}
END_TEST

START_TEST(a_start_in_which_something_happens_may_take_its_time)
{
        begin(NULL);
        service_enter(&service, SUMMARY_STARTING, 0, now);
        for (int i = 0; i < 1000; i++) {
                forget_told();
                now_is.moved++;
                pass(SERVICE_TICK);
                ck_assert(has(told(), "EXTEND_TIMEOUT_USEC=8000000\n"));
        }
}
END_TEST

START_TEST(a_start_that_hangs_is_left_to_the_manager)
{
        begin(NULL);
        service_enter(&service, SUMMARY_STARTING, 0, now);
        pass(SERVICE_PATIENCE + SERVICE_TICK);
        forget_told();
        pass(100 * USEC_PER_SEC);
        ck_assert_str_eq(told(), "");
        now_is.moved++;
        pass(2 * SERVICE_TICK);
        ck_assert(has(told(), "EXTEND_TIMEOUT_USEC=8000000\n"));
}
END_TEST

START_TEST(a_reload_is_told_with_the_time)
{
        char expected[64];

        begin(NULL);
        serve();
        pass(SERVICE_INTERVAL);
        service_enter(&service, SUMMARY_LOADING, 0, now);
        const char *message = told();
        snprintf(expected, sizeof(expected), "RELOADING=1\nMONOTONIC_USEC=%llu\n",
                 (unsigned long long)now);
        ck_assert(has(message, expected));
        ck_assert(has(message, "STATUS=Reading the config anew: "));
        service_enter(&service, SUMMARY_SETTLING, 0, now);
        message = told();
        ck_assert(!has(message, "RELOADING=1\n"));
        ck_assert(has(message, "STATUS=Reloading: "));
        ck_assert(has(message, "EXTEND_TIMEOUT_USEC=8000000\n"));
        service_enter(&service, SUMMARY_SERVING, 0, now);
        ck_assert(has(told(), "READY=1\n"));
}
END_TEST

START_TEST(an_end_may_take_as_long_as_its_own_limit)
{
        begin(NULL);
        serve();
        now_is.n_running = 1;
        service_enter(&service, SUMMARY_DRAINING, now + 600 * USEC_PER_SEC, now);
        const char *message = told();
        ck_assert(has(message, "STOPPING=1\n"));
        ck_assert(has(message, "EXTEND_TIMEOUT_USEC=8000000\n"));
        ck_assert(has(message, "STATUS=Stopping: answering 1 request of 0 clients\n"));
        pass(590 * USEC_PER_SEC);
        forget_told();
        pass(2 * SERVICE_TICK);
        ck_assert(has(told(), "EXTEND_TIMEOUT_USEC=8000000\n"));
        pass(10 * USEC_PER_SEC);
        forget_told();
        pass(100 * USEC_PER_SEC);
        ck_assert_str_eq(told(), "");
        service_enter(&service, SUMMARY_STOPPING, now + 20 * USEC_PER_SEC, now);
        message = told();
        ck_assert(!has(message, "STOPPING=1\n"));
        ck_assert(has(message, "EXTEND_TIMEOUT_USEC=8000000\n"));
}
END_TEST

START_TEST(without_a_limit_it_waits_for_requests_alone)
{
        begin(NULL);
        serve();
        now_is.n_waiting = 1;
        service_enter(&service, SUMMARY_DRAINING, 0, now);
        pass(3600 * USEC_PER_SEC);
        forget_told();
        pass(2 * SERVICE_TICK);
        ck_assert(has(told(), "EXTEND_TIMEOUT_USEC=8000000\n"));
        /* What is left is a client that does not read. */
        now_is.n_waiting = 0;
        pass(SERVICE_PATIENCE + 2 * SERVICE_TICK);
        forget_told();
        pass(100 * USEC_PER_SEC);
        ck_assert_str_eq(told(), "");
}
END_TEST

/* The story: with a manager that is behind, the end began without its being told so, since the next
 * phase had begun when it read again. */
START_TEST(what_could_not_be_told_is_told_later)
{
        begin(NULL);
        serve();
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        strcpy(address.sun_path, folder_at("notify"));
        int filler = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        while (sendto(filler, "x", 1, 0, (struct sockaddr *)&address, sizeof(address)) >= 0)
                continue;
        service_enter(&service, SUMMARY_DRAINING, now + 100 * USEC_PER_SEC, now);
        service_enter(&service, SUMMARY_STOPPING, now + 100 * USEC_PER_SEC, now);
        ck_assert_uint_eq(service_maintain(&service, now), now + SERVICE_RETRY);
        forget_told();
        now += SERVICE_RETRY;
        service_maintain(&service, now);
        const char *message = told();
        ck_assert(has(message, "STOPPING=1\n"));
        ck_assert(has(message, "STATUS=Stopping: 0 workers still to leave\n"));
        ck_assert(!log_has("cannot tell"));
        close(filler);
}
END_TEST

START_TEST(a_manager_that_has_gone_is_logged_once)
{
        begin(NULL);
        serve();
        close(manager);
        service_enter(&service, SUMMARY_LOADING, 0, now);
        ck_assert(log_has("cannot tell the service manager anything: Connection refused"));
        log_forget();
        pass(60 * USEC_PER_SEC);
        ck_assert(!log_has("cannot tell"));
        make_manager();
        pass(SERVICE_INTERVAL);
        ck_assert(has(told(), "RELOADING=1\n"));
}
END_TEST

START_TEST(the_watchdog_gets_its_sign_at_half_the_time)
{
        begin("20000000");
        serve();
        pass(SERVICE_INTERVAL);
        forget_told();
        for (int i = 0; i < 10; i++) {
                pass(10 * USEC_PER_SEC);
                ck_assert_str_eq(told(), "WATCHDOG=1\n");
                ck_assert_str_eq(told(), "");
        }
        ck_assert(evtimer_pending(service.timer, NULL));
}
END_TEST

/* A sign of life says that the loop turns: whoever calls from elsewhere gives none. */
START_TEST(the_watchdog_gets_its_sign_from_the_timer)
{
        now = units_now();
        begin("20000");
        service_enter(&service, SUMMARY_STARTING, 0, now);
        service_enter(&service, SUMMARY_SERVING, 0, now);
        service_look(&service, now);
        for (const char *message; *(message = told());)
                ck_assert(!has(message, "WATCHDOG=1\n"));
        loop_until(has(told(), "WATCHDOG=1\n"));
        loop_until(has(told(), "WATCHDOG=1\n"));
}
END_TEST

START_TEST(without_a_manager_nothing_is_done)
{
        unsetenv("NOTIFY_SOCKET");
        begin(NULL);
        service_enter(&service, SUMMARY_STARTING, 0, now);
        service_enter(&service, SUMMARY_SERVING, 0, now);
        service_look(&service, now);
        ck_assert_uint_eq(service_maintain(&service, now), 0);
        ck_assert_uint_eq(n_looks, 0);
        ck_assert(!evtimer_pending(service.timer, NULL));
        ck_assert_str_eq(told(), "");
}
END_TEST

START_TEST(a_failure_is_told_in_one_line)
{
        service_tell_failure(EINVAL, "a.conf:1:2: wrong\x1b[2J\nand more");
        ck_assert_str_eq(told(), "STATUS=a.conf:1:2: wrong [2J\nERRNO=22\n");
        service_tell_failure(EINVAL, "not \xff UTF-8 \xc3\xa4");
        ck_assert_str_eq(told(), "STATUS=not   UTF-8   \nERRNO=22\n");
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("service");
        TCase *tcase = loop_case(suite, setup, teardown);

        tcase_add_test(tcase, a_start_is_told_with_its_end);
        tcase_add_test(tcase, one_that_serves_and_does_not_change_wants_no_timer);
        tcase_add_test(tcase, news_are_told_at_a_bounded_rate);
        tcase_add_test(tcase, a_start_in_which_something_happens_may_take_its_time);
        tcase_add_test(tcase, a_start_that_hangs_is_left_to_the_manager);
        tcase_add_test(tcase, a_reload_is_told_with_the_time);
        tcase_add_test(tcase, an_end_may_take_as_long_as_its_own_limit);
        tcase_add_test(tcase, without_a_limit_it_waits_for_requests_alone);
        tcase_add_test(tcase, what_could_not_be_told_is_told_later);
        tcase_add_test(tcase, a_manager_that_has_gone_is_logged_once);
        tcase_add_test(tcase, the_watchdog_gets_its_sign_at_half_the_time);
        tcase_add_test(tcase, the_watchdog_gets_its_sign_from_the_timer);
        tcase_add_test(tcase, without_a_manager_nothing_is_done);
        tcase_add_test(tcase, a_failure_is_told_in_one_line);
        return run_suite(suite);
}
