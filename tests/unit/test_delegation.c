/* SPDX-License-Identifier: MIT */
/*
 * What part of the hierarchy is the daemon's, in folders that look like those of the kernel.
 */
#include "daemon/delegation.h"

#include "folder.h"
#include "suite.h"

#include <errno.h>
#include <string.h>
#include <sys/xattr.h>

static struct delegation found;
static char reason[DELEGATION_REASON_MAX];

static void set_pid(const char *variable, pid_t pid)
{
        char text[16];

        snprintf(text, sizeof(text), "%d", (int)pid);
        setenv(variable, text, 1);
}

/* Lists the process in a group, and others. */
static void live_in(const char *group)
{
        char name[256], text[64];

        snprintf(name, sizeof(name), "cgroup%s/cgroup.procs", group);
        snprintf(text, sizeof(text), "1\n%d\n99999\n", (int)getpid());
        folder_write(name, text);
}

static void write_proc(const char *own, const char *root, const char *type)
{
        char text[PATH_MAX + 512];

        snprintf(text, sizeof(text), "9:name=systemd:/odd\n0::%s\n", own);
        folder_write("proc/self/cgroup", text);
        snprintf(text, sizeof(text),
                 "21 20 0:19 / /proc rw - proc proc rw\n"
                 "31 23 0:28 / %s rw,relatime shared:9 master:2 - tmpfs cgroup2 rw\n"
                 "41 31 0:38 %s %s rw,relatime shared:5 - %s cgroup2 rw\n",
                 folder_at("cgroup"), root, folder_at("cgroup"), type);
        folder_write("proc/self/mountinfo", text);
}

static bool delegate(const char *group, const char *value)
{
        char name[256];

        snprintf(name, sizeof(name), "cgroup%s", group);
        return setxattr(folder_at(name), "user.delegate", value, strlen(value), 0) == 0 ||
               setxattr(folder_at(name), "trusted.delegate", value, strlen(value), 0) == 0;
}

static void begin(void)
{
        folder_make();
        set_pid("SYSTEMD_EXEC_PID", getpid());
        setenv("INVOCATION_ID", "0123456789abcdef0123456789abcdef", 1);
        write_proc("/system.slice/a.service", "/", "cgroup2");
        live_in("/system.slice/a.service");
}

static int find(void)
{
        delegation_clear(&found);
        reason[0] = '\0';
        return delegation_find(folder_at("proc"), &found, reason);
}

static void end(void)
{
        delegation_clear(&found);
        folder_remove();
}

static void expect_none(const char *why)
{
        ck_assert_int_eq(find(), 1);
        ck_assert_msg(strstr(reason, why) != NULL, "%s", reason);
        ck_assert_ptr_null(found.path);
        ck_assert_ptr_null(found.folder);
}

static void expect(const char *path, const char *folder)
{
        int r = find();

        ck_assert_msg(r == 0, "%s", reason);
        ck_assert_str_eq(found.path, path);
        ck_assert_str_eq(found.folder, folder_at(folder));
}

START_TEST(a_service_has_what_is_marked)
{
        expect_none("/system.slice/a.service is not delegated");
        if (!delegate("/system.slice/a.service", "1"))
                return; /* a file system without such marks */
        expect("/system.slice/a.service", "cgroup/system.slice/a.service");
        delegate("/system.slice/a.service", "0");
        expect_none("is not delegated to the daemon (the unit's Delegate= does that)");
}
END_TEST

/* As with DelegateSubgroup=, or after a restart that kept the group. */
START_TEST(the_process_may_be_in_a_group_below)
{
        write_proc("/system.slice/a.service/main", "/", "cgroup2");
        live_in("/system.slice/a.service/main");
        if (!delegate("/system.slice/a.service", "1"))
                return;
        expect("/system.slice/a.service", "cgroup/system.slice/a.service");
}
END_TEST

/* Two levels above is somebody else's: the group of a user's own systemd, say. */
START_TEST(what_is_further_up_is_left_alone)
{
        delegate("/system.slice", "1");
        write_proc("/system.slice/a.service/b/c", "/", "cgroup2");
        live_in("/system.slice/a.service/b/c");
        expect_none("/system.slice/a.service/b/c is not delegated");
}
END_TEST

/* A shell inherits the variables of the service that it was started from. */
START_TEST(who_was_not_started_by_systemd_has_nothing)
{
        delegate("/system.slice/a.service", "1");
        set_pid("SYSTEMD_EXEC_PID", getppid());
        expect_none("not a service that systemd has started");
        unsetenv("SYSTEMD_EXEC_PID"); /* an older systemd: then it must be the parent */
        expect_none("not a service that systemd has started");
        unsetenv("INVOCATION_ID");
        expect_none("not a service that systemd has started");
}
END_TEST

START_TEST(part_of_the_hierarchy_may_be_mounted)
{
        write_proc("/machine/box/system.slice/a.service", "/machine/box", "cgroup2");
        if (delegate("/system.slice/a.service", "1"))
                expect("/machine/box/system.slice/a.service", "cgroup/system.slice/a.service");
        write_proc("/machine/boxes/system.slice/a.service", "/machine/box", "cgroup2");
        expect_none("is not mounted where the daemon could see its own");
}
END_TEST

/* The root of a container's own hierarchy. */
START_TEST(the_root_itself_may_be_delegated)
{
        write_proc("/", "/", "cgroup2");
        live_in("");
        if (delegate("", "1"))
                expect("/", "cgroup");
}
END_TEST

START_TEST(where_it_is_not_seen_there_is_nothing)
{
        delegate("/system.slice/a.service", "1");
        folder_write("cgroup/system.slice/a.service/cgroup.procs", "1\n99999\n");
        expect_none("is not mounted where the daemon could see its own");
        live_in("/system.slice/a.service");
        write_proc("/system.slice/a.service", "/", "cgroup");
        expect_none("is not mounted where the daemon could see its own");
        remove(folder_at("proc/self/mountinfo"));
        expect_none("is not mounted where the daemon could see its own");
        folder_write("proc/self/cgroup", "9:memory:/a\n1:name=systemd:/b\n0:x\n");
        expect_none("no control groups of version 2");
        remove(folder_at("proc/self/cgroup"));
        expect_none("no control groups of version 2");
}
END_TEST

START_TEST(blanks_in_the_mount_point)
{
        char text[PATH_MAX + 512];

        write_proc("/a.service", "/", "cgroup2");
        snprintf(text, sizeof(text), "41 31 0:38 / %s\\040\\134x rw - cgroup2 cgroup2 rw\n",
                 folder_at("cgroup"));
        folder_write("proc/self/mountinfo", text);
        char pid[16];
        snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
        folder_write("cgroup \\x/a.service/cgroup.procs", pid);
        expect_none("/a.service is not delegated");
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("delegation");
        TCase *tcase = tcase_create("delegation");

        tcase_add_checked_fixture(tcase, begin, end);
        tcase_add_test(tcase, a_service_has_what_is_marked);
        tcase_add_test(tcase, the_process_may_be_in_a_group_below);
        tcase_add_test(tcase, what_is_further_up_is_left_alone);
        tcase_add_test(tcase, who_was_not_started_by_systemd_has_nothing);
        tcase_add_test(tcase, part_of_the_hierarchy_may_be_mounted);
        tcase_add_test(tcase, the_root_itself_may_be_delegated);
        tcase_add_test(tcase, where_it_is_not_seen_there_is_nothing);
        tcase_add_test(tcase, blanks_in_the_mount_point);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
