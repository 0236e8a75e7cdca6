/* SPDX-License-Identifier: MIT */
/* What open-iscsi's node records hold about CHAP. iscsiadm(8) takes values as arguments only, which everybody
 * on the host can read in the list of processes while it runs; so secrets are read from and written into the
 * records themselves, which only root may read. Making a record is iscsiadm's.
 *
 * open-iscsi does what a record's secrets allow, whatever else is asked of it: a secret that is not for the
 * next login has to be out of its sight. It stands aside then, as a comment of ours in the record, which
 * lasts until iscsiadm next writes there. */
#ifndef VDS_SERVICE_RECORDS_H
#define VDS_SERVICE_RECORDS_H

#include "com/com.h"

enum record_field { RECORD_USER, RECORD_SECRET, RECORD_USER_IN, RECORD_SECRET_IN, N_RECORD_FIELDS };
#define RECORD_VALUE_SIZE 256

/* Sets of fields: what the host proves itself with, and what targets do. */
#define RECORD_OWN (1u << RECORD_USER | 1u << RECORD_SECRET)
#define RECORD_IN  (1u << RECORD_USER_IN | 1u << RECORD_SECRET_IN)

struct record_auth {
    char value[N_RECORD_FIELDS][RECORD_VALUE_SIZE]; /* "": the record does not say */
    /* to records_write(): fields (1 << RECORD_...) that stand aside */
    unsigned aside;
};

/* Where open-iscsi keeps its name and its records: VDS_OPEN_ISCSI, /etc/iscsi, for records also
 * /var/lib/iscsi. */
const char *records_folder(void);

/* From reading a record to writing what was read: one at a time. */
void records_lock(void);
void records_unlock(void);

/* What the target's records say, aside or not; the first that has a value for a field counts. No records: all
 * "". E_ACCESSDENIED. */
HRESULT records_read(const char *target, struct record_auth *ret_auth);

/* Puts the fields of the set (1 << RECORD_...) into every record of the target, or with NULL of every target;
 * `user_in_is_target`: as RECORD_USER_IN each record gets its target's name. VDS_E_OBJECT_NOT_FOUND: there is
 * none. */
HRESULT records_write(const char *target, unsigned fields, const struct record_auth *auth,
                      bool user_in_is_target);

#endif
