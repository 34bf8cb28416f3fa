/* SPDX-License-Identifier: MIT */
#include "ctl_failure.h"

#include "common/cleanup.h"
#include "common/units.h"
#include "ctl_json.h"
#include "ctl_screen.h"
#include "ctl_session.h"
#include "ctl_tree.h"

#include <errno.h>
#include <string.h>

#define FAILURE_TEXT_MAX 128

static const char *kind_of(const struct ctl_failure *failure)
{
        const char *kind = jumpboot_reply_kind(failure->reply);

        return kind ? kind : "";
}

int ctl_tell_no_connection(const char *path, int error)
{
        const char *hint = "";

        if (error == -ENOENT || error == -ECONNREFUSED)
                hint = "\nIs jumpbootd running? Start it with: systemctl start jumpbootd";
        else if (error == -EACCES || error == -EPERM)
                hint = "\nYou need to be in the group that may connect (jumpboot, unless "
                       "jumpbootd.conf says otherwise)";
        else if (error == -ENAMETOOLONG)
                hint = "\nA socket's path has at most 107 bytes";
        else if (error == -ETIMEDOUT)
                hint = "\njumpbootd does not accept connections: it is stuck, or has all it can "
                       "take";
        fprintf(stderr, "jumpbootctl: cannot connect to %s: %s%s\n", path, jumpboot_strerror(error),
                hint);
        return EX_UNAVAILABLE;
}

int ctl_tell_no_answer(const char *method, int error, const char *text)
{
        fprintf(stderr, "jumpbootctl: %s: ", method);
        ctl_put_text(stderr, text);
        fputs("\n", stderr);
        switch (error) {
        case JUMPBOOT_EPARAMS:
        case JUMPBOOT_EMETHOD:
                return EX_USAGE;
        case JUMPBOOT_EUNSENT:
                return EX_TEMPFAIL;
        case JUMPBOOT_EPROTOCOL:
                return EX_PROTOCOL;
        case -ENOMEM:
                return EX_OSERR;
        default:
                return CTL_FAILED;
        }
}

/* Whether it is certain that nothing has run, and another try can do no harm. */
static bool is_worth_retrying(const char *kind, struct json_object *data)
{
        return strcmp(kind, "overloaded") == 0 ||
               ctl_tree_is_false(ctl_tree_member(data, "started"));
}

/* A text of many lines, with a newline at its end. */
static void put_lines(const char *text)
{
        size_t length = strlen(text);

        ctl_put_text(stderr, text);
        if (length == 0 || text[length - 1] != '\n')
                fputs("\n", stderr);
}

static void put_details(const char *title, const char *text)
{
        if (!text || !*text)
                return;
        fprintf(stderr, "%s:\n", title);
        put_lines(text);
}

/* The message without the kind that it may begin with: "Overloaded: the queue is full". */
static const char *without_kind(const char *message, const char *kind)
{
        const char *rest = message;

        for (; *kind; kind++, rest++) {
                char c = *kind == '_' ? ' ' : *kind;

                if (*rest != c && (c == ' ' || *rest != c - 'a' + 'A'))
                        return message;
        }
        if (*rest == '\0')
                return rest;
        return strncmp(rest, ": ", 2) == 0 ? rest + 2 : message;
}

/* What the kind does not say yet; empty if that is all. */
static const char *what_happened(const struct ctl_failure *failure, struct json_object *data,
                                 char text[static FAILURE_TEXT_MAX])
{
        const char *detail = ctl_tree_text(data, "detail");
        const char *stage = ctl_tree_text(data, "stage");
        char waited[CTL_UNIT_MAX];

        if (detail)
                return detail;
        if (!stage || jumpboot_reply_code(failure->reply) != JUMPBOOT_CODE_TIMEOUT)
                return without_kind(jumpboot_reply_message(failure->reply), kind_of(failure));
        snprintf(text, FAILURE_TEXT_MAX, "not done after %s, %s",
                 ctl_format_time(waited, (double)failure->waited / USEC_PER_SEC),
                 strcmp(stage, "queue") == 0 ? "in the queue" : "in a worker");
        return text;
}

/* Whether the function has run, where that is the question. */
static const char *how_far_it_came(struct json_object *data)
{
        struct json_object *started = ctl_tree_member(data, "started");

        if (ctl_tree_is_false(started))
                return "; nothing was run";
        if (ctl_tree_is_true(started))
                return "; the function had begun";
        return started ? "; it may have been run" : "";
}

/* "jumpbootctl: METHOD: KIND: DETAIL" */
static void put_error_line(const struct ctl_failure *failure, struct json_object *data)
{
        double retry_after = jumpboot_reply_retry_after(failure->reply);
        char buffer[FAILURE_TEXT_MAX];
        const char *text = what_happened(failure, data, buffer);
        const char *kind = kind_of(failure);

        fprintf(stderr, "jumpbootctl: %s: ", failure->method);
        ctl_put_text(stderr, kind);
        fputs(*kind && *text ? ": " : "", stderr);
        ctl_put_text(stderr, text);
        fputs(how_far_it_came(data), stderr);
        if (retry_after >= 0)
                fprintf(stderr, ", retry after %.1f s", retry_after);
        fputs("\n", stderr);
}

/* What a worker that died has left. */
static void put_remains(struct json_object *data)
{
        put_details("What the worker wrote to stderr", ctl_tree_text(data, "stderr"));
        put_details("What it wrote to stdout", ctl_tree_text(data, "stdout"));
        put_details("What it wrote to Pipe_out without a newline",
                    ctl_tree_text(data, "unfinished"));
        put_details("Its Python stack", ctl_tree_text(data, "stack"));
}

/* Why a program is unavailable: the last exception, or what its worker left when it died. */
static void put_start_error(struct json_object *error)
{
        const char *traceback = ctl_tree_text(error, "traceback");

        put_details("The last error at its start",
                    traceback ? traceback : ctl_tree_text(error, "message"));
        put_remains(error);
}

int ctl_tell_error_answer(const struct ctl_failure *failure, bool json)
{
        const struct jumpboot_reply *reply = failure->reply;
        size_t length, error_length;
        const char *text = jumpboot_reply_data(reply, &length);
        const char *error = jumpboot_reply_error(reply, &error_length);
        const char *traceback = jumpboot_reply_traceback(reply);
        _cleanup_(ctl_tree_freep) struct json_object *data = NULL;

        data = text ? ctl_tree_parse(text, length) : NULL;
        if (json) {
                ctl_json_write(stderr, error, error_length, false);
        } else if (traceback && *traceback &&
                   jumpboot_reply_code(reply) == JUMPBOOT_CODE_EXCEPTION) {
                put_lines(traceback);
        } else {
                put_error_line(failure, data);
                put_remains(data);
                put_start_error(ctl_tree_member(data, "error"));
        }
        return is_worth_retrying(kind_of(failure), data) ? EX_TEMPFAIL : CTL_FAILED;
}
