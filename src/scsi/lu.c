/* SPDX-License-Identifier: MIT */
/* A logical unit: what it is called, how large it is, whether it is ready. Shared by all threads; see
 * scsi.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "scsi/pr.h"
#include "scsi/scsi_internal.h"

#define DEFAULT_MAX_TRANSFER (8u << 20)
#define LIMIT_MAX_TRANSFER   (64u << 20) /* the buffer that a single CDB can ask for */

static void pad(char *out, size_t width, const char *text)
{
    snprintf(out, width + 1, "%-*.*s", (int)width, (int)width, text);
}

/* SPC-4 §4.3.1: left-aligned ASCII 20h..7Eh. */
static bool printable(const char *text, size_t max)
{
    size_t n = strlen(text);

    for (size_t i = 0; i < n; i++)
        if (text[i] < 0x20 || text[i] > 0x7e)
            return false;
    return n <= max;
}

static void lu_names(struct scsi_lu *lu, const char *vendor, const char *product, const char *revision)
{
    pad(lu->vendor, 8, vendor);
    pad(lu->product, 16, product);
    pad(lu->revision, 4, revision);
}

static int lu_blocks(struct scsi_lu *lu, const struct scsi_lu_config *config)
{
    uint32_t physical;

    lu->block_size = config->block_size ? config->block_size : 512;
    physical = config->physical_block_size ? config->physical_block_size : lu->block_size;
    if (lu->block_size != 512 && lu->block_size != 4096)
        return -EINVAL;
    if (physical < lu->block_size || physical > 65536 || physical & (physical - 1))
        return -EINVAL;
    lu->block_shift = (uint8_t)__builtin_ctz(lu->block_size);
    lu->physical_shift = (uint8_t)(__builtin_ctz(physical) - lu->block_shift);
    return 0;
}

static int lu_geometry(struct scsi_lu *lu, const struct scsi_lu_config *config)
{
    int r = lu_blocks(lu, config);

    if (r < 0)
        return r;
    lu->max_transfer = config->max_transfer ? config->max_transfer : DEFAULT_MAX_TRANSFER;
    if (lu->max_transfer < lu->block_size || lu->max_transfer > LIMIT_MAX_TRANSFER)
        return -EINVAL;
    lu->max_transfer &= ~(lu->block_size - 1);
    if (config->size > store_size(lu->store))
        return -EINVAL;
    atomic_init(&lu->n_blocks, (config->size ? config->size : store_size(lu->store)) >> lu->block_shift);
    return 0;
}

static void lu_free(struct scsi_lu *lu)
{
    if (!lu)
        return;
    pr_state_free(lu->pr);
    pthread_mutex_destroy(&lu->lock);
    pthread_mutex_destroy(&lu->save_lock);
    store_unref(lu->store);
    free(lu);
}
DEFINE_CLEANUP(struct scsi_lu *, lu_free)

static struct scsi_lu *lu_alloc(struct store *store)
{
    struct scsi_lu *lu = aligned_alloc(_Alignof(struct scsi_lu), sizeof *lu);

    if (!lu)
        return NULL;
    memset(lu, 0, sizeof *lu);
    atomic_init(&lu->n_refs, 1);
    lu->store = store_ref(store);
    list_init(&lu->itls);
    list_init(&lu->waiting);
    pthread_mutex_init(&lu->lock, NULL);
    pthread_mutex_init(&lu->save_lock, NULL);
    return lu;
}

int scsi_lu_create(const struct scsi_lu_config *config, struct store *store, struct scsi_lu **ret_lu)
{
    const char *vendor = config->vendor ? config->vendor : "VDS";
    const char *product = config->product ? config->product : "VIRTUAL-DISK";
    const char *revision = config->revision ? config->revision : SCSI_REVISION;
    int r;

    if (!printable(vendor, 8) || !printable(product, 16) || !printable(revision, 4))
        return -EINVAL;
    _cleanup_(lu_freep) struct scsi_lu *lu = lu_alloc(store);
    if (!lu)
        return -ENOMEM;
    r = lu_geometry(lu, config);
    if (r < 0)
        return r;
    lu->id = config->id;
    lu->removable = config->removable;
    lu->thin = !config->thick && store_is_thin(store);
    lu->save_pr = config->save_pr;
    lu->save_pr_arg = config->save_pr_arg;
    lu->cache_changed = config->cache_changed;
    lu->cache_changed_arg = config->cache_changed_arg;
    atomic_init(&lu->state, config->read_only ? LU_READ_ONLY : 0);
    lu_names(lu, vendor, product, revision);
    r = pr_state_load(lu, config->load_pr, config->load_pr_len);
    if (r < 0)
        return r;
    *ret_lu = TAKE_PTR(lu);
    return 0;
}

struct scsi_lu *scsi_lu_ref(struct scsi_lu *lu)
{
    atomic_fetch_add_explicit(&lu->n_refs, 1, memory_order_relaxed);
    return lu;
}

void scsi_lu_unref(struct scsi_lu *lu)
{
    if (lu && atomic_fetch_sub_explicit(&lu->n_refs, 1, memory_order_acq_rel) == 1)
        lu_free(lu);
}

void lu_state_set(struct scsi_lu *lu, uint32_t set, uint32_t clear)
{
    uint32_t old = atomic_load(&lu->state);

    while (!atomic_compare_exchange_weak(&lu->state, &old, (old | set) & ~clear))
        ;
}

void scsi_lu_resized(struct scsi_lu *lu, uint64_t size)
{
    atomic_store_explicit(&lu->n_blocks, size >> lu->block_shift, memory_order_release);
    pthread_mutex_lock(&lu->lock);
    attention_raise_others(lu, NULL, UA_CAPACITY_CHANGED);
    pthread_mutex_unlock(&lu->lock);
}

bool scsi_lu_has_leaving(const struct scsi_lu *lu)
{
    return atomic_load(&lu->n_leaving) > 0;
}

void scsi_lu_set_online(struct scsi_lu *lu, bool online)
{
    lu_state_set(lu, online ? 0 : LU_OFFLINE, online ? LU_OFFLINE : 0);
}

uint64_t scsi_lu_size(const struct scsi_lu *lu)
{
    return lu_n_blocks(lu) << lu->block_shift;
}

size_t scsi_lu_serial(const struct scsi_lu *lu, char *out, size_t n_out)
{
    char text[GUID_TEXT_SIZE];

    guid_format(&lu->id, text);
    snprintf(out, n_out, "%s", text);
    return strlen(text);
}

/* NAA 3h, "locally assigned" (SPC-4 §7.8.6.6.4): the only NAA form that needs no IEEE company id. 60 bits
 * of the GUID, folded so that the version and variant bits of a random GUID do not cost any. */
size_t scsi_lu_naa(const struct scsi_lu *lu, uint8_t out[static 16])
{
    uint64_t high = (uint64_t)lu->id.data1 << 32 | (uint64_t)lu->id.data2 << 16 | lu->id.data3;

    be64_put(out, ((high ^ be64_get(lu->id.data4)) & UINT64_MAX >> 4) | UINT64_C(3) << 60);
    return 8;
}
