/* SPDX-License-Identifier: MIT */
#include "ctl_env_job.h"

#include "common/cleanup.h"
#include "ctl_child.h"
#include "ctl_tree.h"
#include "env_tool.h"

#include <errno.h>
#include <json-c/json.h>
#include <string.h>
#include <sysexits.h>

#define PACKAGE "envtool"

static const char *python(void)
{
        static const char usual[] = "/usr/bin/python3";

        return access(usual, X_OK) == 0 ? usual : "python3";
}

static int tell(const char *what, const char *reason)
{
        fprintf(stderr, "jumpbootctl: %s: %s\n", what, reason);
        return EX_OSERR;
}

/* A descriptor with the modules and the job, or -1. */
static int open_job(struct json_object *job)
{
        _cleanup_(ctl_tree_freep) struct json_object *given = json_object_new_object();
        struct json_object *modules = json_object_new_object();
        const char *text;
        size_t length;

        for (size_t i = 0; i < env_tool_modules_count; i++) {
                const struct env_tool_module *module = &env_tool_modules[i];
                char name[64];

                snprintf(name, sizeof(name), PACKAGE ".%s", module->name);
                if (strcmp(module->name, "__init__") == 0)
                        strcpy(name, PACKAGE);
                json_object_object_add(
                        modules, name,
                        json_object_new_string_len(module->text, (int)module->length));
        }
        json_object_object_add(given, "modules", modules);
        json_object_object_add(given, "job", job);
        text = json_object_to_json_string_length(given, JSON_C_TO_STRING_PLAIN, &length);
        return text ? ctl_child_file(text, length) : -1;
}

struct command {
        char fd[16];
        const char *argv[6];
};

static int command_init(struct command *command, struct json_object *job)
{
        int fd = open_job(job);

        if (fd < 0)
                return tell("cannot prepare the job", strerror(errno));
        snprintf(command->fd, sizeof(command->fd), "%d", fd);
        memcpy(command->argv,
               (const char *[]){python(), "-I", "-c", env_tool_main, command->fd, NULL},
               sizeof(command->argv));
        return EX_OK;
}

int ctl_env_become(struct json_object *job)
{
        struct command command;
        int r = command_init(&command, job);

        if (r != EX_OK)
                return r;
        fflush(stdout);
        execvp(command.argv[0], (char *const *)command.argv);
        return tell("cannot run python3", strerror(errno));
}

int ctl_env_ask(struct json_object *job, struct json_object **ret)
{
        _cleanup_free_ char *text = NULL;
        struct command command;
        size_t length;
        int status, r;

        *ret = NULL;
        r = command_init(&command, job);
        if (r != EX_OK)
                return r;
        r = ctl_child_capture(command.argv, &text, &length, &status);
        close(atoi(command.fd));
        if (r < 0)
                return tell("cannot run python3", strerror(-r));
        if (status != 0)
                return status;
        *ret = json_tokener_parse(text);
        return *ret ? EX_OK : tell("python3 did not do its work", text);
}
