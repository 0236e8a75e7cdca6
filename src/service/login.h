/* SPDX-License-Identifier: MIT */
/* What a login or a logout of the host's initiator is told, and its beginning. */
#ifndef VDS_SERVICE_LOGIN_H
#define VDS_SERVICE_LOGIN_H

#include "com/com.h"

#define LOGIN_NAME_SIZE 256

struct login {
    bool logout;
    /* portal, iface "": all of the target's sessions; the initiator chooses */
    char target[LOGIN_NAME_SIZE], portal[96], iface[64];
    bool header_digest, data_digest, persistent;
    VDS_ISCSI_AUTH_TYPE auth;
};

/* A record of open-iscsi's for the target at that portal, over that interface: makes one where there is none.
 * Under records_lock(). */
HRESULT login_make_record(const struct login *where);

/* Copies it. */
HRESULT login_start(const struct login *what, VDS_ASYNC_OUTPUT_TYPE type, IVdsAsync **ret_async);

#endif
