/* SPDX-License-Identifier: MIT */
#include "environment_block.h"

#include "environment.h"

#include <errno.h>
#include <string.h>

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define DEFAULT_LANG "C.UTF-8"

/* What systemd tells a service of itself; a child that believed it would act for the daemon. */
static const char *const daemon_only[] = {
        "NOTIFY_SOCKET",  "LISTEN_*",      "WATCHDOG_*",       "MAINPID",
        "JOURNAL_STREAM", "INVOCATION_ID", "SYSTEMD_EXEC_PID", "MEMORY_PRESSURE_*",
        "FDSTORE",        "MANAGERPID",    ENVIRONMENT_MARK, /* if a worker of another daemon
                                                                started this one */
};

/* What Python and its callers would take for another environment than the one that was named. */
static const char *const other_environment[] = {"PYTHONHOME", "VIRTUAL_ENV*", "CONDA_*"};

static const char *const taken_over[] = {"HOME", "LANG", "LOGNAME", "USER"};

const char *environment_name_fault(const char *name)
{
        if (*name == '\0')
                return "the name of a variable cannot be empty";
        if (strchr(name, '='))
                return "the name of a variable cannot contain '='";
        if (strcmp(name, ENVIRONMENT_MARK) == 0)
                return "the daemon itself sets this variable, for every worker another value";
        return NULL;
}

/* A block while it grows. */
struct block {
        char **strings;
        size_t n, room;
};

static void block_clear(struct block *block)
{
        block->strings = environment_block_free(block->strings);
}

/* Takes the string, "NAME=value"; NULL stands for a failed allocation. A later one replaces. */
static int block_put(struct block *block, char *string)
{
        _cleanup_free_ char *owned = string;
        size_t length, room;
        char **grown;

        if (!string)
                return -ENOMEM;
        length = strcspn(string, "=") + 1;
        for (size_t i = 0; i < block->n; i++)
                if (strncmp(block->strings[i], string, length) == 0) {
                        free(block->strings[i]);
                        block->strings[i] = steal(owned);
                        return 0;
                }
        if (block->n + 2 > block->room) {
                room = block->room * 2 + 16;
                grown = realloc(block->strings, room * sizeof(*grown));
                if (!grown)
                        return -ENOMEM;
                block->strings = grown;
                block->room = room;
        }
        block->strings[block->n++] = steal(owned);
        block->strings[block->n] = NULL;
        return 0;
}

static int block_set(struct block *block, const char *name, const char *value)
{
        char *string;

        return block_put(block, asprintf(&string, "%s=%s", name, value) < 0 ? NULL : string);
}

/* A pattern is a name, or the beginning of names and a star. */
static bool has_name(const char *string, const char *pattern)
{
        size_t length = strlen(pattern);

        if (pattern[length - 1] == '*')
                return strncmp(string, pattern, length - 1) == 0;
        return strncmp(string, pattern, length) == 0 && string[length] == '=';
}

static bool is_among(const char *string, const char *const *patterns, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (has_name(string, patterns[i]))
                        return true;
        return false;
}

static bool is_inherited(const struct environment *environment, bool is_clear, const char *string)
{
        if (is_clear)
                return is_among(string, taken_over, ARRAY_SIZE(taken_over));
        if (!strchr(string, '=') || is_among(string, daemon_only, ARRAY_SIZE(daemon_only)))
                return false;
        return !environment->folder ||
               !is_among(string, other_environment, ARRAY_SIZE(other_environment));
}

/* What the daemon has, on top of what every worker needs. */
static int inherit(struct block *block, const struct environment *environment, bool is_clear,
                   char *const *own)
{
        int r;

        r = block_set(block, "PATH", DEFAULT_PATH);
        if (r == 0)
                r = block_set(block, "LANG", DEFAULT_LANG);
        for (; r == 0 && *own; own++)
                if (is_inherited(environment, is_clear, *own))
                        r = block_put(block, strdup(*own));
        return r;
}

/* Puts the environment's commands first, and names it. */
static int enter(struct block *block, const struct environment *environment)
{
        char *path;
        int r;

        /* the first string is PATH: nothing was there before it */
        if (asprintf(&path, "PATH=%s:%s", environment->bin, block->strings[0] + strlen("PATH=")) <
            0)
                return -ENOMEM;
        r = block_put(block, path);
        return r < 0 ? r : block_set(block, environment->variable, environment->folder);
}

int environment_block(const struct environment *environment, bool is_clear, char *const *own,
                      const struct environment_setting *settings, size_t n_settings, char ***ret)
{
        _cleanup_(block_clear) struct block block = {0};
        int r;

        r = inherit(&block, environment, is_clear, own);
        if (r == 0 && environment->folder)
                r = enter(&block, environment);
        for (size_t i = 0; r == 0 && i < n_settings; i++)
                r = block_set(&block, settings[i].name, settings[i].value);
        if (r < 0)
                return r;
        *ret = steal(block.strings);
        return 0;
}

void environment_block_remove(char **block, const char *name)
{
        size_t length = strlen(name);

        for (char **at = block; *at; at++)
                if (strncmp(*at, name, length) == 0 && (*at)[length] == '=') {
                        free(*at);
                        do
                                at[0] = at[1];
                        while (*at++);
                        return;
                }
}

char **environment_block_free(char **block)
{
        for (char **at = block; at && *at; at++)
                free(*at);
        free(block);
        return NULL;
}
