/* SPDX-License-Identifier: MIT */
/* ASSOCIATE and DISSOCIATE: the targets, controllers or controller ports through which the LUN in focus is
 * reached. The methods take the whole new set (and, for controllers and ports, the rest), so each command
 * reads what there is, changes it and gives it back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/diskraid/handlers.h"
#include "cli/diskraid/kinds.h"

/* One target, controller or port that could be tied to the LUN. */
struct tie {
    GUID id;
    unsigned controller; /* of a port */
    unsigned number;
    bool tied;
};

struct ties {
    struct tie *item;
    size_t n;
};

static void ties_fini(struct ties *ties)
{
    free(ties->item);
    *ties = (struct ties){ 0 };
}

static HRESULT ties_add(struct ties *ties, unsigned controller, const struct objects *objects)
{
    struct tie *bigger = realloc(ties->item, (ties->n + objects->n + 1) * sizeof *bigger);

    if (!bigger)
        return E_OUTOFMEMORY;
    ties->item = bigger;
    for (size_t i = 0; i < objects->n; i++)
        bigger[ties->n++] = (struct tie){ objects->item[i].id, controller, objects->item[i].number, false };
    return S_OK;
}

static void ties_mark(struct ties *ties, const GUID *id)
{
    for (size_t i = 0; i < ties->n; i++)
        ties->item[i].tied |= memcmp(&ties->item[i].id, id, sizeof *id) == 0;
}

/* ---- what there is --------------------------------------------------------------------------- */

static HRESULT mark_members(struct shell *shell, enum kind kind, IEnumVdsObject *members, struct ties *ties)
{
    _cleanup_(objects_fini) struct objects objects;
    HRESULT hr = objects_from(shell, kind, members, &objects);

    for (size_t i = 0; i < objects.n; i++)
        ties_mark(ties, &objects.item[i].id);
    return hr;
}

static HRESULT read_targets(struct shell *shell, struct ties *ties)
{
    _cleanup_(objects_fini) struct objects all = { 0 };
    IEnumVdsObject *members;
    IVdsLunIscsi *face;
    HRESULT hr = focus_face(shell, KIND_LUN, &IID_IVdsLunIscsi, &face);

    if (FAILED(hr))
        return hr;
    hr = objects_read(shell, KIND_TARGET, &all);
    if (SUCCEEDED(hr))
        hr = ties_add(ties, 0, &all);
    if (SUCCEEDED(hr))
        hr = IVdsLunIscsi_QueryAssociatedTargets(face, &members);
    if (SUCCEEDED(hr))
        hr = mark_members(shell, KIND_TARGET, members, ties);
    IVdsLunIscsi_Release(face);
    return hr;
}

static HRESULT read_controllers(struct shell *shell, struct ties *ties)
{
    _cleanup_(objects_fini) struct objects all;
    IEnumVdsObject *members;
    HRESULT hr = objects_read(shell, KIND_CONTROLLER, &all);

    if (SUCCEEDED(hr))
        hr = ties_add(ties, 0, &all);
    if (SUCCEEDED(hr))
        hr = IVdsLun_QueryActiveControllers((IVdsLun *)shell->focus[KIND_LUN].face, &members);
    return FAILED(hr) ? hr : mark_members(shell, KIND_CONTROLLER, members, ties);
}

/* The ports of a controller that need not be in focus: it is put there for as long as it takes. */
static HRESULT add_ports_of(struct shell *shell, const struct object *controller, struct ties *ties)
{
    _cleanup_(objects_fini) struct objects ports = { 0 };
    struct object before = shell->focus[KIND_CONTROLLER];
    HRESULT hr;

    shell->focus[KIND_CONTROLLER] = *controller;
    hr = objects_read(shell, KIND_PORT, &ports);
    shell->focus[KIND_CONTROLLER] = before;
    return FAILED(hr) ? hr : ties_add(ties, controller->number, &ports);
}

static HRESULT mark_port(void *arg, void *face)
{
    GUID id;
    HRESULT hr = kind_defs[KIND_PORT].id_of(face, &id);

    if (SUCCEEDED(hr))
        ties_mark(arg, &id);
    return hr;
}

static HRESULT read_ports(struct shell *shell, struct ties *ties)
{
    _cleanup_(objects_fini) struct objects controllers = { 0 };
    IVdsLunControllerPorts *face;
    IEnumVdsObject *members;
    HRESULT hr = focus_face(shell, KIND_LUN, &IID_IVdsLunControllerPorts, &face);

    if (FAILED(hr))
        return hr;
    hr = objects_read(shell, KIND_CONTROLLER, &controllers);
    for (size_t i = 0; i < controllers.n && SUCCEEDED(hr); i++)
        hr = add_ports_of(shell, &controllers.item[i], ties);
    if (SUCCEEDED(hr))
        hr = IVdsLunControllerPorts_QueryActiveControllerPorts(face, &members);
    if (SUCCEEDED(hr))
        hr = client_each(members, &IID_IVdsControllerPort, mark_port, ties);
    IVdsLunControllerPorts_Release(face);
    return hr;
}

/* ---- what shall be --------------------------------------------------------------------------- */

static HRESULT write_targets(struct shell *shell, GUID *on, LONG n_on, GUID *off, LONG n_off)
{
    IVdsLunIscsi *face;
    HRESULT hr = focus_face(shell, KIND_LUN, &IID_IVdsLunIscsi, &face);

    (void)off, (void)n_off;
    if (SUCCEEDED(hr)) {
        hr = IVdsLunIscsi_AssociateTargets(face, n_on ? on : NULL, n_on);
        IVdsLunIscsi_Release(face);
    }
    return hr;
}

