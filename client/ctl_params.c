/* SPDX-License-Identifier: MIT */
#include "ctl_params.h"

#include "common/cleanup.h"
#include "common/text.h"
#include "libjumpboot_params.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define FORMS                                                                                      \
        "NAME=TEXT for a text, NAME:=JSON for anything else, or one JSON object or array alone"

struct argument {
        const char *name;
        size_t name_length;
        const char *value;
        bool is_json;
};

#define FAIL(status, ...)                                                                          \
        ({                                                                                         \
                snprintf(error, CTL_PARAMS_ERROR_MAX, __VA_ARGS__);                                \
                (status);                                                                          \
        })

/* Where a byte stands, as editors count. */
static void locate(const char *text, size_t offset, size_t *ret_line, size_t *ret_column)
{
        *ret_line = *ret_column = 1;
        for (size_t i = 0; i < offset; i++) {
                *ret_column += 1;
                if (text[i] == '\n') {
                        *ret_line += 1;
                        *ret_column = 1;
                }
        }
}

static int check_params(const char *text, size_t length, const char *source, char *error)
{
        _cleanup_free_ char *copy = malloc(length + 1);
        struct params_fault fault;
        size_t line, column;

        if (!copy)
                return FAIL(-ENOMEM, "out of memory");
        memcpy(copy, text, length);
        if (params_check(copy, length, &fault))
                return 0;
        locate(text, fault.offset, &line, &column);
        return FAIL(-EINVAL, "%s: line %zu, column %zu: %s; params are one JSON object or array",
                    source, line, column, fault.text);
}

static int read_all(FILE *input, char **ret, size_t *ret_length, char *error)
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0, length = 0;
        char *larger;

        do {
                size = size ? size * 2 : BUFSIZ;
                larger = realloc(text, size);
                if (!larger)
                        return FAIL(-ENOMEM, "out of memory");
                text = larger;
                length += fread(text + length, 1, size - 1 - length, input);
        } while (length == size - 1);
        if (ferror(input))
                return FAIL(-EIO, "cannot read the params from standard input: %s",
                            strerror(errno));
        text[length] = '\0';
        *ret = steal(text);
        *ret_length = length;
        return 0;
}

static int params_from_input(FILE *input, char **ret, char *error)
{
        _cleanup_free_ char *text = NULL;
        size_t length = 0;
        int r;

        r = read_all(input, &text, &length, error);
        if (r >= 0)
                r = check_params(text, length, "standard input", error);
        if (r >= 0)
                *ret = steal(text);
        return r;
}

static int params_from_text(const char *text, char **ret, char *error)
{
        int r = check_params(text, strlen(text), "the params", error);

        if (r < 0)
                return r;
        *ret = strdup(text);
        return *ret ? 0 : FAIL(-ENOMEM, "out of memory");
}

static int check_json_value(const struct argument *argument, char *error)
{
        _cleanup_free_ char *copy = strdup(argument->value);
        struct params_fault fault;
        size_t line, column;

        if (!copy)
                return FAIL(-ENOMEM, "out of memory");
        if (params_check_value(copy, strlen(copy), &fault))
                return 0;
        locate(argument->value, fault.offset, &line, &column);
        return FAIL(-EINVAL,
                    "the value of \"%.*s\" is no JSON: line %zu, column %zu: %s; a text is written "
                    "%.*s=TEXT",
                    (int)argument->name_length, argument->name, line, column, fault.text,
                    (int)argument->name_length, argument->name);
}

static int split(const char *word, struct argument *ret, char *error)
{
        const char *equals = strchr(word, '=');

        if (!text_is_utf8(word, strlen(word)))
                return FAIL(-EINVAL, "an argument is not UTF-8");
        if (!equals)
                return FAIL(-EINVAL, "\"%.80s\" is no argument: it must be " FORMS, word);
        *ret = (struct argument){
                .name = word,
                .name_length = (size_t)(equals - word),
                .value = equals + 1,
                .is_json = equals > word && equals[-1] == ':',
        };
        ret->name_length -= ret->is_json;
        if (ret->name_length == 0)
                return FAIL(-EINVAL, "\"%.80s\" has no name: it must be " FORMS, word);
        return ret->is_json ? check_json_value(ret, error) : 0;
}

static bool same_name(const struct argument *a, const struct argument *b)
{
        return a->name_length == b->name_length && memcmp(a->name, b->name, a->name_length) == 0;
}

static int split_all(char *const *words, size_t n_words, struct argument *arguments, char *error)
{
        for (size_t i = 0; i < n_words; i++) {
                int r = split(words[i], &arguments[i], error);

                if (r < 0)
                        return r;
                for (size_t k = 0; k < i; k++)
                        if (same_name(&arguments[k], &arguments[i]))
                                return FAIL(-EINVAL, "\"%.*s\" is given twice",
                                            (int)arguments[i].name_length, arguments[i].name);
        }
        return 0;
}

static char *write_string(char *p, const char *text, size_t length)
{
        *p++ = '"';
        p += text_escape(text, length, p);
        *p++ = '"';
        return p;
}

static char *write_object(char *p, const struct argument *arguments, size_t n)
{
        *p++ = '{';
        for (size_t i = 0; i < n; i++) {
                if (i > 0)
                        *p++ = ',';
                p = write_string(p, arguments[i].name, arguments[i].name_length);
                *p++ = ':';
                p = arguments[i].is_json
                            ? stpcpy(p, arguments[i].value)
                            : write_string(p, arguments[i].value, strlen(arguments[i].value));
        }
        return stpcpy(p, "}");
}

static int params_from_words(char *const *words, size_t n_words, char **ret, char *error)
{
        _cleanup_free_ struct argument *arguments = calloc(n_words, sizeof(*arguments));
        size_t most = sizeof("{}");
        int r;

        if (!arguments)
                return FAIL(-ENOMEM, "out of memory");
        r = split_all(words, n_words, arguments, error);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n_words; i++)
                most += 6 * strlen(words[i]) + sizeof("\"\":\"\",");
        *ret = malloc(most);
        if (!*ret)
                return FAIL(-ENOMEM, "out of memory");
        write_object(*ret, arguments, n_words);
        return 0;
}

int ctl_params(char *const *words, size_t n_words, FILE *input, char **ret,
               char error[static CTL_PARAMS_ERROR_MAX])
{
        const char *text;

        *ret = NULL;
        if (n_words == 0)
                return 0;
        if (n_words > 1)
                return params_from_words(words, n_words, ret, error);
        if (strcmp(words[0], "-") == 0)
                return params_from_input(input, ret, error);
        text = words[0] + strspn(words[0], " \t\r\n");
        if (*text == '{' || *text == '[')
                return params_from_text(words[0], ret, error);
        return params_from_words(words, n_words, ret, error);
}
