/* SPDX-License-Identifier: MIT */
/*
 * Whether calls would wait for themselves: small cases by name, and random ones against a model
 * that tries all that can happen.
 *
 * The workers are no processes here: they are on their pools' lists, and the test decides what they
 * call and when they end.
 */
#include "daemon/pool_deadlock.h"

#include "fixture_loop.h"

#include "daemon/pool.h"
#include "daemon/pool_queue.h"

#include <stdlib.h>
#include <string.h>

#define POOLS       4U
#define WORKERS_MAX 4U /* of a pool */
#define MADE_MAX    21U
#define NOBODY      UINT_MAX

static struct surroundings around;
static struct pool pools[POOLS];
static struct worker workers[POOLS][WORKERS_MAX];
static struct program_options *options[POOLS];
static struct caller client;

/* All requests that there were, in the order in which they came; NULL: it is over. */
static struct request *made[MADE_MAX];
static unsigned n_made;

static void on_done(struct caller *caller, struct request *request, const struct rpc_answer *answer)
{
        (void)caller;
        (void)answer;
        for (unsigned i = 0; i < n_made; i++)
                if (made[i] == request)
                        made[i] = NULL;
        if (caller != &client && caller->n_requests > 1) {
                struct worker *worker = CONTAINER_OF(caller, struct worker, caller);
                turn_defer(&turn, &worker->look);
        }
}

static void on_look(struct turn_task *task)
{
        deadlock_look_at_worker(CONTAINER_OF(task, struct worker, look));
}

static void make_worker(unsigned p, unsigned w)
{
        struct worker *worker = &workers[p][w];

        *worker = (struct worker){.lists = &pools[p].workers, .around = &around};
        caller_init(&worker->caller, on_done);
        worker->look.run = on_look;
        worker->state = WORKER_IDLE;
        TAILQ_INSERT_TAIL(&pools[p].workers.list[WORKER_IDLE], worker, link);
        pools[p].workers.count[WORKER_IDLE]++;
}

static void on_maintain(struct turn_task *task)
{
        (void)task;
}

static void begin(const unsigned *max_workers)
{
        n_made = 0;
        caller_init(&client, on_done);
        for (unsigned p = 0; p < POOLS; p++) {
                char name[] = {(char)('a' + p), '\0'};
                pools[p] = (struct pool){.around = &around, .maintain.run = on_maintain};
                pools[p].options = options[p] = program_options_new(name, "the-set");
                options[p]->max_workers = max_workers[p];
                TAILQ_INIT(&pools[p].queue);
                rota_init(&pools[p].rota);
                ahead_init(&pools[p].ahead);
                for (enum worker_state state = 0; state < WORKER_STATES; state++)
                        TAILQ_INIT(&pools[p].workers.list[state]);
                for (unsigned w = 0; w < WORKERS_MAX; w++)
                        make_worker(p, w);
        }
}

static void give(struct pool *pool, struct request *request)
{
        struct worker *worker = TAILQ_FIRST(&pool->workers.list[WORKER_IDLE]);

        ck_assert_ptr_nonnull(worker);
        request->state = REQUEST_SENT;
        request->worker = worker;
        request->ordinal = ledger_add(&worker->ledger, request, request->serial, 1);
        worker_set_state(worker, WORKER_BUSY);
}

static void feed(struct pool *pool)
{
        struct request *request;

        while (pool->workers.count[WORKER_BUSY] < pool->options->max_workers &&
               (request = TAILQ_FIRST(&pool->queue))) {
                queue_remove(pool, request);
                give(pool, request);
        }
}

/* NULL: it is refused, for it would wait for itself. */
static struct request *submit(struct caller *caller, struct request *parent, unsigned p)
{
        const struct rpc_part none = {0};
        struct request *request = request_new(caller, &buffers, "1", 1, "f", 1, &none);
        struct pool *pool = &pools[p];

        ck_assert_uint_lt(n_made, MADE_MAX);
        request->parent = parent;
        request->depth = parent ? parent->depth + 1 : 0;
        request->serial = n_made + 1;
        request->pool = pool;
        if (pool->workers.count[WORKER_BUSY] < pool->options->max_workers) {
                give(pool, request);
        } else if (parent && deadlock_is_certain(pool, request)) {
                return request_free(request);
        } else {
                queue_add(pool, request);
        }
        return made[n_made++] = request;
}

static struct request *from_client(unsigned p)
{
        return submit(&client, NULL, p);
}

static struct request *call(struct request *parent, unsigned p)
{
        return submit(&parent->worker->caller, parent, p);
}

