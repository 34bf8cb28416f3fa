/* SPDX-License-Identifier: MIT */
#include "traceback.h"

#include "common/cleanup.h"

#include <string.h>

static bool begins_with(const char *text, size_t length, const char *prefix)
{
        size_t n = strlen(prefix);

        return length >= n && memcmp(text, prefix, n) == 0;
}

static bool begins_with_any(const char *text, size_t length, const char *const *prefixes, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (begins_with(text, length, prefixes[i]))
                        return true;
        return false;
}

static bool is_group(const char *text, size_t length)
{
        while (length > 0 && *text == ' ') {
                text++;
                length--;
        }
        return begins_with(text, length, "+ Exception Group Traceback (most recent call last):");
}

enum traceback traceback_begin(const char *text, size_t length)
{
        static const char *const titles[] = {"Exception in ", "Exception ignored "};
        static const char *const dumps[] = {"Fatal Python error: ", "Current thread 0x",
                                            "Thread 0x"};

        if (begins_with(text, length, "Traceback (most recent call last):"))
                return TRACEBACK_FRAMES;
        if (is_group(text, length))
                return TRACEBACK_GROUP;
        if (begins_with_any(text, length, titles, ARRAY_SIZE(titles)))
                return TRACEBACK_TITLE;
        if (begins_with_any(text, length, dumps, ARRAY_SIZE(dumps)))
                return TRACEBACK_DUMP;
        return TRACEBACK_NONE;
}

static bool is_link(const char *text, size_t length)
{
        static const char *const links[] = {
                "During handling of the above exception, another exception occurred:",
                "The above exception was the direct cause of the following exception:",
        };

        return begins_with_any(text, length, links, ARRAY_SIZE(links));
}

static bool is_of_dump(const char *text, size_t length)
{
        static const char *const parts[] = {"Python runtime state: ", "Extension modules: "};

        return traceback_begin(text, length) == TRACEBACK_DUMP ||
               begins_with_any(text, length, parts, ARRAY_SIZE(parts));
}

/* A traceback, where one has been announced. */
static bool is_announced(enum traceback *state, const char *text, size_t length)
{
        enum traceback begun = traceback_begin(text, length);

        if (begun != TRACEBACK_FRAMES && begun != TRACEBACK_GROUP)
                return false;
        *state = begun;
        return true;
}

bool traceback_continue(enum traceback *state, const char *text, size_t length)
{
        bool is_empty = length == 0, is_indented = length > 0 && (*text == ' ' || *text == '\t');

        switch (*state) {
        case TRACEBACK_TITLE:
                return is_announced(state, text, length);
        case TRACEBACK_FRAMES:
                if (!is_indented)
                        *state = TRACEBACK_ERROR;
                return !is_empty;
        case TRACEBACK_GROUP:
        case TRACEBACK_ERROR:
                if (is_empty)
                        *state = TRACEBACK_GAP;
                return is_empty || is_indented;
        case TRACEBACK_GAP:
                *state = TRACEBACK_LINK;
                return is_link(text, length);
        case TRACEBACK_LINK:
                return is_empty || is_announced(state, text, length);
        case TRACEBACK_DUMP:
                return is_empty || is_indented || is_of_dump(text, length);
        case TRACEBACK_NONE:
                break;
        }
        return false;
}
