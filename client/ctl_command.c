/* SPDX-License-Identifier: MIT */
#include "ctl_command.h"

#include "common/cleanup.h"
#include "ctl_commands.h"

#include <string.h>

static const struct ctl_command commands[] = {
        {
                .name = "call",
                .arguments = "PROGRAM.FUNCTION [ARGUMENT ... | JSON | -]",
                .summary = "call a function and print its result",
                .run = ctl_call,
                .help = "  NAME=TEXT   an ARGUMENT that is a text: name=Ada\n"
                        "  NAME:=JSON  an ARGUMENT of any type: n:=3 on:=true list:='[1, 2]'\n"
                        "  JSON        all arguments: an object (by keyword) or an array (by "
                        "position)\n"
                        "  -           the same, read from standard input\n"
                        "\n"
                        "The result is printed as JSON, a text with its quotes; on a terminal it "
                        "is\n"
                        "indented. An exception of the function is printed as Python prints it.\n"
                        "\n"
                        "  jumpbootctl call calc.add a:=1 b:=2\n"
                        "  jumpbootctl call calc.add '[1, 2]'\n"
                        "  jumpbootctl --timeout 5s call report.make - <params.json\n",
        },
        {
                .name = "status",
                .arguments = "[PROGRAM]",
                .summary = "show the daemon and its programs, with counts and last errors",
                .run = ctl_status,
                .help = "IDLE, BUSY and MAX are workers, QUEUE the requests that wait. OK and "
                        "FAILED\n"
                        "count answers, DEATHS workers that ended when they should not have. Of "
                        "100\n"
                        "requests 99 took no longer than P99 in a worker.\n"
                        "\n"
                        "Of one PROGRAM all is told that the daemon knows.\n",
        },
        {
                .name = "programs",
                .arguments = "",
                .summary = "list the programs",
                .run = ctl_programs,
                .help = "One line for each, with its program set, state, workers and queue.\n",
        },
        {
                .name = "workers",
                .arguments = "[PROGRAM]",
                .summary = "list the worker processes and what they run",
                .run = ctl_workers,
                .help = "SINCE is how long each has been in its STATE, SERVED the requests that "
                        "it\n"
                        "has answered, MEMORY what is resident, RUNS how long it has had the "
                        "FUNCTION\n"
                        "that it runs.\n",
        },
        {
                .name = "top",
                .arguments = "[-d SECONDS] [-n COUNT]",
                .summary = "watch the programs and workers, refreshed again and again",
                .run = ctl_top,
                .help = "  -d, --delay SECONDS  from one look to the next [1]\n"
                        "  -n, --count COUNT    end after so many\n"
                        "\n"
                        "REQ/S and FAIL/S are since the look before. In the last minute 99 of 100\n"
                        "requests waited no longer than WAIT for a worker, and half of them and "
                        "99 of\n"
                        "100 ran no longer than P50 and P99. Below are the workers: first those "
                        "that run\n"
                        "a function, the longest first.\n"
                        "\n"
                        "q quits, the space bar refreshes at once. Where standard output is no "
                        "terminal\n"
                        "one look is printed after the other.\n",
        },
        {
                .name = "stack",
                .arguments = "PID",
                .summary = "print the Python stack of a worker as it runs",
                .run = ctl_stack,
                .help = "All its threads, and the tasks of its asyncio loop. The worker is not "
                        "disturbed.\n"
                        "For root, and for those whom admin_users and admin_groups name.\n",
        },
        {
                .name = "kill",
                .arguments = "PID",
                .summary = "end a worker, as at a deadline, and wait for its end",
                .run = ctl_kill,
                .help = "The request that it runs is answered \"cancelled\", and its stack goes "
                        "to the log.\n"
                        "It is interrupted, and gets SIGTERM and SIGKILL if it does not leave. "
                        "Another\n"
                        "worker takes its place.\n"
                        "For root, and for those whom admin_users and admin_groups name.\n",
        },
        {
                .name = "logs",
                .arguments = "[PROGRAM]",
                .summary = "show what the daemon and its programs have logged",
                .run = ctl_logs,
                .help = "  -f, --follow          go on as new lines come\n"
                        "  -n, --lines COUNT     the last ones only, or \"all\" [1000]\n"
                        "  --since TIME, --until TIME  \"2026-11-22 10:00\", \"yesterday\", "
                        "\"-5min\"\n"
                        "  -p, --priority LEVEL  at least as important: error, warning, info ...\n"
                        "  --worker PID          of one worker\n"
                        "  -o, --output FORM     of journalctl: cat, json, verbose ... [short]\n"
                        "  -u, --unit UNIT       that the daemon runs as [jumpbootd.service]\n"
                        "  -D, --directory PATH  where the journal files are\n"
                        "\n"
                        "It runs journalctl, and takes its pager, its colours and its exit "
                        "status.\n",
        },
        {
                .name = "methods",
                .arguments = "[PROGRAM]",
                .summary = "list the functions that can be called",
                .run = ctl_methods,
                .help = "With their parameters and the first line of their docstrings. With --json "
                        "it\n"
                        "is an OpenRPC document.\n",
        },
        {
                .name = "env",
                .arguments = "create | list | info | freeze | restore | remove",
                .summary = "make and look after Python environments for programs",
                .run = ctl_env,
                .help = "  create NAME [PACKAGE ...]  make one; a program uses it by\n"
                        "                             \"environment\": {\"env\": \"NAME\"}\n"
                        "  list                       all of them\n"
                        "  info NAME                  versions, paths and packages of one\n"
                        "  freeze NAME                print what it consists of, as JSON\n"
                        "  restore FILE NAME          make one that consists of the same\n"
                        "  remove NAME                remove one that no program uses\n"
                        "\n"
                        "  --manager MANAGER       venv, or micromamba: a conda environment "
                        "[venv]\n"
                        "  --python PYTHON         the interpreter: a path, a command or a "
                        "version\n"
                        "                          [/usr/bin/python3]\n"
                        "  --requirements FILE     install what the file lists\n"
                        "  --system-site-packages  the packages of that Python can be imported, "
                        "too\n"
                        "  --index-url URL         where pip finds packages\n"
                        "  --find-links DIR        another place for that; a folder or a page\n"
                        "  --no-index              nowhere but there\n"
                        "  --channel CHANNEL       where micromamba finds packages [conda-forge]\n"
                        "  --config FILE           the config of the daemon\n"
                        "\n"
                        "  jumpbootctl env create web 'flask>=3' --python 3.11\n"
                        "  jumpbootctl env freeze web >web.json\n"
                        "  jumpbootctl env restore web.json web2\n",
        },
        {
                .name = "reload",
                .arguments = "",
                .summary = "have the config read anew, and wait until it is in force",
                .run = ctl_reload,
                .help = "Programs that did not change keep their workers. One that did gets new "
                        "ones before\n"
                        "the old ones leave; if they fail to start, the old ones stay. A config "
                        "that is\n"
                        "wrong changes nothing, and ends this with 78.\n",
        },
        {
                .name = "restart",
                .arguments = "PROGRAM",
                .summary = "give a program new workers, and wait for the first",
                .run = ctl_restart,
                .help = "The old ones serve until it is ready, and stay if it fails to start.\n",
        },
        {
                .name = "ping",
                .arguments = "",
                .summary = "ask the daemon for a sign of life",
                .run = ctl_ping,
                .help = "Shows its version, process id and how long it took to answer.\n",
        },
};

const struct ctl_command *ctl_command_find(const char *name)
{
        for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
                if (strcmp(commands[i].name, name) == 0)
                        return &commands[i];
        return NULL;
}

const struct ctl_command *ctl_command_at(size_t place)
{
        return place < ARRAY_SIZE(commands) ? &commands[place] : NULL;
}
