/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What the daemon tells of itself and its programs: asked for, checked, and put into words.
 */
#include "ctl_screen.h"
#include "ctl_session.h"

#include <stdbool.h>
#include <stdint.h>

/* Asks a method of the daemon, of one program only if `program` is not NULL. With CTL_SUCCESS the
 * tree holds all that is shown of such an answer, and both are to be freed. */
int ctl_state_ask(struct ctl_session *session, const char *method, const char *program,
                  struct jumpboot_reply **ret_reply, struct json_object **ret);

/* Two lines about the daemon as a whole, each with its end. */
void ctl_state_put_daemon(struct json_object *status, const char *line_end);

enum ctl_colour ctl_state_colour(const char *state);
/* How many requests of a program ended in another way than "ok". */
int64_t ctl_state_failed(struct json_object *program);
/* Adds a cell: 0 stays plain. */
void ctl_state_add_number(struct ctl_table *table, enum ctl_colour colour, int64_t number);
/* Adds a quantile of "run_time" or "queue_wait"; "-" where nothing was measured. */
void ctl_state_add_time(struct ctl_table *table, struct json_object *times, const char *name);
/* The text of a member, "?" if it has none. */
const char *ctl_state_text(struct json_object *tree, const char *name);
/* The state of a program, in a word. */
const char *ctl_state_of(struct json_object *program);
