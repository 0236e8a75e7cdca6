/* SPDX-License-Identifier: MIT */
/* The command set: one row per operation code or service action, sorted by both. Everything that is known
 * about a command before it runs stands in its row; adding a command is adding a row and a handler (SPC-4
 * §6, SBC-3 §5).
 *
 * The usage bytes are the CDB as REPORT SUPPORTED OPERATION CODES shows it: operation code and service
 * action by value, then a one for every bit that is looked at. A CDB with any other bit set is refused with
 * INVALID FIELD IN CDB, so what the table says is what happens: a zero in RDPROTECT means "no protection
 * information here". */
#include "scsi/opcode.h"
#include "scsi/scsi_internal.h"

#define B4  0xff, 0xff, 0xff, 0xff
#define B8  B4, B4
#define DPO_FUA 0x1a /* DPO, FUA and the obsolete FUA_NV, which changes nothing */
#define GROUP   0x1f /* GROUP NUMBER: accepted, no effect */
#define NO_LEN  0, 0
#define IN      SCSI_DIR_IN
#define OUT     SCSI_DIR_OUT
#define NONE    SCSI_DIR_NONE

#define MEDIUM_READ  (OP_MEDIUM | OP_LBA | OP_BLOCKS)
#define MEDIUM_WRITE (OP_MEDIUM | OP_LBA | OP_BLOCKS | OP_WRITE)
#define MEDIUM_FUA   (MEDIUM_WRITE | OP_FUA)

