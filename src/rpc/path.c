/* SPDX-License-Identifier: MIT */
#include "rpc/path.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A path element may not hold the dashes of a GUID. */
static void swap(char *text, char from, char to)
{
    for (; *text; text++) {
        if (*text == from)
            *text = to;
    }
}

void rpc_path_format(const struct rpc_path *path, char text[static RPC_PATH_MAX])
{
    char id[GUID_TEXT_SIZE];

    if (path->kind == rpc_kind_service) {
        strcpy(text, RPC_PATH_SERVICE);
    } else if (path->kind == rpc_kind_async) {
        snprintf(text, RPC_PATH_MAX, RPC_PATH_ROOT "/%s/%" PRIu64, path->kind->name, path->operation);
    } else {
        guid_format(&path->id, id);
        swap(id, '-', '_');
        snprintf(text, RPC_PATH_MAX, RPC_PATH_ROOT "/%s/%s", path->kind->name, id);
    }
}

static const struct rpc_kind *kind_by_name(const char *name, size_t n)
{
    for (size_t i = 0; i < rpc_n_kinds; i++) {
        if (strlen(rpc_kinds[i].name) == n && memcmp(rpc_kinds[i].name, name, n) == 0)
            return &rpc_kinds[i];
    }
    return NULL;
}

static int parse_id(const char *text, struct rpc_path *path)
{
    char id[GUID_TEXT_SIZE];

    if (path->kind == rpc_kind_async) {
        path->operation = strtoull(text, NULL, 10);
        return 0;
    }
    if (strlen(text) != GUID_TEXT_SIZE - 1)
        return -EINVAL;
    strcpy(id, text);
    swap(id, '_', '-');
    return guid_parse(id, &path->id);
}

int rpc_path_parse(const char *text, struct rpc_path *ret_path)
{
    static const size_t root = sizeof RPC_PATH_ROOT "/" - 1;
    struct rpc_path path = { 0 };
    char again[RPC_PATH_MAX];
    const char *slash;

    if (strncmp(text, RPC_PATH_ROOT "/", root) != 0)
        return -EINVAL;
    slash = strchrnul(text + root, '/');
    path.kind = kind_by_name(text + root, (size_t)(slash - text) - root);
    if (!path.kind || (path.kind != rpc_kind_service && (!*slash || parse_id(slash + 1, &path) < 0)))
        return -EINVAL;
    rpc_path_format(&path, again); /* one object has one path */
    if (strcmp(text, again) != 0)
        return -EINVAL;
    *ret_path = path;
    return 0;
}
