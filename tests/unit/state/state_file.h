/* SPDX-License-Identifier: MIT */
/* The state file from outside, on a connection of its own: as a person with sqlite3 would read and change
 * it. */
#ifndef VDS_TESTS_STATE_FILE_H
#define VDS_TESTS_STATE_FILE_H

#include <stdint.h>
#include <stdio.h>

void fixture_sql(const char *dir, const char *sql); /* foreign keys off */
int64_t fixture_sql_int(const char *dir, const char *sql);
/* All rows of all tables, as text. */
void fixture_dump_state(const char *dir, FILE *out);

#endif
