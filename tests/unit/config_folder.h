/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Whole configs, in a folder of the test's own: jumpbootd.conf, the set tools.conf, and the Python
 * files that they name.
 */
#include "daemon/config.h"

#include <check.h>
#include <string.h>

#include "folder.h"

#define SERVER "{\"program_sets\": [\"programs.d/*.conf\"]}"

static struct config_errors errors;
static struct config *config;

static inline void write_set(const char *text)
{
        folder_write("programs.d/tools.conf", text);
}

static inline void setup(void)
{
        folder_make();
        folder_write("jumpbootd.conf", SERVER);
        folder_write("programs.d/calc.py", "def add(a, b):\n    return a + b\n");
        folder_write("programs.d/lib/colors.py", "RED = 1\n");
        folder_write("programs.d/lib/other.py", "RED = 2\n");
        folder_write("programs.d/lib/tools/__init__.py", "");
        folder_write("programs.d/lib/tools/table.json", "{}");
        folder_write("programs.d/work/x", "");
}

static inline void forget(void)
{
        config = config_free(config);
        config_errors_clear(&errors);
}

static inline void teardown(void)
{
        forget();
        folder_remove();
}

static inline int load(void)
{
        forget();
        return config_load(folder_at("jumpbootd.conf"), &errors, &config);
}

/* Where somebody else than root runs the tests, every file is his, and that is worth a warning. */
static inline bool is_about_the_tester(const char *text)
{
        return geteuid() != 0 && strstr(text, " can be written by ");
}

static inline void load_right(void)
{
        int r = load();

        ck_assert_int_eq(r, 0);
        for (size_t i = 0; i < errors.n_messages; i++)
                ck_assert_msg(is_about_the_tester(errors.messages[i].text), "%s",
                              errors.messages[i].text);
}

/* The messages behind the test's folder, one a line. */
static inline const char *messages(void)
{
        static char text[65536];
        size_t length = 0;

        text[0] = '\0';
        for (size_t i = 0; i < errors.n_messages; i++)
                for (const char *at = errors.messages[i].text;
                     length < sizeof(text) - 2 && !is_about_the_tester(errors.messages[i].text);
                     at++) {
                        if (strncmp(at, folder_root, strlen(folder_root)) == 0)
                                at += strlen(folder_root) + 1;
                        text[length++] = *at ? *at : '\n';
                        text[length] = '\0';
                        if (!*at)
                                break;
                }
        return text;
}