/* clang-format off */
const struct scsi_opcode scsi_opcodes[] = {
    /* code, service action, CDB length, direction, length field at/size, flags, conflicts, check, run, name,
     * usage */
    { 0x00, SA_NONE, 6, NONE, NO_LEN, OP_MEDIUM, CONFLICT_SPC2, NULL, run_test_unit_ready, "TEST UNIT READY", { 0x00 } },
    { 0x03, SA_NONE, 6, IN, 4, 1, OP_UA_EXEMPT | OP_NO_LUN, CONFLICT_NEVER, NULL, run_request_sense, "REQUEST SENSE",
      { 0x03, 0x01, 0, 0, 0xff, 0 } },
    { 0x08, SA_NONE, 6, IN, NO_LEN, MEDIUM_READ, CONFLICT_READER, NULL, run_read, "READ(6)", { 0x08, 0x1f, 0xff, 0xff, 0xff, 0 } },
    { 0x0a, SA_NONE, 6, OUT, NO_LEN, MEDIUM_WRITE, CONFLICT_WRITER, NULL, run_write, "WRITE(6)", { 0x0a, 0x1f, 0xff, 0xff, 0xff, 0 } },
    { 0x12, SA_NONE, 6, IN, 3, 2, OP_UA_EXEMPT | OP_NO_LUN, CONFLICT_NEVER, NULL, run_inquiry, "INQUIRY",
      { 0x12, 0x01, 0xff, 0xff, 0xff, 0 } },
    { 0x15, SA_NONE, 6, OUT, 4, 1, 0, CONFLICT_WRITER, NULL, run_mode_select, "MODE SELECT(6)", { 0x15, 0x11, 0, 0, 0xff, 0 } },
    { 0x16, SA_NONE, 6, NONE, NO_LEN, 0, CONFLICT_SPC2, NULL, run_reserve, "RESERVE(6)", { 0x16 } },
    { 0x17, SA_NONE, 6, NONE, NO_LEN, 0, CONFLICT_NEVER, NULL, run_release, "RELEASE(6)", { 0x17 } },
    { 0x1a, SA_NONE, 6, IN, 4, 1, 0, CONFLICT_READER, NULL, run_mode_sense, "MODE SENSE(6)", { 0x1a, 0x08, 0xff, 0xff, 0xff, 0 } },
    { 0x1b, SA_NONE, 6, NONE, NO_LEN, OP_CONFLICT_BY_CDB, CONFLICT_WRITER, check_start_stop, run_start_stop, "START STOP UNIT",
      { 0x1b, 0x01, 0, 0x0f, 0xf7, 0 } },
    { 0x1d, SA_NONE, 6, NONE, NO_LEN, 0, CONFLICT_READER, NULL, run_send_diagnostic, "SEND DIAGNOSTIC",
      { 0x1d, 0xf7, 0, 0xff, 0xff, 0 } },
    { 0x1e, SA_NONE, 6, NONE, NO_LEN, OP_CONFLICT_BY_CDB, CONFLICT_WRITER, NULL, run_prevent_allow, "PREVENT ALLOW MEDIUM REMOVAL",
      { 0x1e, 0, 0, 0, 0x03, 0 } },
    { 0x25, SA_NONE, 10, IN, NO_LEN, OP_MEDIUM, CONFLICT_NEVER, check_read_capacity10, run_read_capacity10, "READ CAPACITY(10)",
      { 0x25, 0, B4, 0, 0, 0x01, 0 } },
    { 0x28, SA_NONE, 10, IN, NO_LEN, MEDIUM_READ, CONFLICT_READER, NULL, run_read, "READ(10)",
      { 0x28, DPO_FUA, B4, GROUP, 0xff, 0xff, 0 } },
    { 0x2a, SA_NONE, 10, OUT, NO_LEN, MEDIUM_FUA, CONFLICT_WRITER, NULL, run_write, "WRITE(10)",
      { 0x2a, DPO_FUA, B4, GROUP, 0xff, 0xff, 0 } },
    { 0x2e, SA_NONE, 10, OUT, NO_LEN, MEDIUM_WRITE | OP_FUA_ALWAYS, CONFLICT_WRITER, check_write_verify, run_write_verify,
      "WRITE AND VERIFY(10)", { 0x2e, 0x16, B4, GROUP, 0xff, 0xff, 0 } },
    { 0x2f, SA_NONE, 10, NONE, NO_LEN, OP_MEDIUM | OP_LBA, CONFLICT_READER, check_verify, run_verify, "VERIFY(10)",
      { 0x2f, 0x16, B4, GROUP, 0xff, 0xff, 0 } },
    { 0x34, SA_NONE, 10, NONE, NO_LEN, OP_MEDIUM | OP_LBA, CONFLICT_READER, NULL, run_prefetch, "PRE-FETCH(10)",
      { 0x34, 0x02, B4, GROUP, 0xff, 0xff, 0 } },
    { 0x35, SA_NONE, 10, NONE, NO_LEN, OP_MEDIUM | OP_LBA, CONFLICT_WRITER, NULL, run_synchronize, "SYNCHRONIZE CACHE(10)",
      { 0x35, 0x06, B4, GROUP, 0xff, 0xff, 0 } },
    { 0x37, SA_NONE, 10, IN, 7, 2, OP_MEDIUM, CONFLICT_READER, NULL, run_read_defect_data, "READ DEFECT DATA(10)",
      { 0x37, 0, 0x1f, 0, 0, 0, 0, 0xff, 0xff, 0 } },
    { 0x41, SA_NONE, 10, OUT, NO_LEN, OP_MEDIUM | OP_LBA | OP_WRITE | OP_EXACT, CONFLICT_WRITER, check_write_same, run_write_same,
      "WRITE SAME(10)", { 0x41, 0x08, B4, GROUP, 0xff, 0xff, 0 } },
    { 0x42, SA_NONE, 10, OUT, 7, 2, OP_MEDIUM | OP_WRITE | OP_THIN, CONFLICT_WRITER, NULL, run_unmap, "UNMAP",
      { 0x42, 0, 0, 0, 0, 0, GROUP, 0xff, 0xff, 0 } },
    { 0x55, SA_NONE, 10, OUT, 7, 2, 0, CONFLICT_WRITER, NULL, run_mode_select, "MODE SELECT(10)",
      { 0x55, 0x11, 0, 0, 0, 0, 0, 0xff, 0xff, 0 } },
    { 0x56, SA_NONE, 10, NONE, NO_LEN, 0, CONFLICT_SPC2, NULL, run_reserve, "RESERVE(10)", { 0x56 } },
    { 0x57, SA_NONE, 10, NONE, NO_LEN, 0, CONFLICT_NEVER, NULL, run_release, "RELEASE(10)", { 0x57 } },
    { 0x5a, SA_NONE, 10, IN, 7, 2, 0, CONFLICT_READER, NULL, run_mode_sense, "MODE SENSE(10)",
      { 0x5a, 0x18, 0xff, 0xff, 0, 0, 0, 0xff, 0xff, 0 } },
    { 0x5e, 0x00, 10, IN, 7, 2, 0, CONFLICT_SPC2, NULL, run_pr_in, "PERSISTENT RESERVE IN: READ KEYS",
      { 0x5e, 0x00, 0, 0, 0, 0, 0, 0xff, 0xff, 0 } },
    { 0x5e, 0x01, 10, IN, 7, 2, 0, CONFLICT_SPC2, NULL, run_pr_in, "PERSISTENT RESERVE IN: READ RESERVATION",
      { 0x5e, 0x01, 0, 0, 0, 0, 0, 0xff, 0xff, 0 } },
    { 0x5e, 0x02, 10, IN, 7, 2, 0, CONFLICT_SPC2, NULL, run_pr_in, "PERSISTENT RESERVE IN: REPORT CAPABILITIES",
      { 0x5e, 0x02, 0, 0, 0, 0, 0, 0xff, 0xff, 0 } },
    { 0x5e, 0x03, 10, IN, 7, 2, 0, CONFLICT_SPC2, NULL, run_pr_in, "PERSISTENT RESERVE IN: READ FULL STATUS",
      { 0x5e, 0x03, 0, 0, 0, 0, 0, 0xff, 0xff, 0 } },
    { 0x5f, 0x00, 10, OUT, 5, 4, 0, CONFLICT_SPC2, NULL, run_pr_out, "PERSISTENT RESERVE OUT: REGISTER",
      { 0x5f, 0x00, 0xff, 0, 0, B4, 0 } },
    { 0x5f, 0x01, 10, OUT, 5, 4, 0, CONFLICT_SPC2, NULL, run_pr_out, "PERSISTENT RESERVE OUT: RESERVE",
      { 0x5f, 0x01, 0xff, 0, 0, B4, 0 } },
    { 0x5f, 0x02, 10, OUT, 5, 4, 0, CONFLICT_SPC2, NULL, run_pr_out, "PERSISTENT RESERVE OUT: RELEASE",
      { 0x5f, 0x02, 0xff, 0, 0, B4, 0 } },
    { 0x5f, 0x03, 10, OUT, 5, 4, 0, CONFLICT_SPC2, NULL, run_pr_out, "PERSISTENT RESERVE OUT: CLEAR",
      { 0x5f, 0x03, 0xff, 0, 0, B4, 0 } },
    { 0x5f, 0x04, 10, OUT, 5, 4, 0, CONFLICT_SPC2, NULL, run_pr_out, "PERSISTENT RESERVE OUT: PREEMPT",
      { 0x5f, 0x04, 0xff, 0, 0, B4, 0 } },
    { 0x5f, 0x05, 10, OUT, 5, 4, 0, CONFLICT_SPC2, NULL, run_pr_out, "PERSISTENT RESERVE OUT: PREEMPT AND ABORT",
      { 0x5f, 0x05, 0xff, 0, 0, B4, 0 } },
    { 0x5f, 0x06, 10, OUT, 5, 4, 0, CONFLICT_SPC2, NULL, run_pr_out, "PERSISTENT RESERVE OUT: REGISTER AND IGNORE EXISTING KEY",
      { 0x5f, 0x06, 0xff, 0, 0, B4, 0 } },
    { 0x5f, 0x07, 10, OUT, 5, 4, 0, CONFLICT_SPC2, NULL, run_pr_out, "PERSISTENT RESERVE OUT: REGISTER AND MOVE",
      { 0x5f, 0x07, 0xff, 0, 0, B4, 0 } },
    { 0x83, 0x00, 16, OUT, 10, 4, 0, CONFLICT_WRITER, NULL, run_extended_copy, "EXTENDED COPY (LID1)",
      { 0x83, 0x00, 0, 0, 0, 0, 0, 0, 0, 0, B4, 0, 0 } },
    { 0x84, 0x00, 16, IN, 10, 4, 0, CONFLICT_READER, NULL, run_copy_status, "RECEIVE COPY STATUS (LID1)",
      { 0x84, 0x00, 0xff, 0, 0, 0, 0, 0, 0, 0, B4, 0, 0 } },
    { 0x84, 0x03, 16, IN, 10, 4, 0, CONFLICT_READER, NULL, run_copy_parameters, "RECEIVE COPY OPERATING PARAMETERS",
      { 0x84, 0x03, 0xff, 0, 0, 0, 0, 0, 0, 0, B4, 0, 0 } },
    { 0x88, SA_NONE, 16, IN, NO_LEN, MEDIUM_READ, CONFLICT_READER, NULL, run_read, "READ(16)", { 0x88, DPO_FUA, B8, B4, GROUP, 0 } },
    { 0x89, SA_NONE, 16, OUT, NO_LEN, OP_MEDIUM | OP_LBA | OP_WRITE | OP_EXACT | OP_FUA, CONFLICT_WRITER, check_compare_and_write,
      run_compare_and_write, "COMPARE AND WRITE", { 0x89, DPO_FUA, B8, 0, 0, 0, 0xff, GROUP, 0 } },
    { 0x8a, SA_NONE, 16, OUT, NO_LEN, MEDIUM_FUA, CONFLICT_WRITER, NULL, run_write, "WRITE(16)",
      { 0x8a, DPO_FUA, B8, B4, GROUP, 0 } },
    { 0x8b, SA_NONE, 16, OUT, NO_LEN, MEDIUM_FUA | OP_EXACT, CONFLICT_WRITER, NULL, run_orwrite, "ORWRITE(16)",
      { 0x8b, DPO_FUA, B8, B4, GROUP, 0 } },
    { 0x8e, SA_NONE, 16, OUT, NO_LEN, MEDIUM_WRITE | OP_FUA_ALWAYS, CONFLICT_WRITER, check_write_verify, run_write_verify,
      "WRITE AND VERIFY(16)", { 0x8e, 0x16, B8, B4, GROUP, 0 } },
    { 0x8f, SA_NONE, 16, NONE, NO_LEN, OP_MEDIUM | OP_LBA, CONFLICT_READER, check_verify, run_verify, "VERIFY(16)",
      { 0x8f, 0x16, B8, B4, GROUP, 0 } },
    { 0x90, SA_NONE, 16, NONE, NO_LEN, OP_MEDIUM | OP_LBA, CONFLICT_READER, NULL, run_prefetch, "PRE-FETCH(16)",
      { 0x90, 0x02, B8, B4, GROUP, 0 } },
    { 0x91, SA_NONE, 16, NONE, NO_LEN, OP_MEDIUM | OP_LBA, CONFLICT_WRITER, NULL, run_synchronize, "SYNCHRONIZE CACHE(16)",
      { 0x91, 0x06, B8, B4, GROUP, 0 } },
    { 0x93, SA_NONE, 16, OUT, NO_LEN, OP_MEDIUM | OP_LBA | OP_WRITE | OP_EXACT, CONFLICT_WRITER, check_write_same, run_write_same,
      "WRITE SAME(16)", { 0x93, 0x09, B8, B4, GROUP, 0 } },
    { 0x9e, 0x10, 16, IN, 10, 4, OP_MEDIUM, CONFLICT_NEVER, NULL, run_read_capacity16, "READ CAPACITY(16)",
      { 0x9e, 0x10, B8, B4, 0x01, 0 } },
    { 0x9e, 0x12, 16, IN, 10, 4, OP_MEDIUM, CONFLICT_READER, NULL, run_get_lba_status, "GET LBA STATUS", { 0x9e, 0x12, B8, B4, 0, 0 } },
    { 0xa0, SA_NONE, 12, IN, 6, 4, OP_UA_EXEMPT | OP_NO_LUN, CONFLICT_NEVER, NULL, run_report_luns, "REPORT LUNS",
      { 0xa0, 0, 0xff, 0, 0, 0, B4, 0, 0 } },
    { 0xa3, 0x0a, 12, IN, 6, 4, 0, CONFLICT_NEVER, NULL, run_report_target_groups, "REPORT TARGET PORT GROUPS",
      { 0xa3, 0xea, 0, 0, 0, 0, B4, 0, 0 } },
    { 0xa3, 0x0c, 12, IN, 6, 4, 0, CONFLICT_READER, NULL, run_report_opcodes, "REPORT SUPPORTED OPERATION CODES",
      { 0xa3, 0x0c, 0x87, 0xff, 0xff, 0xff, B4, 0, 0 } },
    { 0xa3, 0x0d, 12, IN, 6, 4, 0, CONFLICT_READER, NULL, run_report_tmf, "REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS",
      { 0xa3, 0x0d, 0x80, 0, 0, 0, B4, 0, 0 } },
    { 0xa8, SA_NONE, 12, IN, NO_LEN, MEDIUM_READ, CONFLICT_READER, NULL, run_read, "READ(12)", { 0xa8, DPO_FUA, B4, B4, GROUP, 0 } },
    { 0xaa, SA_NONE, 12, OUT, NO_LEN, MEDIUM_FUA, CONFLICT_WRITER, NULL, run_write, "WRITE(12)",
      { 0xaa, DPO_FUA, B4, B4, GROUP, 0 } },
    { 0xae, SA_NONE, 12, OUT, NO_LEN, MEDIUM_WRITE | OP_FUA_ALWAYS, CONFLICT_WRITER, check_write_verify, run_write_verify,
      "WRITE AND VERIFY(12)", { 0xae, 0x16, B4, B4, GROUP, 0 } },
    { 0xaf, SA_NONE, 12, NONE, NO_LEN, OP_MEDIUM | OP_LBA, CONFLICT_READER, check_verify, run_verify, "VERIFY(12)",
      { 0xaf, 0x16, B4, B4, GROUP, 0 } },
    { 0xb7, SA_NONE, 12, IN, 6, 4, OP_MEDIUM, CONFLICT_READER, NULL, run_read_defect_data, "READ DEFECT DATA(12)",
      { 0xb7, 0x1f, B4, B4, 0, 0 } },
};
/* clang-format on */
const size_t scsi_n_opcodes = ARRAY_SIZE(scsi_opcodes);

