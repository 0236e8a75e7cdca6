/* SPDX-License-Identifier: MIT */
/* Private to the model: the two ways to read it. */
#ifndef VDS_CLI_MODEL_READ_H
#define VDS_CLI_MODEL_READ_H

#include "cli/model.h"

/* Makes room for one more element at the end of *array, zeroed. */
void *model_grow(void *array_of_pointer, size_t *n, size_t size);

/* Everything in `parts` but sessions, and LUN kinds. The first: one call. What fails may have filled the
 * model in part, but the first not when it gives VDS_E_NOT_SUPPORTED. */
HRESULT model_read_tree(struct model *model, IVdsSubSystemTreeEx *tree, unsigned parts);
HRESULT model_read_objects(struct model *model, struct client *client, unsigned parts);

#endif
