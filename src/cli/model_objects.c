/* SPDX-License-Identifier: MIT */
/* Reading the array object by object: some 17 calls for each target, but any provider answers them.
 * model_tree.c is the short way. */
#include <stdlib.h>

#include "cli/model_read.h"

static HRESULT read_portal(void *arg, void *face)
{
    struct model *model = arg;
    VDS_ISCSI_PORTAL_PROP prop;
    HRESULT hr = IVdsIscsiPortal_GetProperties((IVdsIscsiPortal *)face, &prop);
    struct portal *portal;

    if (FAILED(hr))
        return hr;
    portal = model_grow(&model->portals, &model->n_portals, sizeof *portal);
    *portal = (struct portal) { prop.id, client_address_text(&prop.address), prop.status };
    return S_OK;
}

static HRESULT read_id_of_portal(void *arg, void *face)
{
    struct group *group = arg;
    VDS_ISCSI_PORTAL_PROP prop;
    HRESULT hr = IVdsIscsiPortal_GetProperties((IVdsIscsiPortal *)face, &prop);

    if (SUCCEEDED(hr))
        *(GUID *)model_grow(&group->portals, &group->n_portals, sizeof(GUID)) = prop.id;
    return hr;
}

static HRESULT read_group(void *arg, void *face)
{
    struct model *model = arg;
    VDS_ISCSI_PORTALGROUP_PROP prop;
    IEnumVdsObject *portals;
    struct group *group;
    HRESULT hr = IVdsIscsiPortalGroup_GetProperties((IVdsIscsiPortalGroup *)face, &prop);

    if (SUCCEEDED(hr))
        hr = IVdsIscsiPortalGroup_QueryAssociatedPortals((IVdsIscsiPortalGroup *)face, &portals);
    if (FAILED(hr))
        return hr;
    group = model_grow(&model->groups, &model->n_groups, sizeof *group);
    *group =
        (struct group){ .id = prop.id, .target = model->targets[model->n_targets - 1].id, .tag = prop.tag };
    return client_each(portals, &IID_IVdsIscsiPortal, read_id_of_portal, group);
}

static HRESULT read_target(void *arg, void *face)
{
    struct model *model = arg;
    VDS_ISCSI_TARGET_PROP prop;
    HRESULT hr = IVdsIscsiTarget_GetProperties((IVdsIscsiTarget *)face, &prop);
    struct target *target;

    if (FAILED(hr))
        return hr;
    target = model_grow(&model->targets, &model->n_targets, sizeof *target);
    *target = (struct target){ prop.id, client_take_string(prop.pwszFriendlyName),
                               client_take_string(prop.pwszIscsiName), prop.bChapEnabled };
    return S_OK;
}

static HRESULT read_target_and_groups(void *arg, void *face)
{
    IEnumVdsObject *groups;
    HRESULT hr = read_target(arg, face);

    if (SUCCEEDED(hr))
        hr = IVdsIscsiTarget_QueryPortalGroups((IVdsIscsiTarget *)face, &groups);
    return FAILED(hr) ? hr : client_each(groups, &IID_IVdsIscsiPortalGroup, read_group, arg);
}

struct lun_reader {
    struct lun *lun;
    IVdsLunEx *ex;
};

static HRESULT read_target_of_lun(void *arg, void *face)
{
    struct lun_reader *reader = arg;
    struct lun *lun = reader->lun;
    VDS_ISCSI_TARGET_PROP prop;
    size_t n = lun->n_targets;
    ULONG number;
    HRESULT hr = IVdsIscsiTarget_GetProperties((IVdsIscsiTarget *)face, &prop);

    if (FAILED(hr))
        return hr;
    CoTaskMemFree(prop.pwszFriendlyName);
    CoTaskMemFree(prop.pwszIscsiName);
    hr = IVdsLunEx_GetNumber(reader->ex, prop.id, &number);
    if (FAILED(hr))
        return hr;
    *(GUID *)model_grow(&lun->targets, &lun->n_targets, sizeof(GUID)) = prop.id;
    *(unsigned *)model_grow(&lun->numbers, &n, sizeof(unsigned)) = number;
    return S_OK;
}

