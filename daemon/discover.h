/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What rpc.discover answers: an OpenRPC document of all functions that the caller can call.
 */
struct caller;
struct json_object;
struct registry;

struct json_object *discover_document(const struct registry *registry, struct caller *caller);
