/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The names that the jumpboot package has for its own, and that a key-value may therefore not hide.
 */

/* NULL if a key-value can have this name, else what is wrong with it. */
const char *package_names_fault(const char *name);
