/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The commands: each gets the words behind its name and gives an exit status.
 */
#include "ctl_session.h"

#define CTL_CONTROL_MS                                                                             \
        10000 /* for what the daemon itself answers, unless --timeout says otherwise */

int ctl_call(struct ctl_session *session, char **words, int n_words);
int ctl_env(struct ctl_session *session, char **words, int n_words);
int ctl_kill(struct ctl_session *session, char **words, int n_words);
int ctl_logs(struct ctl_session *session, char **words, int n_words);
int ctl_methods(struct ctl_session *session, char **words, int n_words);
int ctl_ping(struct ctl_session *session, char **words, int n_words);
int ctl_programs(struct ctl_session *session, char **words, int n_words);
int ctl_reload(struct ctl_session *session, char **words, int n_words);
int ctl_restart(struct ctl_session *session, char **words, int n_words);
int ctl_stack(struct ctl_session *session, char **words, int n_words);
int ctl_status(struct ctl_session *session, char **words, int n_words);
int ctl_top(struct ctl_session *session, char **words, int n_words);
int ctl_workers(struct ctl_session *session, char **words, int n_words);
