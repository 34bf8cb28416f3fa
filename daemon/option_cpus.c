/* SPDX-License-Identifier: MIT */
/*
 * The type of the option that says what CPUs a program's workers run on.
 */
#include "option_type.h"

#include <errno.h>
#include <string.h>

static const char spread[] = "spread";

/* More CPUs than fit: the kernel will tell. */
static void find_own(cpu_set_t *ret)
{
        if (sched_getaffinity(0, sizeof(*ret), ret) < 0)
                memset(ret, 0xff, sizeof(*ret));
}

static int parse_cpus(const struct option *option, struct json_object *value, const char *folder,
                      void *field, char fault[static OPTION_FAULT_MAX])
{
        const char *text = json_object_get_string(value);
        struct cpus cpus = {.is_set = true};
        char allowed[CPUS_TEXT_MAX];
        cpu_set_t own;

        (void)option;
        (void)folder;
        if (!json_object_is_type(value, json_type_string))
                return UNFIT;
        find_own(&own);
        cpus.is_spread = strcmp(text, spread) == 0;
        if (cpus.is_spread)
                cpus.set = own;
        else if (!cpus_parse(text, &cpus.set))
                return UNFIT;
        for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
                if (!CPU_ISSET(cpu, &cpus.set) || CPU_ISSET(cpu, &own))
                        continue;
                snprintf(fault, OPTION_FAULT_MAX,
                         "CPU %zu is not one of those that the daemon may use, which are %.300s",
                         cpu, cpus_format(&own, allowed));
                return UNFIT;
        }
        *(struct cpus *)field = cpus;
        return FIT;
}

static int format_cpus(const struct option_type *type, const void *field, struct json_object **ret)
{
        const struct cpus *cpus = field;
        char text[CPUS_TEXT_MAX];

        (void)type;
        if (!cpus->is_set)
                return 0;
        *ret = json_object_new_string(cpus->is_spread ? spread : cpus_format(&cpus->set, text));
        return *ret ? 0 : -ENOMEM;
}

TYPE(CPUS, .noun = "\"spread\", or CPUs as in \"0-3,8\"", .parse = parse_cpus,
     .format = format_cpus);
