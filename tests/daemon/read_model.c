/* SPDX-License-Identifier: MIT */
/* Reads the array as vdsctl does, in one call and, of a subsystem that does not offer that, object by object,
 * and compares. Not a test by itself: test_tree.py runs it against an array that it has furnished.
 *
 *     read_model         exits with 0 when both ways tell the same; prints how many portals, targets, groups,
 *                        LUNs there are */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/model.h"

/* The subsystem, but for one interface. Only what model_read() uses is there. */
static struct {
    IVdsSubSystem face;
    IVdsSubSystem *whole;
    unsigned n_refusals;
} less;

static HRESULT STDMETHODCALLTYPE less_query_interface(IVdsSubSystem *face, REFIID iid, void **ret_face)
{
    (void)face;
    if (memcmp(iid, &IID_IVdsSubSystemTreeEx, sizeof *iid) != 0)
        return IVdsSubSystem_QueryInterface(less.whole, iid, ret_face);
    *ret_face = NULL;
    less.n_refusals++;
    return E_NOINTERFACE;
}

static HRESULT STDMETHODCALLTYPE less_query_luns(IVdsSubSystem *face, IEnumVdsObject **ret_enum)
{
    (void)face;
    return IVdsSubSystem_QueryLuns(less.whole, ret_enum);
}

static IVdsSubSystemVtbl less_vtbl = { .QueryInterface = less_query_interface, .QueryLuns = less_query_luns };

static unsigned n_differences;

static void expect(bool same, const char *what, size_t i)
{
    if (!same) {
        fprintf(stderr, "%s %zu differ\n", what, i);
        n_differences++;
    }
}

static bool same(const GUID *a, const GUID *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

static void compare_iscsi(const struct model *a, const struct model *b)
{
    for (size_t i = 0; i < a->n_portals; i++) {
        const struct portal *p = &a->portals[i], *q = &b->portals[i];

        expect(same(&p->id, &q->id) && strcmp(p->address, q->address) == 0 && p->status == q->status,
               "portals", i);
    }
    for (size_t i = 0; i < a->n_targets; i++) {
        const struct target *t = &a->targets[i], *u = &b->targets[i];

        expect(same(&t->id, &u->id) && strcmp(t->name, u->name) == 0 &&
                   strcmp(t->iscsi_name, u->iscsi_name) == 0 && t->chap == u->chap,
               "targets", i);
    }
    for (size_t i = 0; i < a->n_groups; i++) {
        const struct group *g = &a->groups[i], *h = &b->groups[i];

        expect(
            same(&g->id, &h->id) && same(&g->target, &h->target) && g->tag == h->tag &&
                g->n_portals == h->n_portals &&
                (g->n_portals == 0 || memcmp(g->portals, h->portals, g->n_portals * sizeof *g->portals) == 0),
            "groups", i);
    }
}

static void compare_luns(const struct model *a, const struct model *b)
{
    for (size_t i = 0; i < a->n_luns; i++) {
        const struct lun *l = &a->luns[i], *m = &b->luns[i];

        expect(same(&l->id, &m->id) && strcmp(l->name, m->name) == 0 &&
                   strcmp(l->identification, m->identification) == 0 && strcmp(l->mask, m->mask) == 0 &&
                   strcmp(l->kind, m->kind) == 0,
               "texts of LUNs", i);
        expect(l->size == m->size && l->allocated == m->allocated && l->thick == m->thick &&
                   l->features == m->features && l->block_size == m->block_size &&
                   l->physical_block_size == m->physical_block_size && l->status == m->status &&
                   l->health == m->health,
               "numbers of LUNs", i);
        expect(l->n_targets == m->n_targets &&
                   (l->n_targets == 0 ||
                    (memcmp(l->targets, m->targets, l->n_targets * sizeof *l->targets) == 0 &&
                     memcmp(l->numbers, m->numbers, l->n_targets * sizeof *l->numbers) == 0)),
               "ties of LUNs", i);
    }
}

/* Every selection of parts, as commands make them. */
static int compare(struct client *client, unsigned parts)
{
    struct model a, b;
    int r = model_read(&a, client, parts);

    client->subsystem = &less.face;
    if (r == EXIT_DONE)
        r = model_read(&b, client, parts);
    client->subsystem = less.whole;
    if (r != EXIT_DONE)
        return r;
    expect(a.n_portals == b.n_portals && a.n_targets == b.n_targets && a.n_groups == b.n_groups &&
               a.n_luns == b.n_luns,
           "numbers with parts", parts);
    if (n_differences == 0) {
        compare_iscsi(&a, &b);
        compare_luns(&a, &b);
    }
    if (parts == MODEL_ALL)
        printf("%zu %zu %zu %zu\n", a.n_portals, a.n_targets, a.n_groups, a.n_luns);
    model_fini(&a);
    model_fini(&b);
    return r;
}

int main(void)
{
    static const unsigned selections[] = { MODEL_PORTALS, MODEL_TARGETS, MODEL_PORTALS | MODEL_GROUPS,
                                           MODEL_LUNS | MODEL_TARGETS, MODEL_ALL };
    struct client client = { .timeout_s = -1 };
    int r;

    CoInitializeEx(NULL, COINIT_MULTITHREADED);
    r = client_open(&client, NULL, 0);
    less.face.lpVtbl = &less_vtbl;
    less.whole = client.subsystem;
    for (size_t i = 0; r == EXIT_DONE && i < sizeof selections / sizeof selections[0]; i++)
        r = compare(&client, selections[i]);
    expect(less.n_refusals == sizeof selections / sizeof selections[0], "the ways taken", less.n_refusals);
    client_close(&client);
    CoUninitialize();
    return r != EXIT_DONE || n_differences ? 1 : 0;
}
