/* SPDX-License-Identifier: MIT */
/* An initiator that checks what it is told. It keeps many commands in flight, sends their data as negotiated,
 * and holds the target to RFC 7143: StatSN and MaxCmdSN, the order and bounds of Data-In and R2T, one answer
 * for each command. What it breaks by is sim_fail().
 *
 * It shares digest_add() and the byte order helpers with the target, and no other code.
 */
#ifndef VDS_TESTS_SIM_INITIATOR_H
#define VDS_TESTS_SIM_INITIATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BLOCK       512u
#define COMMANDS    12
#define COMMAND_MAX (32 * BLOCK)

/* How a session ended, or that it goes on. */
enum session_end { SESSION_GOES_ON, SESSION_LOST, SESSION_LOGGED_OUT };

struct command {
    bool used, write, aborting;
    uint32_t itt, lba, n_blocks;
    uint32_t moved, n_data_in;
    uint64_t began_ns;
    uint8_t data[COMMAND_MAX];
};

struct initiator {
    char name[64];
    uint8_t isid[6];
    int fd;
    uint32_t itt, cmdsn, max_cmdsn, exp_statsn;
    bool header_digest, data_digest, initial_r2t, immediate_data;
    uint32_t first_burst, max_burst, max_send, max_recv;
    struct command commands[COMMANDS];
    unsigned n_running;
    bool asked_to_leave, dropped; /* async events 1 and 2 */
    bool logging_out, tmf_running, ping_running;
    uint32_t logout_itt, tmf_itt, ping_itt;
    uint8_t *rx;
    size_t rx_len, rx_room;
    /* Called for each command that got its answer; status 0xff: TASK ABORTED by our own request. */
    void (*answered)(void *arg, struct command *command, uint8_t status, uint8_t key, uint16_t asc);
    void *arg;
};

struct login_answer {
    uint8_t class, detail;
    uint16_t tag;
    char address[80];
};

void initiator_fini(struct initiator *in);
/* Connects and logs in (target NULL: to discover). 0: full feature phase or refused, see *ret; -errno: the
 * connection did not come about or was lost. Each login negotiates something else. */
int initiator_login(struct initiator *in, const char *address, const char *target, struct login_answer *ret);
/* SendTargets=All; calls record() for each address. -errno: lost. */
int initiator_discover(struct initiator *in,
                       void (*record)(void *arg, const char *target, const char *address, unsigned tag),
                       void *arg);

/* A free command when the window has room, else NULL. */
struct command *initiator_command(struct initiator *in);
/* lba, n_blocks, write and data are filled in. */
enum session_end initiator_start(struct initiator *in, struct command *command);
enum session_end initiator_ping(struct initiator *in);
enum session_end initiator_abort(struct initiator *in, struct command *command);
enum session_end initiator_reset_unit(struct initiator *in);
enum session_end initiator_logout(struct initiator *in);
/* Takes the next PDU, waiting at most so long (0: only what is there); *ret_timeout: none came. */
enum session_end initiator_receive(struct initiator *in, uint64_t wait_ns, bool *ret_timeout);
void initiator_break(struct initiator *in); /* the connection is lost */
void initiator_close(struct initiator *in);

#endif
