/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Paths as a config file has them: relative to the folder that the file stands in. What comes out
 * is absolute and has no ".", no ".." and no "//"; names of symbolic links are kept (a venv's
 * interpreter is one, and would not find its venv by the name of what it points at).
 */
#include <stddef.h>

/* folder may be NULL: the current one. NULL: no memory, or no current folder (errno). */
char *path_resolve(const char *folder, const char *path);
/* The folder part of an absolute path; NULL: no memory. */
char *path_folder(const char *path);
/* The last component; points into path. */
const char *path_name(const char *path);
