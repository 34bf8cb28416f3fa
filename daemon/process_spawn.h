/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The start of a process by the daemon itself, up to the point where it executes Python. Part of
 * the process. That point may lie ahead when process_spawn() returns: what goes wrong until then
 * becomes the process's start error, and it exits.
 */
#include "process.h"

/* Starts Python, with its pages, and if it is a template with its end of the control socket (-1: it
 * is none). Of its pipes `ends` keeps those that are the owner's: requests and answers; the owner
 * closes them, here or where it fails. 0, or a negative errno with the reason in `error`. */
int process_spawn(struct process *process, const int *page_fds, int control_fd,
                  struct spawned *ends, char error[SPAWN_ERROR_MAX]);
/* For one that has exited: takes what it has told of its start, if it has not been taken yet. */
void process_take_outcome(struct process *process);
/* For the destructor. */
void process_forget_outcome(struct process *process);