/* The request is answered, or cancelled; with it goes all that it has called. */
static void finish(struct request *request)
{
        struct pool *pool = request->pool;
        struct worker *worker = request->worker;
        struct rpc_answer answer;
        struct request *inner;

        if (worker) {
                while ((inner = TAILQ_FIRST(&worker->caller.requests)))
                        finish(inner);
                ledger_answered(&worker->ledger, request->ordinal, 1);
                worker_set_state(worker, WORKER_IDLE);
                request->worker = NULL;
        } else {
                queue_remove(pool, request);
        }
        request->state = REQUEST_NEW;
        request->pool = NULL;
        rpc_answer_init(&answer, &buffers);
        request_finish(request, &answer);
        feed(pool);
}

static void end(void)
{
        while (!TAILQ_EMPTY(&client.requests))
                finish(TAILQ_FIRST(&client.requests));
        loop_now();
        for (unsigned p = 0; p < POOLS; p++) {
                ck_assert_uint_eq(pools[p].queue_length, 0);
                ck_assert_uint_eq(pools[p].workers.count[WORKER_BUSY], 0);
                for (unsigned w = 0; w < WORKERS_MAX; w++)
                        turn_forget(&workers[p][w].look);
                turn_forget(&pools[p].maintain);
                program_options_unref(options[p]);
        }
}

/*
 * The model: a set of requests of which each waits, runs, or is over. One that runs may end if it
 * has no calls, or has got an answer; it then takes its calls with it, sets its worker free for
 * whoever waits longest, and is an answer to its own caller.
 */
enum status { WAITS, RUNS, HAS_ANSWER, OVER };

struct model {
        enum status status[MADE_MAX];
};

struct origin {
        unsigned pool, parent;
};

static struct origin origins[MADE_MAX];
static unsigned model_size;
static unsigned limits[POOLS];

static unsigned index_of(const struct request *request)
{
        for (unsigned i = 0; i < n_made; i++)
                if (made[i] == request)
                        return i;
        return NOBODY;
}

static struct model model_of_now(void)
{
        struct model model;

        model_size = n_made;
        for (unsigned p = 0; p < POOLS; p++)
                limits[p] = options[p]->max_workers;
        for (unsigned i = 0; i < n_made; i++) {
                const struct request *request = made[i];
                model.status[i] = OVER;
                if (!request)
                        continue;
                origins[i] = (struct origin){(unsigned)(request->pool - pools),
                                             request->parent ? index_of(request->parent) : NOBODY};
                model.status[i] = request->state == REQUEST_QUEUED ? WAITS : RUNS;
        }
        return model;
}

static bool model_has_calls(const struct model *model, unsigned i)
{
        for (unsigned j = 0; j < model_size; j++)
                if (model->status[j] != OVER && origins[j].parent == i)
                        return true;
        return false;
}

static void model_feed(struct model *model, unsigned p)
{
        unsigned n_busy = 0;

        for (unsigned i = 0; i < model_size; i++)
                n_busy += origins[i].pool == p &&
                          (model->status[i] == RUNS || model->status[i] == HAS_ANSWER);
        for (unsigned i = 0; i < model_size && n_busy < limits[p]; i++)
                if (origins[i].pool == p && model->status[i] == WAITS) {
                        model->status[i] = RUNS;
                        n_busy++;
                }
}

static void model_end(struct model *model, unsigned i)
{
        for (unsigned j = 0; j < model_size; j++)
                if (model->status[j] != OVER && origins[j].parent == i)
                        model_end(model, j);
        model->status[i] = OVER;
}

static void model_finish(struct model *model, unsigned i)
{
        model_end(model, i);
        if (origins[i].parent != NOBODY)
                model->status[origins[i].parent] = HAS_ANSWER;
        for (unsigned p = 0; p < POOLS; p++)
                model_feed(model, p);
}

#define SEEN_SIZE (1U << 16)
static uint64_t seen[SEEN_SIZE];
static size_t used[SEEN_SIZE], n_used; /* places in it */

static bool is_new(const struct model *model)
{
        uint64_t key = 1;

        for (unsigned i = 0; i < model_size; i++)
                key = key << 2 | model->status[i];
        for (size_t at = (size_t)((key * 0x9e3779b97f4a7c15U) >> 48);; at = (at + 1) % SEEN_SIZE) {
                if (seen[at] == key)
                        return false;
                if (seen[at] == 0) {
                        ck_assert_uint_lt(n_used, SEEN_SIZE / 2);
                        seen[at] = key;
                        used[n_used++] = at;
                        return true;
                }
        }
}

