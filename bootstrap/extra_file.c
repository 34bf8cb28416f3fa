/* SPDX-License-Identifier: MIT */
#include "extra_file.h"

#include <fcntl.h>
#include <unistd.h>

int extra_file_open(const struct extra_file *file, int fd)
{
        int opened = open(file->path, file->flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
                          file->permissions);

        if (opened < 0 || fcntl(opened, F_SETFL, file->flags) < 0 || dup2(opened, fd) < 0)
                return -1;
        return close(opened);
}
