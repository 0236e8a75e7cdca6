/* SPDX-License-Identifier: MIT */
/* Reading the array in one call (IVdsSubSystemTreeEx): what comes is flat, rows of one kind in the order of
 * those they belong to. */
#include <string.h>

#include "cli/model_read.h"

static bool same(const GUID *a, const GUID *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

static void take_portals(struct model *model, const VDS_TREE *tree)
{
    for (ULONG i = 0; i < tree->ulPortals; i++) {
        const VDS_ISCSI_PORTAL_PROP *p = &tree->pPortals[i];
        struct portal *portal = model_grow(&model->portals, &model->n_portals, sizeof *portal);

        *portal = (struct portal) { p->id, client_address_text(&p->address), p->status };
    }
}

static void take_targets(struct model *model, const VDS_TREE *tree)
{
    for (ULONG i = 0; i < tree->ulTargets; i++) {
        VDS_ISCSI_TARGET_PROP *p = &tree->pTargets[i];
        struct target *target = model_grow(&model->targets, &model->n_targets, sizeof *target);

        *target = (struct target){ p->id, client_take_string(p->pwszFriendlyName),
                                   client_take_string(p->pwszIscsiName), p->bChapEnabled };
    }
}

static void take_groups(struct model *model, const VDS_TREE *tree)
{
    ULONG m = 0;

    for (ULONG i = 0; i < tree->ulGroups; i++) {
        const VDS_TREE_GROUP *g = &tree->pGroups[i];
        struct group *group = model_grow(&model->groups, &model->n_groups, sizeof *group);

        *group = (struct group) { .id = g->id, .target = g->targetId, .tag = g->tag };
        for (; m < tree->ulMembers && same(&tree->pMembers[m].groupId, &g->id); m++)
            *(GUID *)model_grow(&group->portals, &group->n_portals, sizeof(GUID)) =
                tree->pMembers[m].portalId;
    }
}

static void take_ties(struct lun *lun, const VDS_TREE *tree, ULONG *t)
{
    for (; *t < tree->ulTies && same(&tree->pTies[*t].lunId, &lun->id); ++*t) {
        size_t n = lun->n_targets;

        *(GUID *)model_grow(&lun->targets, &lun->n_targets, sizeof(GUID)) = tree->pTies[*t].targetId;
        *(unsigned *)model_grow(&lun->numbers, &n, sizeof(unsigned)) = tree->pTies[*t].ulLunNumber;
    }
}

static void take_luns(struct model *model, const VDS_TREE *tree)
{
    ULONG t = 0;

    for (ULONG i = 0; i < tree->ulLuns; i++) {
        const VDS_TREE_LUN *l = &tree->pLuns[i];
        const VDS_LUN_PROP *p = &l->lunProp;
        struct lun *lun = model_grow(&model->luns, &model->n_luns, sizeof *lun);

        *lun = (struct lun) { .id = p->id,
                              .name = client_take_string(p->pwszFriendlyName),
                              .identification = client_take_string(p->pwszIdentification),
                              .mask = client_take_string(p->pwszUnmaskingList),
                              .size = p->ullSize,
                              .allocated = l->ullAllocated,
                              .thick = (l->ulFeatures & VDS_LUN_FEATURE_THICK) != 0,
                              .features = l->ulFeatures,
                              .block_size = l->ulBlockSize,
                              .physical_block_size = l->ulPhysicalBlockSize,
                              .status = p->status,
                              .health = p->health };
        take_ties(lun, tree, &t);
    }
}

static ULONG parts_of(unsigned parts)
{
    return (parts & MODEL_PORTALS ? VDS_TREE_PORTALS : 0u) | (parts & MODEL_TARGETS ? VDS_TREE_TARGETS : 0u) |
           (parts & MODEL_GROUPS & ~MODEL_TARGETS ? VDS_TREE_GROUPS : 0u) |
           (parts & MODEL_LUNS ? VDS_TREE_LUNS : 0u);
}

HRESULT model_read_tree(struct model *model, IVdsSubSystemTreeEx *face, unsigned parts)
{
    VDS_TREE tree;
    HRESULT hr = IVdsSubSystemTreeEx_QueryTree(face, parts_of(parts), &tree);

    if (FAILED(hr))
        return hr;
    take_portals(model, &tree);
    take_targets(model, &tree); /* and their strings */
    take_groups(model, &tree);
    take_luns(model, &tree);
    CoTaskMemFree(tree.pPortals);
    CoTaskMemFree(tree.pTargets);
    CoTaskMemFree(tree.pGroups);
    CoTaskMemFree(tree.pMembers);
    CoTaskMemFree(tree.pLuns);
    CoTaskMemFree(tree.pTies);
    return hr;
}
