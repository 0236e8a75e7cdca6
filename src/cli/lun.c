/* SPDX-License-Identifier: MIT */
/* vdsctl lun ... */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "cli/handlers.h"
#include "cli/json.h"
#include "cli/table.h"

/* "box:0, db:3"; malloc'ed. */
static char *ties_text(const struct model *model, const struct lun *lun)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        client_out_of_memory();
    for (size_t i = 0; i < lun->n_targets; i++) {
        const struct target *t = model_target(model, &lun->targets[i]);

        fprintf(out, "%s%s:%u", i ? ", " : "", t ? t->name : "?", lun->numbers[i]);
    }
    if (fclose(out) != 0)
        client_out_of_memory();
    return text;
}

static void row_of(struct table *table, const struct model *model, const struct lun *lun)
{
    char size[SIZE_TEXT_SIZE], used[SIZE_TEXT_SIZE];
    _cleanup_(freep) char *targets = ties_text(model, lun);

    table_row(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s", lun->name, size_text(lun->size, size),
              size_text(lun->allocated, used), lun->kind, status_word(lun->status), *targets ? targets : "-",
              *lun->mask ? lun->mask : "nobody");
}

int lun_list(struct client *client, const struct request *request)
{
    _cleanup_(model_fini) struct model model;
    int r = model_read(&model, client, MODEL_LUNS | MODEL_TARGETS);
    struct table *table;

    if (r != EXIT_DONE)
        return r;
    if (request->json)
        return json_print(json_luns(&model));
    table = table_create("LUN\tSIZE\tUSED\tKIND\tSTATUS\tTARGETS\tALLOWED");
    for (size_t i = 0; i < model.n_luns; i++)
        row_of(table, &model, &model.luns[i]);
    table_print(table);
    return EXIT_DONE;
}

static int print_created(IUnknown *object)
{
    IVdsLun *lun = NULL;
    VDS_LUN_PROP prop;
    HRESULT hr = IUnknown_QueryInterface(object, &IID_IVdsLun, (void **)&lun);
    struct json_object *o;

    if (SUCCEEDED(hr))
        hr = IVdsLun_GetProperties(lun, &prop);
    RELEASE(lun);
    if (FAILED(hr))
        return client_refused(hr, "reading the new LUN");
    CoTaskMemFree(prop.pwszFriendlyName);
    CoTaskMemFree(prop.pwszIdentification);
    CoTaskMemFree(prop.pwszUnmaskingList);
    o = json_object_new_object();
    json_object_object_add(o, "id", json_guid(&prop.id));
    json_object_object_add(o, "size", json_object_new_uint64(prop.ullSize));
    return json_print(o);
}

static bool parse_size(const char *text, uint64_t *ret_size)
{
    if (size_parse(text, ret_size) == 0)
        return true;
    fprintf(stderr, "vdsctl: '%s' is no size, such as 10G\n", text);
    return false;
}

static bool parse_block(const char *text, ULONG *ret_bytes)
{
    uint64_t size = 0;

    if (text && !parse_size(text, &size))
        return false;
    if (size > UINT32_MAX) {
        fprintf(stderr, "vdsctl: '%s' is no size of a block: 512 or 4096, physical ones up to 65536\n", text);
        return false;
    }
    *ret_bytes = (ULONG)size;
    return true;
}

static ULONG features_of(const struct request *request)
{
    return (request->thick ? VDS_LUN_FEATURE_THICK : 0) |
           (request->removable ? VDS_LUN_FEATURE_REMOVABLE : 0) |
           (request->read_only ? VDS_LUN_FEATURE_READ_ONLY : 0) |
           (request->memory ? VDS_LUN_FEATURE_VOLATILE : 0);
}

static HRESULT create(struct client *client, const struct request *request, uint64_t size,
                      const ULONG blocks[2], WCHAR *name, IVdsAsync **ret_async)
{
    WCHAR nobody[1] = { 0 };
    IVdsSubSystemLunEx *ex;
    HRESULT hr = IVdsSubSystem_QueryInterface(client->subsystem, &IID_IVdsSubSystemLunEx, (void **)&ex);

    if (FAILED(hr))
        return hr;
    hr = IVdsSubSystemLunEx_CreateLunWithFeatures(ex, size, features_of(request), blocks[0], blocks[1], NULL,
                                                  0, nobody, name, ret_async);
    IVdsSubSystemLunEx_Release(ex);
    return hr;
}

int lun_create(struct client *client, const struct request *request)
{
    _cleanup_(freep) WCHAR *name = client_wide(request->args[0]);
    IUnknown *object = NULL;
    IVdsAsync *async;
    ULONG blocks[2];
    uint64_t size;
    HRESULT hr;
    int r;

    if (!client_is_name(request->args[0]))
        return EXIT_USAGE;
    if (!name || !parse_size(request->size, &size) || !parse_block(request->block_size, &blocks[0]) ||
        !parse_block(request->physical_block, &blocks[1]))
        return EXIT_USAGE;
    client_hold_signals();
    hr = create(client, request, size, blocks, name, &async);
    if (FAILED(hr))
        return client_refused(hr, "LUN %s", request->args[0]);
    r = client_wait(client, async, &object, NULL, "creating LUN %s", request->args[0]);
    if (r == EXIT_DONE && request->json)
        r = print_created(object);
    RELEASE(object);
    return r;
}

