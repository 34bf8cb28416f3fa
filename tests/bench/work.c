/* SPDX-License-Identifier: MIT */
#include "work.h"

#include "common/cleanup.h"
#include "common/units.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Text as it comes in the world: letters, and here and there what JSON has to escape. */
static int make_text(struct work *work, size_t size)
{
        static const char pattern[] =
                "The quick brown fox jumps over the lazy dog, again and again. ";

        work->text = malloc(size + 2);
        if (!work->text)
                return -ENOMEM;
        work->text[0] = '"';
        for (size_t i = 0; i < size; i++)
                work->text[i + 1] = pattern[i % (sizeof(pattern) - 1)];
        work->text[size + 1] = '"';
        work->length = size + 2;
        return 0;
}

int work_init(struct work *work, const char *spec)
{
        const char *colon = strchr(spec, ':');
        uint64_t size;

        *work = (struct work){0};
        if (strcmp(spec, "add") == 0) {
                work->function = "add";
                return 0;
        }
        if (strncmp(spec, "echo:", 5) == 0) {
                work->function = "echo";
                return units_parse_size(colon + 1, &size) == 0 ? make_text(work, size) : -EINVAL;
        }
        if (strncmp(spec, "burn:", 5) == 0) {
                work->function = "burn";
                return units_parse_duration(colon + 1, &work->burn) == 0 ? 0 : -EINVAL;
        }
        return -EINVAL;
}

void work_clear(struct work *work)
{
        free(steal(work->text));
}

size_t work_params(const struct work *work, uint64_t number, char buffer[static WORK_PARAMS_MAX],
                   size_t *ret_head)
{
        int n;

        if (work->text)
                n = snprintf(buffer, WORK_PARAMS_MAX, "[%" PRIu64 ",]", number);
        else if (work->burn)
                n = snprintf(buffer, WORK_PARAMS_MAX, "[%" PRIu64 ",%" PRIu64 "]", number,
                             work->burn);
        else
                n = snprintf(buffer, WORK_PARAMS_MAX, "[%" PRIu64 ",%u]", number, 1000U);
        *ret_head = (size_t)n - 1;
        return (size_t)n;
}

bool work_is_right(const struct work *work, uint64_t number, const char *result, size_t length)
{
        char expected[WORK_PARAMS_MAX];

        if (work->text)
                return length == work->length && memcmp(result, work->text, length) == 0;
        int n = snprintf(expected, sizeof(expected), "%" PRIu64,
                         work->burn ? number : number + 1000);
        return length == (size_t)n && memcmp(result, expected, length) == 0;
}
