/* SPDX-License-Identifier: MIT */
/* A store in memory that answers at once, or after milliseconds of the virtual clock and in any order; what
 * it does is then done late, too. */
#ifndef VDS_TESTS_SIM_DISK_H
#define VDS_TESTS_SIM_DISK_H

#include "store/store.h"

int disk_open(uint64_t size, struct store **ret_store);
/* What is on it now. */
const uint8_t *disk_bytes(const struct store *store);

#endif
