/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * How Python tells of exceptions, and faulthandler of stacks: which lines belong together.
 */
#include <stdbool.h>
#include <stddef.h>

/* What the last line was, and so what may come next. */
enum traceback {
        TRACEBACK_NONE,   /* nothing that goes on */
        TRACEBACK_TITLE,  /* "Exception in thread ...": a traceback, perhaps */
        TRACEBACK_FRAMES, /* frames and, not indented, the exception */
        TRACEBACK_GROUP,  /* the same of an exception group, all of it indented */
        TRACEBACK_ERROR,  /* the exception: perhaps an empty line, before the one it led to */
        TRACEBACK_GAP,    /* that line */
        TRACEBACK_LINK,   /* "During handling of ...": an empty line and a traceback */
        TRACEBACK_DUMP,   /* of faulthandler */
};

/* What begins with this line; TRACEBACK_NONE for a line like any other. */
enum traceback traceback_begin(const char *text, size_t length);
/* Whether the line goes on with what is there; if so, *state is what is there then. */
bool traceback_continue(enum traceback *state, const char *text, size_t length);
