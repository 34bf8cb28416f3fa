/* SPDX-License-Identifier: MIT */
#include "package_names.h"

#include "bootstrap/builtin.h"
#include "bootstrap/program.h"
#include "common/cleanup.h"

#include <stdbool.h>
#include <string.h>

/* What programs use of the package, those of today and those that the protocol has set aside. Its
 * modules need not stand here. */
static const char *const own_names[] = {
        "JSONQueue",
        "JSONQueueServer",
        "MessagePackQueue",
        "MessagePackQueueServer",
        "NamedSemaphore",
        "Pipe_in",
        "Pipe_out",
        "RequestCancelled",
        "RequestInterrupted",
        "RequestTimeout",
        "SharedArray",
        "SharedMemory",
        "Status_in",
        "acall",
        "call",
        "expose",
        "exposed",
        "on_exit",
        "on_start",
        "request",
};

static bool is_own_name(const char *name)
{
        for (size_t i = 0; i < ARRAY_SIZE(own_names); i++)
                if (strcmp(own_names[i], name) == 0)
                        return true;
        for (size_t i = 0; i < builtin_package_count; i++)
                if (strcmp(builtin_package[i].name, name) == 0)
                        return true;
        return false;
}

const char *package_names_fault(const char *name)
{
        const char *fault = program_name_fault(name, 0);

        if (fault)
                return fault;
        if (name[0] == '_')
                return "names that begin with _ are the jumpboot package's own";
        if (is_own_name(name))
                return "the jumpboot package has this name for its own, and would lose it";
        return NULL;
}
