/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What rpc.discover answers: an OpenRPC document of all functions that the caller can call.
 */
struct buffer;
struct caller;
struct registry;

/* 0 or -ENOMEM. */
int discover_write(const struct registry *registry, struct caller *caller, struct buffer *out);
