/* SPDX-License-Identifier: MIT */
#include "common/cleanup.h"
#include "common/env_store.h"
#include "ctl_commands.h"
#include "ctl_env_job.h"
#include "ctl_env_options.h"
#include "ctl_env_show.h"
#include "ctl_env_survey.h"
#include "ctl_json.h"
#include "ctl_tree.h"

#include <json-c/json.h>
#include <limits.h>
#include <string.h>

/* One run of it. */
struct env_run {
        struct ctl_session *session;
        const struct ctl_env_options *options;
        struct ctl_env_survey survey;
        char **words; /* behind the name of the command */
        int n_words;
};

static int check_name(const char *command, const char *name)
{
        if (env_name_is_right(name))
                return CTL_SUCCESS;
        return ctl_usage_error(
                "env %s: \"%s\" cannot be the name of an environment: " ENV_NAME_RULE, command,
                name);
}

/* What the Python side needs for any command. */
static struct json_object *new_job(const struct env_run *run, const char *command, const char *name)
{
        struct json_object *job = json_object_new_object();

        json_object_object_add(job, "command", json_object_new_string(command));
        json_object_object_add(job, "store", json_object_new_string(run->survey.store));
        json_object_object_add(job, "marker", json_object_new_string(ENV_STORE_MARKER));
        json_object_object_add(job, "json", json_object_new_boolean(run->session->json));
        if (name)
                json_object_object_add(job, "name", json_object_new_string(name));
        return job;
}

/* And for one that makes an environment. */
static struct json_object *new_making(const struct env_run *run, const char *command,
                                      const char *name)
{
        struct json_object *job = new_job(run, command, name);
        const char *micromamba = run->survey.micromamba;

        ctl_env_options_put(run->options, job);
        json_object_object_add(job, "micromamba",
                               micromamba ? json_object_new_string(micromamba) : NULL);
        return job;
}

static int create(struct env_run *run)
{
        struct json_object *packages, *job;
        int r = check_name("create", run->words[0]);

        if (r != CTL_SUCCESS)
                return r;
        packages = json_object_new_array();
        for (int i = 1; i < run->n_words; i++) {
                if (*run->words[i] == '-' || !*run->words[i]) {
                        json_object_put(packages);
                        return ctl_usage_error("env create: \"%s\" is no package", run->words[i]);
                }
                json_object_array_add(packages, json_object_new_string(run->words[i]));
        }
        job = new_making(run, "create", run->words[0]);
        json_object_object_add(job, "packages", packages);
        return ctl_env_become(job);
}

static int restore(struct env_run *run)
{
        struct json_object *job;
        int r = check_name("restore", run->words[1]);

        if (r != CTL_SUCCESS)
                return r;
        job = new_making(run, "restore", run->words[1]);
        json_object_object_add(job, "file", json_object_new_string(run->words[0]));
        return ctl_env_become(job);
}

static int freeze(struct env_run *run)
{
        int r = check_name("freeze", run->words[0]);

        return r == CTL_SUCCESS ? ctl_env_become(new_job(run, "freeze", run->words[0])) : r;
}

static int remove_one(struct env_run *run)
{
        int r = check_name("remove", run->words[0]);

        if (r == CTL_SUCCESS)
                r = ctl_env_check_unused(run->session, &run->survey, run->words[0]);
        return r == CTL_SUCCESS ? ctl_env_become(new_job(run, "remove", run->words[0])) : r;
}

static void add_programs(const struct env_run *run, struct json_object *environment)
{
        const char *name = ctl_tree_text(environment, "name");

        if (name)
                json_object_object_add(environment, "programs",
                                       ctl_env_programs(&run->survey, name));
}

static int show(const struct env_run *run, struct json_object *tree,
                int (*put)(struct json_object *tree))
{
        size_t length;
        const char *text;

        if (!run->session->json)
                return ctl_session_printed(put(tree));
        text = json_object_to_json_string_length(
                tree, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &length);
        if (!text)
                return ctl_session_printed(-1);
        ctl_json_write(stdout, text, length, false);
        return CTL_SUCCESS;
}

static int list(struct env_run *run)
{
        _cleanup_(ctl_tree_freep) struct json_object *tree = NULL;
        int r = ctl_env_ask(new_job(run, "list", NULL), &tree);

        if (r != CTL_SUCCESS)
                return r;
        for (size_t i = 0; i < json_object_array_length(tree); i++)
                add_programs(run, json_object_array_get_idx(tree, i));
        return show(run, tree, ctl_env_put_list);
}

static int info(struct env_run *run)
{
        _cleanup_(ctl_tree_freep) struct json_object *tree = NULL;
        int r = check_name("info", run->words[0]);

        if (r == CTL_SUCCESS)
                r = ctl_env_ask(new_job(run, "info", run->words[0]), &tree);
        if (r != CTL_SUCCESS)
                return r;
        add_programs(run, tree);
        return show(run, tree, ctl_env_put_info);
}

static const struct env_command {
        const char *name;
        const char *arguments;
        int least, most; /* words */
        int (*run)(struct env_run *run);
} commands[CTL_ENV_COMMANDS] = {
        [CTL_ENV_CREATE] = {"create", "NAME [PACKAGE ...]", 1, INT_MAX, create},
        [CTL_ENV_LIST] = {"list", "", 0, 0, list},
        [CTL_ENV_INFO] = {"info", "NAME", 1, 1, info},
        [CTL_ENV_FREEZE] = {"freeze", "NAME", 1, 1, freeze},
        [CTL_ENV_RESTORE] = {"restore", "FILE NAME", 2, 2, restore},
        [CTL_ENV_REMOVE] = {"remove", "NAME", 1, 1, remove_one},
};

static int find_command(const char *name)
{
        for (int i = 0; i < CTL_ENV_COMMANDS; i++)
                if (strcmp(commands[i].name, name) == 0)
                        return i;
        return -1;
}

static int check_words(const struct env_command *command, char **words, int n_words)
{
        if (n_words < command->least)
                return ctl_usage_error("env %s: it takes %s", command->name, command->arguments);
        if (n_words > command->most)
                return ctl_usage_error("env %s: \"%s\" is too much", command->name,
                                       words[command->most]);
        return CTL_SUCCESS;
}

int ctl_env(struct ctl_session *session, char **words, int n_words)
{
        struct ctl_env_options *options = session->env_options;
        struct env_run run = {
                .session = session, .options = options, .words = words + 1, .n_words = n_words - 1};
        int command, r;

        if (n_words == 0)
                return ctl_usage_error(
                        "env: it takes create, list, info, freeze, restore or remove");
        command = find_command(words[0]);
        if (command < 0)
                return ctl_usage_error("env: %s: it takes create, list, info, freeze, restore or "
                                       "remove",
                                       words[0]);
        r = check_words(&commands[command], run.words, run.n_words);
        if (r == CTL_SUCCESS)
                r = ctl_env_options_check(options, (enum ctl_env_command)command,
                                          commands[command].name);
        if (r == CTL_SUCCESS)
                r = ctl_env_survey(options->config, &run.survey);
        if (r == CTL_SUCCESS)
                r = commands[command].run(&run);
        ctl_env_survey_clear(&run.survey);
        return r;
}
