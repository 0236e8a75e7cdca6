/* SPDX-License-Identifier: MIT */
/* Standard input, output and error of a program: there from the start, whole at the end. */
#ifndef VDS_BASE_STANDARD_H
#define VDS_BASE_STANDARD_H

#include <stdbool.h>

/* A descriptor that the caller has closed would be given to the next socket or file, and what is printed
 * would go there: takes its place with one that can be neither read nor written. Before anything is
 * opened. */
void standard_hold(void);

/* Writes what is in the buffer of standard output. false: that failed, now or before. */
bool standard_flush(void);

/* The same at the end of a program; says why on standard error. */
bool standard_end(void);

#endif
