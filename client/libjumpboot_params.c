/* SPDX-License-Identifier: MIT */
#include "libjumpboot_params.h"

#include "common/envelope.h"

#include <string.h>

static void join_lines(char *text, size_t length)
{
        char *end = text + length;

        for (char *p = text; (p = memchr(p, '\n', (size_t)(end - p))); p++)
                *p = '\t';
}

static bool fail(struct params_fault *ret_fault, size_t offset, const char *text)
{
        *ret_fault = (struct params_fault){.offset = offset, .text = text};
        return false;
}

static size_t skip_space(const char *text, size_t length)
{
        size_t i = 0;

        while (i < length && (text[i] && strchr(" \t\r\n", text[i])))
                i++;
        return i;
}

static const char *syntax_text(const struct envelope *envelope)
{
        /* The scanner's own text for this speaks of a line, of which the sender knows nothing. */
        return envelope->error == ENVELOPE_TRUNCATED ? "it ends in the middle"
                                                     : envelope_error_text(envelope);
}

/* One value and nothing else; what is wrong is noted if it is not. */
static bool scan(const char *text, size_t length, struct params_fault *ret_fault)
{
        static const struct envelope_names no_names = {0};
        struct envelope envelope;
        size_t used;
        bool ok;

        envelope_init(&envelope, &no_names, 0);
        envelope_feed(&envelope, text, length, &used);
        envelope_finish(&envelope);
        ok = envelope.error == ENVELOPE_OK;
        if (!ok)
                fail(ret_fault, envelope.error_offset, syntax_text(&envelope));
        envelope_clear(&envelope);
        return ok;
}

/*
 * The request puts the params one level down, so it is between brackets that their depth counts.
 * What closes the first bracket and opens another one would show as a second element, or none.
 */
static bool fits_in_request(const char *text, size_t length)
{
        static const struct envelope_names no_names = {0};
        struct envelope envelope;
        size_t used;
        bool ok;

        envelope_init(&envelope, &no_names, 1);
        envelope_feed(&envelope, "[", 1, &used);
        envelope_feed(&envelope, text, length, &used);
        envelope_feed(&envelope, "]", 1, &used);
        envelope_finish(&envelope);
        ok = envelope.error == ENVELOPE_OK && envelope.n_elements == 1 && !envelope.batch_overflow;
        envelope_clear(&envelope);
        return ok;
}

/* Only what does not fit is scanned again, for the place and the reason. */
bool params_check_value(char *text, size_t length, struct params_fault *ret_fault)
{
        join_lines(text, length);
        if (skip_space(text, length) == length)
                return fail(ret_fault, length, "there is nothing");
        if (fits_in_request(text, length))
                return true;
        if (scan(text, length, ret_fault))
                fail(ret_fault, 0, "it is nested too deep");
        return false;
}

bool params_check(char *text, size_t length, struct params_fault *ret_fault)
{
        size_t start = skip_space(text, length);

        if (start < length && text[start] != '{' && text[start] != '[')
                return fail(ret_fault, start, "expected '{' or '['");
        return params_check_value(text, length, ret_fault);
}
