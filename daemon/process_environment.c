/* SPDX-License-Identifier: MIT */
#include "process_environment.h"

#include "environment_block.h"
#include "slot_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MARK_MAX 64

static size_t count(char *const *strings)
{
        size_t n = 0;

        while (strings && strings[n])
                n++;
        return n;
}

/* What the variable is in that slot; the name before the value stays as it is. */
static size_t expand(const char *variable, unsigned slot, char *out)
{
        size_t name = strcspn(variable, "=") + 1;

        if (out)
                memcpy(out, variable, name);
        return name + slot_text_expand(variable + name, slot, out ? out + name : NULL);
}

char **process_environment_new(const struct program_options *options, int slot, uint64_t number)
{
        size_t n = count(options->environment);
        size_t n_slot = slot < 0 ? 0 : count(options->slot_variables), room = MARK_MAX;
        char **block, *text;

        for (size_t i = 0; i < n_slot; i++)
                room += expand(options->slot_variables[i], (unsigned)slot, NULL) + 1;
        block = malloc((n + n_slot + 2) * sizeof(*block) + room);
        if (!block)
                return NULL;
        text = (char *)(block + n + n_slot + 2);
        if (n > 0)
                memcpy(block, options->environment, n * sizeof(*block));
        for (size_t i = 0; i < n_slot; i++) {
                block[n++] = text;
                text += expand(options->slot_variables[i], (unsigned)slot, text) + 1;
        }
        /* A template's is as long as any, since those that it forks put theirs in its place. */
        snprintf(text, MARK_MAX,
                 slot < 0 ? ENVIRONMENT_MARK "=%d.%020llu" : ENVIRONMENT_MARK "=%d.%llu",
                 (int)getpid(), (unsigned long long)number);
        block[n++] = text;
        block[n] = NULL;
        return block;
}

char **process_environment_own(char **environment, const struct program_options *options)
{
        return environment + count(options->environment);
}