/* What most verbs begin with: the LUN named first. */
static int find(struct client *client, const struct request *request, struct model *model,
                const struct lun **ret_lun)
{
    int r = model_read(model, client, MODEL_LUNS | MODEL_TARGETS);

    if (r != EXIT_DONE)
        return r;
    *ret_lun = model_find_lun(model, request->args[0]);
    return *ret_lun ? EXIT_DONE : EXIT_REFUSED;
}

static HRESULT lun_face(struct client *client, const struct lun *lun, const IID *iid, void *ret_face)
{
    return client_object(client, VDS_OT_LUN, &lun->id, iid, ret_face);
}

/* SIZE is what the LUN will have, not the difference: what is typed twice does not happen twice. */
static int resize(struct client *client, const struct request *request, const struct lun *lun, bool grow)
{
    _cleanup_(client_releasep) IVdsLun *face = NULL;
    _cleanup_(client_releasep) IVdsLunEx2 *ex = NULL;
    IVdsAsync *async = NULL;
    uint64_t size;
    HRESULT hr;

    if (!parse_size(request->args[1], &size))
        return EXIT_USAGE;
    if (grow ? size <= lun->size : size >= lun->size) {
        char now[SIZE_TEXT_SIZE];

        fprintf(stderr, "vdsctl: LUN %s has %s: to %s it, give a size that is %s\n", lun->name,
                size_text(lun->size, now), grow ? "extend" : "shrink", grow ? "larger" : "smaller");
        return EXIT_REFUSED;
    }
    client_hold_signals();
    if (grow) {
        hr = lun_face(client, lun, &IID_IVdsLun, &face);
        if (SUCCEEDED(hr))
            hr = IVdsLun_Extend(face, size - lun->size, NULL, 0, &async);
    } else {
        hr = lun_face(client, lun, &IID_IVdsLunEx2, &ex);
        if (SUCCEEDED(hr))
            hr = IVdsLunEx2_ShrinkEx(ex, lun->size - size, request->force, &async);
    }
    return FAILED(hr) ? client_refused(hr, "LUN %s", lun->name)
                      : client_wait(client, async, NULL, NULL, "%s LUN %s", grow ? "extending" : "shrinking",
                                    lun->name);
}

int lun_extend(struct client *client, const struct request *request)
{
    _cleanup_(model_fini) struct model model;
    const struct lun *lun;
    int r = find(client, request, &model, &lun);

    return r == EXIT_DONE ? resize(client, request, lun, /* grow= */ true) : r;
}

int lun_shrink(struct client *client, const struct request *request)
{
    _cleanup_(model_fini) struct model model;
    const struct lun *lun;
    int r = find(client, request, &model, &lun);

    return r == EXIT_DONE ? resize(client, request, lun, /* grow= */ false) : r;
}

/* The service would delete it all the same: whoever tied it may use it. */
static int say_tied(const struct model *model, const struct lun *lun)
{
    const struct target *target = model_target(model, &lun->targets[0]);

    fprintf(stderr, "vdsctl: LUN %s is tied to %u target%s: 'vdsctl lun detach %s %s' first\n", lun->name,
            (unsigned)lun->n_targets, lun->n_targets == 1 ? "" : "s", lun->name,
            target && lun->n_targets == 1 ? target->name : "T...");
    return EXIT_REFUSED;
}

int lun_delete(struct client *client, const struct request *request)
{
    _cleanup_(model_fini) struct model model;
    const struct lun *lun;
    int r = find(client, request, &model, &lun);
    _cleanup_(client_releasep) IVdsLun *face = NULL;
    HRESULT hr;

    if (r != EXIT_DONE)
        return r;
    if (lun->n_targets > 0)
        return say_tied(&model, lun);
    hr = lun_face(client, lun, &IID_IVdsLun, &face);
    if (SUCCEEDED(hr))
        hr = IVdsLun_Delete(face);
    return FAILED(hr) ? client_refused(hr, "LUN %s", lun->name) : EXIT_DONE;
}

/* AssociateTargets replaces the whole set: start from what is there, add or take out, and give it back. */
static int associate(struct client *client, const struct lun *lun, const GUID *ids, size_t n)
{
    _cleanup_(client_releasep) IVdsLunIscsi *iscsi = NULL;
    HRESULT hr = lun_face(client, lun, &IID_IVdsLunIscsi, &iscsi);

    if (SUCCEEDED(hr))
        hr = IVdsLunIscsi_AssociateTargets(iscsi, n ? (VDS_OBJECT_ID *)ids : NULL, (LONG)n);
    return FAILED(hr) ? client_refused(hr, "LUN %s", lun->name) : EXIT_DONE;
}

static size_t index_of(const GUID *ids, size_t n, const GUID *id)
{
    size_t i = 0;

    while (i < n && memcmp(&ids[i], id, sizeof *id) != 0)
        i++;
    return i;
}

