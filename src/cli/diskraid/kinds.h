/* SPDX-License-Identifier: MIT */
/* Kinds of objects: their words, where they are found, what selecting one takes the focus from. One table. */
#ifndef VDS_CLI_DISKRAID_KINDS_H
#define VDS_CLI_DISKRAID_KINDS_H

#include "cli/diskraid/shell.h"

struct collector;

struct kind_def {
    const char *name, *names; /* in sentences: "LUN", "LUNs" */
    const char *column;       /* in lists: "LUN" of the heading "LUN ###" and of the cell "LUN 0" */
    enum kind inside;         /* of the object that it is part of, which must have focus; KIND_NONE */
    unsigned clears;          /* set of KIND_BIT that lose the focus when one is selected */
    const IID *iid;           /* its main interface */
    HRESULT (*collect)(struct collector *collector); /* finds them in the scope that is in focus */
    HRESULT (*id_of)(IUnknown *face, GUID *ret_id);
};
extern const struct kind_def kind_defs[N_KINDS];

#define KIND_TITLE_SIZE 32
const char *kind_title(enum kind kind,
                       char text[static KIND_TITLE_SIZE]); /* to begin a sentence: "Target portal" */

struct objects {
    struct object *item;
    size_t n;
};

/* The objects of the kind in the selected scope (whose focus has been checked), by number. objects_fini() in
 * any case. */
HRESULT objects_read(struct shell *shell, enum kind kind, struct objects *ret_objects);
/* Those of an enumeration that another object of the same scope gave (the LUNs of a target). Releases
 * `members`. */
HRESULT objects_from(struct shell *shell, enum kind kind, IEnumVdsObject *members,
                     struct objects *ret_objects);
void objects_fini(struct objects *objects);
struct object *objects_find(const struct objects *objects, unsigned number); /* NULL: none */

/* By number, or OUTCOME_SELECTION, or OUTCOME_FAILED, and it has been said. */
int objects_take(struct shell *shell, enum kind kind, unsigned number,
                 struct object *ret_object); /* the reference is the caller's */
int objects_id(struct shell *shell, enum kind kind, unsigned number, GUID *ret_id);
int objects_ids(struct shell *shell, enum kind kind, const struct item *items, unsigned n, GUID **ret_ids,
                LONG *ret_n); /* each once */

LONG ids_index(const GUID *ids, LONG n, const GUID *id); /* n: not in there */

#endif
