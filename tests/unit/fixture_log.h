/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The log of a test: kept as text, "level program/pid#request: text" a line, and looked into.
 */
#include "common/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static char captured_log[262144];
static size_t captured_length;
static unsigned captured_events[LOG_EVENTS]; /* how often there was each */

static inline void capture_line(void *userdata, int level, const struct log_context *context,
                                const char *text, size_t length)
{
        static const struct log_context nothing;
        size_t room = sizeof(captured_log) - captured_length;

        (void)userdata;
        if (!context)
                context = &nothing;
        captured_events[context->event]++;
        int written = snprintf(captured_log + captured_length, room, "%s %s#%" PRIu64 ": %.*s\n",
                               log_level_name(level), context->program ? context->program : "",
                               context->request, (int)length, text);
        captured_length += (size_t)written < room ? (size_t)written : 0;
}

static inline void log_forget(void)
{
        captured_length = 0;
        captured_log[0] = '\0';
        memset(captured_events, 0, sizeof(captured_events));
}

static inline void log_capture(void)
{
        log_forget();
        log_set_level(LOG_DEBUG);
        log_set_sink(capture_line, NULL);
}

static inline bool log_has(const char *text)
{
        return strstr(captured_log, text) != NULL;
}

/* The end of it, as much as fits into a message of a failed test. */
static inline const char *log_tail(void)
{
        return captured_log + (captured_length > 3000 ? captured_length - 3000 : 0);
}