static int change_ties(struct client *client, const struct request *request, bool attach)
{
    _cleanup_(model_fini) struct model model;
    const struct lun *lun;
    int r = find(client, request, &model, &lun);
    _cleanup_(freep) GUID *ids = NULL;
    size_t n;

    if (r != EXIT_DONE)
        return r;
    n = lun->n_targets;
    ids = calloc(n + (size_t)request->n_args, sizeof *ids);
    if (!ids)
        client_out_of_memory();
    if (n)
        memcpy(ids, lun->targets, n * sizeof *ids);
    for (int i = 1; i < request->n_args; i++) {
        const struct target *t = model_find_target(&model, request->args[i]);
        size_t at;

        if (!t)
            return EXIT_REFUSED;
        at = index_of(ids, n, &t->id);
        if (attach && at == n) {
            ids[n++] = t->id;
        } else if (!attach && at < n) {
            ids[at] = ids[--n];
        } else {
            fprintf(stderr, "vdsctl: %s is %s to %s\n", lun->name, attach ? "tied already" : "not tied",
                    t->name);
            return EXIT_REFUSED;
        }
    }
    return associate(client, lun, ids, n);
}

int lun_attach(struct client *client, const struct request *request)
{
    return change_ties(client, request, true);
}

int lun_detach(struct client *client, const struct request *request)
{
    return change_ties(client, request, false);
}

static int set_mask(struct client *client, const struct lun *lun, const char *mask)
{
    _cleanup_(freep) WCHAR *wide = client_wide(mask);
    _cleanup_(client_releasep) IVdsLun *face = NULL;
    HRESULT hr;

    if (!wide)
        return EXIT_USAGE;
    hr = lun_face(client, lun, &IID_IVdsLun, &face);
    if (SUCCEEDED(hr))
        hr = IVdsLun_SetMask(face, wide);
    return FAILED(hr) ? client_refused(hr, "LUN %s", lun->name) : EXIT_DONE;
}

static bool name_in(const char *name, size_t len, const struct request *request)
{
    for (int i = 1; i < request->n_args; i++) {
        if (strlen(request->args[i]) == len && strncasecmp(request->args[i], name, len) == 0)
            return true;
    }
    return false;
}

/* The mask's names that are not among the arguments, and room for the arguments themselves; malloc'ed. */
static char *mask_without(const char *mask, const struct request *request)
{
    size_t size = strlen(mask) + 1, len;
    char *out, *p;

    for (int i = 1; i < request->n_args; i++)
        size += strlen(request->args[i]) + 1;
    out = p = malloc(size);
    if (!out)
        client_out_of_memory();
    *p = '\0';
    for (; *mask; mask += len + (mask[len] == ';')) {
        len = strcspn(mask, ";");
        if (len && !name_in(mask, len, request))
            p += sprintf(p, "%s%.*s", p > out ? ";" : "", (int)len, mask);
    }
    return out;
}

/* What "*" stands for has no list that a name could be taken off or put on. */
static int say_open(const struct lun *lun, const char *wish)
{
    fprintf(stderr,
            "vdsctl: LUN %s is open to everyone: %s, 'vdsctl lun deny %s' first, then allow those who may\n",
            lun->name, wish, lun->name);
    return EXIT_REFUSED;
}

int lun_allow(struct client *client, const struct request *request)
{
    _cleanup_(model_fini) struct model model;
    const struct lun *lun;
    int r = find(client, request, &model, &lun);
    _cleanup_(freep) char *mask = NULL;

    if (r != EXIT_DONE)
        return r;
    if (name_in("*", 1, request) && request->n_args > 2) {
        fprintf(stderr, "vdsctl: '*' is all of them: it stands alone\n");
        return EXIT_USAGE;
    }
    if (name_in("*", 1, request))
        return set_mask(client, lun, "*");
    if (strcmp(lun->mask, "*") == 0)
        return say_open(lun, "to let in these alone");
    mask = mask_without(lun->mask, request);
    for (int i = 1; i < request->n_args; i++) {
        if (*mask)
            strcat(mask, ";");
        strcat(mask, request->args[i]);
    }
    return set_mask(client, lun, mask);
}

int lun_deny(struct client *client, const struct request *request)
{
    _cleanup_(model_fini) struct model model;
    const struct lun *lun;
    int r = find(client, request, &model, &lun);
    _cleanup_(freep) char *mask = NULL;

    if (r != EXIT_DONE)
        return r;
    if (request->n_args == 1)
        return set_mask(client, lun, "");
    if (strcmp(lun->mask, "*") == 0 && !name_in("*", 1, request))
        return say_open(lun, "to keep out one");
    for (int i = 1; i < request->n_args; i++) {
        if (!model_mask_names(lun->mask, request->args[i])) {
            fprintf(stderr, "vdsctl: LUN %s is not open to %s: nothing was changed; see 'vdsctl lun list'\n",
                    lun->name, request->args[i]);
            return EXIT_REFUSED;
        }
    }
    mask = mask_without(lun->mask, request);
    return set_mask(client, lun, mask);
}
