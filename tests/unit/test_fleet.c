/* SPDX-License-Identifier: MIT */
/*
 * Programs that come, change and go, with fake workers; configs are made by hand.
 */
#include "daemon/fleet.h"

#include "fixture_fleet.h"

static void apply_and_settle(void)
{
        unsigned before = n_settled;

        apply();
        loop_until(n_settled > before);
        ck_assert_uint_eq(n_settled, before + 1);
}

/* How its workers start from now on. */
static void set_mode_of(struct pool *pool, const char *mode)
{
        free(pool->options->arguments[0]);
        pool->options->arguments[0] = strdup(mode);
}

static struct pool *find(const char *name)
{
        return registry_find(&fleet.registry, name, strlen(name));
}

static void submit_to(struct pool *pool, const char *function, const char *params)
{
        pool_submit(pool, new_request(function, params), units_now());
}

static pid_t pid_of(const char *name)
{
        struct pool *pool = find(name);

        loop_until(pool->workers.count[WORKER_IDLE] == 1);
        return TAILQ_FIRST(&pool->workers.list[WORKER_IDLE])->process.pid;
}

static bool is_leaving(void)
{
        return !LIST_EMPTY(&fleet.registry.leaving);
}

START_TEST(nothing_is_settled_at_once)
{
        apply();
        ck_assert_uint_eq(n_settled, 0);
        loop_until(n_settled == 1);
        ck_assert_str_eq(outcome, "");
}
END_TEST

START_TEST(the_first_programs_are_new)
{
        want("a", "echo");
        want("b", "exit3")->restart_threshold = 1;
        want("c", "never")->min_workers = 0;
        apply_and_settle();
        ck_assert_str_eq(outcome, "a added ok|b added failed|c added ok|");
        ck_assert_uint_eq(fleet.report.added, 3);
        ck_assert_uint_eq(fleet.report.failed, 1);
        ck_assert_uint_eq(fleet_count_failing(&fleet), 1);
}
END_TEST

START_TEST(what_did_not_change_is_not_touched)
{
        want("a", "echo");
        apply_and_settle();
        pid_t pid = pid_of("a");
        want("a", "echo");
        want("b", "echo");
        apply_and_settle();
        ck_assert_str_eq(outcome, "a unchanged ok|b added ok|");
        ck_assert_int_eq(pid_of("a"), pid);
        ck_assert_uint_eq(find("a")->starts, 1);
}
END_TEST

START_TEST(what_changed_gets_new_workers)
{
        want("a", "echo");
        want("b", "echo");
        apply_and_settle();
        pid_t a = pid_of("a"), b = pid_of("b");
        want("a", "echo")->request_timeout = 17;
        want("b", "deaf");
        apply_and_settle();
        ck_assert_str_eq(outcome, "a changed ok|b changed ok|");
        ck_assert_uint_eq(find("a")->options->request_timeout, 17);
        ck_assert_str_eq(find("b")->options->arguments[0], "deaf");
        loop_until(pid_of("a") != a && pid_of("b") != b);
}
END_TEST

START_TEST(what_fails_to_start_keeps_what_it_has)
{
        want("a", "echo");
        apply_and_settle();
        pid_t pid = pid_of("a");
        for (int i = 0; i < 2; i++) {
                /* It differs from what is in force, so it is tried again. */
                want("a", "exit3");
                apply_and_settle();
                ck_assert_str_eq(outcome, "a changed failed|");
                ck_assert_str_eq(find("a")->options->arguments[0], "echo");
                ck_assert_int_eq(pid_of("a"), pid);
        }
        want("a", "echo");
        apply_and_settle();
        ck_assert_str_eq(outcome, "a unchanged ok|");
}
END_TEST

START_TEST(what_is_gone_is_not_found)
{
        want("a", "echo");
        want("b", "echo");
        apply_and_settle();
        want("b", "echo");
        apply_and_settle();
        ck_assert_str_eq(outcome, "a removed ok|b unchanged ok|");
        ck_assert_ptr_null(find("a"));
        ck_assert_uint_eq(fleet.registry.n_pools, 1);
        loop_until(!is_leaving());
}
END_TEST

START_TEST(what_is_gone_answers_what_it_has)
{
        want("a", "gated")->min_workers = 0;
        apply_and_settle();
        struct pool *pool = find("a");
        submit_to(pool, "echo", "[1]");
        submit_to(pool, "echo", "[2]");
        loop_now();
        apply();
        ck_assert_ptr_null(find("a"));
        ck_assert(is_leaving());
        ck_assert(fleet_has_workers(&fleet));
        loop_now();
        ck_assert_uint_eq(n_answers, 0);
        open_gate();
        loop_until(!is_leaving());
        ck_assert_str_eq(answers, "1:ok [1]|2:ok [2]|");
        ck_assert_uint_ge(n_emptied, 1);
}
END_TEST

