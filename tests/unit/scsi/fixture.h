/* SPDX-License-Identifier: MIT */
/* Units on memory behind a fault store, nexuses to them, and commands as values: what every test of src/scsi
 * works with.
 *
 *     struct fixture f;
 *     fixture_open(&f, (struct fixture_options){ .n_blocks = 8 });
 *     assert_sense(exec(&f, read10(8, 1)), KEY_ILLEGAL_REQUEST, 0x2100);
 *     assert_int_equal(f.n_requests, 0);
 */
#ifndef VDS_TESTS_SCSI_FIXTURE_H
#define VDS_TESTS_SCSI_FIXTURE_H

#include "../unit_test.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "scsi/scsi.h"
#include "scsi/sense.h"

#define MAX_NEXUSES 4
#define DATA_MAX    (16u << 20)

struct fixture_options {
    uint64_t n_blocks;   /* 0: 2048 */
    uint32_t block_size; /* 0: 512 */
    bool read_only, removable, thick;
    uint32_t max_transfer;
    unsigned n_nexuses;  /* 0: 1 */
    bool second_unit;    /* at LUN 1 */
    bool no_kick;
    bool saves;          /* save_pr keeps the bytes in f->saved */
    const void *load_pr;
    size_t load_pr_len;
};

struct nexus {
    struct scsi_view *view;
    atomic_uint n_kicks;
};

struct fixture {
    struct fixture_options options;
    struct store *memory[2], *fault[2];
    struct scsi_lu *lu[2];
    struct nexus nexus[MAX_NEXUSES];
    unsigned n_nexuses;
    /* what the fault hook saw and does */
    atomic_uint n_requests, n_writes, n_flushes, n_discards, n_zeroes, n_fua;
    int fail_with;               /* -errno for every request, 0: none */
    unsigned fail_after;         /* let so many pass before failing */
    bool hold;                   /* every request waits for fixture_release() */
    unsigned n_cache_changes; /* that the unit told */
    /* what save_pr got */
    uint8_t saved[8192];
    size_t saved_len;
    unsigned n_saves;
    int save_result;
};

struct command {
    uint8_t cdb[16];
    uint8_t lun[8];
    unsigned nexus;
    const void *out;       /* data-out */
    uint32_t out_len;
    uint32_t expected_len; /* 0: what fits */
    bool short_buffer;     /* the transport expects buffer_len bytes only */
    uint32_t buffer_len;
};

struct outcome {
    uint8_t status, key;
    uint16_t asc;
    uint8_t *data; /* the fixture's scratch: valid until the next command of this thread */
    uint32_t n, full;
    uint8_t sense[SCSI_SENSE_MAX];
    uint8_t sense_len;
    bool aborted, prepared;
};

void fixture_open(struct fixture *f, struct fixture_options options);
void fixture_close(struct fixture *f);
/* A test with a fixture of its own, in *state, with the options named. */
#define fixture_test(test, ...) \
    { #test, test, fixture_setup, fixture_teardown, &(struct fixture_options){ __VA_ARGS__ } }
int fixture_setup(void **state), fixture_teardown(void **state);
unsigned fixture_release(struct fixture *f); /* held requests of this thread go on */
void fixture_drain(struct fixture *f);       /* ... until nothing is held or kicked any more */
void fixture_thread_end(void);               /* before a thread of a test ends */
void nexus_open(struct fixture *f, unsigned i, const char *initiator, uint16_t tag);
void nexus_close(struct fixture *f, unsigned i);

/* Runs a command to its end. */
struct outcome exec(struct fixture *f, struct command c);

/* A command that is started and looked at while it runs. */
struct running {
    struct scsi_task task;
    bool done;
    uint8_t *buf;
};
struct running *start(struct fixture *f, struct command c);
struct outcome running_end(struct running *r); /* it must have ended */

/* start() calls hook(false) before it goes into src/scsi, and hook(true) when it is out again; NULL:
 * nothing. */
void fixture_hook(void (*hook)(bool out));

/* CDBs */
struct command cdb6(uint8_t op, uint8_t b1, uint8_t b2, uint8_t b3, uint8_t b4);
struct command read6(uint32_t lba, uint8_t n), read10(uint32_t lba, uint16_t n),
    read12(uint32_t lba, uint32_t n), read16(uint64_t lba, uint32_t n);
struct command write6(uint32_t lba, uint8_t n, const void *data),
    write10(uint32_t lba, uint16_t n, const void *data), write12(uint32_t lba, uint32_t n, const void *data),
    write16(uint64_t lba, uint32_t n, const void *data);
struct command inquiry(uint16_t alloc), vpd(uint8_t page), test_unit_ready(void), report_luns(uint8_t select),
    request_sense(void);
/* Any 10-, 12- or 16-byte CDB with LBA and count in their usual places. */
struct command block_command(uint8_t op, uint8_t byte1, uint64_t lba, uint32_t n);
struct command with_data(struct command c, const void *data, uint32_t len);
struct command on_nexus(struct command c, unsigned nexus);
struct command on_lun(struct command c, uint8_t lun);
struct command with_byte(struct command c, unsigned at, uint8_t value);

/* Bytes for tests: a pattern that differs from block to block. Freed by the fixture's close or the
 * process. */
const uint8_t *pattern(uint32_t len, uint8_t seed);

#define assert_good(outcome_) \
    do { \
        struct outcome o_ = (outcome_); \
        if (o_.status) \
            fail_msg("status %02x, sense %x/%04x", o_.status, o_.key, o_.asc); \
    } while (0)
#define assert_sense(outcome_, key_, asc_)                                                 \
    do {                                                                                   \
        struct outcome o_ = (outcome_);                                                    \
        assert_int_equal(o_.status, SCSI_CHECK_CONDITION);                                 \
        if (o_.key != (key_) || o_.asc != (asc_))                                          \
            fail_msg("sense %x/%04x instead of %x/%04x", o_.key, o_.asc, (unsigned)(key_), \
                     (unsigned)(asc_));                                                    \
    } while (0)
#define assert_status(outcome_, status_) assert_int_equal((outcome_).status, (status_))
/* A field pointer at this byte of the CDB. */
#define assert_cdb_field(outcome_, byte_) \
    do { \
        struct outcome p_ = (outcome_); \
        assert_sense(p_, KEY_ILLEGAL_REQUEST, 0x2400); \
        assert_int_equal(p_.sense[15] & 0xc0, 0xc0); \
        assert_int_equal(be16_get(p_.sense + 16), (byte_)); \
    } while (0)

#endif
