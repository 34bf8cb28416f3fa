/* SPDX-License-Identifier: MIT */
#include "handled.h"

#include "common/cleanup.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define STATUS_MAX 4096 /* the file is shorter, unless the process is in thousands of groups */
#define CAUGHT     "\nSigCgt:"

bool handled_by(pid_t pid, int signal)
{
        char path[64], text[STATUS_MAX];
        uint64_t caught = 0;

        snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
        if (length <= 0)
                return false;
        text[length] = '\0';
        const char *line = strstr(text, CAUGHT);
        return line && sscanf(line + strlen(CAUGHT), "%" SCNx64, &caught) == 1 &&
               (caught >> (signal - 1) & 1);
}
