/* SPDX-License-Identifier: MIT */
/* PERSISTENT RESERVE IN and OUT, and what the tests of reservations ask again and again. */
#ifndef VDS_TESTS_UNIT_SCSI_PR_FIXTURE_H
#define VDS_TESTS_UNIT_SCSI_PR_FIXTURE_H

#include "fixture.h"
#include "scsi/pr.h"

enum {
    REGISTER,
    RESERVE,
    RELEASE,
    CLEAR,
    PREEMPT,
    PREEMPT_AND_ABORT,
    REGISTER_AND_IGNORE,
    REGISTER_AND_MOVE
};
enum { READ_KEYS, READ_RESERVATION, REPORT_CAPABILITIES, READ_FULL_STATUS };

#define KEY(i) (UINT64_C(0xa100) + (i))

static inline struct command pr_out_list(uint8_t action, uint8_t type, const uint8_t *list, uint32_t len)
{
    struct command c = { .cdb = { 0x5f, action, type } };

    be32_put(c.cdb + 5, len);
    return with_data(c, list, len);
}

static inline struct command pr_out(unsigned nexus, uint8_t action, uint8_t type, uint64_t key,
                                    uint64_t new_key, uint8_t flags)
{
    static _Thread_local uint8_t lists[8][24];
    static _Thread_local unsigned turn;
    uint8_t *list = lists[turn++ % 8];

    memset(list, 0, 24);
    be64_put(list, key);
    be64_put(list + 8, new_key);
    list[20] = flags;
    return on_nexus(pr_out_list(action, type, list, 24), nexus);
}

static inline struct command pr_in(uint8_t action)
{
    return (struct command){ .cdb = { 0x5e, action, 0, 0, 0, 0, 0, 0x40, 0 } };
}

static inline void register_key(struct fixture *f, unsigned nexus)
{
    assert_good(exec(f, pr_out(nexus, REGISTER, 0, 0, KEY(nexus), 0)));
}

static inline void reserve(struct fixture *f, unsigned nexus, uint8_t type)
{
    assert_good(exec(f, pr_out(nexus, RESERVE, type, KEY(nexus), 0, 0)));
}

static inline unsigned n_keys(struct fixture *f)
{
    struct outcome o = exec(f, pr_in(READ_KEYS));

    assert_good(o);
    return be32_get(o.data + 4) / 8;
}

static inline uint32_t generation(struct fixture *f)
{
    return be32_get(exec(f, pr_in(READ_KEYS)).data);
}

/* 0: no reservation. */
static inline uint8_t reserved_type(struct fixture *f, uint64_t *ret_key)
{
    struct outcome o = exec(f, pr_in(READ_RESERVATION));

    assert_good(o);
    if (!be32_get(o.data + 4))
        return 0;
    assert_int_equal(o.n, 24);
    if (ret_key)
        *ret_key = be64_get(o.data + 8);
    return o.data[21];
}

#endif
