/* SPDX-License-Identifier: MIT */
/* IVdsSubSystemTreeEx: the array in one call. What is in it is array/tree.c's. */
#include "provider/subsystem.h"

#include <string.h>

/* So that the answer fits a D-Bus message (128 MiB), whatever the rows are made of on the wire. */
#define TREE_BYTES_MAX (64u << 20)
#define ROW_BYTES      100 /* ids and numbers of a row, at least as many as on the wire */
#define LUN_ROW_BYTES  400

/* ---- bounds ------------------------------------------------------------------------------------------- */

static size_t wire_size(const struct array_tree *tree)
{
    size_t n = (tree->n_groups + tree->n_members + tree->n_ties) * ROW_BYTES +
               tree->n_portals * 3 * ROW_BYTES + tree->n_targets * ROW_BYTES + tree->n_luns * LUN_ROW_BYTES;

    for (size_t i = 0; i < tree->n_targets; i++)
        n += strlen(tree->targets[i].iscsi_name) + strlen(tree->targets[i].friendly_name);
    for (size_t i = 0; i < tree->n_luns; i++)
        n += strlen(tree->luns[i].friendly_name) + strlen(tree->luns[i].mask);
    return n;
}

/* ---- rows --------------------------------------------------------------------------------------------- */

static HRESULT fill_portals(const struct array_tree *from, VDS_TREE *tree)
{
    for (size_t i = 0; i < from->n_portals; i++)
        portal_fill(&from->portals[i], &tree->pPortals[i]); /* incomplete where the API has no such address */
    tree->ulPortals = (ULONG)from->n_portals;
    return S_OK;
}

static HRESULT fill_targets(const struct array_tree *from, VDS_TREE *tree)
{
    for (size_t i = 0; i < from->n_targets; i++) {
        HRESULT hr = target_fill(&from->targets[i], &tree->pTargets[i]);

        if (FAILED(hr))
            return hr;
        tree->ulTargets++;
    }
    return S_OK;
}

static HRESULT fill_groups(const struct array_tree *from, VDS_TREE *tree)
{
    for (size_t i = 0; i < from->n_groups; i++) {
        const struct array_group_info *g = &from->groups[i];

        tree->pGroups[i] = (VDS_TREE_GROUP){ com_GUID(&g->id), com_GUID(&g->target), g->tag };
    }
    for (size_t i = 0; i < from->n_members; i++)
        tree->pMembers[i] =
            (VDS_TREE_MEMBER){ com_GUID(&from->members[i].group), com_GUID(&from->members[i].portal) };
    tree->ulGroups = (ULONG)from->n_groups;
    tree->ulMembers = (ULONG)from->n_members;
    return S_OK;
}

static HRESULT fill_luns(const struct array_tree *from, VDS_TREE *tree)
{
    for (size_t i = 0; i < from->n_luns; i++) {
        const struct array_lun_info *info = &from->luns[i];
        VDS_TREE_LUN *lun = &tree->pLuns[i];
        HRESULT hr = lun_fill(info, &lun->lunProp);

        if (FAILED(hr))
            return hr;
        tree->ulLuns++;
        lun->ullAllocated = info->allocated;
        lun->ulFeatures = lun_features_to_api(info);
        lun->ulBlockSize = info->block_size;
        lun->ulPhysicalBlockSize = info->physical_block_size;
    }
    for (size_t i = 0; i < from->n_ties; i++)
        tree->pTies[i] = (VDS_TREE_TIE){ com_GUID(&from->ties[i].lun), com_GUID(&from->ties[i].target),
                                         from->ties[i].number };
    tree->ulTies = (ULONG)from->n_ties;
    return S_OK;
}

/* ---- the whole ---------------------------------------------------------------------------------------- */