START_TEST(what_is_gone_has_its_time)
{
        want("a", "echo")->graceful_timeout = 5000000;
        apply_and_settle();
        struct pool *pool = find("a");
        submit_to(pool, "hang", "");
        submit_to(pool, "echo", "");
        apply();
        pool_maintain(pool, units_now());
        ck_assert_uint_eq(n_answers, 0);
        pool_maintain(pool, units_now() + 5000000);
        ck_assert_uint_eq(n_answers, 2);
        ck_assert_int_eq(last_status, RPC_SHUTTING_DOWN);
        loop_until(!is_leaving());
}
END_TEST

START_TEST(a_name_may_come_back_while_its_like_leaves)
{
        want("a", "echo");
        apply_and_settle();
        struct pool *old = find("a");
        submit_to(old, "hang", "");
        apply();
        want("a", "echo");
        apply_and_settle();
        ck_assert_str_eq(outcome, "a added ok|");
        ck_assert_ptr_ne(find("a"), old);
        ck_assert(is_leaving());
        pool_maintain(old, units_now() + old->options->graceful_timeout);
        loop_until(!is_leaving());
}
END_TEST

START_TEST(a_stop_takes_those_with_it_that_leave)
{
        want("a", "echo");
        apply_and_settle();
        submit_to(find("a"), "hang", "");
        apply();
        fleet_stop(&fleet, true, units_now());
        ck_assert_uint_eq(n_answers, 1);
        ck_assert_int_eq(last_status, RPC_SHUTTING_DOWN);
        loop_until(!fleet_has_workers(&fleet));
}
END_TEST

START_TEST(a_restart_gives_new_workers)
{
        want("a", "echo");
        apply_and_settle();
        pid_t pid = pid_of("a");
        fleet_restart(find("a"), new_request("", ""), units_now());
        loop_until(n_answers == 1);
        ck_assert_str_eq(answers, "1:ok {\"ok\":true}|");
        loop_until(pid_of("a") != pid);
        ck_assert_uint_eq(n_settled, 1);
}
END_TEST

START_TEST(a_restart_that_fails_says_why)
{
        want("a", "once");
        folder_write("python.failed", "");
        apply_and_settle();
        unlink(folder_at("python.failed"));
        pid_t pid = pid_of("a");
        fleet_restart(find("a"), new_request("", ""), units_now());
        loop_until(n_answers == 1);
        ck_assert(strstr(answers, "1:ok {\"ok\":false,\"error\":{"));
        ck_assert_int_eq(pid_of("a"), pid);
}
END_TEST

/* Those who ask while new workers start want still newer ones, and share them. */
START_TEST(restarts_come_one_after_the_other)
{
        want("a", "gated")->max_workers = 4;
        apply();
        loop_now();
        open_gate();
        loop_until(n_settled == 1);
        uint64_t before = find("a")->starts;
        for (int i = 0; i < 3; i++)
                fleet_restart(find("a"), new_request("", ""), units_now());
        loop_until(find("a")->workers.count[WORKER_STARTING] == 1);
        open_gate();
        loop_until(n_answers == 1);
        loop_until(find("a")->workers.count[WORKER_STARTING] > 0);
        open_gate();
        loop_until(n_answers == 3);
        ck_assert_uint_ge(find("a")->starts, before + 2);
}
END_TEST

START_TEST(a_restart_of_what_is_removed_is_told)
{
        want("a", "gated");
        apply();
        loop_now();
        open_gate();
        loop_until(n_settled == 1);
        fleet_restart(find("a"), new_request("", ""), units_now());
        fleet_restart(find("a"), new_request("", ""), units_now());
        apply();
        ck_assert_uint_eq(n_answers, 2);
        ck_assert(strstr(answers, "not in the config any more"));
        loop_until(!is_leaving());
}
END_TEST

/* The story: the fleet had to be settled before it could be given another config, so that one whose
 * workers hang could not be mended. */
START_TEST(another_config_goes_before_what_hangs)
{
        want("a", "echo");
        want("b", "never");
        apply();
        want("a", "echo");
        want("b", "echo")->max_requests = 7;
        apply_and_settle();
        ck_assert_str_eq(outcome, "a added ok|b added ok|");
        ck_assert_uint_eq(find("b")->options->max_requests, 7);
        ck_assert_uint_eq(fleet.report.added, 2);
}
END_TEST

