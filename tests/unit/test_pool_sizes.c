/* SPDX-License-Identifier: MIT */
/*
 * Everything that changes the number of workers, at random and all at once: requests, deaths,
 * replacements, good and bad renewals. At no time are there too many, and in the end all is in
 * order. The seed is told where a test fails; JUMPBOOT_SEED sets it.
 */
#include "fixture_pool.h"

#include "daemon/pool_starts.h"

#include <inttypes.h>
#include <time.h>

#define STEPS 300

static struct pool *pool;
static struct program_options *newer;
static unsigned seed, n_submitted;
static unsigned all_before, busy_before, limit_before, max_before;

static void setup(void)
{
        const char *wish = getenv("JUMPBOOT_SEED");

        pools_begin();
        pool = NULL;
        newer = NULL;
        n_submitted = all_before = busy_before = limit_before = max_before = 0;
        seed = wish ? (unsigned)strtoul(wish, NULL, 10) : (unsigned)time(NULL);
        printf("seed %u\n", seed);
        srandom(seed);
}

static void teardown(void)
{
        if (pool)
                pool_stop(pool, true, units_now());
        ck_assert_uint_eq(caller.n_requests, 0);
        pool_free(pool);
        program_options_unref(newer);
        workers_end();
}

static unsigned at_random(unsigned n)
{
        return (unsigned)random() % n;
}

static struct program_options *random_options(const char *mode, bool uses_slot,
                                              unsigned max_requests)
{
        struct program_options *options = new_options("calc", mode);

        options->max_workers = 1 + at_random(4);
        options->min_workers = at_random(options->max_workers + 1);
        options->spare_workers = at_random(2);
        options->max_requests = max_requests;
        options->max_worker_lifetime = 3600 * USEC_PER_SEC;
        options->startup_timeout = options->request_timeout = 0;
        options->uses_slot = uses_slot;
        return options;
}

static void renew(const char *mode)
{
        bool uses_slot = pool->options->uses_slot;
        unsigned max_requests = pool->options->max_requests;

        program_options_unref(newer);
        newer = random_options(mode, uses_slot, max_requests);
        pool_renew(pool, newer, units_now());
}

static void submit(const char *function)
{
        submit_call(pool, function, "1");
        n_submitted++;
}

static void kill_one(void)
{
        enum worker_state state = at_random(WORKER_DEAD);
        struct worker *worker = first_worker(pool, state);

        if (worker)
                kill(worker->process.pid, SIGKILL);
}

static void take_step(void)
{
        switch (at_random(16)) {
        case 0:
                renew("echo");
                break;
        case 1:
                renew("exit3");
                break;
        case 2:
                kill_one();
                break;
        case 3:
                submit("exit");
                break;
        case 4:
                pool_maintain(pool, units_now() + pool->options->max_worker_lifetime);
                break;
        case 5:
                pool_maintain(pool, units_now() + pool->options->idle_timeout);
                break;
        case 6:
                if (pool->retry_at)
                        pool_maintain(pool, pool->retry_at);
                break;
        default:
                submit("echo");
        }
}

static unsigned larger(unsigned a, unsigned b)
{
        return a > b ? a : b;
}

/* Each worker has a number of its own. */
static void check_slots(void)
{
        unsigned n = 0;

        for (size_t i = 0; i < pool->slots.n_words; i++)
                n += (unsigned)__builtin_popcountll(pool->slots.bits[i]);
        ck_assert_msg(n == count_all(pool), "seed %u: %u slots for %u workers", seed, n,
                      count_all(pool));
}

static void check_sizes(void)
{
        unsigned max = pool->options->max_workers;
        const struct program_options *tried = pool->renewal.options;
        unsigned limit = (tried ? larger(max, tried->max_workers) : max);
        unsigned all = count_all(pool), busy = count_workers(pool, WORKER_BUSY);

        limit += !pool->options->uses_slot;
        /* Where there may be fewer than before from now on, they go as they come free. */
        ck_assert_msg(all <= larger(larger(limit, limit_before), all_before),
                      "seed %u: %u workers, at most %u", seed, all, limit);
        ck_assert_msg(busy <= larger(larger(max, max_before), busy_before),
                      "seed %u: %u work, at most %u", seed, busy, max);
        all_before = all;
        busy_before = busy;
        limit_before = limit;
        max_before = max;
        check_slots();
}

static bool is_on_its_way(void)
{
        return count_all(pool) > count_workers(pool, WORKER_IDLE) || pool->maintain.queue;
}

static void check_the_end(void)
{
        struct worker *worker;

        ck_assert_uint_eq(n_answers, n_submitted);
        ck_assert_uint_eq(count_all(pool), count_workers(pool, WORKER_IDLE));
        ck_assert_uint_le(count_all(pool), newer->max_workers);
        ck_assert_uint_ge(count_all(pool), newer->min_workers);
        ck_assert_int_eq(pool->recycle.credit, 0);
        ck_assert_uint_eq(pool->queue_length, 0);
        ck_assert_uint_eq(starts_size(pool), count_all(pool));
        TAILQ_FOREACH (worker, &pool->workers.list[WORKER_IDLE], link) {
                ck_assert_ptr_eq(worker->options, newer);
                ck_assert_int_eq(worker->due, WORKER_NOT_DUE);
                if (newer->uses_slot)
                        ck_assert_uint_lt(worker->slot, newer->max_workers);
        }
        check_slots();
}

static void run(bool uses_slot, unsigned max_requests)
{
        pool = new_pool(random_options("echo", uses_slot, max_requests));
        for (int i = 0; i < STEPS; i++) {
                take_step();
                check_sizes();
                for (unsigned n = at_random(4); n > 0 && is_on_its_way(); n--) {
                        loop_once();
                        check_sizes();
                }
        }
        renew("echo");
        uint64_t n_good = pool->renewal.n_good;
        while (pool->renewal.n_good == n_good || is_on_its_way() || n_answers < n_submitted) {
                loop_once();
                check_sizes();
                if (pool->retry_at)
                        pool_maintain(pool, pool->retry_at);
        }
        check_the_end();
}

START_TEST(workers_that_serve_on)
{
        run(false, 0);
}
END_TEST

START_TEST(workers_that_serve_a_few)
{
        run(false, 3);
}
END_TEST

START_TEST(workers_that_serve_one)
{
        run(false, 1);
}
END_TEST

START_TEST(workers_whose_number_counts)
{
        run(true, 5);
}
END_TEST

START_TEST(workers_whose_number_counts_and_that_serve_one)
{
        run(true, 1);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("pool_sizes");
        TCase *tcase = loop_case(suite, setup, teardown);

        tcase_add_test(tcase, workers_that_serve_on);
        tcase_add_test(tcase, workers_that_serve_a_few);
        tcase_add_test(tcase, workers_that_serve_one);
        tcase_add_test(tcase, workers_whose_number_counts);
        tcase_add_test(tcase, workers_whose_number_counts_and_that_serve_one);
        return run_suite(suite);
}
