/* SPDX-License-Identifier: MIT */
/* Units and files under the fake engine: real files (what a crash leaves of them is tested), but no bytes in
 * them. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake_engine.h"
#include "scsi/scsi.h"
#include "store/store.h"

struct store {
    atomic_uint n_refs;
    uint64_t size;
    char *path; /* NULL: memory */
};
struct scsi_lu {
    atomic_uint n_refs;
    struct scsi_lu_config config;
    struct store *store;
    bool online, write_through;
    uint64_t size;
};

static atomic_uint n_units;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool waiting, released;

unsigned fake_units(void)
{
    return atomic_load(&n_units);
}

/* ---- units ----------------------------------------------------------------------------------- */

int scsi_lu_create(const struct scsi_lu_config *config, struct store *store, struct scsi_lu **ret_lu)
{
    struct scsi_lu *lu = calloc(1, sizeof *lu);

    atomic_init(&lu->n_refs, 1);
    lu->config = *config;
    lu->store = store_ref(store);
    lu->online = true;
    lu->size = config->size;
    atomic_fetch_add(&n_units, 1);
    *ret_lu = lu;
    return 0;
}

struct scsi_lu *scsi_lu_ref(struct scsi_lu *lu)
{
    atomic_fetch_add(&lu->n_refs, 1);
    return lu;
}

void scsi_lu_unref(struct scsi_lu *lu)
{
    if (!lu || atomic_fetch_sub(&lu->n_refs, 1) != 1)
        return;
    store_unref(lu->store);
    atomic_fetch_sub(&n_units, 1);
    free(lu);
}

void scsi_lu_set_online(struct scsi_lu *lu, bool online)
{
    lu->online = online;
}

void scsi_lu_resized(struct scsi_lu *lu, uint64_t size)
{
    lu->size = size;
}

uint64_t scsi_lu_size(const struct scsi_lu *lu)
{
    return lu->size;
}

bool scsi_lu_write_through(const struct scsi_lu *lu)
{
    return lu->write_through;
}

int scsi_lu_set_write_through(struct scsi_lu *lu, bool on)
{
    if (fake.fail_cache)
        return -EIO;
    lu->write_through = on;
    return 0;
}

void fake_cache_changed(const struct scsi_lu *lu)
{
    lu->config.cache_changed(lu->config.cache_changed_arg, &lu->config.id);
}

bool fake_lu_online(const struct scsi_lu *lu);
bool fake_lu_online(const struct scsi_lu *lu)
{
    return lu->online;
}

size_t scsi_lu_serial(const struct scsi_lu *lu, char *out, size_t n_out)
{
    char id[GUID_TEXT_SIZE];

    guid_format(&lu->config.id, id);
    return (size_t)snprintf(out, n_out, "%s", id);
}

size_t scsi_lu_naa(const struct scsi_lu *lu, uint8_t out[static 16])
{
    memcpy(out, &lu->config.id, 16);
    return 16;
}

/* ---- files ----------------------------------------------------------------------------------- */

void fake_create_wait(void)
{
    pthread_mutex_lock(&lock);
    while (!waiting)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

void fake_create_release(void)
{
    pthread_mutex_lock(&lock);
    released = true;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void hold(void)
{
    pthread_mutex_lock(&lock);
    waiting = true;
    released = false;
    pthread_cond_broadcast(&changed);
    while (!released)
        pthread_cond_wait(&changed, &lock);
    waiting = false;
    pthread_mutex_unlock(&lock);
}

int store_file_create(const char *path, uint64_t size, bool thick, store_progress *progress, void *arg)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600), r = 0;

    (void)thick;
    if (fd < 0)
        return -errno;
    if (ftruncate(fd, (off_t)size) < 0)
        r = -errno;
    if (r == 0 && progress && progress(arg, size / 2, size))
        r = -ECANCELED;
    if (r == 0 && fake.hold_creates)
        hold();
    if (r == 0)
        r = fake.create_error;
    if (r == 0 && progress && progress(arg, size, size))
        r = -ECANCELED;
    close(fd);
    if (r < 0)
        unlink(path);
    return r;
}

int store_file_open(const char *path, bool read_only, struct store **ret_store)
{
    struct store *store;
    struct stat st;

    (void)read_only;
    if (stat(path, &st) < 0)
        return -errno;
    store = calloc(1, sizeof *store);
    atomic_init(&store->n_refs, 1);
    store->size = (uint64_t)st.st_size;
    store->path = strdup(path);
    *ret_store = store;
    return 0;
}

int store_memory_open(uint64_t size, struct store **ret_store)
{
    struct store *store = calloc(1, sizeof *store);

    atomic_init(&store->n_refs, 1);
    store->size = size;
    *ret_store = store;
    return 0;
}

/* The file has its name by now; what it was opened as was the one before the commit. */
static void real_path(const struct store *store, char path[static 512])
{
    char *end;

    snprintf(path, 512, "%s", store->path);
    end = strstr(path, ".creating");
    if (end && access(path, F_OK) < 0)
        *end = '\0';
}

int store_resize(struct store *store, uint64_t size)
{
    char path[512];

    if (size > store->size && fake.hold_resizes)
        hold();
    if (size > store->size && fake.resize_error)
        return fake.resize_error;
    if (store->path) {
        real_path(store, path);
        if (truncate(path, (off_t)size) < 0)
            return -errno;
    }
    store->size = size;
    return 0;
}

int store_reserve(struct store *store, uint64_t offset, uint64_t len)
{
    (void)store;
    (void)offset;
    (void)len;
    return fake.resize_error;
}

int store_extent_at(struct store *store, uint64_t offset, struct store_extent *ret_extent)
{
    *ret_extent = (struct store_extent){ .len = store->size - offset, .mapped = true };
    return 0;
}

int store_submit(struct store *store, struct store_request *req)
{
    uint64_t data = fake.data_at, end = req->offset + req->len;

    (void)store;
    if (req->op == STORE_FLUSH) {
        fake.n_flushes++;
        return fake.flush_error;
    }
    memset(req->iov->iov_base, 0, req->len);
    if (data && data >= req->offset && data < end)
        ((uint8_t *)req->iov->iov_base)[data - req->offset] = 1;
    return 0;
}

uint64_t store_size(const struct store *store)
{
    return store->size;
}

uint64_t store_allocated(const struct store *store)
{
    return store->size / 2;
}

struct store *store_ref(struct store *store)
{
    atomic_fetch_add(&store->n_refs, 1);
    return store;
}

void store_unref(struct store *store)
{
    if (!store || atomic_fetch_sub(&store->n_refs, 1) != 1)
        return;
    free(store->path);
    free(store);
}
