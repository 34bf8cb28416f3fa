/* SPDX-License-Identifier: MIT */
/*
 * Pools by name.
 */
#include "daemon/registry.h"

#include "fixture_pool.h"

static struct registry registry;

static void add(const char *name)
{
        struct program_options *options = new_options(name, "echo");

        options->min_workers = 0;
        ck_assert_int_eq(registry_add(&registry, new_pool(options)), 0);
}

static void setup(void)
{
        static const char *const names[] = {"calc", "b", "calc2", "zeta", "a", "cal", "Calc"};

        pools_begin();
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                add(names[i]);
}

static void teardown(void)
{
        registry_clear(&registry);
        ck_assert_uint_eq(registry.n_pools, 0);
        ck_assert_ptr_null(registry_find(&registry, "calc", 4));
        registry_clear(&registry);
        workers_end();
}

START_TEST(each_is_found_by_its_whole_name)
{
        for (size_t i = 0; i < registry.n_pools; i++) {
                const char *name = registry.pools[i]->options->name;
                ck_assert_ptr_eq(registry_find(&registry, name, strlen(name)), registry.pools[i]);
        }
        ck_assert_uint_eq(registry.n_pools, 7);
        ck_assert_str_eq(registry_find(&registry, "calc.add", 4)->options->name, "calc");
}
END_TEST

START_TEST(others_are_not)
{
        static const char *const names[] = {"", "c", "ca", "calc3", "calc22", "zetas", "A", "~"};

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                ck_assert_ptr_null(registry_find(&registry, names[i], strlen(names[i])));
}
END_TEST

/* The story: a client could ask for "calc\u0000x.f", whose comparison ran past the end of "calc".
 */
START_TEST(a_name_with_a_zero_in_it_is_another)
{
        ck_assert_ptr_null(registry_find(&registry, "calc\0x", 6));
        ck_assert_ptr_null(registry_find(&registry, "calc\0", 5));
        ck_assert_ptr_null(registry_find(&registry, "zeta\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 21));
        ck_assert_ptr_null(registry_find(&registry, "\0", 1));
}
END_TEST

START_TEST(they_stand_in_the_order_of_their_names)
{
        for (size_t i = 1; i < registry.n_pools; i++)
                ck_assert_int_lt(strcmp(registry.pools[i - 1]->options->name,
                                        registry.pools[i]->options->name),
                                 0);
}
END_TEST

START_TEST(the_nearest_name_is_told_if_it_is_near)
{
        ck_assert_str_eq(registry_nearest(&registry, &caller, "zeat"), "zeta");
        ck_assert_str_eq(registry_nearest(&registry, &caller, "calcc"), "calc");
        ck_assert_ptr_null(registry_nearest(&registry, &caller, "something-else"));
        ck_assert_ptr_null(registry_nearest(&registry, &caller, ""));
}
END_TEST

START_TEST(a_name_that_the_caller_may_not_call_is_not_told)
{
        static const char *const names[] = {"alice"};
        struct id_list *list = id_list_new(names, (const id_t[]){1000}, 1);

        registry_find(&registry, "zeta", 4)->options->allow_users = list;
        caller.peer.uid = 1001;
        ck_assert_ptr_null(registry_nearest(&registry, &caller, "zeat"));
        caller.peer.uid = 1000;
        ck_assert_str_eq(registry_nearest(&registry, &caller, "zeat"), "zeta");
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("registry");
        TCase *tcase = loop_case(suite, setup, teardown);

        tcase_add_test(tcase, each_is_found_by_its_whole_name);
        tcase_add_test(tcase, others_are_not);
        tcase_add_test(tcase, a_name_with_a_zero_in_it_is_another);
        tcase_add_test(tcase, they_stand_in_the_order_of_their_names);
        tcase_add_test(tcase, the_nearest_name_is_told_if_it_is_near);
        tcase_add_test(tcase, a_name_that_the_caller_may_not_call_is_not_told);
        return run_suite(suite);
}
