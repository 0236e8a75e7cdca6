/* SPDX-License-Identifier: MIT */
/* vds.idl as data for tests and tools: which interfaces there are, with the names of their methods in the order of the vtable, and which
 * of them an object of each kind answers. Generated into vds_table.c; nothing that is installed uses it.
 */
#ifndef VDS_TABLE_H
#define VDS_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include <vds/vdsex.h>
#include <vds/vdshwprv.h>

struct vds_interface {
    const char *name;
    const IID *iid;
    size_t n_methods; /* the whole vtable */
    const char *const *methods;
};

struct vds_class_face {
    const struct vds_interface *interface;
    bool restricted; /* between service and provider: a client's object does not answer it */
};

struct vds_class {
    const char *name;          /* "VdsTarget" */
    VDS_OBJECT_TYPE kind;      /* VDS_OT_UNKNOWN: the loader, the service */
    const struct vds_class_face *faces; /* the identity first */
    size_t n_faces;
};

extern const struct vds_interface vds_interfaces[];
extern const size_t vds_n_interfaces;
extern const struct vds_class vds_classes[];
extern const size_t vds_n_classes;

#endif
