/* SPDX-License-Identifier: MIT */
/*
 * How the daemon is, in a line: of made-up numbers, and of a fleet of fake workers.
 */
#include "daemon/summary.h"

#include "fixture_fleet.h"

#include "daemon/client.h"

static struct client_surroundings clients;
static struct summary summary;

static void setup(void)
{
        fleet_begin();
        clients = (struct client_surroundings){.n_clients = 2};
}

static const char *text_in(enum summary_phase phase)
{
        static char text[SUMMARY_MAX];

        summary_take(&summary, &fleet, &clients, "/proc");
        return summary_text(&summary, phase, text);
}

START_TEST(without_programs)
{
        ck_assert_str_eq(text_in(SUMMARY_SERVING), "Serving: no programs; 0 workers, 2 clients");
        ck_assert_str_eq(text_in(SUMMARY_STOPPING), "Stopping: 0 workers still to leave");
}
END_TEST

START_TEST(a_start_names_what_it_waits_for)
{
        want("a", "echo");
        want("b", "gated");
        apply();
        ck_assert_str_eq(text_in(SUMMARY_STARTING), "Starting: 0 of 2 programs ready, waiting for "
                                                    "a, b; 0 workers, 2 clients");
        loop_until(fleet.n_pending == 1);
        ck_assert_str_eq(text_in(SUMMARY_STARTING), "Starting: 1 of 2 programs ready, waiting for "
                                                    "b; 1 worker, 2 clients");
        ck_assert_str_eq(text_in(SUMMARY_SETTLING),
                         "Reloading: waiting for b; 1 worker, 2 clients");
        ck_assert_uint_eq(summary.n_processes, 2);
        open_gate();
        loop_until(n_settled == 1);
        ck_assert_str_eq(text_in(SUMMARY_SERVING),
                         "Serving: 2 programs ready; 2 workers, 2 clients");
}
END_TEST

START_TEST(what_fails_to_start_is_named_with_its_reason)
{
        want("a", "echo");
        want("b", "exception")->restart_threshold = 1;
        apply();
        loop_until(n_settled == 1);
        ck_assert_str_eq(text_in(SUMMARY_SERVING),
                         "Serving: 1 of 2 programs ready; failing to start: b (ImportError: no "
                         "numpy); 1 worker, 2 clients");
        ck_assert_uint_eq(summary.n_failing, 1);
}
END_TEST

START_TEST(requests_are_counted)
{
        want("a", "echo")->max_workers = 1;
        apply();
        loop_until(n_settled == 1);
        struct pool *pool = fleet.registry.pools[0];
        for (int i = 0; i < 3; i++)
                pool_submit(pool, new_request("hang", "[]"), units_now());
        ck_assert_str_eq(text_in(SUMMARY_SERVING), "Serving: 1 program ready; 1 worker, 2 clients; "
                                                   "1 request running, 2 waiting");
        ck_assert_str_eq(text_in(SUMMARY_DRAINING), "Stopping: answering 3 requests of 2 clients");
        ck_assert_uint_eq(summary.n_busy, 1);
}
END_TEST

START_TEST(what_happens_in_a_start_shows)
{
        want("a", "gated");
        apply();
        loop_until(fleet.registry.pools[0]->workers.count[WORKER_STARTING] == 1);
        text_in(SUMMARY_STARTING);
        uint64_t moved = summary.moved;
        open_gate();
        loop_until(n_settled == 1);
        text_in(SUMMARY_STARTING);
        ck_assert_uint_ne(summary.moved, moved);
        moved = summary.moved;
        text_in(SUMMARY_STARTING);
        ck_assert_uint_eq(summary.moved, moved);
}
END_TEST

/* The time of the CPU as /proc shows it, in a folder that looks like that. */
START_TEST(one_that_starts_and_computes_moves)
{
        char name[64];

        want("a", "gated");
        apply();
        struct pool *pool = fleet.registry.pools[0];
        loop_until(pool->workers.count[WORKER_STARTING] == 1);
        struct worker *worker = TAILQ_FIRST(&pool->workers.list[WORKER_STARTING]);
        snprintf(name, sizeof(name), "%d/stat", (int)worker->process.pid);
        folder_write(name, "17 (python) R 1 17 17 0 -1 4194304 1 2 3 4 10 5 0 0 20 0 1 0\n");
        summary_take(&summary, &fleet, &clients, folder_root);
        uint64_t moved = summary.moved;
        folder_write(name, "17 (python) R 1 17 17 0 -1 4194304 1 2 3 4 10 6 0 0 20 0 1 0\n");
        summary_take(&summary, &fleet, &clients, folder_root);
        ck_assert_uint_eq(summary.moved, moved + 1);
        open_gate();
        loop_until(n_settled == 1);
}
END_TEST

START_TEST(many_names_are_cut)
{
        char name[64];

        for (int i = 0; i < 40; i++) {
                snprintf(name, sizeof(name), "a-program-with-a-long-name-%d", i);
                want(name, "gated")->min_workers = 0;
        }
        apply();
        const char *text = text_in(SUMMARY_STARTING);
        ck_assert_ptr_nonnull(strstr(text, "waiting for a-program-with-a-long-name-0, "));
        ck_assert_ptr_nonnull(strstr(text, ", ...; 0 workers, 2 clients"));
        ck_assert_uint_lt(strlen(text), SUMMARY_MAX);
        loop_until(n_settled == 1);
}
END_TEST

START_TEST(the_text_of_others_is_tamed)
{
        static const struct {
                const char *raw, *tame;
        } cases[] = {
                {"plain", "plain"},
                {"", ""},
                {"first\nsecond", "first"},
                {"a\tb\x1b[0m\x7f", "a b [0m "},
                {"\xc3\xa4\xc3\xb6", "\xc3\xa4\xc3\xb6"},
                {"\xc2\x9b"
                 "0m",
                 "  0m"},
                {"\xff\xc3\xa4", "   "},
                {"12345678\xc3\xa4", "12345678"},
                {"1234567\xc3\xa4", "1234567\xc3\xa4"},
                {"1234567\xe2\x82\xac", "1234567"},
        };
        char text[10];

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                summary_tame(cases[i].raw, text, sizeof(text));
                ck_assert_str_eq(text, cases[i].tame);
        }
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("summary");
        TCase *tcase = loop_case(suite, setup, fleet_end);

        tcase_add_test(tcase, without_programs);
        tcase_add_test(tcase, a_start_names_what_it_waits_for);
        tcase_add_test(tcase, what_fails_to_start_is_named_with_its_reason);
        tcase_add_test(tcase, requests_are_counted);
        tcase_add_test(tcase, what_happens_in_a_start_shows);
        tcase_add_test(tcase, one_that_starts_and_computes_moves);
        tcase_add_test(tcase, many_names_are_cut);
        tcase_add_test(tcase, the_text_of_others_is_tamed);
        return run_suite(suite);
}
