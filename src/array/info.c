/* SPDX-License-Identifier: MIT */
/* What readers of array.h give back. Apart from the array, so that a stand-in for it has the same. */
#include <stdlib.h>

#include "array/array.h"
#include "base/cleanup.h"

void array_lun_info_fini(struct array_lun_info *info)
{
    free(TAKE_PTR(info->mask));
}

void array_tree_fini(struct array_tree *tree)
{
    for (size_t i = 0; i < tree->n_luns; i++)
        array_lun_info_fini(&tree->luns[i]);
    free(tree->portals);
    free(tree->targets);
    free(tree->groups);
    free(tree->members);
    free(tree->luns);
    free(tree->ties);
    *tree = (struct array_tree){ 0 };
}
