/* SPDX-License-Identifier: MIT */
#include "memfd.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL /* since Linux 6.3, which would rather be told */
#define MFD_NOEXEC_SEAL 0x0008U
#endif

int memfd_make(const char *name, uint64_t size)
{
        int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);

        if (fd < 0 && errno == EINVAL)
                fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (fd < 0)
                return -errno;
        if (ftruncate(fd, (off_t)size) < 0) {
                int error = errno;
                close(fd);
                return -error;
        }
        return fd;
}
