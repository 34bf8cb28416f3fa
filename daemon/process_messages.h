/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What a process has to say: the lines of its status pipe, which are acted upon, and what it
 * prints, which is logged as far as its quota goes. Part of the process.
 */
struct entry_text;
struct report_events;

/* For a report whose userdata is the process. */
extern const struct report_events process_report_events;
/* For its outputs, whose userdata it is, too. */
void process_on_out(void *userdata, const struct entry_text *text);
void process_on_err(void *userdata, const struct entry_text *text);
