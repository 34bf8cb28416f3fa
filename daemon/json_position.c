/* SPDX-License-Identifier: MIT */
#include "json_position.h"

#include <string.h>

struct walk {
        const char *text;
        size_t offset;
        struct json_position *at;
};

static bool is_blank(char c)
{
        return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool json_position_wants_name(const struct json_position *position)
{
        return position->expected == JSON_EXPECTED_NAME ||
               position->expected == JSON_EXPECTED_FIRST_NAME;
}

static void after_value(struct walk *walk)
{
        if (json_position_wants_name(walk->at))
                walk->at->expected = JSON_EXPECTED_COLON;
        else
                walk->at->expected = walk->at->depth > 0 ? JSON_EXPECTED_COMMA : JSON_EXPECTED_END;
}

static bool in_object(const struct walk *walk)
{
        return walk->at->depth > 0 && walk->text[walk->at->open[walk->at->depth - 1]] == '{';
}

static void take_mark(struct walk *walk, size_t i)
{
        struct json_position *at = walk->at;

        switch (walk->text[i]) {
        case '{':
        case '[':
                if (at->depth < ENVELOPE_DEPTH_MAX)
                        at->open[at->depth++] = i;
                at->expected =
                        walk->text[i] == '{' ? JSON_EXPECTED_FIRST_NAME : JSON_EXPECTED_FIRST_VALUE;
                break;
        case '}':
        case ']':
                at->depth -= at->depth > 0;
                at->expected = JSON_EXPECTED_VALUE;
                after_value(walk);
                break;
        case ',':
                at->expected = in_object(walk) ? JSON_EXPECTED_NAME : JSON_EXPECTED_VALUE;
                break;
        case ':':
                at->expected = JSON_EXPECTED_VALUE;
                break;
        }
}

static bool is_complete(const char *token, size_t length)
{
        return json_is_digit(token[length - 1]) || (length == 4 && memcmp(token, "true", 4) == 0) ||
               (length == 5 && memcmp(token, "false", 5) == 0) ||
               (length == 4 && memcmp(token, "null", 4) == 0);
}

static size_t take_string(struct walk *walk, size_t i)
{
        size_t end = i + 1;

        while (end < walk->offset && walk->text[end] != '"')
                end += walk->text[end] == '\\' ? 2 : 1;
        walk->at->in_string = end >= walk->offset;
        return end + 1;
}

/* A number or a word: the fault lies in it if it could go on there, or should. */
static size_t take_word(struct walk *walk, size_t i)
{
        size_t end = i + 1;

        while (end < walk->offset && json_is_word(walk->text[end]))
                end++;
        walk->at->in_word = end == walk->offset && (json_is_word(walk->text[end]) ||
                                                    !is_complete(walk->text + i, end - i));
        return end;
}

/* Takes what stands at i, and returns where that ends. */
static size_t take(struct walk *walk, size_t i)
{
        size_t end;

        if (strchr("{}[],:", walk->text[i])) {
                take_mark(walk, i);
                return i + 1;
        }
        walk->at->token = i;
        end = walk->text[i] == '"' ? take_string(walk, i) : take_word(walk, i);
        if (!walk->at->in_string && !walk->at->in_word)
                after_value(walk);
        return end;
}

void json_position_find(const char *text, size_t offset, struct json_position *ret)
{
        struct walk walk = {.text = text, .offset = offset, .at = ret};

        *ret = (struct json_position){.expected = JSON_EXPECTED_VALUE};
        for (size_t i = 0; i < offset && !ret->in_string && !ret->in_word;) {
                if (is_blank(text[i])) {
                        i++;
                        continue;
                }
                i = take(&walk, i);
                ret->last_end = i;
        }
}
