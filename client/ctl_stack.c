/* SPDX-License-Identifier: MIT */
#include "common/cleanup.h"
#include "ctl_commands.h"
#include "ctl_state.h"
#include "ctl_tree.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

static bool parse_pid(const char *text, long *ret)
{
        char *end;

        errno = 0;
        *ret = strtol(text, &end, 10);
        return *text >= '1' && *text <= '9' && !*end && errno == 0 && *ret <= INT_MAX;
}

/* Asks about the worker whose pid is the only word. With CTL_SUCCESS both are to be freed. */
static int ask(struct ctl_session *session, const char *command, char **words, int n_words,
               int default_ms, struct jumpboot_reply **ret_reply, struct json_object **ret)
{
        char method[32], params[64];
        long pid;
        int r;

        if (n_words == 0)
                return ctl_usage_error("%s: of which worker? Its PID is listed by \"jumpbootctl "
                                       "workers\"",
                                       command);
        if (n_words > 1)
                return ctl_usage_error("%s: it takes one PID, \"%s\" is too much", command,
                                       words[1]);
        if (!parse_pid(words[0], &pid))
                return ctl_usage_error("%s: \"%s\" is no PID: it is a number, as \"jumpbootctl "
                                       "workers\" lists it",
                                       command, words[0]);
        snprintf(method, sizeof(method), "jumpbootd.%s", command);
        snprintf(params, sizeof(params), "{\"pid\":%ld}", pid);
        r = ctl_session_call(session, method, params, default_ms, ret_reply);
        if (r != CTL_SUCCESS)
                return r;
        *ret = ctl_session_tree(method, *ret_reply);
        if (*ret)
                return CTL_SUCCESS;
        jumpboot_reply_free(*ret_reply);
        return EX_PROTOCOL;
}

static int print_stack(struct json_object *tree)
{
        const char *stack = ctl_tree_text(tree, "stack");
        size_t length;

        if (!stack)
                return ctl_session_bad_answer("jumpbootd.stack");
        ctl_put_text(stdout, stack);
        length = strlen(stack);
        if (length > 0 && stack[length - 1] != '\n')
                putchar('\n');
        return CTL_SUCCESS;
}

static int print_end(struct json_object *tree)
{
        const char *end = ctl_tree_text(tree, "end");

        if (!end)
                return ctl_session_bad_answer("jumpbootd.kill");
        printf("worker %lld of ", (long long)ctl_tree_int(tree, "pid"));
        ctl_put_text(stdout, ctl_state_text(tree, "program"));
        putchar(' ');
        ctl_put_text(stdout, end);
        putchar('\n');
        return CTL_SUCCESS;
}

int ctl_stack(struct ctl_session *session, char **words, int n_words)
{
        _cleanup_(ctl_tree_freep) struct json_object *tree = NULL;
        struct jumpboot_reply *reply;
        int r = ask(session, "stack", words, n_words, CTL_CONTROL_MS, &reply, &tree);

        if (r != CTL_SUCCESS)
                return r;
        if (session->json)
                ctl_session_print(session, reply);
        else
                r = print_stack(tree);
        jumpboot_reply_free(reply);
        return r;
}

/* How long that takes is for the program's options to say. */
int ctl_kill(struct ctl_session *session, char **words, int n_words)
{
        _cleanup_(ctl_tree_freep) struct json_object *tree = NULL;
        struct jumpboot_reply *reply;
        int r = ask(session, "kill", words, n_words, JUMPBOOT_NO_TIMEOUT, &reply, &tree);

        if (r != CTL_SUCCESS)
                return r;
        if (session->json)
                ctl_session_print(session, reply);
        else
                r = print_end(tree);
        jumpboot_reply_free(reply);
        return r;
}
