/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * A control group of the kernel's own, below the one that the tests run in; with it all that a test
 * has left there goes. Where none can be made, there is none.
 */
#include "common/cleanup.h"

#include <check.h>
#include <errno.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/magic.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

static char real_group[PATH_MAX], group_before[PATH_MAX]; /* empty: there is none */

/* What the line of version 2 in that file says. */
static inline void read_group_of(pid_t pid, char path[PATH_MAX])
{
        char name[64], line[PATH_MAX];

        snprintf(name, sizeof(name), "/proc/%d/cgroup", (int)pid);
        _cleanup_fclose_ FILE *file = fopen(name, "re");
        path[0] = '\0';
        while (file && fgets(line, sizeof(line), file))
                if (strncmp(line, "0::", 3) == 0)
                        snprintf(path, PATH_MAX, "%.*s", (int)strcspn(line + 3, "\n"), line + 3);
}

static inline void real_group_make(void)
{
        static const char *const mounts[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};
        struct statfs info;

        real_group[0] = '\0';
        read_group_of(getpid(), group_before);
        for (size_t i = 0; i < ARRAY_SIZE(mounts) && group_before[0]; i++) {
                if (statfs(mounts[i], &info) < 0 || info.f_type != CGROUP2_SUPER_MAGIC)
                        continue;
                snprintf(real_group, sizeof(real_group), "%s%.2000s/jumpbootd-test-%d", mounts[i],
                         strcmp(group_before, "/") == 0 ? "" : group_before, (int)getpid());
                if (mkdir(real_group, 0755) == 0)
                        return;
        }
        real_group[0] = '\0';
}

/* The names of what is in the group and below; each is shown before what is in it. */
static inline const char *real_group_at(const char *name)
{
        static char paths[4][PATH_MAX];
        static unsigned next;
        char *path = paths[next++ % 4];

        snprintf(path, PATH_MAX, "%.2000s/%s", real_group, name);
        return path;
}

/* From here on the process can have none of its children born elsewhere, as in a service with
 * RestrictNamespaces=, or with a kernel before 5.7. */
static inline void forbid_clone3(void)
{
        struct sock_filter filter[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        struct sock_fprog program = {.len = ARRAY_SIZE(filter), .filter = filter};

        ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0), 0);
}

static inline bool write_line(const char *path, const char *text)
{
        _cleanup_fclose_ FILE *file = fopen(path, "we");

        return file && fputs(text, file) >= 0 && fflush(file) == 0;
}
