/* SPDX-License-Identifier: MIT */
#include "ctl_env_survey.h"

#include "common/cleanup.h"
#include "common/env_store.h"
#include "ctl_child.h"
#include "ctl_commands.h"
#include "ctl_failure.h"
#include "ctl_screen.h"
#include "ctl_tree.h"

#include <errno.h>
#include <json-c/json.h>
#include <limits.h>
#include <string.h>

#if !defined(JUMPBOOT_CONFIG_FILE) || !defined(JUMPBOOT_DAEMON)
#error "JUMPBOOT_CONFIG_FILE and JUMPBOOT_DAEMON come from the build"
#endif

/* The daemon that jumpbootctl came with: beside it, or where it would be installed. */
static const char *daemon_path(char path[static PATH_MAX])
{
        static const char *const places[] = {"jumpbootd", "../sbin/jumpbootd"};
        char own[PATH_MAX];
        ssize_t length = readlink("/proc/self/exe", own, sizeof(own) - 1);
        char *slash;

        own[length > 0 ? length : 0] = '\0';
        slash = strrchr(own, '/');
        for (size_t i = 0; slash && i < ARRAY_SIZE(places); i++) {
                slash[1] = '\0';
                if (snprintf(path, PATH_MAX, "%s%s", own, places[i]) < PATH_MAX &&
                    access(path, X_OK) == 0)
                        return path;
        }
        return JUMPBOOT_DAEMON;
}

static int tell_no_survey(const char *daemon, const char *reason)
{
        fprintf(stderr, "jumpbootctl: cannot have the config read by %s: %s\n", daemon, reason);
        return EX_UNAVAILABLE;
}

int ctl_env_survey(const char *config, struct ctl_env_survey *ret)
{
        char path[PATH_MAX];
        const char *daemon = daemon_path(path), *state;
        const char *argv[] = {daemon, "--dump-environments", "--config",
                              config ? config : JUMPBOOT_CONFIG_FILE, NULL};
        _cleanup_free_ char *text = NULL;
        size_t length;
        int status, r;

        *ret = (struct ctl_env_survey){0};
        r = ctl_child_capture(argv, &text, &length, &status);
        if (r < 0)
                return tell_no_survey(daemon, strerror(-r));
        ret->tree = status == 0 ? ctl_tree_parse(text, length) : NULL;
        state = ctl_tree_text(ret->tree, "state_directory");
        if (state)
                ret->store = env_store_path(state);
        ret->micromamba = ctl_tree_text(ret->tree, "micromamba");
        if (ret->store)
                return CTL_SUCCESS;
        ctl_env_survey_clear(ret);
        return tell_no_survey(daemon, "what it says is not what it should be");
}

void ctl_env_survey_clear(struct ctl_env_survey *survey)
{
        json_object_put(survey->tree);
        free(survey->store);
        *survey = (struct ctl_env_survey){0};
}

/* Whether the path is that of the environment, or lies in it. */
static bool is_in(const struct ctl_env_survey *survey, const char *name, const char *path)
{
        size_t length = strlen(survey->store), rest = strlen(name);

        if (!path || strncmp(path, survey->store, length) != 0 || path[length] != '/' ||
            strncmp(path + length + 1, name, rest) != 0)
                return false;
        path += length + 1 + rest;
        return *path == '\0' || *path == '/';
}

static bool names(const struct ctl_env_survey *survey, struct json_object *environment,
                  const char *name)
{
        static const char *const members[] = {"venv", "prefix", "python"};
        const char *env = ctl_tree_text(environment, "env");

        for (size_t i = 0; i < ARRAY_SIZE(members); i++)
                if (is_in(survey, name, ctl_tree_text(environment, members[i])))
                        return true;
        return env && strcmp(env, name) == 0;
}

struct json_object *ctl_env_programs(const struct ctl_env_survey *survey, const char *name)
{
        struct json_object *programs = ctl_tree_member(survey->tree, "programs");
        struct json_object *found = json_object_new_array();

        if (!json_object_is_type(programs, json_type_object))
                return found;
        json_object_object_foreach(programs, program, value)
        {
                if (names(survey, ctl_tree_member(value, "environment"), name))
                        json_object_array_add(found, json_object_new_string(program));
        }
        return found;
}

static int tell_used(const char *name, const char *program, const char *by)
{
        fprintf(stderr, "jumpbootctl: env remove %s: the program ", name);
        ctl_put_text(stderr, program);
        fprintf(stderr, " uses it, says %s\n", by);
        return CTL_FAILED;
}

static int check_config(const struct ctl_env_survey *survey, const char *name)
{
        struct json_object *errors = ctl_tree_member(survey->tree, "errors");
        _cleanup_(ctl_tree_freep) struct json_object *programs = ctl_env_programs(survey, name);

        if (json_object_array_length(programs) > 0)
                return tell_used(name,
                                 json_object_get_string(json_object_array_get_idx(programs, 0)),
                                 "the config");
        if (!json_object_is_type(errors, json_type_array) || json_object_array_length(errors) == 0)
                return CTL_SUCCESS;
        for (size_t i = 0; i < json_object_array_length(errors); i++) {
                ctl_put_text(stderr, json_object_get_string(json_object_array_get_idx(errors, i)));
                putc('\n', stderr);
        }
        fprintf(stderr,
                "jumpbootctl: env remove %s: the config is wrong, and does not say whether a "
                "program uses it\n",
                name);
        return EX_CONFIG;
}

/* That of the daemon that has this config, unless the command line or the environment says. */
static const char *socket_path(struct ctl_session *session, const struct ctl_env_survey *survey)
{
        const char *listen = ctl_tree_text(survey->tree, "listen");
        const char *given = getenv("JUMPBOOT_SOCKET");

        if (session->socket)
                return session->socket;
        return (given && *given) || !listen ? jumpboot_socket_path() : listen;
}

static int find_user(const struct ctl_env_survey *survey, const char *name,
                     const struct jumpboot_reply *reply)
{
        _cleanup_(ctl_tree_freep) struct json_object *tree =
                ctl_session_tree("jumpbootd.status", reply);
        struct json_object *programs = ctl_tree_member(tree, "programs");

        if (!tree)
                return EX_PROTOCOL;
        if (!json_object_is_type(programs, json_type_object))
                return ctl_session_bad_answer("jumpbootd.status");
        json_object_object_foreach(programs, program, value)
        {
                if (is_in(survey, name, ctl_tree_text(value, "python")))
                        return tell_used(name, program, "the daemon");
        }
        return CTL_SUCCESS;
}

int ctl_env_check_unused(struct ctl_session *session, const struct ctl_env_survey *survey,
                         const char *name)
{
        struct jumpboot_reply *reply;
        int r = check_config(survey, name);

        if (r != CTL_SUCCESS)
                return r;
        session->socket = socket_path(session, survey);
        r = jumpboot_connect(session->socket, CTL_CONTROL_MS, &session->jb);
        if (r == -ENOENT || r == -ECONNREFUSED)
                return CTL_SUCCESS; /* no daemon runs */
        if (r < 0)
                return ctl_tell_no_connection(session->socket, r);
        r = ctl_session_call(session, "jumpbootd.status", NULL, CTL_CONTROL_MS, &reply);
        if (r != CTL_SUCCESS)
                return r;
        r = find_user(survey, name, reply);
        jumpboot_reply_free(reply);
        return r;
}
