/* SPDX-License-Identifier: MIT */
#include "area.h"

#include "memfd.h"

#include "common/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

int area_new(const char *name, uint64_t size, struct area **ret)
{
        struct area *area = calloc(1, sizeof(*area));
        int r = 0;

        if (!area)
                return -ENOMEM;
        *area = (struct area){.references = 1, .fd = memfd_make(name, size), .size = size};
        if (area->fd < 0)
                r = area->fd;
        else if (fcntl(area->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
                r = -errno;
        if (r < 0) {
                area_unref(area);
                return r;
        }
        *ret = area;
        return 0;
}

struct area *area_ref(struct area *area)
{
        area->references++;
        return area;
}

struct area *area_unref(struct area *area)
{
        if (!area || --area->references > 0)
                return NULL;
        close_fd(area->fd);
        free(area);
        return NULL;
}
