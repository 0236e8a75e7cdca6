/* SPDX-License-Identifier: MIT */
/* SELECT, and the focus of what has just been made. */
#include "cli/diskraid/select.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/diskraid/handlers.h"
#include "cli/diskraid/kinds.h"

/* Selecting a subsystem selects its provider. No provider, no focus: nothing depends on it. */
static void select_provider(struct shell *shell, IVdsSubSystem *subsystem)
{
    _cleanup_(objects_fini) struct objects providers = { 0 };
    IVdsProvider *provider;
    VDS_PROVIDER_PROP p;
    HRESULT hr = IVdsSubSystem_GetProvider(subsystem, &provider);

    focus_clear(shell, KIND_PROVIDER);
    if (FAILED(hr))
        return;
    hr = IVdsProvider_GetProperties(provider, &p);
    IVdsProvider_Release(provider);
    if (FAILED(hr))
        return;
    CoTaskMemFree(p.pwszName);
    CoTaskMemFree(p.pwszVersion);
    if (FAILED(objects_read(shell, KIND_PROVIDER, &providers)))
        return;
    for (size_t i = 0; i < providers.n; i++) {
        if (memcmp(&providers.item[i].id, &p.id, sizeof p.id) == 0)
            focus_set(shell, KIND_PROVIDER, &providers.item[i]);
    }
}

static void take_focus(struct shell *shell, enum kind kind, struct object *object)
{
    focus_set(shell, kind, object);
    if (kind == KIND_SUBSYSTEM)
        select_provider(shell, (IVdsSubSystem *)shell->focus[kind].face);
}

static int show_focus(const struct shell *shell, enum kind kind)
{
    char title[KIND_TITLE_SIZE];

    if (focus_has(shell, kind))
        printf("%s %u is the selected %s.\n", kind_title(kind, title), shell->focus[kind].number,
               kind_defs[kind].name);
    else
        printf("There is no %s selected.\n", kind_defs[kind].name);
    return OUTCOME_DONE;
}

/* A number that names nothing is no failure: scripts select numbers one after the other, and "delete lun
 * noerr" passes over those that are not there. Nothing is selected then, so nothing happens to another
 * object. */
static int select_number(struct shell *shell, enum kind kind, unsigned number)
{
    _cleanup_(objects_fini) struct objects objects;
    HRESULT hr = objects_read(shell, kind, &objects);
    struct object *found = objects_find(&objects, number);
    char title[KIND_TITLE_SIZE];

    if (FAILED(hr))
        return say_failed(hr, "The %s cannot be listed", kind_defs[kind].names);
    if (!found) {
        focus_clear(shell, kind);
        printf("The %s number is not valid. There is no %s selected.\n", kind_defs[kind].name,
               kind_defs[kind].name);
        return OUTCOME_DONE;
    }
    take_focus(shell, kind, found);
    printf("%s %u is now the selected %s.\n", kind_title(kind, title), number, kind_defs[kind].name);
    return OUTCOME_DONE;
}

int select_run(struct shell *shell, const struct request *request)
{
    enum kind kind = request->form->object, inside = kind_defs[kind].inside;
    int r;

    if (!request_has(request, ARG_NUMBER))
        return show_focus(shell, kind);
    r = inside == KIND_NONE ? OUTCOME_DONE : focus_need(shell, KIND_BIT(inside));
    return r == OUTCOME_DONE ? select_number(shell, kind, (unsigned)request->value[ARG_NUMBER].number) : r;
}

int select_made(struct shell *shell, enum kind kind, IUnknown *made, const char *how)
{
    _cleanup_(objects_fini) struct objects objects;
    HRESULT hr = objects_read(shell, kind, &objects);
    char title[KIND_TITLE_SIZE];
    GUID id;

    if (SUCCEEDED(hr))
        hr = made ? S_OK : E_UNEXPECTED;
    if (SUCCEEDED(hr)) {
        IUnknown *face;

        hr = IUnknown_QueryInterface(made, kind_defs[kind].iid, (void **)&face);
        if (SUCCEEDED(hr)) {
            hr = kind_defs[kind].id_of(face, &id);
            IUnknown_Release(face);
        }
    }
    if (FAILED(hr))
        return say_failed(hr, "The new %s cannot be read", kind_defs[kind].name);
    for (size_t i = 0; i < objects.n; i++) {
        if (memcmp(&objects.item[i].id, &id, sizeof id) != 0)
            continue;
        printf("%s %u %s and is now the selected %s.\n", kind_title(kind, title), objects.item[i].number, how,
               kind_defs[kind].name);
        take_focus(shell, kind, &objects.item[i]);
        break;
    }
    return OUTCOME_DONE;
}
