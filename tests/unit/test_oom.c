/* SPDX-License-Identifier: MIT */
/*
 * Kills for memory, as counted in folders that look like those of the kernel.
 */
#include "daemon/oom.h"

#include "folder.h"
#include "suite.h"

static struct oom oom;

static void begin(void)
{
        oom_init(&oom, folder_at("proc"), folder_at("cgroup"));
}

static void write_count(const char *name, unsigned count)
{
        char text[128];

        snprintf(text, sizeof(text), "low 0\noom 7\noom_kill_disable 0\noom_kill %u\n", count);
        folder_write(name, text);
}

static void check_path(const char *name)
{
        ck_assert_str_eq(oom.path, folder_at(name));
}

START_TEST(version_2_counts_in_its_own_file)
{
        folder_write("proc/self/cgroup", "0::/system.slice/jumpbootd.service\n");
        write_count("cgroup/system.slice/jumpbootd.service/memory.events", 3);
        write_count("proc/vmstat", 9);
        begin();
        check_path("cgroup/system.slice/jumpbootd.service/memory.events");
        ck_assert_int_eq(oom_ask(&oom), OOM_NO);
        write_count("cgroup/system.slice/jumpbootd.service/memory.events", 4);
        ck_assert_int_eq(oom_ask(&oom), OOM_YES);
        ck_assert_int_eq(oom_ask(&oom), OOM_NO);
}
END_TEST

START_TEST(version_1_and_both)
{
        folder_write("proc/self/cgroup", "9:name=systemd:/\n8:cpu,memoryx:/b\nodd\n"
                                         "7:cpu,memory,pids:/a:b\n0::/\n");
        write_count("cgroup/memory/a:b/memory.oom_control", 0);
        begin();
        check_path("cgroup/memory/a:b/memory.oom_control");
        folder_write("proc/self/cgroup", "1:name=systemd:/\n0::/x\n");
        write_count("cgroup/unified/x/memory.events", 0);
        begin();
        check_path("cgroup/unified/x/memory.events");
}
END_TEST

START_TEST(else_that_of_the_machine_is_taken)
{
        folder_write("proc/self/cgroup", "0::/x\n");
        folder_write("proc/vmstat", "nr_free_pages 1\noom_kill 5\nlast 3\n");
        begin();
        check_path("proc/vmstat");
        ck_assert_int_eq(oom_ask(&oom), OOM_NO);
        folder_write("proc/vmstat", "nr_free_pages 1\noom_kill 6\nlast 3\n");
        ck_assert_int_eq(oom_ask(&oom), OOM_YES);
}
END_TEST

START_TEST(where_nothing_is_counted_nothing_is_known)
{
        begin();
        ck_assert_str_eq(oom.path, "");
        ck_assert_int_eq(oom_ask(&oom), OOM_UNKNOWN);
        oom_refresh(&oom);
        folder_write("proc/self/cgroup", "0::/x\n7:memory:/\n");
        folder_write("proc/vmstat", "nr_free_pages 1\n");
        begin();
        ck_assert_int_eq(oom_ask(&oom), OOM_UNKNOWN);
        folder_write("proc/vmstat", "oom_kill 1\n");
        begin();
        remove(folder_at("proc/vmstat"));
        ck_assert_int_eq(oom_ask(&oom), OOM_UNKNOWN);
}
END_TEST

START_TEST(each_kill_answers_for_one)
{
        write_count("proc/vmstat", 10);
        begin();
        write_count("proc/vmstat", 12);
        ck_assert_int_eq(oom_ask(&oom), OOM_YES);
        ck_assert_int_eq(oom_ask(&oom), OOM_YES);
        ck_assert_int_eq(oom_ask(&oom), OOM_NO);
}
END_TEST

START_TEST(kills_that_nobody_asks_about_are_forgotten)
{
        write_count("proc/vmstat", 10);
        begin();
        write_count("proc/vmstat", 12);
        oom_refresh(&oom);
        ck_assert_int_eq(oom_ask(&oom), OOM_YES);
        write_count("proc/vmstat", 13);
        oom_refresh(&oom);
        ck_assert_int_eq(oom_ask(&oom), OOM_YES);
        ck_assert_int_eq(oom_ask(&oom), OOM_NO);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("oom");
        TCase *tcase = tcase_create("oom");

        tcase_add_checked_fixture(tcase, folder_make, folder_remove);
        tcase_add_test(tcase, version_2_counts_in_its_own_file);
        tcase_add_test(tcase, version_1_and_both);
        tcase_add_test(tcase, else_that_of_the_machine_is_taken);
        tcase_add_test(tcase, where_nothing_is_counted_nothing_is_known);
        tcase_add_test(tcase, each_kill_answers_for_one);
        tcase_add_test(tcase, kills_that_nobody_asks_about_are_forgotten);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