static const struct scsi_opcode *first_row[256];
static pthread_once_t index_once = PTHREAD_ONCE_INIT;

static void index_build(void)
{
    for (size_t i = ARRAY_SIZE(scsi_opcodes); i-- > 0;)
        first_row[scsi_opcodes[i].opcode] = &scsi_opcodes[i];
}

void opcode_init(void)
{
    pthread_once(&index_once, index_build);
}

const struct scsi_opcode *opcode_first(uint8_t opcode)
{
    return first_row[opcode];
}

uint8_t opcode_sa(const struct scsi_opcode *op, const uint8_t *cdb)
{
    return op->sa == SA_NONE ? SA_NONE : cdb[1] & 0x1f;
}

const struct scsi_opcode *opcode_find(const uint8_t *cdb)
{
    const struct scsi_opcode *op = first_row[cdb[0]], *end = scsi_opcodes + ARRAY_SIZE(scsi_opcodes);

    if (!op || op->sa == SA_NONE)
        return op;
    for (; op < end && op->opcode == cdb[0]; op++)
        if (op->sa == (cdb[1] & 0x1f))
            return op;
    return NULL;
}

bool opcode_supported(const struct scsi_opcode *op, const struct scsi_lu *lu)
{
    return !(op->flags & OP_THIN && !lu->thin) && !(op->flags & OP_REMOVABLE && !lu->removable);
}

/* Where each CDB group keeps address and count (SPC-4 §4.3.4); the group is the top three bits of the
 * operation code. */
struct cdb_range cdb_range_decode(const uint8_t *cdb)
{
    switch (cdb[0] >> 5) {
    case 0: /* 21 bits, and a count of 0 means 256 (SBC-3 §5.7) */
        return (struct cdb_range){ be24_get(cdb + 1) & 0x1fffff, cdb[4] ? cdb[4] : 256, 1, 4 };
    case 4:
        if (cdb[0] == 0x89) /* COMPARE AND WRITE counts in one byte */
            return (struct cdb_range){ be64_get(cdb + 2), cdb[13], 2, 13 };
        return (struct cdb_range){ be64_get(cdb + 2), be32_get(cdb + 10), 2, 10 };
    case 5:
        return (struct cdb_range){ be32_get(cdb + 2), be32_get(cdb + 6), 2, 6 };
    default:
        return (struct cdb_range){ be32_get(cdb + 2), be16_get(cdb + 7), 2, 7 };
    }
}
