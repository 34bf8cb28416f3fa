/* SPDX-License-Identifier: MIT */
/*
 * What is deferred runs once, in its order, after what was active; graves come last of all.
 */
#include "daemon/turn.h"

#include "fixture_loop.h"

static char order[64];

struct letter {
        struct turn_task task;
        char name;
        struct turn_task *then_defer, *then_bury;
};

static void run_letter(struct turn_task *task)
{
        struct letter *letter = CONTAINER_OF(task, struct letter, task);
        size_t length = strlen(order);

        order[length] = letter->name;
        order[length + 1] = '\0';
        if (letter->then_defer)
                turn_defer(&turn, letter->then_defer);
        if (letter->then_bury)
                turn_bury(&turn, letter->then_bury);
}

#define LETTER(name_)                                                                              \
        (struct letter)                                                                            \
        {                                                                                          \
                .task.run = run_letter, .name = name_                                              \
        }

static struct letter a, b, c, d;

static void setup(void)
{
        loop_begin();
        order[0] = '\0';
        a = LETTER('a');
        b = LETTER('b');
        c = LETTER('c');
        d = LETTER('d');
}

START_TEST(tasks_run_once_in_the_order_of_deferring)
{
        turn_defer(&turn, &b.task);
        turn_defer(&turn, &a.task);
        turn_defer(&turn, &b.task);
        ck_assert_str_eq(order, "");
        loop_now();
        ck_assert_str_eq(order, "ba");
        loop_now();
        ck_assert_str_eq(order, "ba");
        turn_defer(&turn, &a.task);
        loop_now();
        ck_assert_str_eq(order, "baa");
}
END_TEST

START_TEST(graves_come_after_every_task)
{
        a.then_defer = &c.task;
        turn_bury(&turn, &d.task);
        turn_defer(&turn, &a.task);
        turn_defer(&turn, &b.task);
        loop_now();
        ck_assert_str_eq(order, "abcd");
}
END_TEST

START_TEST(what_tasks_defer_belongs_to_this_turn)
{
        a.then_defer = &b.task;
        b.then_bury = &c.task;
        turn_defer(&turn, &a.task);
        loop_now();
        ck_assert_str_eq(order, "abc");
}
END_TEST

/* The story: a task that was deferred while a grave ran, and another grave was to come, stood in
 * the queue for good, and so did all that were deferred after it. */
START_TEST(a_grave_may_defer)
{
        a.then_defer = &c.task;
        turn_bury(&turn, &a.task);
        turn_bury(&turn, &b.task);
        loop_now();
        ck_assert_ptr_nonnull(strchr(order, 'c'));
        ck_assert_uint_eq(strlen(order), 3);
        turn_defer(&turn, &d.task);
        loop_now();
        ck_assert_ptr_nonnull(strchr(order, 'd'));
}
END_TEST

START_TEST(a_forgotten_task_does_not_run)
{
        turn_forget(&a.task);
        turn_defer(&turn, &a.task);
        turn_defer(&turn, &b.task);
        turn_forget(&b.task);
        turn_defer(&turn, &c.task);
        loop_now();
        ck_assert_str_eq(order, "ac");
        turn_defer(&turn, &b.task);
        loop_now();
        ck_assert_str_eq(order, "acb");
}
END_TEST

/* The story: a grave was taken off as if it were a task, which broke both queues. */
START_TEST(a_forgotten_grave_does_not_run)
{
        turn_defer(&turn, &a.task);
        turn_bury(&turn, &b.task);
        turn_forget(&b.task);
        turn_bury(&turn, &c.task);
        turn_defer(&turn, &d.task);
        loop_now();
        ck_assert_str_eq(order, "adc");
}
END_TEST

static void defer_two(evutil_socket_t fd, short what, void *userdata)
{
        (void)fd;
        (void)what;
        (void)userdata;
        order[strlen(order)] = '1';
        turn_defer(&turn, &a.task);
}

static void note_active(evutil_socket_t fd, short what, void *userdata)
{
        (void)fd;
        (void)what;
        (void)userdata;
        order[strlen(order)] = '2';
}

START_TEST(a_task_comes_behind_what_is_active)
{
        struct event *first = event_new(base, -1, 0, defer_two, NULL);
        struct event *second = event_new(base, -1, 0, note_active, NULL);

        event_active(first, EV_TIMEOUT, 0);
        event_active(second, EV_TIMEOUT, 0);
        loop_once();
        ck_assert_str_eq(order, "12a");
        event_free(first);
        event_free(second);
}
END_TEST

START_TEST(the_end_runs_what_is_left)
{
        turn_defer(&turn, &a.task);
        turn_bury(&turn, &b.task);
        turn_end(&turn);
        ck_assert_str_eq(order, "ab");
        turn_end(&turn);
        ck_assert_str_eq(order, "ab");
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("turn");
        TCase *tcase = loop_case(suite, setup, loop_end);

        tcase_add_test(tcase, tasks_run_once_in_the_order_of_deferring);
        tcase_add_test(tcase, graves_come_after_every_task);
        tcase_add_test(tcase, what_tasks_defer_belongs_to_this_turn);
        tcase_add_test(tcase, a_grave_may_defer);
        tcase_add_test(tcase, a_forgotten_task_does_not_run);
        tcase_add_test(tcase, a_forgotten_grave_does_not_run);
        tcase_add_test(tcase, a_task_comes_behind_what_is_active);
        tcase_add_test(tcase, the_end_runs_what_is_left);
        return run_suite(suite);
}
