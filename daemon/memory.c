/* SPDX-License-Identifier: MIT */
#include "memory.h"

#include "common/cleanup.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX 4096 /* both files are shorter, and come with one read */

/* The file of that name in the process's folder; "" if there is none. */
static const char *read_file(pid_t pid, const char *name, char text[FILE_MAX])
{
        char path[64];

        text[0] = '\0';
        snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return text;
        ssize_t length = read(fd, text, FILE_MAX - 1);
        text[length > 0 ? length : 0] = '\0';
        return text;
}

uint64_t memory_resident(pid_t pid)
{
        char text[FILE_MAX];
        uint64_t pages;

        if (sscanf(read_file(pid, "statm", text), "%*u %" SCNu64, &pages) != 1)
                return 0;
        return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

uint64_t memory_proportional(pid_t pid)
{
        char text[FILE_MAX];
        const char *line = strstr(read_file(pid, "smaps_rollup", text), "\nPss:");
        uint64_t kilobytes;

        if (!line || sscanf(line, "\nPss: %" SCNu64, &kilobytes) != 1)
                return 0;
        return kilobytes * 1024;
}

uint64_t memory_of(pid_t pid, uint64_t limit)
{
        uint64_t resident = memory_resident(pid);
        uint64_t proportional = resident > limit ? memory_proportional(pid) : 0;

        return proportional ? proportional : resident;
}
