/* SPDX-License-Identifier: MIT */
#include "cpu_time.h"

#include "common/cleanup.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int cpu_time_parse(struct cpu_time *group, char *text)
{
        char *equals = strchr(text, '='), *end;

        if (!equals || equals == text)
                return -EINVAL;
        *group = (struct cpu_time){.name = text};
        *equals = '\0';
        for (char *p = equals + 1;; p = end + 1) {
                long pid = strtol(p, &end, 10);
                if (pid <= 0 || end == p || (*end != ',' && *end != '\0'))
                        return -EINVAL;
                if (group->n_pids == CPU_TIME_PROCESSES_MAX)
                        return -E2BIG;
                group->pids[group->n_pids++] = (pid_t)pid;
                if (*end == '\0')
                        return 0;
        }
}

static uint64_t read_thread(const char *folder, const char *thread)
{
        char path[512];
        uint64_t time = 0;

        snprintf(path, sizeof(path), "%s/%s/schedstat", folder, thread);
        _cleanup_fclose_ FILE *file = fopen(path, "re");
        return file && fscanf(file, "%" SCNu64, &time) == 1 ? time : 0;
}

static uint64_t read_process(pid_t pid)
{
        char folder[64];
        struct dirent *entry;
        uint64_t sum = 0;

        snprintf(folder, sizeof(folder), "/proc/%d/task", (int)pid);
        _cleanup_closedir_ DIR *tasks = opendir(folder);
        while (tasks && (entry = readdir(tasks)))
                if (entry->d_name[0] != '.')
                        sum += read_thread(folder, entry->d_name);
        return sum;
}

uint64_t cpu_time_read(const struct cpu_time *group)
{
        uint64_t sum = 0;

        for (unsigned i = 0; i < group->n_pids; i++)
                sum += read_process(group->pids[i]);
        return sum;
}