static HRESULT write_controllers(struct shell *shell, GUID *on, LONG n_on, GUID *off, LONG n_off)
{
    return IVdsLun_AssociateControllers((IVdsLun *)shell->focus[KIND_LUN].face, n_on ? on : NULL, n_on,
                                        n_off ? off : NULL, n_off);
}

static HRESULT write_ports(struct shell *shell, GUID *on, LONG n_on, GUID *off, LONG n_off)
{
    IVdsLunControllerPorts *face;
    HRESULT hr = focus_face(shell, KIND_LUN, &IID_IVdsLunControllerPorts, &face);

    if (SUCCEEDED(hr)) {
        hr = IVdsLunControllerPorts_AssociateControllerPorts(face, n_on ? on : NULL, n_on, n_off ? off : NULL,
                                                             n_off);
        IVdsLunControllerPorts_Release(face);
    }
    return hr;
}

/* ---- the commands ---------------------------------------------------------------------------- */

struct tie_kind {
    enum kind kind;
    enum arg arg;
    const char *changed, *after; /* the answer, as Microsoft's sample has it for ports */
    HRESULT (*read)(struct shell *shell, struct ties *ties);
    HRESULT (*write)(struct shell *shell, GUID *on, LONG n_on, GUID *off, LONG n_off);
};

static const struct tie_kind targets = { KIND_TARGET,          ARG_NUMBERS,  "Target",
                                         "Targets associated", read_targets, write_targets };
static const struct tie_kind controllers = { KIND_CONTROLLER,      ARG_NUMBERS,      "Controller",
                                             "Controllers active", read_controllers, write_controllers };
static const struct tie_kind ports = { KIND_PORT,  ARG_PAIRS,  "Controller port", "Controller ports active",
                                       read_ports, write_ports };

static struct tie *find_tie(const struct tie_kind *kind, const struct ties *ties, const struct item *item)
{
    bool port = kind->kind == KIND_PORT;

    for (size_t i = 0; i < ties->n; i++) {
        struct tie *t = &ties->item[i];

        if (port ? t->controller == item->first && t->number == item->second : t->number == item->first)
            return t;
    }
    return NULL;
}

static int change_ties(const struct tie_kind *kind, const struct request *request, bool replace, bool tied,
                       struct ties *ties)
{
    const struct item *items = &request->items[request->value[kind->arg].first];

    for (size_t i = 0; replace && i < ties->n; i++)
        ties->item[i].tied = false;
    for (unsigned i = 0; i < request->value[kind->arg].n; i++) {
        struct tie *t = find_tie(kind, ties, &items[i]);

        if (!t && kind->kind == KIND_PORT)
            return say_selection("There is no port %u-%u.", items[i].first, items[i].second);
        if (!t)
            return say_selection("There is no %s %u.", kind_defs[kind->kind].name, items[i].first);
        t->tied = tied;
    }
    return OUTCOME_DONE;
}

/* Tied ones from the front, the others from the back. */
static HRESULT write_ties(struct shell *shell, const struct tie_kind *kind, const struct ties *ties)
{
    _cleanup_(freep) GUID *ids = calloc(ties->n + 1, sizeof *ids);
    size_t n_on = 0, off = ties->n;

    if (!ids)
        return E_OUTOFMEMORY;
    for (size_t i = 0; i < ties->n; i++)
        ids[ties->item[i].tied ? n_on++ : --off] = ties->item[i].id;
    return kind->write(shell, ids, (LONG)n_on, ids + off, (LONG)(ties->n - n_on));
}

static void print_ties(const struct tie_kind *kind, const struct ties *ties)
{
    const char *comma = "";

    printf("%s associations changed.\n(%s after this command: ", kind->changed, kind->after);
    for (size_t i = 0; i < ties->n; i++) {
        const struct tie *t = &ties->item[i];

        if (!t->tied)
            continue;
        if (kind->kind == KIND_PORT)
            printf("%sCtlr %u Port %u", comma, t->controller, t->number);
        else
            printf("%s%s %u", comma, kind_defs[kind->kind].column, t->number);
        comma = ", ";
    }
    printf("%s)\n", *comma ? "" : "none");
}

static int associate(struct shell *shell, const struct request *request, const struct tie_kind *kind,
                     bool replace, bool tied)
{
    _cleanup_(ties_fini) struct ties before = { 0 }, after = { 0 };
    HRESULT hr = kind->read(shell, &before);
    int r;

    if (SUCCEEDED(hr)) {
        r = change_ties(kind, request, replace, tied, &before);
        if (r != OUTCOME_DONE)
            return r;
        hr = write_ties(shell, kind, &before);
    }
    if (SUCCEEDED(hr))
        hr = kind->read(shell, &after);
    if (FAILED(hr))
        return say_failed(hr, "The %s associations of LUN %u cannot be changed", kind_defs[kind->kind].name,
                          shell->focus[KIND_LUN].number);
    print_ties(kind, &after);
    return OUTCOME_DONE;
}

#define DEFINE_ASSOCIATE(noun)                                                         \
    int associate_##noun(struct shell *shell, const struct request *request)           \
    {                                                                                  \
        return associate(shell, request, &noun, !request_has(request, ARG_ADD), true); \
    }                                                                                  \
    int dissociate_##noun(struct shell *shell, const struct request *request)          \
    {                                                                                  \
        return associate(shell, request, &noun, false, false);                         \
    }

DEFINE_ASSOCIATE(controllers)
DEFINE_ASSOCIATE(ports)
DEFINE_ASSOCIATE(targets)
