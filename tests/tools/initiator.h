/* SPDX-License-Identifier: MIT */
/* A small iSCSI initiator for tests: one connection, blocking, one command at a time, written from RFC 7143
 * and sharing no code with the target, so that the two check each other. It says what it sees (status, tag,
 * redirect, async events) instead of hiding it.
 *
 * Every wait has a bound (INITIATOR_TIMEOUT_S), as a guard against hanging; running into it is -ETIMEDOUT.
 */
#ifndef VDS_TESTS_INITIATOR_H
#define VDS_TESTS_INITIATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define INITIATOR_TIMEOUT_S 30
#define INITIATOR_TEXT_MAX  (1u << 20)

struct initiator {
    int fd;
    char name[224];
    uint8_t isid[6];
    uint32_t cmdsn, expstatsn, itt;

    /* what the login said */
    uint8_t status_class, status_detail;
    uint16_t tag, tsih;
    char moved_to[96];          /* TargetAddress of a redirection, without its tag */
    uint32_t first_burst, max_burst, max_send;
    bool immediate_data;

    /* what the target asked for since: Async Message events 1 and 2 */
    bool logout_requested, drop_announced;
    unsigned logout_seconds;
};

struct initiator_result {
    uint8_t status;             /* SCSI */
    uint8_t key;                /* sense */
    uint16_t asc;
    uint32_t n_in;              /* bytes read */
};

/* `number` makes name and ISID: equal numbers are the same initiator port. Zeroes everything. */
void initiator_init(struct initiator *in, unsigned number);
void initiator_init_named(struct initiator *in, const char *name, unsigned isid);
int initiator_connect(struct initiator *in, const struct sockaddr_storage *addr);
/* "192.0.2.1:3260" or "[2001:db8::1]:3260", a ",tag" behind it is ignored. */
int initiator_connect_text(struct initiator *in, const char *address);
void initiator_close(struct initiator *in);

/* target NULL: a discovery session. 0: full feature phase; -EACCES: refused or redirected, see status_*; else
 * -errno. */
int initiator_login(struct initiator *in, const char *target);
/* Sends the first login PDU only (CSG 0, no transition): the connection then stays in login. */
int initiator_login_begin(struct initiator *in, const char *target);
/* SendTargets=`what`; the whole answer, "key=value" lines with a newline each, malloc'ed. */
int initiator_send_targets(struct initiator *in, const char *what, char **ret_text);
int initiator_logout(struct initiator *in);
int initiator_nop(struct initiator *in);

/* One SCSI command; out_len > 0 writes, in_len > 0 reads. 0 when an answer came, whatever it says. */
int initiator_command(struct initiator *in, unsigned lun, const uint8_t *cdb, size_t n_cdb, const void *out,
                      uint32_t out_len, void *in_buf, uint32_t in_len, struct initiator_result *ret);
/* Only sends it; the answer is fetched by initiator_answer(). */
int initiator_send_command(struct initiator *in, unsigned lun, const uint8_t *cdb, size_t n_cdb,
                           const void *out, uint32_t out_len, uint32_t in_len);
int initiator_answer(struct initiator *in, const void *out, uint32_t out_len, void *in_buf, uint32_t in_len,
                     struct initiator_result *ret);

/* 512-byte blocks; -EIO when the status is not GOOD. */
int initiator_read(struct initiator *in, unsigned lun, uint64_t lba, uint32_t n_blocks, void *buf);
int initiator_write(struct initiator *in, unsigned lun, uint64_t lba, uint32_t n_blocks, const void *buf);
/* TEST UNIT READY until no unit attention is left; returns how many there were, or -errno. The last one's
 * code in *ret_asc (may be NULL). */
int initiator_clear_attentions(struct initiator *in, unsigned lun, uint16_t *ret_asc);
/* Bit n set: LUN n (< 64) is there. */
int initiator_report_luns(struct initiator *in, uint64_t *ret_luns);

/* Waits for the next PDU without having asked for anything: an async message (0), the end of the stream
 * (-ECONNRESET). */
int initiator_wait_event(struct initiator *in);

#endif
