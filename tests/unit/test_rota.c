/* SPDX-License-Identifier: MIT */
/*
 * Whose turn it is. A pool is an address here, and no more; a request's serial is its name.
 */
#include "daemon/rota.h"

#include "suite.h"

#include "common/buffer.h"
#include "common/cleanup.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CALLERS 4
#define POOLS   3

static struct buffer_pool buffers;
static struct caller callers[CALLERS];
static struct rota rotas[POOLS];
static char pools[POOLS];

static void setup(void)
{
        for (int i = 0; i < CALLERS; i++)
                caller_init(&callers[i], NULL);
        for (int i = 0; i < POOLS; i++)
                rota_init(&rotas[i]);
}

static void teardown(void)
{
        for (int i = 0; i < CALLERS; i++) {
                ck_assert(LIST_EMPTY(&callers[i].first));
                while (!TAILQ_EMPTY(&callers[i].requests))
                        request_free(TAILQ_FIRST(&callers[i].requests));
        }
        buffer_pool_trim(&buffers);
}

static struct request *add(unsigned caller, unsigned pool, uint64_t serial)
{
        const struct rpc_part none = {0};
        struct request *request = request_new(&callers[caller], &buffers, "1", 1, "f", 1, &none);

        request->serial = serial;
        request->pool = (struct pool *)(void *)&pools[pool];
        rota_add(&rotas[pool], request);
        return request;
}

static void check(unsigned pool, const char *expected)
{
        struct request *request;
        char text[256] = "";

        while ((request = rota_next(&rotas[pool]))) {
                rota_serve(&rotas[pool], request);
                sprintf(text + strlen(text), "%" PRIu64 " ", request->serial);
        }
        ck_assert_str_eq(text, expected);
}

START_TEST(nobody_waits)
{
        check(0, "");
}
END_TEST

START_TEST(those_of_one_caller_come_as_they_came)
{
        for (uint64_t i = 1; i <= 4; i++)
                add(0, 0, i);
        check(0, "1 2 3 4 ");
}
END_TEST

START_TEST(callers_take_turns)
{
        for (uint64_t i = 11; i <= 14; i++)
                add(0, 0, i);
        add(1, 0, 21);
        add(2, 0, 31);
        add(1, 0, 22);
        check(0, "11 21 31 12 22 13 14 ");
}
END_TEST

START_TEST(who_comes_later_waits_for_one_of_each)
{
        for (uint64_t i = 11; i <= 16; i++)
                add(0, 0, i);
        for (uint64_t i = 1; i <= 3; i++)
                rota_serve(&rotas[0], rota_next(&rotas[0]));
        add(1, 0, 21);
        check(0, "14 21 15 16 ");
}
END_TEST

START_TEST(whoever_leaves_costs_nobody_his_turn)
{
        struct request *first = add(0, 0, 11);
        add(0, 0, 12);
        add(0, 0, 13);
        struct request *only = add(1, 0, 21);
        add(2, 0, 31);
        struct request *last = add(0, 0, 14);
        rota_remove(&rotas[0], first);
        rota_remove(&rotas[0], only);
        rota_remove(&rotas[0], last);
        check(0, "12 31 13 ");
}
END_TEST

START_TEST(each_pool_has_its_own)
{
        add(0, 0, 11);
        add(0, 1, 12);
        add(0, 2, 13);
        add(0, 1, 14);
        add(1, 1, 21);
        check(1, "12 21 14 ");
        check(2, "13 ");
        check(0, "11 ");
}
END_TEST

/* The same with lists that are searched. */
struct model {
        struct request *line[CALLERS][1000];
        unsigned length[CALLERS];
        unsigned turn[CALLERS], n_turns; /* callers */
};

static struct model models[POOLS];

static void drop(struct model *model, unsigned caller, unsigned at, bool is_served)
{
        unsigned i = 0;

        memmove(&model->line[caller][at], &model->line[caller][at + 1],
                (model->length[caller] - at - 1) * sizeof(struct request *));
        model->length[caller]--;
        while (model->turn[i] != caller)
                i++;
        if (model->length[caller] > 0 && !is_served)
                return;
        memmove(&model->turn[i], &model->turn[i + 1], (model->n_turns - i - 1) * sizeof(unsigned));
        model->n_turns--;
        if (model->length[caller] > 0)
                model->turn[model->n_turns++] = caller;
}

START_TEST(it_is_right_after_anything)
{
        memset(models, 0, sizeof(models));
        srandom((unsigned)_i);
        for (uint64_t step = 0; step < 20000; step++) {
                unsigned p = (unsigned)random() % POOLS, c = (unsigned)random() % CALLERS;
                struct model *model = &models[p];
                struct request *next = rota_next(&rotas[p]);
                ck_assert_ptr_eq(next, model->n_turns ? model->line[model->turn[0]][0] : NULL);
                switch (random() % 4) {
                case 0:
                case 1:
                        if (model->length[c] == 100)
                                break;
                        if (model->length[c] == 0)
                                model->turn[model->n_turns++] = c;
                        model->line[c][model->length[c]++] = add(c, p, step);
                        break;
                case 2:
                        if (!next)
                                break;
                        rota_serve(&rotas[p], next);
                        drop(model, model->turn[0], 0, true);
                        request_free(next);
                        break;
                default:
                        if (model->length[c] == 0)
                                break;
                        unsigned at = (unsigned)random() % model->length[c];
                        struct request *request = model->line[c][at];
                        rota_remove(&rotas[p], request);
                        drop(model, c, at, false);
                        request_free(request);
                        break;
                }
        }
        for (unsigned p = 0; p < POOLS; p++)
                while (rota_next(&rotas[p]))
                        rota_serve(&rotas[p], rota_next(&rotas[p]));
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("rota");
        TCase *tcase = tcase_create("core");

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, nobody_waits);
        tcase_add_test(tcase, those_of_one_caller_come_as_they_came);
        tcase_add_test(tcase, callers_take_turns);
        tcase_add_test(tcase, who_comes_later_waits_for_one_of_each);
        tcase_add_test(tcase, whoever_leaves_costs_nobody_his_turn);
        tcase_add_test(tcase, each_pool_has_its_own);
        tcase_add_loop_test(tcase, it_is_right_after_anything, 0, 4);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
