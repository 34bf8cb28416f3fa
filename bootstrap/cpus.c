/* SPDX-License-Identifier: MIT */
#include "cpus.h"

#include <stdio.h>
#include <string.h>

/* A number at *at, which moves on; -1: there is none, or no such CPU. */
static int parse_number(const char **at)
{
        const char *from = *at;
        int number = 0;

        for (; **at >= '0' && **at <= '9'; (*at)++) {
                number = number * 10 + (**at - '0');
                if (number >= CPU_SETSIZE)
                        return -1;
        }
        return *at == from ? -1 : number;
}

bool cpus_parse(const char *text, cpu_set_t *ret)
{
        CPU_ZERO(ret);
        for (;; text++) {
                int first = parse_number(&text), last = first;

                if (*text == '-') {
                        text++;
                        last = parse_number(&text);
                }
                if (first < 0 || last < first)
                        return false;
                for (int cpu = first; cpu <= last; cpu++)
                        CPU_SET((size_t)cpu, ret);
                if (*text == '\0')
                        return true;
                if (*text != ',')
                        return false;
        }
}

char *cpus_format(const cpu_set_t *set, char text[static CPUS_TEXT_MAX])
{
        size_t length = 0;

        text[0] = '\0';
        for (int first = 0, last; first < CPU_SETSIZE; first = last + 1) {
                last = first;
                if (!CPU_ISSET((size_t)first, set))
                        continue;
                while (last + 1 < CPU_SETSIZE && CPU_ISSET((size_t)last + 1, set))
                        last++;
                length += (size_t)snprintf(text + length, CPUS_TEXT_MAX - length,
                                           last > first ? "%s%d-%d" : "%s%d", length ? "," : "",
                                           first, last);
        }
        return text;
}

/* The one that has n others before it, of those that come round again and again. */
static int nth(const cpu_set_t *set, int n)
{
        n %= CPU_COUNT(set);
        for (int cpu = 0;; cpu++)
                if (CPU_ISSET((size_t)cpu, set) && n-- == 0)
                        return cpu;
}

bool cpus_of_slot(const struct cpus *cpus, int slot, cpu_set_t *ret)
{
        if (!cpus->is_set || (cpus->is_spread && slot < 0))
                return false;
        *ret = cpus->set;
        if (!cpus->is_spread)
                return true;
        CPU_ZERO(ret);
        CPU_SET((size_t)nth(&cpus->set, slot), ret);
        return true;
}
