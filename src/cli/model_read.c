/* SPDX-License-Identifier: MIT */
/* Reading the array into a model: in one call where it offers that, else object by object. */
#include "cli/model_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/command.h"

void *model_grow(void *array_of_pointer, size_t *n, size_t size)
{
    void **array = array_of_pointer;
    char *bigger = realloc(*array, (*n + 1) * size);

    if (!bigger)
        client_out_of_memory();
    *array = bigger;
    return memset(bigger + (*n)++ * size, 0, size);
}

/* "thin", "thick, read-only, 4096 bytes a block": what sets it apart from the usual. */
static void kind_text(struct lun *lun)
{
    static const struct {
        ULONG feature;
        const char *word;
    } words[] = {
        { VDS_LUN_FEATURE_REMOVABLE, "removable" },
        { VDS_LUN_FEATURE_READ_ONLY, "read-only" },
        { VDS_LUN_FEATURE_VOLATILE, "memory" },
    };
    int n = snprintf(lun->kind, sizeof lun->kind, "%s", lun->thick ? "thick" : "thin");

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (lun->features & words[i].feature)
            n += snprintf(lun->kind + n, sizeof lun->kind - (size_t)n, ", %s", words[i].word);
    }
    if (lun->block_size != 512 || lun->physical_block_size != 512)
        snprintf(lun->kind + n, sizeof lun->kind - (size_t)n, ", %u/%u", lun->block_size,
                 lun->physical_block_size);
}

/* What has no name is called by what vdsctl takes for one. */
static bool call(char **name, const char *otherwise)
{
    if (**name)
        return false;
    free(*name);
    *name = strdup(otherwise);
    if (!*name)
        client_out_of_memory();
    return true;
}

static void call_the_nameless(struct model *model)
{
    for (size_t i = 0; i < model->n_targets; i++)
        model->targets[i].nameless = call(&model->targets[i].name, model->targets[i].iscsi_name);
    for (size_t i = 0; i < model->n_luns; i++) {
        char id[GUID_TEXT_SIZE];

        client_guid_text(&model->luns[i].id, id);
        model->luns[i].nameless = call(&model->luns[i].name, id);
    }
}

static HRESULT read_sessions(struct model *model)
{
    VDS_SESSION_PROP *props;
    ULONG n;
    HRESULT hr = client_need_ex(model->client);

    if (SUCCEEDED(hr))
        hr = IVdsSubSystemEx_QuerySessions(model->client->ex, &props, &n);
    if (FAILED(hr))
        return hr;
    for (ULONG i = 0; i < n; i++) {
        struct session *session = model_grow(&model->sessions, &model->n_sessions, sizeof *session);

        *session = (struct session){ props[i], client_take_string(props[i].pwszInitiatorName),
                                     client_take_string(props[i].pwszInitiatorAddress),
                                     client_take_string(props[i].pwszIsid) };
    }
    CoTaskMemFree(props);
    return S_OK;
}

/* VDS_E_NOT_SUPPORTED: it has the interface, but there is too much for one answer. */
static HRESULT read_parts(struct model *model, struct client *client, unsigned parts)
{
    IVdsSubSystemTreeEx *tree;
    HRESULT hr = IVdsSubSystem_QueryInterface(client->subsystem, &IID_IVdsSubSystemTreeEx, (void **)&tree);

    if (SUCCEEDED(hr)) {
        hr = model_read_tree(model, tree, parts);
        IVdsSubSystemTreeEx_Release(tree);
    }
    return hr == E_NOINTERFACE || hr == VDS_E_NOT_SUPPORTED ? model_read_objects(model, client, parts) : hr;
}

HRESULT model_load(struct model *model, struct client *client, unsigned parts)
{
    HRESULT hr = S_OK;

    *model = (struct model) { .client = client };
    if (parts & ~(unsigned)MODEL_SESSIONS)
        hr = read_parts(model, client, parts);
    if (SUCCEEDED(hr) && parts & MODEL_SESSIONS)
        hr = read_sessions(model);
    for (size_t i = 0; i < model->n_luns; i++)
        kind_text(&model->luns[i]);
    call_the_nameless(model);
    return hr;
}

int model_read(struct model *model, struct client *client, unsigned parts)
{
    HRESULT hr = model_load(model, client, parts);

    return FAILED(hr) ? client_refused(hr, "reading the array") : EXIT_DONE;
}
