/* SPDX-License-Identifier: MIT */
/* The pages of a file that lives in memory (tmpfs), mapped: a copy costs a fifth of the system call
 * (bench/store_io).
 *
 * Reading a hole through a mapping would fill it, so only pages known to be there are: written by us, or
 * found by asking the file system, once per region of 2 MiB. Writing fills holes first, all of a request's in
 * one go. Should the file system be full, the file cut or the page gone, the copy is not begun or SIGBUS ends
 * it, and the system call that is made instead tells what is wrong.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "store/chunk.h"
#include "store/file_internal.h"

#define REGION    (UINT64_C(2) << 20)
#define N_REGIONS (CHUNK / REGION)

struct file_chunk {
    struct chunk pages;
    _Atomic uint64_t asked[N_REGIONS / 64]; /* regions whose pages have been asked for */
};

struct file_map {
    pthread_mutex_t mutex; /* to ask, and to add chunks */
    size_t n_chunks;       /* those from here on were never made; under mutex */
    _Atomic(struct file_chunk *) *chunks;
};

/* ---- the copy and its guard ---------------------------------------------------------------------------- */

static _Thread_local sigjmp_buf *volatile guard;

/* Who handled SIGBUS before us; under install_mutex. */
static struct sigaction before_us;
static pthread_mutex_t install_mutex = PTHREAD_MUTEX_INITIALIZER;

/* A fault that is none of ours goes on to who was here before; when that leads back to us, to the default. */
static void on_sigbus(int sig, siginfo_t *info, void *context)
{
    static _Thread_local volatile bool passing_on;

    if (guard)
        siglongjmp(*guard, 1);
    if (passing_on || before_us.sa_handler == SIG_DFL || before_us.sa_handler == SIG_IGN) {
        signal(SIGBUS, SIG_DFL); /* the fault comes again, and is the end */
        return;
    }
    passing_on = true;
    if (before_us.sa_flags & SA_SIGINFO)
        before_us.sa_sigaction(sig, info, context);
    else
        before_us.sa_handler(sig);
    passing_on = false;
}

/* With every map that is opened, because others in the process may have taken the signal since the last. */
static void install_guard(void)
{
    struct sigaction action = { .sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK },
                     now;

    sigemptyset(&action.sa_mask);
    pthread_mutex_lock(&install_mutex);
    if (sigaction(SIGBUS, NULL, &now) == 0 && now.sa_sigaction != on_sigbus) {
        before_us = now;
        sigaction(SIGBUS, &action, NULL);
    }
    pthread_mutex_unlock(&install_mutex);
}

static struct file_chunk *chunk_at(const struct file_map *map, uint64_t offset)
{
    return offset / CHUNK < N_CHUNKS
               ? atomic_load_explicit(&map->chunks[offset / CHUNK], memory_order_acquire)
               : NULL;
}

/* [offset, offset + len) to or from memory, chunk by chunk. */
static void copy_piece(const struct file_map *map, bool write, uint64_t offset, uint8_t *data, uint64_t len)
{
    while (len > 0) {
        uint8_t *bytes = chunk_at(map, offset)->pages.bytes + offset % CHUNK;
        uint64_t n = CHUNK - offset % CHUNK;

        n = n < len ? n : len;
        memcpy(write ? bytes : data, write ? data : bytes, n);
        data += n;
        offset += n;
        len -= n;
    }
}

static void copy_all(const struct file_map *map, const struct store_request *req)
{
    uint64_t offset = req->offset, end = req->offset + req->len;

    for (int i = 0; i < req->n_iov && offset < end; i++) {
        uint64_t n = req->iov[i].iov_len < end - offset ? req->iov[i].iov_len : end - offset;

        copy_piece(map, req->op == STORE_WRITE, offset, req->iov[i].iov_base, n);
        offset += n;
    }
}

/* False: a page was not there. */
static bool copy_guarded(const struct file_map *map, const struct store_request *req)
{
    sigjmp_buf env;

    if (sigsetjmp(env, /* savemask= */ 0)) {
        guard = NULL;
        return false;
    }
    guard = &env;
    atomic_signal_fence(memory_order_seq_cst);
    copy_all(map, req);
    atomic_signal_fence(memory_order_seq_cst);
    guard = NULL;
    return true;
}

/* ---- what is there ------------------------------------------------------------------------------------- */

static struct file_chunk *chunk_make(struct file_store *fs, uint64_t offset)
{
    int prot = fs->store.read_only ? PROT_READ : PROT_READ | PROT_WRITE;
    struct file_chunk *c =
        mmap(NULL, sizeof *c, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (c == MAP_FAILED)
        return NULL;
    if (mmap(c, CHUNK, prot, MAP_SHARED | MAP_FIXED | MAP_NORESERVE, fs->fd,
             (off_t)(offset / CHUNK * CHUNK)) == MAP_FAILED) {
        munmap(c, sizeof *c);
        return NULL;
    }
    atomic_store_explicit(&fs->map->chunks[offset / CHUNK], c, memory_order_release);
    if (offset / CHUNK >= fs->map->n_chunks)
        fs->map->n_chunks = offset / CHUNK + 1;
    return c;
}

/* Marks the pages of [offset, end), within one region, that hold data now. mincore() looks at these pages
 * only, where lseek(SEEK_HOLE) walks to the end of the data, which may be that of the file. A page that it
 * does not report (swapped out) is reached by system calls. Nothing is mapped ahead: that holds the reactor
 * up for half a millisecond a region, and a fault that reads brings 16 pages at once. */
static void mark_data(struct file_chunk *c, uint64_t offset, uint64_t end)
{
    uint64_t first = offset % CHUNK / PAGE, n = (end - offset + PAGE - 1) / PAGE;
    uint64_t page_size = (uint64_t)sysconf(_SC_PAGESIZE);
    unsigned char there[REGION / PAGE];

    if (mincore(c->pages.bytes + first * PAGE, end - offset, there) < 0)
        return;
    for (uint64_t i = 0; i < n; i++) {
        if (there[i * PAGE / page_size] & 1)
            page_mark(&c->pages, first + i);
    }
}

static bool region_asked(const struct file_chunk *c, uint64_t region)
{
    return atomic_load_explicit(&c->asked[region / 64], memory_order_acquire) >> (region % 64) & 1;
}

static struct file_chunk *ask_region(struct file_store *fs, uint64_t offset)
{
    uint64_t region = offset % CHUNK / REGION, start = offset / REGION * REGION,
             size = store_size(&fs->store);
    struct file_chunk *c;

