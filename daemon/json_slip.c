/* SPDX-License-Identifier: MIT */
#include "json_slip.h"

#include "json_position.h"

#include "common/cleanup.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct slip {
        const char *text;
        size_t length;
        size_t offset; /* the fault; then where it is best shown */
        struct json_position at;
        char *explanation;
};

static void explain(struct slip *slip, const char *format, ...) _printf_(2, 3);
static void explain(struct slip *slip, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        vsnprintf(slip->explanation, JSON_SLIP_MAX, format, arguments);
        va_end(arguments);
}

static const char *constant_meant(const char *word, size_t length)
{
        static const char *const meant[][2] = {
                {"True", "true"},      {"TRUE", "true"},   {"yes", "true"}, {"on", "true"},
                {"False", "false"},    {"FALSE", "false"}, {"no", "false"}, {"off", "false"},
                {"None", "null"},      {"NULL", "null"},   {"nil", "null"}, {"Null", "null"},
                {"undefined", "null"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(meant); i++)
                if (strlen(meant[i][0]) == length && memcmp(meant[i][0], word, length) == 0)
                        return meant[i][1];
        return NULL;
}

static void word(struct slip *slip, size_t from)
{
        const char *text = slip->text + from, *meant;
        size_t length = 0;
        int shown;

        while (from + length < slip->length && json_is_word(text[length]))
                length++;
        shown = length > 40 ? 40 : (int)length;
        slip->offset = from;
        meant = constant_meant(text, length);
        if (json_position_wants_name(&slip->at))
                explain(slip, "a name stands in double quotes: \"%.*s\"", shown, text);
        else if (meant)
                explain(slip, "%.*s is no word of JSON; %s is", shown, text, meant);
        else if (strncmp(text, "NaN", 3) == 0 || strncmp(text, "Inf", 3) == 0)
                explain(slip, "JSON has no %.*s; null may do", shown, text);
        else
                explain(slip, "text stands in double quotes: \"%.*s\"", shown, text);
}

static void number(struct slip *slip, size_t from)
{
        const char *text = slip->text + from;
        size_t length = 0, digits;
        int shown;

        while (from + length < slip->length && json_is_word(text[length]))
                length++;
        shown = length > 40 ? 40 : (int)length;
        slip->offset = from;
        digits = strspn(text, "0123456789.");
        if (digits > 0 && digits < length && json_is_letter(text[digits]) &&
            !(text[0] == '0' && strchr("xXoObB", text[1])))
                explain(slip, "a number with a unit stands in double quotes: \"%.*s\"", shown,
                        text);
        else if (text[0] == '0' && json_is_digit(text[1]))
                explain(slip,
                        "a number has no leading zero; an octal mode stands in double quotes: "
                        "\"%.*s\"",
                        shown, text);
        else
                explain(slip, "%.*s is no number of JSON; 10, -1, 0.5 and 1e6 are", shown, text);
}

static void in_string(struct slip *slip)
{
        const char *fault = slip->text + slip->offset;
        size_t length = slip->offset < slip->length ? 1 : 0;

        if (length == 0 || *fault == '\n') {
                slip->offset = slip->at.token;
                explain(slip, "the string that begins here is not closed with \" on its line; a "
                              "line break within is written as \\n");
        } else if (*fault == '\t') {
                explain(slip, "a tab in a string is written as \\t");
        } else if (fault[-1] == '\\') {
                slip->offset--;
                explain(slip, "after a \\ stands one of \" \\ / b f n r t u; a \\ itself is "
                              "written as \\\\");
        }
}

/* A string, a bracket, a number or a word begins where something else should stand first. */
static bool begins_value(char c)
{
        return json_is_word(c) || c == '"' || c == '{' || c == '[' || c == '\'';
}

static void in_comma_place(struct slip *slip, char fault)
{
        size_t open = slip->at.open[slip->at.depth - 1];

        if (fault == '}' || fault == ']')
                explain(slip, "'%c' is closed with '%c', not '%c'", slip->text[open],
                        slip->text[open] == '{' ? '}' : ']', fault);
        else if (fault == ';')
                explain(slip, "a ',' stands between two values, not a ';'");
        else if (begins_value(fault)) {
                slip->offset = slip->at.last_end;
                explain(slip, "a ',' is missing here");
        }
}

static void in_value_place(struct slip *slip, char fault)
{
        bool wants_name = json_position_wants_name(&slip->at);
        bool after_comma = slip->at.last_end > 0 && slip->text[slip->at.last_end - 1] == ',';

        if ((fault == '}' || fault == ']') && after_comma) {
                slip->offset = slip->at.last_end - 1;
                explain(slip, "no ',' may stand before '%c'", fault);
        } else if (fault == ',' || fault == '}' || fault == ']') {
                explain(slip, "a %s is missing before '%c'",
                        wants_name ? "name with its value" : "value", fault);
        } else if (fault == '\'') {
                explain(slip, "a string stands in double quotes, not in single ones");
        } else if (json_is_letter(fault)) {
                word(slip, slip->offset);
        } else if (wants_name) {
                explain(slip, "a name stands here, in double quotes");
        } else if (json_is_word(fault)) {
                number(slip, slip->offset);
        }
}

static void ended(struct slip *slip)
{
        size_t open;

        if (slip->at.depth == 0)
                return;
        open = slip->at.open[slip->at.depth - 1];
        slip->offset = open;
        explain(slip, "the '%c' that stands here is not closed with '%c'", slip->text[open],
                slip->text[open] == '{' ? '}' : ']');
}

static bool stands(const struct slip *slip, const char *what)
{
        return slip->length - slip->offset >= strlen(what) &&
               memcmp(slip->text + slip->offset, what, strlen(what)) == 0;
}

/* Characters that editors and word processors put there. */
static bool strange_character(struct slip *slip)
{
        if (stands(slip, "\xEF\xBB\xBF"))
                explain(slip, "a byte order mark stands here; UTF-8 needs none");
        else if (stands(slip, "\xC2\xA0"))
                explain(slip, "a no-break space stands here; an ordinary space is right");
        else if (stands(slip, "\xE2\x80\x9C") || stands(slip, "\xE2\x80\x9D") ||
                 stands(slip, "\xE2\x80\x9E"))
                explain(slip, "a string stands in straight double quotes (\"), not in curly ones");
        else if (stands(slip, "#") || stands(slip, "/"))
                explain(slip, "a comment begins with // or stands between /* and */");
        else
                return false;
        return true;
}

static void outside(struct slip *slip)
{
        char fault = slip->text[slip->offset];

        switch (slip->at.expected) {
        case JSON_EXPECTED_COLON:
                explain(slip, "a ':' stands between a name and its value");
                break;
        case JSON_EXPECTED_COMMA:
                in_comma_place(slip, fault);
                break;
        case JSON_EXPECTED_END:
                explain(slip, "a file is one value; this stands after its end");
                break;
        case JSON_EXPECTED_VALUE:
        case JSON_EXPECTED_FIRST_VALUE:
        case JSON_EXPECTED_NAME:
        case JSON_EXPECTED_FIRST_NAME:
                in_value_place(slip, fault);
                break;
        }
}

size_t json_slip_explain(const char *text, size_t length, size_t offset,
                         char explanation[static JSON_SLIP_MAX])
{
        struct slip slip = {
                .text = text, .length = length, .offset = offset, .explanation = explanation};

        explanation[0] = '\0';
        json_position_find(text, offset, &slip.at);
        if (slip.at.in_string)
                in_string(&slip);
        else if (slip.at.in_word && json_is_letter(text[slip.at.token]))
                word(&slip, slip.at.token);
        else if (slip.at.in_word)
                number(&slip, slip.at.token);
        else if (offset >= length)
                ended(&slip);
        else if (!strange_character(&slip))
                outside(&slip);
        return slip.offset;
}
