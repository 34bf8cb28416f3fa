/* SPDX-License-Identifier: MIT */
#include "common/cleanup.h"
#include "ctl_commands.h"
#include "ctl_near.h"
#include "ctl_screen.h"
#include "ctl_tree.h"

#include <json-c/json.h>
#include <string.h>

#define INDENT "    "

static bool is_of_program(const char *method, const char *program)
{
        size_t length = program ? strlen(program) : 0;

        return !program || (strncmp(method, program, length) == 0 && method[length] == '.');
}

static const char *method_name(struct json_object *method)
{
        const char *name = ctl_tree_text(method, "name");

        return name ? name : "?";
}

/* In one line, as far as it fits; the whole is a matter for --json. */
static void print_summary(const char *summary)
{
        size_t columns = ctl_columns(stdout);
        _cleanup_free_ char *cut = NULL;

        if (columns > strlen(INDENT))
                cut = ctl_shorten(summary, columns - strlen(INDENT));
        fputs(INDENT, stdout);
        ctl_put_text(stdout, cut ? cut : summary);
        putchar('\n');
}

/* "calc.add(a, b=1)": the signature has the function's own name, which the program's goes before.
 */
static void print_method(struct json_object *method)
{
        const char *signature = ctl_tree_text(method, "x-signature");
        const char *arguments = signature ? strchr(signature, '(') : NULL;
        const char *summary = ctl_tree_text(method, "summary");
        struct json_object *is_async = ctl_tree_member(method, "x-async");

        if (json_object_get_boolean(is_async))
                fputs("async ", stdout);
        ctl_put_text(stdout, method_name(method));
        ctl_put_text(stdout, arguments ? arguments : "");
        putchar('\n');
        if (summary && *summary)
                print_summary(summary);
}

static int tell_no_program(struct json_object *programs, const char *wanted)
{
        struct ctl_near near = {.wanted = wanted};

        json_object_object_foreach(programs, name, program)
        {
                (void)program;
                ctl_near_try(&near, name);
        }
        fprintf(stderr, "jumpbootctl: there is no program \"%s\"%s%s%s\n", wanted,
                near.name ? ": did you mean \"" : "", near.name ? near.name : "",
                near.name ? "\"?" : "");
        return CTL_FAILED;
}

/* Why a program that the daemon has shows no function; no failure if it runs and has none. */
static int tell_no_methods(const char *name, struct json_object *program)
{
        struct json_object *workers = ctl_tree_member(program, "workers");
        struct json_object *error = ctl_tree_member(program, "last_error");

        if (ctl_tree_int(workers, "idle") + ctl_tree_int(workers, "busy") > 0)
                return CTL_SUCCESS; /* it has none */
        if (error) {
                fprintf(stderr, "jumpbootctl: the program \"%s\" fails to start: ", name);
                ctl_tree_put_error(stderr, error);
                fputs("\n", stderr);
        } else {
                fprintf(stderr,
                        "jumpbootctl: the program \"%s\" has no worker that is ready, and its "
                        "functions are not known yet\n",
                        name);
        }
        return CTL_FAILED;
}

/* The list of methods does not tell; the daemon's status does. */
static int tell_none(struct ctl_session *session, const char *name)
{
        _cleanup_(ctl_tree_freep) struct json_object *status = NULL;
        struct json_object *programs, *program;
        struct jumpboot_reply *reply;
        int r;

        r = ctl_session_call(session, "jumpbootd.status", NULL, CTL_CONTROL_MS, &reply);
        if (r != CTL_SUCCESS)
                return r;
        status = ctl_session_tree("jumpbootd.status", reply);
        jumpboot_reply_free(reply);
        if (!status)
                return EX_PROTOCOL;
        programs = ctl_tree_member(status, "programs");
        if (!json_object_is_type(programs, json_type_object))
                return ctl_session_bad_answer("jumpbootd.status");
        program = ctl_tree_member(programs, name);
        return program ? tell_no_methods(name, program) : tell_no_program(programs, name);
}

/* Leaves the methods of one program. */
static void filter(struct json_object *methods, const char *program)
{
        for (size_t i = json_object_array_length(methods); i-- > 0;)
                if (!is_of_program(method_name(json_object_array_get_idx(methods, i)), program))
                        json_object_array_del_idx(methods, i, 1);
}

/* Programs that take whatever they are asked for, as far as they are asked about. */
static size_t print_open(struct json_object *document, const char *program)
{
        struct json_object *names = ctl_tree_member(document, "x-any-command");
        size_t n =
                json_object_is_type(names, json_type_array) ? json_object_array_length(names) : 0;
        size_t n_printed = 0;

        for (size_t i = 0; i < n; i++) {
                const char *name = json_object_get_string(json_object_array_get_idx(names, i));
                if (!name || (program && strcmp(name, program) != 0))
                        continue;
                ctl_put_text(stdout, name);
                puts(".*");
                print_summary("Any function: the program itself decides what it does.");
                n_printed++;
        }
        return n_printed;
}

static int print_methods(struct ctl_session *session, struct json_object *document,
                         const char *program)
{
        struct json_object *methods = ctl_tree_member(document, "methods");
        size_t matching = 0;

        if (!json_object_is_type(methods, json_type_array))
                return ctl_session_bad_answer("rpc.discover");
        for (size_t i = 0; i < json_object_array_length(methods); i++)
                matching +=
                        is_of_program(method_name(json_object_array_get_idx(methods, i)), program);
        if (program && matching == 0) {
                int r = tell_none(session, program);

                if (r != CTL_SUCCESS)
                        return r;
        }
        filter(methods, program);
        if (session->json) {
                puts(json_object_to_json_string_ext(
                        document, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
                return CTL_SUCCESS;
        }
        for (size_t i = 0; i < matching; i++)
                print_method(json_object_array_get_idx(methods, i));
        if (print_open(document, program) + matching > 0)
                return CTL_SUCCESS;
        if (program)
                printf("The program \"%s\" has no functions.\n", program);
        else
                puts("There are no functions.");
        return CTL_SUCCESS;
}

int ctl_methods(struct ctl_session *session, char **words, int n_words)
{
        _cleanup_(ctl_tree_freep) struct json_object *document = NULL;
        struct jumpboot_reply *reply;
        int r;

        if (n_words > 1)
                return ctl_usage_error("methods: it takes one PROGRAM at most, \"%s\" is too much",
                                       words[1]);
        r = ctl_session_call(session, "rpc.discover", NULL, CTL_CONTROL_MS, &reply);
        if (r != CTL_SUCCESS)
                return r;
        document = ctl_session_tree("rpc.discover", reply);
        if (!document)
                r = EX_PROTOCOL;
        else if (session->json && n_words == 0)
                ctl_session_print(session, reply);
        else
                r = print_methods(session, document, n_words > 0 ? words[0] : NULL);
        jumpboot_reply_free(reply);
        return r;
}