static HRESULT read_features(IVdsLun *face, struct lun *lun)
{
    IVdsLunEx2 *ex;
    HRESULT hr = IVdsLun_QueryInterface(face, &IID_IVdsLunEx2, (void **)&ex);

    if (FAILED(hr))
        return hr;
    hr = IVdsLunEx2_GetFeatures(ex, &lun->features, &lun->block_size, &lun->physical_block_size);
    IVdsLunEx2_Release(ex);
    return hr;
}

static HRESULT read_ties(IVdsLun *face, struct lun *lun)
{
    struct lun_reader reader = { lun, NULL };
    IVdsLunIscsi *iscsi = NULL;
    IEnumVdsObject *targets;
    HRESULT hr = IVdsLun_QueryInterface(face, &IID_IVdsLunIscsi, (void **)&iscsi);

    if (SUCCEEDED(hr))
        hr = IVdsLun_QueryInterface(face, &IID_IVdsLunEx, (void **)&reader.ex);
    if (SUCCEEDED(hr))
        hr = IVdsLunEx_GetAllocation(reader.ex, &lun->allocated, &lun->thick);
    if (SUCCEEDED(hr))
        hr = read_features(face, lun);
    if (SUCCEEDED(hr))
        hr = IVdsLunIscsi_QueryAssociatedTargets(iscsi, &targets);
    if (SUCCEEDED(hr))
        hr = client_each(targets, &IID_IVdsIscsiTarget, read_target_of_lun, &reader);
    RELEASE(iscsi);
    RELEASE(reader.ex);
    return hr;
}

static HRESULT read_lun(void *arg, void *face)
{
    struct model *model = arg;
    VDS_LUN_PROP prop;
    HRESULT hr = IVdsLun_GetProperties((IVdsLun *)face, &prop);
    struct lun *lun;

    if (FAILED(hr))
        return hr;
    lun = model_grow(&model->luns, &model->n_luns, sizeof *lun);
    *lun = (struct lun){ .id = prop.id,
                         .name = client_take_string(prop.pwszFriendlyName),
                         .size = prop.ullSize,
                         .identification = client_take_string(prop.pwszIdentification),
                         .mask = client_take_string(prop.pwszUnmaskingList),
                         .status = prop.status,
                         .health = prop.health };
    return read_ties((IVdsLun *)face, lun);
}


/* A provider without targets and portals has none to tell. */
static HRESULT read_iscsi(struct model *model, struct client *client, unsigned parts)
{
    IEnumVdsObject *members;
    HRESULT hr = client_need_iscsi(client);

    if (FAILED(hr))
        return hr == E_NOINTERFACE ? S_OK : hr;
    if (parts & MODEL_PORTALS && SUCCEEDED(hr = IVdsSubSystemIscsi_QueryPortals(client->iscsi, &members)))
        hr = client_each(members, &IID_IVdsIscsiPortal, read_portal, model);
    if (SUCCEEDED(hr) && parts & MODEL_TARGETS &&
        SUCCEEDED(hr = IVdsSubSystemIscsi_QueryTargets(client->iscsi, &members)))
        hr = client_each(members, &IID_IVdsIscsiTarget,
                         parts & MODEL_GROUPS & ~MODEL_TARGETS ? read_target_and_groups : read_target, model);
    return hr;
}

HRESULT model_read_objects(struct model *model, struct client *client, unsigned parts)
{
    IEnumVdsObject *members;
    HRESULT hr = parts & (MODEL_PORTALS | MODEL_GROUPS) ? read_iscsi(model, client, parts) : S_OK;

    if (SUCCEEDED(hr) && parts & MODEL_LUNS &&
        SUCCEEDED(hr = IVdsSubSystem_QueryLuns(client->subsystem, &members)))
        hr = client_each(members, &IID_IVdsLun, read_lun, model);
    return hr;
}
