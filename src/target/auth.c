/* SPDX-License-Identifier: MIT */
/* Which CHAP secrets hold for an initiator. The protocol itself is in src/iscsi. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "target/directory.h"

void target_auth_init(struct dir_auth *auth)
{
    *auth = (struct dir_auth){ 0 };
    list_init(&auth->by_initiator);
}

static void secret_free(struct dir_secret *secret)
{
    list_remove(&secret->link);
    explicit_bzero(secret, sizeof *secret);
    free(secret);
}

void target_auth_fini(struct dir_auth *auth)
{
    list_for_each_safe(node, &auth->by_initiator)
        secret_free(container_of(node, struct dir_secret, link));
    explicit_bzero(&auth->in, sizeof auth->in);
    explicit_bzero(&auth->mutual, sizeof auth->mutual);
}

static struct dir_secret *find(const struct dir_auth *auth, const char *initiator)
{
    list_for_each(node, &auth->by_initiator) {
        struct dir_secret *secret = container_of(node, struct dir_secret, link);

        if (strcasecmp(secret->initiator, initiator) == 0)
            return secret;
    }
    return NULL;
}

static struct dir_secret *find_or_add(struct dir_auth *auth, const char *initiator)
{
    struct dir_secret *secret = find(auth, initiator);

    if (secret || !(secret = calloc(1, sizeof *secret)))
        return secret;
    snprintf(secret->initiator, sizeof secret->initiator, "%s", initiator);
    list_append(&auth->by_initiator, &secret->link);
    return secret;
}

int target_auth_set(struct dir_auth *auth, const char *initiator, const struct iscsi_secret *secret,
                    bool mutual)
{
    static const struct iscsi_secret none;
    struct dir_secret *own = NULL;

    if (initiator && strlen(initiator) > ISCSI_NAME_MAX)
        return -EINVAL;
    if (secret && secret->len > sizeof secret->bytes)
        return -EINVAL;
    if (!initiator) {
        *(mutual ? &auth->mutual : &auth->in) = secret ? *secret : none;
        return 0;
    }
    own = secret ? find_or_add(auth, initiator) : find(auth, initiator);
    if (!own)
        return secret ? -ENOMEM : 0;
    *(mutual ? &own->mutual : &own->in) = secret ? *secret : none;
    if (own->in.len == 0 && own->mutual.len == 0)
        secret_free(own);
    return 0;
}

void target_auth_find(const struct dir_auth *auth, const char *initiator, const char *user_of_target,
                      struct iscsi_auth *ret_auth)
{
    const struct dir_secret *own = find(auth, initiator);

    *ret_auth = (struct iscsi_auth){ 0 };
    ret_auth->in = own && own->in.len ? own->in : auth->in;
    ret_auth->mutual = own && own->mutual.len ? own->mutual : auth->mutual;
    ret_auth->required = ret_auth->in.len != 0;
    snprintf(ret_auth->mutual_user, sizeof ret_auth->mutual_user, "%s", user_of_target);
}