    pthread_mutex_lock(&fs->map->mutex);
    c = chunk_at(fs->map, offset);
    if (!c)
        c = chunk_make(fs, offset);
    if (c && !region_asked(c, region)) {
        mark_data(c, start, start + REGION < size ? start + REGION : size);
        atomic_fetch_or_explicit(&c->asked[region / 64], UINT64_C(1) << (region % 64), memory_order_release);
    }
    pthread_mutex_unlock(&fs->map->mutex);
    return c;
}

static bool range_known(struct file_store *fs, uint64_t offset, uint64_t len)
{
    uint64_t end = offset + len;

    while (offset < end) {
        struct file_chunk *c = chunk_at(fs->map, offset);
        uint64_t region_end = (offset / REGION + 1) * REGION, page_end;

        if ((!c || !region_asked(c, offset % CHUNK / REGION)) && !(c = ask_region(fs, offset)))
            return false;
        region_end = region_end < end ? region_end : end;
        page_end = (region_end - 1) % CHUNK / PAGE + 1;
        if (!page_known(&c->pages, offset % CHUNK / PAGE) ||
            pages_run_end(&c->pages, offset % CHUNK / PAGE, page_end) < page_end)
            return false;
        offset = region_end;
    }
    return true;
}

/* ---- what file.c uses ---------------------------------------------------------------------------------- */

/* Gives a range its pages, mapped. False: there is no room. (Linux before 5.14 does not know the call:
 * pages come one by one.) */
static bool fill_holes(struct file_store *fs, uint64_t offset, uint64_t len)
{
    uint64_t end = offset + len;

    while (offset < end) {
        struct file_chunk *c = chunk_at(fs->map, offset);
        uint64_t first = offset % CHUNK / PAGE * PAGE, n = CHUNK - offset % CHUNK;

        n = n < end - offset ? n : end - offset;
        if (!c && !(c = ask_region(fs, offset)))
            return false;
        if (madvise(c->pages.bytes + first, offset % CHUNK + n - first, MADV_POPULATE_WRITE) < 0 &&
            errno != EINVAL)
            return false;
        offset += n;
    }
    return true;
}

static void mark_written(struct file_store *fs, uint64_t offset, uint64_t len)
{
    for (uint64_t page = offset / PAGE; page <= (offset + len - 1) / PAGE; page++)
        page_mark(&chunk_at(fs->map, page * PAGE)->pages, page % N_PAGES);
}

bool file_map_transfer(struct file_store *fs, const struct store_request *req)
{
    bool known;

    if (req->offset + req->len > N_CHUNKS * CHUNK)
        return false;
    known = range_known(fs, req->offset, req->len);
    if (!known && (req->op == STORE_READ || !fill_holes(fs, req->offset, req->len)))
        return false;
    if (!copy_guarded(fs->map, req)) {
        file_map_freed(fs, req->offset, req->len);
        return false;
    }
    if (!known)
        mark_written(fs, req->offset, req->len);
    return true;
}

const uint8_t *file_map_borrow(struct file_store *fs, uint64_t offset, uint64_t len)
{
    if (offset + len > N_CHUNKS * CHUNK || offset % CHUNK + len > CHUNK || !range_known(fs, offset, len))
        return NULL;
    return chunk_at(fs->map, offset)->pages.bytes + offset % CHUNK;
}

/* Pages that the range touches in part are forgotten too, which costs a system call and is never wrong. */
void file_map_freed(struct file_store *fs, uint64_t offset, uint64_t len)
{
    uint64_t end = offset + len;

    while (offset < end) {
        struct file_chunk *c = chunk_at(fs->map, offset);
        uint64_t chunk_end = (offset / CHUNK + 1) * CHUNK;

        chunk_end = chunk_end < end ? chunk_end : end;
        if (c)
            pages_clear(&c->pages, offset % CHUNK / PAGE, (chunk_end - 1) % CHUNK / PAGE + 1);
        offset = chunk_end;
    }
}

/* Without the memory for it, or beyond what a map can name, system calls do it all. */
void file_map_open(struct file_store *fs)
{
    struct file_map *map = calloc(1, sizeof *map);

    if (!map)
        return;
    map->chunks = calloc(N_CHUNKS, sizeof *map->chunks);
    if (!map->chunks) {
        free(map);
        return;
    }
    pthread_mutex_init(&map->mutex, NULL);
    install_guard();
    fs->map = map;
}

void file_map_close(struct file_store *fs)
{
    struct file_map *map = fs->map;

    if (!map)
        return;
    for (size_t i = 0; i < map->n_chunks; i++) {
        struct file_chunk *c = atomic_load_explicit(&map->chunks[i], memory_order_relaxed);

        if (c)
            munmap(c, sizeof *c);
    }
    pthread_mutex_destroy(&map->mutex);
    free(map->chunks);
    free(map);
    fs->map = NULL;
}
