/* SPDX-License-Identifier: MIT */
/* CREATE LUN, DELETE LUN, EXTEND, SHRINK, RECOVER, UNMASK, ADD PLEX, BREAK. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "cli/diskraid/handlers.h"
#include "cli/diskraid/hints.h"
#include "cli/diskraid/kinds.h"
#include "cli/diskraid/select.h"
#include "cli/diskraid/uninstall.h"
#include "cli/diskraid/words.h"

static IVdsLun *lun_of(const struct shell *shell)
{
    return (IVdsLun *)shell->focus[KIND_LUN].face;
}

static unsigned number_of(const struct shell *shell)
{
    return shell->focus[KIND_LUN].number;
}

/* The drives that DRIVES= names; none: NULL and 0, the provider chooses. */
static int drives_of(struct shell *shell, const struct request *request, GUID **ret_ids, LONG *ret_n)
{
    *ret_ids = NULL;
    *ret_n = 0;
    if (!request_has(request, ARG_DRIVES))
        return OUTCOME_DONE;
    return objects_ids(shell, KIND_DRIVE, &request->items[request->value[ARG_DRIVES].first],
                       request->value[ARG_DRIVES].n, ret_ids, ret_n);
}

/* ---- CREATE LUN ------------------------------------------------------------------------------ */

struct layout {
    const char *words;
    VDS_LUN_TYPE type; /* VDS_LT_DEFAULT: by the hints */
};

static VDS_LUN_TYPE layout_of(const struct shell *shell, const struct request *request)
{
    static const struct layout layouts[] = { { "lun simple", VDS_LT_SIMPLE },
                                             { "lun stripe", VDS_LT_STRIPE },
                                             { "lun raid", VDS_LT_PARITY },
                                             { "lun mirror", VDS_LT_MIRROR } };

    for (size_t i = 0; i < ARRAY_SIZE(layouts); i++) {
        if (strcmp(layouts[i].words, request->form->words) == 0)
            return layouts[i].type;
    }
    return hints_layout(shell);
}

/* Hints go with a layout of the array's choice; with one of ours, only the size of its stripes. */
static VDS_HINTS *hints_for(struct shell *shell, const struct request *request, VDS_LUN_TYPE type,
                            VDS_HINTS *buffer)
{
    if (type < VDS_LT_SIMPLE)
        return &shell->hints;
    if (!request_has(request, ARG_STRIPESIZE))
        return NULL;
    *buffer = (VDS_HINTS){ .ulStripeSize = (ULONG)request->value[ARG_STRIPESIZE].number };
    return buffer;
}

int lun_create(struct shell *shell, const struct request *request)
{
    IVdsSubSystem *subsystem = (IVdsSubSystem *)shell->focus[KIND_SUBSYSTEM].face;
    VDS_LUN_TYPE type = layout_of(shell, request);
    _cleanup_(freep) GUID *drives = NULL;
    WCHAR nobody[1] = { 0 };
    ULONGLONG size = request->value[ARG_SIZE].number;
    IUnknown *made = NULL;
    IVdsAsync *async;
    VDS_HINTS buffer, *hints = hints_for(shell, request, type, &buffer);
    LONG n;
    HRESULT hr = S_OK;
    int r = drives_of(shell, request, &drives, &n);

    if (r != OUTCOME_DONE)
        return r;
    if (request_has(request, ARG_STRIPESIZE) && request->value[ARG_STRIPESIZE].number > UINT32_MAX)
        return say_syntax(request->command, request->form, "Syntax error: the stripe size is too large");
    if (!request_has(request, ARG_SIZE))
        hr = IVdsSubSystem_QueryMaxLunCreateSize(subsystem, type, drives, n, hints, &size);
    if (SUCCEEDED(hr))
        hr = shell_start(IVdsSubSystem_CreateLun(subsystem, type, size, drives, n, nobody, hints, &async));
    if (SUCCEEDED(hr))
        hr = shell_wait(async, "creating the LUN", &made);
    if (FAILED(hr))
        return say_failed(hr, "The LUN cannot be created");
    r = select_made(shell, KIND_LUN, made, "was created");
    RELEASE(made);
    return r;
}

/* ---- the LUN in focus ------------------------------------------------------------------------ */