START_TEST(what_is_on_its_way_goes_on)
{
        want("a", "gated");
        apply();
        struct pool *pool = find("a");
        loop_until(pool->workers.count[WORKER_STARTING] == 1);
        want("a", "gated");
        want("b", "echo");
        apply();
        loop_until(fleet.n_pending == 1);
        ck_assert_uint_eq(n_settled, 0);
        open_gate();
        loop_until(n_settled == 1);
        ck_assert_str_eq(outcome, "a added ok|b added ok|");
        ck_assert_ptr_eq(find("a"), pool);
        ck_assert_uint_eq(pool->starts, 1);
}
END_TEST

START_TEST(a_change_that_hangs_is_given_up_for_another)
{
        static const unsigned limits[] = {0, 7};

        for (size_t i = 0; i < 2; i++) {
                want("a", "echo");
                apply_and_settle();
                pid_of("a");
                want("a", "never");
                apply();
                loop_until(find("a")->renewal.trial);
                want("a", "echo")->max_requests = limits[i];
                apply_and_settle();
                ck_assert_str_eq(outcome, "a changed ok|");
                ck_assert_uint_eq(find("a")->options->max_requests, limits[i]);
                ck_assert_ptr_null(find("a")->wanted);
        }
}
END_TEST

START_TEST(one_that_hangs_can_be_removed)
{
        want("a", "never");
        want("b", "echo");
        apply();
        loop_until(find("a")->workers.count[WORKER_STARTING] == 1);
        want("b", "echo");
        apply_and_settle();
        const char *removed = strstr(outcome, "a removed ok|");
        ck_assert_ptr_nonnull(removed);
        loop_until(!is_leaving());
}
END_TEST

START_TEST(a_restart_that_hangs_goes_over_into_the_next_change)
{
        want("a", "echo");
        apply_and_settle();
        pid_of("a");
        struct pool *pool = find("a");
        set_mode_of(pool, "never");
        fleet_restart(pool, new_request("restart", ""), units_now());
        loop_until(pool->renewal.trial);
        want("a", "echo")->max_requests = 7;
        apply_and_settle();
        ck_assert_str_eq(outcome, "a changed ok|");
        loop_until(n_answers == 1);
        ck_assert_ptr_nonnull(strstr(answers, "\"ok\":true"));
}
END_TEST

START_TEST(what_the_config_wants_is_known_until_it_is_in_force)
{
        want("a", "echo");
        apply_and_settle();
        pid_of("a");
        want("a", "exit3");
        apply_and_settle();
        ck_assert_str_eq(outcome, "a changed failed|");
        ck_assert_ptr_nonnull(find("a")->wanted);
        want("a", "echo");
        apply_and_settle();
        ck_assert_str_eq(outcome, "a unchanged ok|");
        ck_assert_ptr_null(find("a")->wanted);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("fleet");
        TCase *tcase = loop_case(suite, fleet_begin, fleet_end);

        tcase_add_test(tcase, nothing_is_settled_at_once);
        tcase_add_test(tcase, the_first_programs_are_new);
        tcase_add_test(tcase, what_did_not_change_is_not_touched);
        tcase_add_test(tcase, what_changed_gets_new_workers);
        tcase_add_test(tcase, what_fails_to_start_keeps_what_it_has);
        tcase_add_test(tcase, what_is_gone_is_not_found);
        tcase_add_test(tcase, what_is_gone_answers_what_it_has);
        tcase_add_test(tcase, what_is_gone_has_its_time);
        tcase_add_test(tcase, a_name_may_come_back_while_its_like_leaves);
        tcase_add_test(tcase, a_stop_takes_those_with_it_that_leave);
        tcase_add_test(tcase, a_restart_gives_new_workers);
        tcase_add_test(tcase, a_restart_that_fails_says_why);
        tcase_add_test(tcase, restarts_come_one_after_the_other);
        tcase_add_test(tcase, a_restart_of_what_is_removed_is_told);
        tcase_add_test(tcase, another_config_goes_before_what_hangs);
        tcase_add_test(tcase, what_is_on_its_way_goes_on);
        tcase_add_test(tcase, a_change_that_hangs_is_given_up_for_another);
        tcase_add_test(tcase, one_that_hangs_can_be_removed);
        tcase_add_test(tcase, a_restart_that_hangs_goes_over_into_the_next_change);
        tcase_add_test(tcase, what_the_config_wants_is_known_until_it_is_in_force);
        return run_suite(suite);
}