static bool try_all(const struct model *model, unsigned wanted)
{
        if (model->status[wanted] == RUNS)
                return true;
        if (model->status[wanted] == OVER || !is_new(model))
                return false;
        for (unsigned i = 0; i < model_size; i++) {
                struct model next = *model;
                if (model->status[i] != HAS_ANSWER &&
                    (model->status[i] != RUNS || model_has_calls(model, i)))
                        continue;
                model_finish(&next, i);
                if (try_all(&next, wanted))
                        return true;
        }
        return false;
}

/* Whether there is a way for what waits to be begun. */
static bool can_be_served(const struct model *model, unsigned wanted)
{
        while (n_used > 0)
                seen[used[--n_used]] = 0;
        return try_all(model, wanted);
}

/* Nobody waits for ever: whoever waits can be served, or is the call of somebody who will go on by
 * another one. A call that cannot be served is one of several then. */
static void check_nobody_is_stuck(void)
{
        struct model model = model_of_now();

        /* As long as something runs that can end, something happens. Let all of it end. */
        for (bool has_changed = true; has_changed;) {
                has_changed = false;
                for (unsigned i = 0; i < model_size; i++)
                        if (model.status[i] == HAS_ANSWER ||
                            (model.status[i] == RUNS && !model_has_calls(&model, i))) {
                                model_finish(&model, i);
                                has_changed = true;
                        }
        }
        for (unsigned i = 0; i < model_size; i++)
                ck_assert_msg(model.status[i] == OVER, "request %u waits for ever", i);
}

/* Makes a call and says whether it was refused as it should have been. */
static void call_and_compare(struct request *parent, unsigned p)
{
        struct model model = model_of_now();
        unsigned n_busy = pools[p].workers.count[WORKER_BUSY];
        bool is_right = n_busy < options[p]->max_workers;

        model.status[n_made] = WAITS;
        origins[n_made] = (struct origin){p, index_of(parent)};
        model_size++;
        is_right = is_right || can_be_served(&model, n_made);
        ck_assert_int_eq(call(parent, p) != NULL, is_right);
}

static unsigned seed;

static unsigned random_below(unsigned n)
{
        return (unsigned)rand_r(&seed) % n;
}

static struct request *random_running(void)
{
        unsigned start = random_below(MADE_MAX);

        for (unsigned i = 0; i < n_made; i++) {
                struct request *request = made[(start + i) % n_made];
                if (request && request->worker)
                        return request;
        }
        return NULL;
}

/* It ends by itself: one that waits for calls has to be told something first. */
static bool may_finish(const struct request *request)
{
        return request->worker->caller.n_requests == 0 || random_below(8) == 0;
}

static void shrink(unsigned p)
{
        if (options[p]->max_workers == 1)
                return;
        options[p]->max_workers--;
        deadlock_look_at_pool(&pools[p]);
}

static void do_something(void)
{
        struct request *request = random_running();
        unsigned choice = random_below(20), p = random_below(POOLS);

        if (choice < 5 || !request)
                from_client(p);
        else if (choice < 15)
                call_and_compare(request, p);
        else if (choice < 19 && may_finish(request))
                finish(request);
        else if (choice == 19)
                shrink(p);
        loop_now();
        check_nobody_is_stuck();
}

static void try_random(unsigned number)
{
        unsigned max_workers[POOLS];

        seed = number;
        for (unsigned p = 0; p < POOLS; p++)
                max_workers[p] = 1 + random_below(3);
        begin(max_workers);
        while (n_made + 1 < MADE_MAX)
                do_something();
        end();
}

static void setup(void)
{
        loop_begin();
        around = (struct surroundings){.base = base, .turn = &turn, .buffers = &buffers};
}

static void teardown(void)
{
        loop_end();
}

#define RANDOM_PARTS 10
START_TEST(random_calls_are_refused_just_when_nothing_can_serve_them)
{
        for (unsigned number = 0; number < 100; number++)
                try_random((unsigned)_i * 100 + number);
}
END_TEST

static const unsigned ones[POOLS] = {1, 1, 1, 1}, twos[POOLS] = {2, 2, 2, 2};
enum { A, B, C, D };

START_TEST(a_call_to_itself_needs_a_second_worker)
{
        begin(ones);
        ck_assert_ptr_null(call(from_client(A), A));
        end();
        begin(twos);
        struct request *outer = from_client(A), *inner = call(outer, A);
        ck_assert_ptr_nonnull(inner);
        ck_assert_ptr_null(call(inner, A));
        end();
}
END_TEST

