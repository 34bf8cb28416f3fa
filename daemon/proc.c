/* SPDX-License-Identifier: MIT */
#include "proc.h"

#include "common/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STAT_MAX 512 /* what is looked for stands in front */

static FILE *open_file(const char *proc, pid_t pid, const char *name)
{
        char path[PATH_MAX];

        snprintf(path, sizeof(path), "%s/%d/%s", proc, (int)pid, name);
        return fopen(path, "re");
}

int proc_read(const char *proc, pid_t pid, struct proc_process *ret)
{
        char text[STAT_MAX];
        FILE *file = open_file(proc, pid, "stat");

        if (!file)
                return -errno;
        size_t length = fread(text, 1, sizeof(text) - 1, file);
        fclose(file);
        text[length] = '\0';
        /* The name stands in brackets and may have brackets in it. */
        char *begin = strchr(text, '('), *end = strrchr(text, ')');
        unsigned long user = 0, system = 0;
        int parent, group;
        if (!begin || !end || end < begin ||
            sscanf(end, ") %c %d %d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &ret->state, &parent,
                   &group, &user, &system) < 3)
                return -ESRCH;
        *end = '\0';
        snprintf(ret->name, sizeof(ret->name), "%s", begin + 1);
        ret->pid = pid;
        ret->parent = parent;
        ret->group = group;
        ret->cpu = (uint64_t)user + system;
        return 0;
}

/* All processes are looked at, for their parents. */
static int search(const char *proc, pid_t parent, void (*child)(void *userdata, pid_t pid),
                  void *userdata)
{
        _cleanup_closedir_ DIR *folder = opendir(proc);
        struct proc_process process;
        struct dirent *entry;

        if (!folder)
                return -errno;
        while ((entry = readdir(folder))) {
                pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
                if (pid > 0 && proc_read(proc, pid, &process) == 0 && process.parent == parent)
                        child(userdata, pid);
        }
        return 0;
}

int proc_each_child(const char *proc, pid_t parent, void (*child)(void *userdata, pid_t pid),
                    void *userdata)
{
        char name[64];
        int pid;

        snprintf(name, sizeof(name), "task/%d/children", (int)parent);
        FILE *file = open_file(proc, parent, name);
        if (!file)
                return search(proc, parent, child, userdata);
        while (fscanf(file, "%d", &pid) == 1)
                child(userdata, pid);
        fclose(file);
        return 0;
}

bool proc_variable(const char *proc, pid_t pid, const char *name, char *value, size_t size)
{
        FILE *file = open_file(proc, pid, "environ");
        _cleanup_free_ char *variable = NULL;
        size_t room = 0, length = strlen(name);
        bool is_found = false;

        if (!file)
                return false;
        while (!is_found && getdelim(&variable, &room, '\0', file) > 0)
                is_found = strncmp(variable, name, length) == 0 && variable[length] == '=';
        if (is_found)
                snprintf(value, size, "%s", variable + length + 1);
        fclose(file);
        return is_found;
}
