/* SPDX-License-Identifier: MIT */
#include "common/cleanup.h"
#include "ctl_commands.h"
#include "ctl_screen.h"
#include "ctl_state.h"
#include "ctl_tree.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

static const struct ctl_column columns[] = {
        {.title = "PROGRAM"},
        {.title = "CHANGE"},
        {.title = "RESULT"},
};

/* Each text of an array, on a line of its own. */
static void put_texts(FILE *file, const char *prefix, struct json_object *texts)
{
        size_t n = texts ? json_object_array_length(texts) : 0;

        for (size_t i = 0; i < n; i++) {
                fputs(prefix, file);
                ctl_put_text(file, json_object_get_string(json_object_array_get_idx(texts, i)));
                fputc('\n', file);
        }
}

/* Why new workers did not start: below the table, where there is room for a traceback. */
static void put_error(const char *name, struct json_object *error)
{
        const char *traceback = ctl_tree_text(error, "traceback");

        fputs("jumpbootctl: ", stderr);
        ctl_put_text(stderr, name);
        fputs(": ", stderr);
        ctl_tree_put_error(stderr, error);
        fputc('\n', stderr);
        if (traceback)
                ctl_put_text(stderr, traceback);
        if (traceback && *traceback && traceback[strlen(traceback) - 1] != '\n')
                fputc('\n', stderr);
}

static int print_programs(struct json_object *programs)
{
        _cleanup_(ctl_table_clear) struct ctl_table table = CTL_TABLE(columns);

        json_object_object_foreach(programs, name, program)
        {
                bool is_failed = ctl_tree_is_false(ctl_tree_member(program, "ok"));
                ctl_table_add(&table, CTL_BOLD, "%s", name);
                ctl_table_add(&table, CTL_PLAIN, "%s", ctl_state_text(program, "change"));
                ctl_table_add(&table, is_failed ? CTL_RED : CTL_GREEN, "%s",
                              is_failed ? "failed to start" : "ok");
        }
        int r = ctl_session_printed(ctl_table_print(&table, stdout));
        fflush(stdout);
        json_object_object_foreach(programs, failed_name, failed)
        {
                if (ctl_tree_is_false(ctl_tree_member(failed, "ok")))
                        put_error(failed_name, ctl_tree_member(failed, "error"));
        }
        return r;
}

static int print_reload(struct json_object *result)
{
        struct json_object *programs = ctl_tree_member(result, "programs");
        struct json_object *errors = ctl_tree_member(result, "errors");
        int r = CTL_SUCCESS;

        put_texts(stderr, "", errors);
        if (errors)
                fputs("jumpbootctl: the config is wrong: the old one goes on\n", stderr);
        else if (programs && json_object_object_length(programs) > 0)
                r = print_programs(programs);
        else
                puts("There are no programs.");
        put_texts(stderr, "warning: ", ctl_tree_member(result, "warnings"));
        return r;
}

/* EX_CONFIG where the daemon could not take the config at all. */
static int exit_status(struct json_object *result)
{
        if (ctl_tree_member(result, "errors"))
                return EX_CONFIG;
        return ctl_tree_is_false(ctl_tree_member(result, "ok")) ? CTL_FAILED : CTL_SUCCESS;
}

static bool are_texts(struct json_object *array)
{
        if (!json_object_is_type(array, json_type_array))
                return false;
        for (size_t i = 0; i < json_object_array_length(array); i++)
                if (!json_object_is_type(json_object_array_get_idx(array, i), json_type_string))
                        return false;
        return true;
}

/* It has what is printed of it, of the right types. */
static bool is_complete(struct json_object *result)
{
        struct json_object *programs = ctl_tree_member(result, "programs");
        struct json_object *errors = ctl_tree_member(result, "errors");
        struct json_object *warnings = ctl_tree_member(result, "warnings");

        return json_object_is_type(ctl_tree_member(result, "ok"), json_type_boolean) &&
               (!programs || json_object_is_type(programs, json_type_object)) &&
               (!errors || are_texts(errors)) && (!warnings || are_texts(warnings));
}

/* Asks and waits: what it begins takes as long as Python takes to start. With CTL_SUCCESS both are
 * to be freed. */
static int ask(struct ctl_session *session, const char *method, const char *program,
               struct jumpboot_reply **ret_reply, struct json_object **ret)
{
        _cleanup_(ctl_tree_freep) struct json_object *params = json_object_new_object();
        int r;

        if (program)
                json_object_object_add(params, "program", json_object_new_string(program));
        r = ctl_session_call(session, method, json_object_to_json_string(params),
                             JUMPBOOT_NO_TIMEOUT, ret_reply);
        if (r != CTL_SUCCESS)
                return r;
        *ret = ctl_session_tree(method, *ret_reply);
        if (*ret && is_complete(*ret))
                return CTL_SUCCESS;
        if (*ret)
                ctl_session_bad_answer(method);
        jumpboot_reply_free(*ret_reply);
        return EX_PROTOCOL;
}

int ctl_reload(struct ctl_session *session, char **words, int n_words)
{
        _cleanup_(ctl_tree_freep) struct json_object *result = NULL;
        struct jumpboot_reply *reply;
        int r;

        if (n_words > 0)
                return ctl_usage_error("reload: it takes no arguments, \"%s\" is too much",
                                       words[0]);
        r = ask(session, "jumpbootd.reload", NULL, &reply, &result);
        if (r != CTL_SUCCESS)
                return r;
        if (session->json)
                ctl_session_print(session, reply);
        else
                r = print_reload(result);
        jumpboot_reply_free(reply);
        return r == CTL_SUCCESS ? exit_status(result) : r;
}

int ctl_restart(struct ctl_session *session, char **words, int n_words)
{
        _cleanup_(ctl_tree_freep) struct json_object *result = NULL;
        struct jumpboot_reply *reply;
        int r;

        if (n_words == 0)
                return ctl_usage_error("restart: which PROGRAM?");
        if (n_words > 1)
                return ctl_usage_error("restart: it takes one PROGRAM, \"%s\" is too much",
                                       words[1]);
        r = ask(session, "jumpbootd.restart", words[0], &reply, &result);
        if (r != CTL_SUCCESS)
                return r;
        if (session->json)
                ctl_session_print(session, reply);
        else if (ctl_tree_is_false(ctl_tree_member(result, "ok")))
                put_error(words[0], ctl_tree_member(result, "error"));
        else
                puts("It has new workers.");
        jumpboot_reply_free(reply);
        return exit_status(result);
}
