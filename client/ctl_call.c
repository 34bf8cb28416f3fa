/* SPDX-License-Identifier: MIT */
#include "common/cleanup.h"
#include "common/units.h"
#include "ctl_commands.h"
#include "ctl_params.h"
#include "ctl_screen.h"
#include "ctl_tree.h"

#include <errno.h>
#include <string.h>

static int params_error(int error, const char *text)
{
        if (error == -EINVAL)
                return ctl_usage_error("%s", text);
        fprintf(stderr, "jumpbootctl: %s\n", text);
        return error == -ENOMEM ? EX_OSERR : EX_NOINPUT;
}

int ctl_call(struct ctl_session *session, char **words, int n_words)
{
        _cleanup_free_ char *params = NULL;
        char error[CTL_PARAMS_ERROR_MAX];
        struct jumpboot_reply *reply;
        const char *dot;
        int r;

        if (n_words == 0)
                return ctl_usage_error("call: which function? It is named PROGRAM.FUNCTION");
        dot = strchr(words[0], '.');
        if (!dot || dot == words[0] || !dot[1])
                return ctl_usage_error("call: \"%s\" is no function: it is named PROGRAM.FUNCTION, "
                                       "as \"jumpbootctl methods\" lists them",
                                       words[0]);
        r = ctl_params(words + 1, (size_t)n_words - 1, stdin, &params, error);
        if (r < 0)
                return params_error(r, error);
        session->is_interruptible = true;
        r = ctl_session_call(session, words[0], params, JUMPBOOT_NO_TIMEOUT, &reply);
        if (r != CTL_SUCCESS)
                return r;
        ctl_session_print(session, reply);
        jumpboot_reply_free(reply);
        return CTL_SUCCESS;
}

static int print_ping(struct json_object *tree, uint64_t took)
{
        const char *version = ctl_tree_text(tree, "version");
        char uptime[CTL_UNIT_MAX];

        if (!version)
                return ctl_session_bad_answer("jumpbootd.ping");
        printf("jumpbootd %s, pid %lld, up %s, answered in %.2f ms\n", version,
               (long long)ctl_tree_int(tree, "pid"),
               ctl_format_time(uptime, ctl_tree_number(tree, "uptime")),
               (double)took / USEC_PER_MSEC);
        return CTL_SUCCESS;
}

int ctl_ping(struct ctl_session *session, char **words, int n_words)
{
        _cleanup_(ctl_tree_freep) struct json_object *tree = NULL;
        struct jumpboot_reply *reply;
        uint64_t before = units_now();
        int r;

        if (n_words > 0)
                return ctl_usage_error("ping: it takes no arguments, \"%s\" is one", words[0]);
        r = ctl_session_call(session, "jumpbootd.ping", NULL, CTL_CONTROL_MS, &reply);
        if (r != CTL_SUCCESS)
                return r;
        tree = ctl_session_tree("jumpbootd.ping", reply);
        if (!tree)
                r = EX_PROTOCOL;
        else if (session->json)
                ctl_session_print(session, reply);
        else
                r = print_ping(tree, units_now() - before);
        jumpboot_reply_free(reply);
        return r;
}
