/* SPDX-License-Identifier: MIT */
/*
 * Pools whose workers are forked, by real Python: a shell script cannot take descriptors. What the
 * script can play is a template that does not do what it should.
 */
#include "fixture_pool.h"

#include "bootstrap/program.h"

#include <json-c/json.h>
#include <sys/prctl.h>

#define PYTHON "/usr/bin/python3"

static struct pool *pool;
static struct program_options *options;

static void setup(void)
{
        pools_begin();
        ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
        pool = NULL;
}

static void teardown(void)
{
        pool_free(pool);
        workers_end();
}

/* A program of real Python. */
static struct program_options *python_options(const char *source)
{
        struct program_options *made = new_options("calc", "argument");
        struct program *program = program_new("calc");

        ck_assert_ptr_nonnull(program);
        ck_assert_int_eq(program_set_main_source(program, source, strlen(source)), 0);
        program_set_forked(program);
        program_text_free(made->text);
        ck_assert_int_eq(program_to_text(program, &made->text), 0);
        program_free(program);
        free(made->python);
        made->python = strdup(PYTHON);
        made->start_method = START_FORKSERVER;
        return made;
}

/* A program whose template is the script, which says this on its status pipe, and no more. */
static struct program_options *script_options(const char *said)
{
        struct program_options *made = new_options("calc", "echo");
        char script[1024];

        snprintf(script, sizeof(script),
                 "#!/bin/sh\n"
                 "if [ $5 = 1 ]; then printf '%%s\\n' '%s' >&5; exec sleep 1000; fi\n"
                 "exec \"$0.worker\" \"$@\"\n",
                 said);
        chmod(folder_write("python.worker", fake_worker_script), 0700);
        chmod(folder_write("python", script), 0700);
        made->start_method = START_FORKSERVER;
        made->terminate_timeout = 10 * USEC_PER_MSEC;
        return made;
}

static const char ready[] = "{\"type\":\"status\",\"message\":\"template\",\"methods\":{}}";

static void begin(struct program_options *made)
{
        options = made;
        pool = new_pool(made);
}

static struct template *current(void)
{
        return pool->templates.current;
}

static unsigned count_templates(void)
{
        struct template *template;
        unsigned n = 0;

        TAILQ_FOREACH (template, &pool->templates.all, link)
                n++;
        return n;
}

static void stop_and_wait(void)
{
        pool_stop(pool, false, units_now());
        loop_until(!pool_has_workers(pool));
        ck_assert_uint_eq(count_templates(), 0);
}

START_TEST(workers_come_from_one_template)
{
        struct program_options *made = python_options("def look(): return 1");

        made->max_workers = made->min_workers = 3;
        begin(made);
        wait_idle(pool, 3);
        ck_assert_uint_eq(count_templates(), 1);
        ck_assert_int_eq(current()->state, TEMPLATE_READY);
        struct worker *worker;
        TAILQ_FOREACH (worker, &pool->workers.list[WORKER_IDLE], link) {
                ck_assert_ptr_eq(worker->birth.births, &current()->births);
                ck_assert_int_ne(worker->process.pid, current()->process.pid);
                ck_assert_ptr_nonnull(json_object_object_get(worker->methods, "look"));
        }
        submit_call(pool, "look", "{}");
        loop_until(*answers);
        ck_assert_str_eq(answers, "1:ok 1|");
        stop_and_wait();
}
END_TEST

START_TEST(a_renewed_pool_has_a_new_template)
{
        begin(python_options("pass"));
        wait_idle(pool, 1);
        pid_t first = current()->process.pid;
        pool_renew(pool, pool->options, units_now());
        loop_until(*renewals);
        ck_assert_int_ne(current()->process.pid, first);
        ck_assert_ptr_null(pool->templates.trial);
        loop_until(count_templates() == 1 && count_all(pool) == 1);
        ck_assert_int_ne(TAILQ_FIRST(&pool->templates.all)->process.pid, first);
        ck_assert_ptr_eq(first_worker(pool, WORKER_IDLE)->birth.births, &current()->births);
        stop_and_wait();
}
END_TEST

START_TEST(a_template_that_cannot_be_renewed_stays)
{
        struct program_options *bad = python_options("raise OSError('not today')");

        begin(python_options("pass"));
        wait_idle(pool, 1);
        struct template *first = current();
        pool_renew(pool, bad, units_now());
        program_options_unref(bad);
        loop_until(*renewals);
        loop_until(count_templates() == 1 && count_all(pool) == 1);
        ck_assert_ptr_eq(current(), first);
        ck_assert_ptr_null(pool->templates.trial);
        ck_assert(log_has("not today"));
        stop_and_wait();
}
END_TEST