void subsystem_tree_free(VDS_TREE *tree)
{
    for (ULONG i = 0; i < tree->ulTargets; i++) {
        CoTaskMemFree(tree->pTargets[i].pwszIscsiName);
        CoTaskMemFree(tree->pTargets[i].pwszFriendlyName);
    }
    for (ULONG i = 0; i < tree->ulLuns; i++) {
        CoTaskMemFree(tree->pLuns[i].lunProp.pwszFriendlyName);
        CoTaskMemFree(tree->pLuns[i].lunProp.pwszIdentification);
        CoTaskMemFree(tree->pLuns[i].lunProp.pwszUnmaskingList);
    }
    CoTaskMemFree(tree->pPortals);
    CoTaskMemFree(tree->pTargets);
    CoTaskMemFree(tree->pGroups);
    CoTaskMemFree(tree->pMembers);
    CoTaskMemFree(tree->pLuns);
    CoTaskMemFree(tree->pTies);
    memset(tree, 0, sizeof *tree);
}

static HRESULT make_rows(size_t n, size_t size, void *ret_rows)
{
    void *rows = n ? com_task_calloc(n, size) : NULL;

    memcpy(ret_rows, &rows, sizeof rows);
    return n && !rows ? E_OUTOFMEMORY : S_OK;
}

static HRESULT tree_fill(const struct array_tree *from, VDS_TREE *tree)
{
    const struct {
        size_t n, size;
        void *rows; /* the pointer to them */
    } lists[] = {
        { from->n_portals, sizeof *tree->pPortals, &tree->pPortals },
        { from->n_targets, sizeof *tree->pTargets, &tree->pTargets },
        { from->n_groups, sizeof *tree->pGroups, &tree->pGroups },
        { from->n_members, sizeof *tree->pMembers, &tree->pMembers },
        { from->n_luns, sizeof *tree->pLuns, &tree->pLuns },
        { from->n_ties, sizeof *tree->pTies, &tree->pTies },
    };
    HRESULT (*const fills[])
    (const struct array_tree *from, VDS_TREE *tree) = { fill_portals, fill_targets, fill_groups, fill_luns };
    HRESULT hr = S_OK;

    for (size_t i = 0; SUCCEEDED(hr) && i < ARRAY_SIZE(lists); i++)
        hr = make_rows(lists[i].n, lists[i].size, lists[i].rows);
    for (size_t i = 0; SUCCEEDED(hr) && i < ARRAY_SIZE(fills); i++)
        hr = fills[i](from, tree);
    if (FAILED(hr))
        subsystem_tree_free(tree);
    return hr;
}

static unsigned parts_of(ULONG parts)
{
    return (parts & VDS_TREE_PORTALS ? ARRAY_TREE_PORTALS : 0) |
           (parts & VDS_TREE_TARGETS ? ARRAY_TREE_TARGETS : 0) |
           (parts & VDS_TREE_GROUPS ? ARRAY_TREE_GROUPS : 0) | (parts & VDS_TREE_LUNS ? ARRAY_TREE_LUNS : 0);
}

HRESULT subsystem_QueryTree(IVdsSubSystemTreeEx *face, ULONG parts, VDS_TREE *ret_tree)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    struct array_tree tree;
    HRESULT hr;

    if (!ret_tree)
        return E_INVALIDARG;
    memset(ret_tree, 0, sizeof *ret_tree);
    if (parts & ~(ULONG)VDS_TREE_ALL)
        return E_INVALIDARG;
    hr = provider_enter(container_of(face, struct subsystem, tree)->h.provider, &inside);
    if (SUCCEEDED(hr))
        hr = array_tree_get(inside->config.array, parts_of(parts), &tree);
    if (FAILED(hr))
        return hr;
    if (wire_size(&tree) <= TREE_BYTES_MAX) {
        hr = tree_fill(&tree, ret_tree);
    } else {
        error_text_set("the array is too large for one answer: go from object to object");
        hr = VDS_E_NOT_SUPPORTED;
    }
    array_tree_fini(&tree);
    return hr;
}
