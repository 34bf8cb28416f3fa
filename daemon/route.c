/* SPDX-License-Identifier: MIT */
#include "route.h"

#include <stdio.h>
#include <string.h>

#define PROGRAM_SHOWN_MAX 64U /* the longest name that a program can have */

static bool is_reserved(const char *program, size_t length)
{
        return (length == 3 && memcmp(program, "rpc", 3) == 0) ||
               (length == 9 && memcmp(program, "jumpbootd", 9) == 0);
}

static struct pool *find_allowed(const struct registry *registry, struct caller *caller,
                                 const char *program, size_t length, bool is_leaving)
{
        struct pool *pool = registry_find(registry, program, length);

        if (!pool && is_leaving)
                pool = registry_find_leaving(registry, program, length);
        return pool && pool_allows(pool, caller) ? pool : NULL;
}

static void tell_nearest(struct route *route, const struct registry *registry,
                         struct caller *caller, const char *program, size_t length)
{
        char name[PROGRAM_SHOWN_MAX + 1];
        int shown = length < PROGRAM_SHOWN_MAX ? (int)length : (int)PROGRAM_SHOWN_MAX;

        snprintf(name, sizeof(name), "%.*s", shown, program);
        const char *near = registry_nearest(registry, caller, name);
        snprintf(route->detail, sizeof(route->detail), "there is no program \"%s\"%s%s%s", name,
                 near ? ": did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static void tell(struct route *route, const char *detail)
{
        snprintf(route->detail, sizeof(route->detail), "%s", detail);
}

void route_find(struct route *route, const struct registry *registry, struct caller *caller,
                const struct call *call, bool is_leaving)
{
        const char *dot = memchr(call->method, '.', call->method_length);
        size_t length = dot ? (size_t)(dot - call->method) : 0;

        route->is_reserved = dot && is_reserved(call->method, length);
        route->pool = NULL;
        route->function = dot ? dot + 1 : NULL;
        route->detail[0] = '\0';
        if (route->is_reserved)
                return;
        if (call->is_unnamed)
                tell(route, "no method has a name that long");
        else if (!dot)
                tell(route, "a method is named program.function");
        else if (!(route->pool = find_allowed(registry, caller, call->method, length, is_leaving)))
                tell_nearest(route, registry, caller, call->method, length);
        else if (call->method_length - length - 1 > REQUEST_FUNCTION_MAX) {
                tell(route, "the function's name is too long");
                route->pool = NULL;
        }
}
