/* SPDX-License-Identifier: MIT */
#include "ctl_session.h"

#include "common/cleanup.h"
#include "common/units.h"
#include "ctl_failure.h"
#include "ctl_interrupt.h"
#include "ctl_json.h"
#include "ctl_screen.h"
#include "ctl_tree.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#define CONNECT_MS 10000 /* at most, however long the call may take */
#define TRIES_MAX  10

void ctl_session_clear(struct ctl_session *session)
{
        jumpboot_close(session->jb);
        session->jb = NULL;
}

/* What is left of the session's timeout; at least 1 ms, so that a failure is the daemon's or the
 * socket's to tell. */
static int time_left(const struct ctl_session *session)
{
        uint64_t passed = (units_now() - session->started) / USEC_PER_MSEC;

        return passed < (uint64_t)session->timeout_ms ? session->timeout_ms - (int)passed : 1;
}

/* connect(2) does not tell that apart from a socket that nobody listens on. */
static bool is_something_else(const char *path)
{
        struct stat st;

        return stat(path, &st) == 0 && !S_ISSOCK(st.st_mode);
}

static int open_connection(struct ctl_session *session)
{
        const char *path = session->socket ? session->socket : jumpboot_socket_path();
        int timeout_ms = CONNECT_MS;
        int r;

        if (is_something_else(path))
                return ctl_usage_error("%s is not a socket", path);
        if (session->timeout_ms > 0 && session->timeout_ms < timeout_ms)
                timeout_ms = session->timeout_ms;
        r = jumpboot_connect(path, timeout_ms, &session->jb);
        return r < 0 ? ctl_tell_no_connection(path, r) : CTL_SUCCESS;
}

static int tell_no_answer(const struct ctl_session *session, const char *method, int error,
                          int default_ms)
{
        int asked_ms = session->timeout_ms > 0 ? session->timeout_ms : default_ms;
        char text[64], time[CTL_UNIT_MAX];

        if (error != -ETIMEDOUT)
                return ctl_tell_no_answer(method, error, jumpboot_error_text(session->jb));
        snprintf(text, sizeof(text), "no answer within %s", ctl_format_time(time, asked_ms / 1e3));
        return ctl_tell_no_answer(method, error, text);
}

/* How long to wait for an answer; default_ms if the command line does not say. */
static int answer_timeout(const struct ctl_session *session, int default_ms)
{
        if (session->timeout_ms == CTL_NO_WISH)
                return default_ms;
        return session->timeout_ms > 0 ? time_left(session) : JUMPBOOT_NO_TIMEOUT;
}

/* What jumpboot_call() says of one try. */
static int try_call(const struct ctl_session *session, const char *method, const char *params,
                    int timeout_ms, struct jumpboot_reply **ret, bool *ret_interrupted)
{
        if (session->is_interruptible)
                return ctl_interruptible_call(session->jb, method, params, timeout_ms, ret,
                                              ret_interrupted);
        return jumpboot_call(session->jb, method, params, timeout_ms, ret);
}

int ctl_session_call(struct ctl_session *session, const char *method, const char *params,
                     int default_ms, struct jumpboot_reply **ret)
{
        struct ctl_failure failure = {.method = method};
        bool is_interrupted = false;
        uint64_t begin = units_now();
        int r = JUMPBOOT_EUNSENT;

        *ret = NULL;
        /* A daemon that stops has surely not begun what it did not take: the next one may. */
        for (int i = 0; i < TRIES_MAX && r == JUMPBOOT_EUNSENT && !is_interrupted; i++) {
                if (i > 0)
                        ctl_session_clear(session);
                r = session->jb ? CTL_SUCCESS : open_connection(session);
                if (r != CTL_SUCCESS)
                        return r;
                begin = units_now();
                r = try_call(session, method, params, answer_timeout(session, default_ms), ret,
                             &is_interrupted);
        }
        if (is_interrupted)
                return CTL_INTERRUPTED;
        if (r == JUMPBOOT_EANSWER) {
                failure.reply = *ret;
                failure.waited = units_now() - begin;
                r = ctl_tell_error_answer(&failure, session->json);
                jumpboot_reply_free(*ret);
                *ret = NULL;
                return r;
        }
        return r < 0 ? tell_no_answer(session, method, r, default_ms) : CTL_SUCCESS;
}

void ctl_session_print(const struct ctl_session *session, const struct jumpboot_reply *reply)
{
        size_t length;
        const char *text = jumpboot_reply_result(reply, &length);

        ctl_json_write(stdout, text, length, !session->json && isatty(STDOUT_FILENO));
}

int ctl_session_bad_answer(const char *method)
{
        fprintf(stderr, "jumpbootctl: the daemon's answer to %s is not what it should be\n",
                method);
        return EX_PROTOCOL;
}

int ctl_session_printed(int result)
{
        if (result >= 0)
                return CTL_SUCCESS;
        fputs("jumpbootctl: out of memory\n", stderr);
        return EX_OSERR;
}

struct json_object *ctl_session_tree(const char *method, const struct jumpboot_reply *reply)
{
        size_t length;
        const char *text = jumpboot_reply_result(reply, &length);
        struct json_object *tree = ctl_tree_parse(text, length);

        if (!tree)
                ctl_session_bad_answer(method);
        return tree;
}

int ctl_usage_error(const char *format, ...)
{
        va_list arguments;

        fputs("jumpbootctl: ", stderr);
        va_start(arguments, format);
        vfprintf(stderr, format, arguments);
        va_end(arguments);
        fputs("\nTry 'jumpbootctl --help'.\n", stderr);
        return EX_USAGE;
}