START_TEST(one_that_dies_is_replaced_when_it_is_wanted)
{
        begin(python_options("pass"));
        wait_idle(pool, 1);
        pid_t first = current()->process.pid;
        kill(first, SIGKILL);
        loop_until(count_templates() == 0);
        ck_assert_ptr_null(current());
        ck_assert(log_has("the template was killed by SIGKILL"));
        ck_assert_uint_eq(count_workers(pool, WORKER_IDLE), 1);
        process_kill(&first_worker(pool, WORKER_IDLE)->process);
        loop_until(count_all(pool) == 0 || count_workers(pool, WORKER_STARTING) == 1);
        wait_idle(pool, 1);
        ck_assert_int_ne(current()->process.pid, first);
        ck_assert_uint_eq(pool->start_failures, 0);
        stop_and_wait();
}
END_TEST

START_TEST(a_hurried_stop_kills_it)
{
        begin(python_options("import time; time.sleep(1000)"));
        loop_until(count_templates() == 1);
        pool_stop(pool, true, units_now());
        loop_until(!pool_has_workers(pool));
        ck_assert_uint_eq(count_templates(), 0);
}
END_TEST

START_TEST(what_cannot_be_forked_is_spawned)
{
        struct program_options *made = script_options(
                "{\"type\":\"status\",\"message\":\"template\",\"unfit\":\"it has threads\"}");

        made->max_workers = made->min_workers = 3;
        begin(made);
        wait_idle(pool, 3);
        ck_assert(log_has("its workers are spawned, not forked: it has threads"));
        ck_assert_int_eq(current()->state, TEMPLATE_UNFIT);
        loop_until(template_has_ended(current()));
        log_forget();
        process_kill(&first_worker(pool, WORKER_IDLE)->process);
        loop_until(count_workers(pool, WORKER_IDLE) == 2);
        wait_idle(pool, 3);
        ck_assert(!log_has("spawned"));
        ck_assert_uint_eq(count_templates(), 1);
        stop_and_wait();
}
END_TEST

START_TEST(a_loop_of_its_own_is_spawned)
{
        begin(script_options("{\"type\":\"status\",\"message\":\"ready\",\"methods\":{}}"));
        wait_idle(pool, 1);
        ck_assert(log_has("its main module has a loop of its own"));
        stop_and_wait();
}
END_TEST

START_TEST(a_template_that_is_not_ready_in_time_is_a_failed_start)
{
        struct program_options *made = script_options("{}");

        made->startup_timeout = 5 * USEC_PER_SEC;
        made->restart_threshold = 1;
        begin(made);
        loop_until(count_templates() == 1);
        pool_maintain(pool, current()->process.started + made->startup_timeout);
        loop_until(pool->start_failures == 1);
        ck_assert_str_eq(json_object_get_string(json_object_object_get(pool->last_error, "reason")),
                         PROCESS_LATE);
        loop_until(count_templates() == 0);
        ck_assert_uint_eq(count_all(pool), 0);
}
END_TEST

START_TEST(a_template_that_does_not_fork_in_time_is_ended)
{
        struct program_options *made = script_options(ready);

        made->startup_timeout = 5 * USEC_PER_SEC;
        made->restart_threshold = 1;
        begin(made);
        loop_until(count_templates() == 1 && current()->births.n_asked == 1);
        struct worker *worker = first_worker(pool, WORKER_STARTING);
        pool_maintain(pool, worker->process.started + made->startup_timeout);
        loop_until(pool->start_failures == 1);
        loop_until(count_templates() == 0);
        ck_assert(log_has("it has not forked a worker within startup_timeout"));
        ck_assert_uint_eq(count_all(pool), 0);
}
END_TEST

START_TEST(a_worker_that_is_not_born_can_be_stopped)
{
        begin(script_options(ready));
        loop_until(count_templates() == 1 && current()->births.n_asked == 1);
        stop_and_wait();
        ck_assert_uint_eq(pool->start_failures, 0);
}
END_TEST

int main(void)
{
        if (!has_pidfd_open())
                return EXIT_SKIPPED;

        Suite *suite = suite_create("pool_templates");
        TCase *tcase = loop_case(suite, setup, teardown);

        tcase_add_test(tcase, workers_come_from_one_template);
        tcase_add_test(tcase, a_renewed_pool_has_a_new_template);
        tcase_add_test(tcase, a_template_that_cannot_be_renewed_stays);
        tcase_add_test(tcase, one_that_dies_is_replaced_when_it_is_wanted);
        tcase_add_test(tcase, a_hurried_stop_kills_it);
        tcase_add_test(tcase, what_cannot_be_forked_is_spawned);
        tcase_add_test(tcase, a_loop_of_its_own_is_spawned);
        tcase_add_test(tcase, a_template_that_is_not_ready_in_time_is_a_failed_start);
        tcase_add_test(tcase, a_template_that_does_not_fork_in_time_is_ended);
        tcase_add_test(tcase, a_worker_that_is_not_born_can_be_stopped);
        return run_suite(suite);
}
