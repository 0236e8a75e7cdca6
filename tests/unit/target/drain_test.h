/* SPDX-License-Identifier: MIT */
/* What the tests of draining share. */
#ifndef VDS_TESTS_UNIT_TARGET_DRAIN_TEST_H
#define VDS_TESTS_UNIT_TARGET_DRAIN_TEST_H

#include <errno.h>

#include "rig.h"

static inline struct engine_drain *drain_start(struct rig *rig, int target, int portal, uint32_t limit_ms)
{
    struct guid target_id = rig_target_id((unsigned)target), portal_id = rig_portal_id((unsigned)portal);
    struct engine_drain *drain = NULL;

    assert_int_equal(engine_drain_start(rig->engine, target < 0 ? NULL : &target_id,
                                        portal < 0 ? NULL : &portal_id, portal < 0 ? 0 : 1, limit_ms, &drain),
                     0);
    return drain;
}

static inline void assert_status(struct rig *rig, unsigned portal, int r_want, unsigned class,
                                 unsigned detail)
{
    struct initiator in;

    assert_int_equal(rig_try_login(rig, &in, 77, 0, portal), r_want);
    assert_int_equal(in.status_class, class);
    assert_int_equal(in.status_detail, detail);
    initiator_close(&in);
}

static inline void one_target_two_portals(struct rig *rig)
{
    rig_portal(rig, 0);
    rig_portal(rig, 1);
    rig_target(rig, 0);
    rig_path(rig, 0, 0, 1);
    rig_path(rig, 0, 1, 1);
    rig_lun(rig, 0, 0, 0);
}

#endif
