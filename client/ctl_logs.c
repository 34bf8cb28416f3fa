/* SPDX-License-Identifier: MIT */
#include "ctl_logs.h"

#include "common/cleanup.h"
#include "common/log.h"
#include "ctl_commands.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define UNIT          "jumpbootd.service"
#define LINES_DEFAULT "1000"
#define WORDS_MAX     16

bool ctl_logs_take(struct ctl_logs *logs, int option, const char *value)
{
        static const struct {
                int option;
                const char *name;
                size_t place;
        } texts[] = {
                {'D', "--directory", offsetof(struct ctl_logs, directory)},
                {'o', "--output", offsetof(struct ctl_logs, output)},
                {'p', "--priority", offsetof(struct ctl_logs, priority)},
                {'u', "--unit", offsetof(struct ctl_logs, unit)},
                {CTL_LOGS_OPTION_LINES, "--lines", offsetof(struct ctl_logs, lines)},
                {CTL_LOGS_OPTION_SINCE, "--since", offsetof(struct ctl_logs, since)},
                {CTL_LOGS_OPTION_UNTIL, "--until", offsetof(struct ctl_logs, until)},
                {CTL_LOGS_OPTION_WORKER, "--worker", offsetof(struct ctl_logs, worker)},
        };

        if (option == 'f') {
                logs->option = "--follow";
                logs->follow = true;
                return true;
        }
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                if (texts[i].option != option)
                        continue;
                logs->option = texts[i].name;
                *(const char **)((char *)logs + texts[i].place) = value;
                return true;
        }
        return false;
}

/* The command that takes the place of this one. */
struct command {
        char *words[WORDS_MAX];
        size_t n;
};

enum access {
        ACCESS_NONE,   /* there is no journal */
        ACCESS_DENIED, /* there is, but not for this user */
        ACCESS_GRANTED,
};

static enum access better(enum access a, enum access b)
{
        return a > b ? a : b;
}

static bool is_journal(const char *name)
{
        size_t length = strlen(name);

        return length > 8 && strcmp(name + length - 8, ".journal") == 0;
}

/* Looks for journal files in a folder, and as deep below it. */
static enum access look(const char *path, int depth)
{
        _cleanup_closedir_ DIR *folder = opendir(path);
        enum access found = ACCESS_NONE;
        const struct dirent *entry;

        if (!folder)
                return errno == EACCES ? ACCESS_DENIED : ACCESS_NONE;
        while (found != ACCESS_GRANTED && (entry = readdir(folder))) {
                _cleanup_free_ char *file = NULL;
                if (*entry->d_name == '.' || asprintf(&file, "%s/%s", path, entry->d_name) < 0)
                        continue;
                if (is_journal(entry->d_name))
                        found = better(found,
                                       access(file, R_OK) == 0 ? ACCESS_GRANTED : ACCESS_DENIED);
                else if (depth > 0)
                        found = better(found, look(file, depth - 1));
        }
        return found;
}

static int check_access(const char *directory)
{
        static const char *const usual[] = {"/var/log/journal", "/run/log/journal"};
        enum access found = directory ? look(directory, 1) : ACCESS_NONE;

        for (size_t i = 0; !directory && i < ARRAY_SIZE(usual); i++)
                found = better(found, look(usual[i], 1));
        if (found == ACCESS_GRANTED)
                return CTL_SUCCESS;
        if (found == ACCESS_DENIED) {
                fprintf(stderr, "jumpbootctl: logs: you may not read the journal: that is for root "
                                "and the members of the groups systemd-journal and adm\n");
                return EX_NOPERM;
        }
        if (directory)
                fprintf(stderr, "jumpbootctl: logs: there are no journal files in %s\n", directory);
        else
                fprintf(stderr,
                        "jumpbootctl: logs: there is no journal, neither in %s nor in %s; without "
                        "one, jumpbootd logs to its standard error\n",
                        usual[0], usual[1]);
        return EX_UNAVAILABLE;
}

static void add(struct command *command, const char *format, ...) _printf_(2, 3);
static void add(struct command *command, const char *format, ...)
{
        va_list arguments;
        char *word;

        va_start(arguments, format);
        if (vasprintf(&word, format, arguments) >= 0)
                command->words[command->n++] = word;
        va_end(arguments);
}

/* journalctl knows the levels by their syslog names and numbers. */
static void add_priority(struct command *command, const char *priority)
{
        int level = log_level_from_name(priority);

        if (level >= 0)
                add(command, "--priority=%d", level);
        else
                add(command, "--priority=%s", priority);
}

/* The last lines, unless something else was asked for. */
static const char *lines_of(const struct ctl_logs *logs)
{
        if (logs->lines)
                return logs->lines;
        return logs->follow || logs->since || logs->until ? NULL : LINES_DEFAULT;
}

static void compose(struct command *command, const struct ctl_session *session, const char *program)
{
        const struct ctl_logs *logs = &session->logs;
        const char *output = session->json ? "json" : logs->output, *lines = lines_of(logs);

        add(command, "journalctl");
        add(command, "--unit=%s", logs->unit ? logs->unit : UNIT);
        if (logs->directory)
                add(command, "--directory=%s", logs->directory);
        if (logs->follow)
                add(command, "--follow");
        if (lines)
                add(command, "--lines=%s", lines);
        if (logs->since)
                add(command, "--since=%s", logs->since);
        if (logs->until)
                add(command, "--until=%s", logs->until);
        if (logs->priority)
                add_priority(command, logs->priority);
        if (output)
                add(command, "--output=%s", output);
        if (program)
                add(command, "JUMPBOOT_PROGRAM=%s", program);
        if (logs->worker)
                add(command, "JUMPBOOT_WORKER=%s", logs->worker);
}

static bool is_number(const char *text)
{
        return *text && strspn(text, "0123456789") == strlen(text);
}

static bool is_program(const char *name)
{
        if (!isalpha((unsigned char)*name))
                return false;
        while (isalnum((unsigned char)*name) || *name == '-' || *name == '_')
                name++;
        return !*name;
}

static int check_words(const struct ctl_session *session, char **words, int n_words)
{
        const struct ctl_logs *logs = &session->logs;

        if (n_words > 1)
                return ctl_usage_error("logs: it takes one PROGRAM at most, \"%s\" is too much",
                                       words[1]);
        if (n_words == 1 && !is_program(words[0]))
                return ctl_usage_error("logs: \"%s\" cannot be a program's name", words[0]);
        if (logs->lines && strcmp(logs->lines, "all") != 0 && !is_number(logs->lines))
                return ctl_usage_error("--lines %s: it is a number, or \"all\"", logs->lines);
        if (logs->worker && !is_number(logs->worker))
                return ctl_usage_error("--worker %s: it is the pid of a worker", logs->worker);
        if (logs->output && session->json)
                return ctl_usage_error("--json and --output exclude each other");
        return CTL_SUCCESS;
}

int ctl_logs(struct ctl_session *session, char **words, int n_words)
{
        struct command command = {.n = 0};
        int r = check_words(session, words, n_words);

        if (r == CTL_SUCCESS)
                r = check_access(session->logs.directory);
        if (r != CTL_SUCCESS)
                return r;
        compose(&command, session, n_words > 0 ? words[0] : NULL);
        execvp("journalctl", command.words);
        fprintf(stderr,
                "jumpbootctl: logs: cannot run journalctl, which is a part of systemd: %s\n",
                strerror(errno));
        while (command.n > 0)
                free(command.words[--command.n]);
        return EX_UNAVAILABLE;
}
