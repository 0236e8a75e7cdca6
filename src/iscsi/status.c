/* SPDX-License-Identifier: MIT */
/* Login status classes and details by name (RFC 7143 §11.13.5); the defaults of what bounds a connection. */
#include "iscsi/iscsi.h"

const struct iscsi_login_status ISCSI_LOGIN_OK = { 0x00, 0x00 };
const struct iscsi_login_status ISCSI_LOGIN_MOVED_TEMPORARILY = { 0x01, 0x01 };
const struct iscsi_login_status ISCSI_LOGIN_MOVED_PERMANENTLY = { 0x01, 0x02 };
const struct iscsi_login_status ISCSI_LOGIN_INITIATOR_ERROR = { 0x02, 0x00 };
const struct iscsi_login_status ISCSI_LOGIN_AUTH_FAILED = { 0x02, 0x01 };
const struct iscsi_login_status ISCSI_LOGIN_FORBIDDEN = { 0x02, 0x02 };
const struct iscsi_login_status ISCSI_LOGIN_NOT_FOUND = { 0x02, 0x03 };
const struct iscsi_login_status ISCSI_LOGIN_REMOVED = { 0x02, 0x04 };
const struct iscsi_login_status ISCSI_LOGIN_BAD_VERSION = { 0x02, 0x05 };
const struct iscsi_login_status ISCSI_LOGIN_TOO_MANY_CONNECTIONS = { 0x02, 0x06 };
const struct iscsi_login_status ISCSI_LOGIN_MISSING_PARAMETER = { 0x02, 0x07 };
const struct iscsi_login_status ISCSI_LOGIN_CANNOT_INCLUDE = { 0x02, 0x08 };
const struct iscsi_login_status ISCSI_LOGIN_TYPE_NOT_SUPPORTED = { 0x02, 0x09 };
const struct iscsi_login_status ISCSI_LOGIN_NO_SUCH_SESSION = { 0x02, 0x0a };
const struct iscsi_login_status ISCSI_LOGIN_BAD_REQUEST = { 0x02, 0x0b };
const struct iscsi_login_status ISCSI_LOGIN_TARGET_ERROR = { 0x03, 0x00 };
const struct iscsi_login_status ISCSI_LOGIN_SERVICE_UNAVAILABLE = { 0x03, 0x01 };
const struct iscsi_login_status ISCSI_LOGIN_OUT_OF_RESOURCES = { 0x03, 0x02 };

const struct iscsi_limits iscsi_limits_default = {
    .login_seconds = 15,
    .login_bytes = 16384,
    .text_bytes = 8u << 20,
    .tasks = 128,
    .session_bytes = 64u << 20,
    .keepalive_seconds = 15,
    .max_recv_data_segment = 262144,
    .max_burst = 1048576,
    .first_burst = 262144,
    .initial_r2t = false,
    .immediate_data = true,
    .max_outstanding_r2t = 8,
    .time2wait = 2,
    .time2retain = 0,
};
