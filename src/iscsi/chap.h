/* SPDX-License-Identifier: MIT */
/* The security stage as its keys see it (RFC 7143 §12, §13.x AuthMethod; CHAP: §12.1.3): None and CHAP,
 * one-way and mutual. */
#ifndef VDS_ISCSI_CHAP_H
#define VDS_ISCSI_CHAP_H

#include "iscsi/iscsi.h"
#include "iscsi/text.h"

struct chap;

/* `auth` must outlive it. NULL: out of memory. */
struct chap *chap_create(const struct iscsi_auth *auth, const char *initiator, const char *target);
void chap_destroy(struct chap *c);

bool chap_is_key(const char *name);
/* Takes one key of a request. -EPROTO: out of order or twice; -EACCES: wrong; -EINVAL: not to be read. */
int chap_key(struct chap *c, const char *name, const char *value);
/* The request is complete: writes what is to be answered. -EACCES: authentication has failed. */
int chap_answer(struct chap *c, struct text *out);

/* The stage may be left. */
bool chap_is_done(const struct chap *c);
/* The initiator has proved who it is. */
bool chap_has_proved(const struct chap *c);

#endif
