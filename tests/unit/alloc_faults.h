/* SPDX-License-Identifier: MIT */
/* Allocations that fail when a test says so: of the program's own code, not of shared libraries. A program
 * that lists alloc_faults_dep has them; whoever is not told to fail has the real ones. */
#ifndef VDS_TESTS_UNIT_ALLOC_FAULTS_H
#define VDS_TESTS_UNIT_ALLOC_FAULTS_H

#include <stdbool.h>

/* The n-th allocation of this thread from now on fails, only that one, and only until
 * alloc_faults_disarm(). */
void alloc_faults_arm(unsigned n);
void alloc_faults_disarm(void);
bool alloc_faults_hit(void); /* whether it has failed since alloc_faults_arm() */

/* Between true and false, which may nest, this thread's allocations neither fail nor count: they are the
 * test's own. */
void alloc_faults_pause(bool pause);

/* The next n allocations of all threads but this one fail; how many of them are still to come. */
void alloc_faults_arm_others(unsigned n);
unsigned alloc_faults_left_to_others(void);

#endif