START_TEST(a_circle_of_one_worker_each_is_refused_where_it_closes)
{
        begin(ones);
        struct request *a = from_client(A), *b = call(a, B), *c = call(b, C);
        ck_assert_ptr_null(call(c, A));
        ck_assert_ptr_null(call(c, B));
        ck_assert_ptr_nonnull(call(c, D));
        end();
}
END_TEST

START_TEST(two_that_call_each_other_for_different_clients)
{
        begin(ones);
        struct request *a = from_client(A), *b = from_client(B);
        ck_assert_ptr_nonnull(call(a, B)); /* it waits: B may be done soon */
        ck_assert_ptr_null(call(b, A));
        end();
}
END_TEST

START_TEST(a_worker_that_runs_may_serve_whoever_waits)
{
        begin(twos);
        struct request *first = from_client(A), *second = from_client(A);
        struct request *inner = call(first, A);
        ck_assert_ptr_nonnull(inner); /* the second one runs */
        ck_assert_ptr_null(call(second, A));
        finish(second);
        ck_assert_int_eq(inner->state, REQUEST_SENT);
        end();
}
END_TEST

/* It was missed once: the worker is set free by its caller's end, which cancels what it runs. */
START_TEST(whoever_was_called_ends_with_its_caller)
{
        begin(ones);
        struct request *v = from_client(A), *x = call(v, B), *e = call(v, C);
        struct request *u = from_client(D);
        ck_assert_ptr_null(call(x, A)); /* its own caller's worker */
        ck_assert_ptr_nonnull(call(x, D));
        ck_assert_ptr_nonnull(call(u, B)); /* v may be done once e is, and x with it */
        finish(e);
        loop_now();
        check_nobody_is_stuck();
        end();
}
END_TEST

START_TEST(an_answer_that_leaves_only_what_cannot_be_served)
{
        begin(ones);
        struct request *v = from_client(A), *w = from_client(B), *e = call(v, C);
        struct request *d = call(v, B), *c = call(w, A);
        unsigned at = index_of(d);
        ck_assert_ptr_nonnull(d);
        ck_assert_ptr_nonnull(c); /* v may be done once e is */
        finish(e);
        loop_now();
        ck_assert_ptr_null(made[at]);
        ck_assert_int_eq(c->state, REQUEST_QUEUED);
        check_nobody_is_stuck();
        finish(v);
        ck_assert_int_eq(c->state, REQUEST_SENT);
        end();
}
END_TEST

START_TEST(fewer_workers_than_before)
{
        begin(twos);
        struct request *first = from_client(A), *second = from_client(A);
        struct request *inner = call(first, A);
        unsigned at = index_of(inner);
        ck_assert_ptr_nonnull(inner);
        (void)second;
        options[A]->max_workers = 1;
        deadlock_look_at_pool(&pools[A]);
        ck_assert_ptr_null(made[at]);
        check_nobody_is_stuck();
        end();
}
END_TEST

/* While its worker was on its way out, somebody else took the place. */
START_TEST(what_was_with_a_worker_that_died_waits_again)
{
        begin(ones);
        struct request *v = from_client(A), *x = call(v, B);
        struct worker *dying = x->worker;
        unsigned at = index_of(x);
        worker_set_state(dying, WORKER_STOPPING);
        struct request *y = from_client(B), *c = call(y, A);
        ck_assert_ptr_nonnull(c); /* what dies sets its caller free */
        queue_return(&pools[B], x);
        ledger_answered(&dying->ledger, dying->ledger.sent, 1);
        deadlock_look_at_pool(&pools[B]);
        ck_assert_ptr_null(made[at]);
        check_nobody_is_stuck();
        end();
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("pool_deadlock");
        TCase *tcase = loop_case(suite, setup, teardown);

        tcase_add_test(tcase, a_call_to_itself_needs_a_second_worker);
        tcase_add_test(tcase, a_circle_of_one_worker_each_is_refused_where_it_closes);
        tcase_add_test(tcase, two_that_call_each_other_for_different_clients);
        tcase_add_test(tcase, a_worker_that_runs_may_serve_whoever_waits);
        tcase_add_test(tcase, whoever_was_called_ends_with_its_caller);
        tcase_add_test(tcase, an_answer_that_leaves_only_what_cannot_be_served);
        tcase_add_test(tcase, fewer_workers_than_before);
        tcase_add_test(tcase, what_was_with_a_worker_that_died_waits_again);
        tcase_add_loop_test(tcase, random_calls_are_refused_just_when_nothing_can_serve_them, 0,
                            RANDOM_PARTS);
        return run_suite(suite);
}
