/* SPDX-License-Identifier: MIT */
#include "ctl_near.h"

#include "common/text.h"

#include <string.h>

#define SLIPS_MAX 2U

void ctl_near_try(struct ctl_near *near, const char *name)
{
        unsigned distance = text_distance(name, near->wanted);

        /* A name of which nothing is left but its length is another name. */
        if (distance > SLIPS_MAX || distance >= strlen(name) ||
            (near->name && distance >= near->distance))
                return;
        near->name = name;
        near->distance = distance;
}