int lun_delete(struct shell *shell, const struct request *request)
{
    HRESULT hr = request_has(request, ARG_UNINSTALL) ? uninstall_lun(shell, lun_of(shell)) : S_OK;
    unsigned number = number_of(shell);

    if (FAILED(hr))
        return say_failed(hr, "The disk of LUN %u cannot be uninstalled", number);
    hr = IVdsLun_Delete(lun_of(shell));
    if (FAILED(hr))
        return say_failed(hr, "LUN %u cannot be deleted", number);
    focus_clear(shell, KIND_LUN);
    printf("LUN %u was deleted.\n", number);
    return OUTCOME_DONE;
}

static HRESULT lun_size(IVdsLun *lun, uint64_t *ret_size)
{
    VDS_LUN_PROP p;
    HRESULT hr = IVdsLun_GetProperties(lun, &p);

    if (FAILED(hr))
        return hr;
    CoTaskMemFree(p.pwszFriendlyName);
    CoTaskMemFree(p.pwszIdentification);
    CoTaskMemFree(p.pwszUnmaskingList);
    *ret_size = p.ullSize;
    return S_OK;
}

static int say_size(const struct shell *shell, const char *what)
{
    char text[WORD_SIZE];
    uint64_t size;

    if (SUCCEEDED(lun_size(lun_of(shell), &size)))
        printf("LUN %u was %s. Its size is now %s.\n", number_of(shell), what, word_size(size, text));
    else
        printf("LUN %u was %s.\n", number_of(shell), what);
    return OUTCOME_DONE;
}

int lun_extend(struct shell *shell, const struct request *request)
{
    _cleanup_(freep) GUID *drives = NULL;
    ULONGLONG size = request->value[ARG_SIZE].number;
    IVdsAsync *async;
    LONG n;
    HRESULT hr = S_OK;
    int r = drives_of(shell, request, &drives, &n);

    if (r != OUTCOME_DONE)
        return r;
    if (!request_has(request, ARG_SIZE))
        hr = IVdsLun_QueryMaxLunExtendSize(lun_of(shell), drives, n, &size);
    if (SUCCEEDED(hr))
        hr = shell_start(IVdsLun_Extend(lun_of(shell), size, drives, n, &async));
    if (SUCCEEDED(hr))
        hr = shell_wait(async, "extending the LUN", NULL);
    return FAILED(hr) ? say_failed(hr, "LUN %u cannot be extended", number_of(shell))
                      : say_size(shell, "extended");
}

int lun_shrink(struct shell *shell, const struct request *request)
{
    IVdsAsync *async;
    HRESULT hr = shell_start(IVdsLun_Shrink(lun_of(shell), request->value[ARG_SIZE].number, &async));

    if (SUCCEEDED(hr))
        hr = shell_wait(async, "shrinking the LUN", NULL);
    return FAILED(hr) ? say_failed(hr, "LUN %u cannot be shrunk", number_of(shell))
                      : say_size(shell, "shrunk");
}

int lun_recover(struct shell *shell, const struct request *request)
{
    IVdsAsync *async;
    HRESULT hr = shell_start(IVdsLun_Recover(lun_of(shell), &async));

    (void)request;
    if (SUCCEEDED(hr))
        hr = shell_wait(async, "recovering the LUN", NULL);
    if (FAILED(hr))
        return say_failed(hr, "LUN %u cannot be recovered", number_of(shell));
    printf("LUN %u was recovered.\n", number_of(shell));
    return OUTCOME_DONE;
}

/* ---- plexes ---------------------------------------------------------------------------------- */

int plex_add(struct shell *shell, const struct request *request)
{
    unsigned other = (unsigned)request->value[ARG_LUN].number;
    IVdsAsync *async;
    GUID id;
    HRESULT hr;
    int r = objects_id(shell, KIND_LUN, other, &id);

    if (r != OUTCOME_DONE)
        return r;
    if (other == number_of(shell))
        return say_selection("LUN %u is the selected LUN; it cannot be a plex of itself.", other);
    hr = shell_start(IVdsLun_AddPlex(lun_of(shell), id, &async));
    if (SUCCEEDED(hr))
        hr = shell_wait(async, "adding the plex", NULL);
    if (FAILED(hr))
        return say_failed(hr, "LUN %u cannot be added as a plex", other);
    printf("LUN %u is now a plex of LUN %u.\n", other, number_of(shell));
    return OUTCOME_DONE;
}

