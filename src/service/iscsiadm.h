/* SPDX-License-Identifier: MIT */
/* The host's open-iscsi, through its own program: iscsiadm(8). Runs it without a shell, bounded in time and
 * output. Knows no VDS object. */
#ifndef VDS_SERVICE_ISCSIADM_H
#define VDS_SERVICE_ISCSIADM_H

#include "com/com.h"

/* Its exit codes that mean something of their own (iscsiadm(8), EXIT STATUS). */
enum iscsiadm_exit {
    ISCSIADM_OK = 0,
    ISCSIADM_NO_SESSION = 2,
    ISCSIADM_DATABASE = 6, /* for who is not root, too: told as ISCSIADM_ACCESS here */
    ISCSIADM_ACCESS = 13,
    ISCSIADM_SESSION_EXISTS = 15,
    ISCSIADM_NO_RECORDS = 21
};

#define ISCSIADM_WORDS_MAX 24

/* Runs `program` (found on PATH) with these words, NULL at the end. S_OK: it ran, *ret_exit is its exit code
 * and *ret_out (may be NULL) what it printed, malloc'ed. VDS_E_NOT_SUPPORTED: it is not installed.
 * VDS_E_OPERATION_CANCELED: it did not come back in time. Why it failed is in error_text_get(). */
HRESULT iscsiadm_run(const char *program, const char *const *words, int *ret_exit, char **ret_out);

/* One line of "iscsiadm -m iface": an initiator port of the host. */
struct iscsiadm_iface {
    char name[64], transport[32], address[64]; /* address "": not bound to one */
};
/* malloc'ed. */
HRESULT iscsiadm_ifaces(const char *program, struct iscsiadm_iface **ret_ifaces, size_t *ret_n);

#endif
