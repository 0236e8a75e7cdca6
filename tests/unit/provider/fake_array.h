/* SPDX-License-Identifier: MIT */
/* A stand-in for src/array at link time: the same calls on a few lists in memory, with handles for the test
 * to turn. It has no engine, no state, no rules beyond those that the provider's tests need. */
#ifndef VDS_TESTS_UNIT_FAKE_ARRAY_H
#define VDS_TESTS_UNIT_FAKE_ARRAY_H

#include "array/array.h"

/* Begins: 2 portals, 1 drive, 1 controller, no target, no LUN. Events go to notify. */
struct array *fake_array_open(void (*notify)(void *arg, const struct array_notification *events, size_t n),
                              void *notify_arg);
void fake_array_close(struct array *array);

/* Every call ends with this until it is S_OK again. */
void fake_fail(struct array *array, HRESULT hr);
/* Operations stay running (40 percent) until fake_let_go(), or Cancel. */
void fake_hold(struct array *array);
void fake_let_go(struct array *array, HRESULT hr, const char *text);
/* Blocking calls (array_lun_delete) wait inside the array until fake_let_go(). */
bool fake_somebody_blocks(struct array *array);
/* What engine_session_list() tells. */
void fake_add_session(struct array *array, const struct guid *target, const char *initiator, bool discovery);
void fake_portal_without_address(struct array *array, const struct guid *portal);
void fake_emit(struct array *array, const struct array_notification *events, size_t n);
int fake_n_reenumerations(struct array *array);
/* "target in iqn... secret", "discovery mutual all " ...: what array_secret_set() was told last. */
const char *fake_last_secret(struct array *array);
/* So many ties more in array_tree_get(), of no LUN and no target. */
void fake_set_many_ties(struct array *array, size_t n);
int fake_n_refreshes(struct array *array);

#endif