int plex_break(struct shell *shell, const struct request *request)
{
    unsigned plex = (unsigned)request->value[ARG_PLEX].number;
    IVdsAsync *async;
    GUID id;
    HRESULT hr;
    int r = objects_id(shell, KIND_PLEX, plex, &id);

    if (r != OUTCOME_DONE)
        return r;
    hr = shell_start(IVdsLun_RemovePlex(lun_of(shell), id, &async));
    if (SUCCEEDED(hr))
        hr = shell_wait(async, "removing the plex", NULL);
    if (FAILED(hr))
        return say_failed(hr, "Plex %u cannot be removed", plex);
    printf("Plex %u was removed from LUN %u.\n", plex, number_of(shell));
    return OUTCOME_DONE;
}

/* ---- UNMASK ---------------------------------------------------------------------------------- */

static bool is_wwns(const char *list)
{
    for (size_t len; *list; list += len + (list[len] == ';')) {
        len = strcspn(list, ";");
        if (len != 16 || strspn(list, "0123456789abcdefABCDEF") < len)
            return false;
    }
    return true;
}

static HRESULT mask_now(IVdsLun *lun, char **ret_mask)
{
    VDS_LUN_PROP p;
    HRESULT hr = IVdsLun_GetProperties(lun, &p);

    if (FAILED(hr))
        return hr;
    CoTaskMemFree(p.pwszFriendlyName);
    CoTaskMemFree(p.pwszIdentification);
    *ret_mask = client_take_string(p.pwszUnmaskingList);
    return S_OK;
}

/* What is there and the list; what is open to all stays so. */
static HRESULT mask_add(IVdsLun *lun, const char *list, char **ret_mask)
{
    _cleanup_(freep) char *now = NULL;
    HRESULT hr = mask_now(lun, &now);

    if (FAILED(hr))
        return hr;
    if (strcmp(now, "*") == 0)
        *ret_mask = TAKE_PTR(now);
    else if (asprintf(ret_mask, "%s%s%s", now, *now ? ";" : "", list) < 0)
        return E_OUTOFMEMORY;
    return S_OK;
}

static HRESULT mask_wanted(IVdsLun *lun, const struct request *request, char **ret_mask)
{
    const char *list = request_has(request, ARG_ALL) ? "*"
                       : request_has(request, ARG_NONE)
                           ? ""
                           : request->value[request_has(request, ARG_WWN) ? ARG_WWN : ARG_INITIATORS].text;

    if (request_has(request, ARG_ADD))
        return mask_add(lun, list, ret_mask);
    *ret_mask = strdup(list);
    return *ret_mask ? S_OK : E_OUTOFMEMORY;
}

int lun_unmask(struct shell *shell, const struct request *request)
{
    _cleanup_(freep) char *mask = NULL;
    _cleanup_(freep) WCHAR *wide = NULL;
    HRESULT hr;

    if (request_has(request, ARG_ADD) && (request_has(request, ARG_ALL) || request_has(request, ARG_NONE)))
        return say_syntax(request->command, request->form, "Syntax error: ADD goes with WWN= or INITIATOR=");
    if (request_has(request, ARG_WWN) && !is_wwns(request->value[ARG_WWN].text))
        return say_syntax(request->command, request->form,
                          "Syntax error: a world-wide name has 16 hexadecimal digits");
    hr = request_has(request, ARG_UNINSTALL) ? uninstall_lun(shell, lun_of(shell)) : S_OK;
    if (FAILED(hr))
        return say_failed(hr, "The disk of LUN %u cannot be uninstalled", number_of(shell));
    hr = mask_wanted(lun_of(shell), request, &mask);
    if (SUCCEEDED(hr))
        hr = (wide = client_wide(mask)) ? IVdsLun_SetMask(lun_of(shell), wide) : E_OUTOFMEMORY;
    if (FAILED(hr))
        return say_failed(hr, "LUN %u cannot be unmasked", number_of(shell));
    printf("The unmasking list of LUN %u was changed.\n", number_of(shell));
    return OUTCOME_DONE;
}
