/* SPDX-License-Identifier: MIT */
/* Which notifications each operation of the array has: one table (semantics.md section 1.9), walked over the
 * public interfaces by whoever has a provider and sinks: the provider's own sink, the service's clients in
 * the process, the service's clients outside. */
#ifndef VDS_TESTS_EVENT_TABLE_H
#define VDS_TESTS_EVENT_TABLE_H

#include <sys/types.h>

#include "event_sink.h"

#define EVENTS_MAX_GROUPS 2 /* of a target of the array under test */

/* An array with three portals (two that can listen, one whose address is on no host) and two drives, the
 * second of them a file in place of a directory, in the state directory: `late`. */
struct event_given {
    IVdsHwProvider *provider;
    struct event_sink **sinks;
    unsigned n_sinks;
    const char *state, *late;
    pid_t pid; /* whose limits make writes of the state fail; 0: this process */
};

/* Walks the table: every sink must be told what it says, in that order, in those calls. */
void event_table_walk(const struct event_given *given);

#endif
