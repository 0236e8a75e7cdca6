/* SPDX-License-Identifier: MIT */
/* A tiny initiator, with the driver and the directory that a connection needs around it. It builds PDUs and
 * takes apart what comes back.
 *
 * Bytes reach the connection in pieces of `chunk` (0: as much as it offers room for; 1: one by one;
 * RANDOM_CHUNKS: sizes from `seed`), and leave it in such pieces too: whatever the pieces, the conversation
 * must be the same.
 */
#ifndef VDS_TESTS_INITIATOR_H
#define VDS_TESTS_INITIATOR_H

#include "../unit_test.h"

#include "fake_scsi.h"
#include "iscsi/iscsi.h"
#include "iscsi/pdu.h"

#define RANDOM_CHUNKS ((size_t)-1)
#define TARGET_NAME   "iqn.2024-01.org.example:disk"
#define OUR_NAME      "iqn.2024-01.org.example:host"
#define STREAM_MAX    (16u << 20)

struct initiator {
    struct iscsi_conn *conn;
    struct iscsi_limits limits;
    uint64_t now_ns;
    size_t chunk;
    uint32_t seed;

    /* the driver */
    unsigned n_wakes, n_buffers; /* buffers that are out */
    size_t buffer_bytes, buffer_max;
    int received; /* last result of iscsi_conn_received() */

    /* the directory */
    struct scsi_view *view;
    struct iscsi_admission admission;
    struct iscsi_auth discovery_auth;
    int session_open; /* what session_open() answers */
    uint16_t tsih, known_tsih;
    unsigned n_admitted, n_released, n_targets;
    bool gone;

    /* what has come back */
    uint8_t *stream;
    size_t n_stream, taken;

    /* what an initiator counts */
    bool header_digest, data_digest, spoil_header_digest, spoil_data_digest;
    uint32_t cmdsn, exp_statsn, max_cmdsn, exp_cmdsn;
    uint16_t cid;
};

struct reply {
    uint8_t opcode, flags;
    uint8_t bhs[BHS_LEN];
    uint32_t itt, ttt, statsn, len;
    const uint8_t *data;
};

void initiator_init(struct initiator *i);
/* Opens the connection: after what the test has changed in limits, admission ... */
void initiator_connect(struct initiator *i);
/* The socket goes; asserts that nothing is left behind. */
void initiator_fini(struct initiator *i);

/* Sends bytes; a PDU: header with its length filled in, data, padding, digests. Stops when the connection
 * takes no more. */
void initiator_feed(struct initiator *i, const void *bytes, size_t n);
void initiator_send(struct initiator *i, const uint8_t bhs[BHS_LEN], const void *data, uint32_t len);
/* Takes what the connection wants to say into the stream. */
void initiator_drain(struct initiator *i);
/* The next PDU that came; false: none. */
bool initiator_next(struct initiator *i, struct reply *ret);
/* The same, and it must be of that opcode. */
struct reply initiator_expect(struct initiator *i, uint8_t opcode);
bool initiator_quiet(struct initiator *i);

/* PDUs */
void login_pdu(struct initiator *i, uint8_t bhs[BHS_LEN], uint8_t flags);
/* text: pairs separated by '\n' */
uint32_t text_of(const char *pairs, char *out);
void login_send(struct initiator *i, uint8_t flags, const char *pairs);
struct reply login_step(struct initiator *i, uint8_t flags, const char *pairs);
const char *text_value(const struct reply *r, const char *key); /* NULL: not there */
/* Operational stage only, to full feature phase, with these pairs besides the names. */
void login(struct initiator *i, const char *pairs);
void login_discovery(struct initiator *i);
#define FULL_FROM_OPERATIONAL (LOGIN_TRANSIT | STAGE_OPERATIONAL << 2 | STAGE_FULL)

struct command {
    uint32_t itt, edtl;
    uint8_t op, flags; /* flags: byte 1 of the BHS, F and attributes included */
    uint32_t lba;
    uint16_t n_blocks;
    bool immediate;
    uint8_t lun;
};
void command_pdu(struct initiator *i, uint8_t bhs[BHS_LEN], const struct command *c);
void command_send(struct initiator *i, const struct command *c, const void *data, uint32_t len);
void data_out_send(struct initiator *i, uint32_t itt, uint32_t ttt, uint32_t data_sn, uint32_t offset,
                   bool final, const void *data, uint32_t len);
void request_pdu(struct initiator *i, uint8_t bhs[BHS_LEN], uint8_t opcode, uint8_t flags, uint32_t itt);

uint32_t initiator_random(struct initiator *i);

/* cmocka fixtures: *state is a struct initiator, connected, or still to be (initiator_connect() is the
 * test's). */
int connected(void **state);
int unconnected(void **state);
int disconnect(void **state);
#define TEST(name)       cmocka_unit_test_setup_teardown(name, connected, disconnect)
#define TEST_FRESH(name) cmocka_unit_test_setup_teardown(name, unconnected, disconnect)

#define READ_FLAGS  (PDU_FINAL | COMMAND_READ | 1)
#define WRITE_FLAGS (PDU_FINAL | COMMAND_WRITE | 1)
/* Bytes that are different everywhere near. */
const uint8_t *initiator_pattern(void);
/* The connection is ending: after its last words it wants its socket closed. */
bool initiator_is_over(struct initiator *i);

#endif
