/* SPDX-License-Identifier: MIT */
#include "oom.h"

#include "common/cleanup.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_SIZE 256

/* The count in a file of lines "name count". */
static bool read_count(const char *path, uint64_t *ret)
{
        _cleanup_fclose_ FILE *file = *path ? fopen(path, "re") : NULL;
        char line[LINE_SIZE];

        while (file && fgets(line, sizeof(line), file))
                if (sscanf(line, "oom_kill %" SCNu64, ret) == 1)
                        return true;
        return false;
}

/* Whether the count stands there; else the next place is tried. */
_printf_(2, 3) static bool try_path(struct oom *oom, const char *format, ...)
{
        va_list arguments;
        uint64_t count;

        va_start(arguments, format);
        int length = vsnprintf(oom->path, sizeof(oom->path), format, arguments);
        va_end(arguments);
        return length < (int)sizeof(oom->path) && read_count(oom->path, &count);
}

/* Whether "memory" is one of the controllers, which are separated by commas. */
static bool has_memory(const char *controllers)
{
        size_t length = strcspn(controllers, ",");

        while (length != strlen("memory") || memcmp(controllers, "memory", length) != 0) {
                if (controllers[length] == '\0')
                        return false;
                controllers += length + 1;
                length = strcspn(controllers, ",");
        }
        return true;
}

/* A line of /proc/self/cgroup: NUMBER:CONTROLLERS:PATH; version 2 has no controllers there. */
static bool try_group(struct oom *oom, const char *cgroups, char *line)
{
        char *controllers = strchr(line, ':');
        char *path = controllers ? strchr(controllers + 1, ':') : NULL;

        if (!path)
                return false;
        *path++ = '\0';
        path[strcspn(path, "\n")] = '\0';
        if (*++controllers == '\0')
                return try_path(oom, "%s%s/memory.events", cgroups, path) ||
                       try_path(oom, "%s/unified%s/memory.events", cgroups, path);
        return has_memory(controllers) &&
               try_path(oom, "%s/memory%s/memory.oom_control", cgroups, path);
}

static bool try_groups(struct oom *oom, const char *proc, const char *cgroups)
{
        char path[PATH_MAX], line[PATH_MAX + LINE_SIZE];

        snprintf(path, sizeof(path), "%s/self/cgroup", proc);
        _cleanup_fclose_ FILE *file = fopen(path, "re");
        while (file && fgets(line, sizeof(line), file))
                if (try_group(oom, cgroups, line))
                        return true;
        return false;
}

static void begin(struct oom *oom, bool is_there)
{
        if (!is_there)
                oom->path[0] = '\0';
        read_count(oom->path, &oom->sampled);
        oom->accounted = oom->sampled;
}

void oom_watch(struct oom *oom, const char *path)
{
        *oom = (struct oom){0};
        begin(oom, try_path(oom, "%s", path));
}

void oom_init(struct oom *oom, const char *proc, const char *cgroups)
{
        *oom = (struct oom){0};
        begin(oom, try_groups(oom, proc, cgroups) || try_path(oom, "%s/vmstat", proc));
}

enum oom_verdict oom_ask(struct oom *oom)
{
        uint64_t count;

        if (!read_count(oom->path, &count))
                return OOM_UNKNOWN;
        if (count <= oom->accounted)
                return OOM_NO;
        oom->accounted++;
        return OOM_YES;
}

void oom_refresh(struct oom *oom)
{
        uint64_t count;

        if (!read_count(oom->path, &count))
                return;
        if (oom->accounted < oom->sampled)
                oom->accounted = oom->sampled;
        oom->sampled = count;
}
