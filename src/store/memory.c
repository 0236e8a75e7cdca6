/* SPDX-License-Identifier: MIT */
/* Blocks in anonymous memory, sparse: a page takes space when it is first written and gives it back when it
 * is discarded whole.
 *
 * A bit per page says whether it was written: the kernel cannot be asked cheaply, and a page never written is
 * not touched by reading.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "loop/loop.h"
#include "store/chunk.h"
#include "store/store_backend.h"

#define INLINE_RANGE (UINT64_C(16) << 20) /* a longer range is freed or zeroed by a worker: milliseconds */

struct memory_store {
    struct store store;
    _Atomic uint64_t n_pages; /* written */
    struct chunk **chunks;    /* N_CHUNKS; those below the size exist */
};

static struct memory_store *memory_of(const struct store *store)
{
    return container_of(store, struct memory_store, store);
}

/* ---- pieces: a range within one chunk ------------------------------------------------------------------ */

typedef void piece_fn(struct memory_store *m, struct chunk *c, uint64_t offset, uint64_t len, uint8_t *data);

static void piece_read(struct memory_store *m, struct chunk *c, uint64_t offset, uint64_t len, uint8_t *data)
{
    (void)m;
    while (len > 0) {
        uint64_t page = offset / PAGE,
                 n = pages_run_end(c, page, (offset + len + PAGE - 1) / PAGE) * PAGE - offset;

        n = n < len ? n : len;
        if (page_known(c, page))
            memcpy(data, c->bytes + offset, n);
        else
            memset(data, 0, n);
        data += n;
        offset += n;
        len -= n;
    }
}

static void piece_write(struct memory_store *m, struct chunk *c, uint64_t offset, uint64_t len, uint8_t *data)
{
    uint64_t n_new = 0;

    for (uint64_t page = offset / PAGE; page <= (offset + len - 1) / PAGE; page++)
        n_new += page_mark(c, page);
    if (n_new > 0)
        atomic_fetch_add_explicit(&m->n_pages, n_new, memory_order_relaxed);
    memcpy(c->bytes + offset, data, len);
}

/* What was never written stays so. */
static void piece_zero(struct memory_store *m, struct chunk *c, uint64_t offset, uint64_t len, uint8_t *data)
{
    (void)m;
    (void)data;
    while (len > 0) {
        uint64_t page = offset / PAGE,
                 n = pages_run_end(c, page, (offset + len + PAGE - 1) / PAGE) * PAGE - offset;

        n = n < len ? n : len;
        if (page_known(c, page))
            memset(c->bytes + offset, 0, n);
        offset += n;
        len -= n;
    }
}

/* Whole pages are given back, the rest is zeroed. */
static void piece_discard(struct memory_store *m, struct chunk *c, uint64_t offset, uint64_t len,
                          uint8_t *data)
{
    uint64_t first = (offset + PAGE - 1) / PAGE, end = (offset + len) / PAGE;

    if (first >= end) {
        piece_zero(m, c, offset, len, data);
        return;
    }
    piece_zero(m, c, offset, first * PAGE - offset, data);
    atomic_fetch_sub_explicit(&m->n_pages, pages_clear(c, first, end), memory_order_relaxed);
    if (madvise(c->bytes + first * PAGE, (end - first) * PAGE, MADV_DONTNEED) < 0)
        /* locked in memory: at least it reads as zeros */
        memset(c->bytes + first * PAGE, 0, (end - first) * PAGE);
    piece_zero(m, c, end * PAGE, offset + len - end * PAGE, data);
}

static void each_piece(struct memory_store *m, uint64_t offset, uint64_t len, uint8_t *data, piece_fn *fn)
{
    while (len > 0) {
        uint64_t n = CHUNK - offset % CHUNK;

        n = n < len ? n : len;
        fn(m, m->chunks[offset / CHUNK], offset % CHUNK, n, data);
        data = data ? data + n : NULL;
        offset += n;
        len -= n;
    }
}

/* ---- slots --------------------------------------------------------------------------------------------- */

static void transfer(struct memory_store *m, const struct store_request *req, piece_fn *fn)
{
    uint64_t offset = req->offset, left = req->len;

    for (int i = 0; i < req->n_iov && left > 0; i++) {
        uint64_t n = req->iov[i].iov_len < left ? req->iov[i].iov_len : left;

        each_piece(m, offset, n, req->iov[i].iov_base, fn);
        offset += n;
        left -= n;
    }
}

static void change_range(struct memory_store *m, const struct store_request *req)
{
    each_piece(m, req->offset, req->len, NULL, req->op == STORE_DISCARD ? piece_discard : piece_zero);
}

/* Lives in req->private while a worker has the request. */
struct memory_task {
    struct loop_op op;
    struct memory_store *m;
    struct store_request *req;
};
_Static_assert(sizeof(struct memory_task) <= sizeof((struct store_request){ 0 }.private), "fits the request");

static int change_range_work(struct loop_op *op)
{
    struct memory_task *t = container_of(op, struct memory_task, op);

    change_range(t->m, t->req);
    return 0;
}

static void change_range_done(struct loop_op *op, int res)
{
    struct store_request *req = container_of(op, struct memory_task, op)->req;

    req->done(req, res);
}

static int submit_range(struct memory_store *m, struct store_request *req)
{
    struct memory_task *t = (struct memory_task *)req->private;

    if (req->len <= INLINE_RANGE || !loop_current()) {
        change_range(m, req);
        return 0;
    }
    t->m = m;
    t->req = req;
    t->op.done = change_range_done;
    loop_work(loop_current(), &t->op, change_range_work);
    return -EINPROGRESS;
}

static int memory_submit(struct store *store, struct store_request *req)
{
    struct memory_store *m = memory_of(store);

    switch (req->op) {
    case STORE_READ:
        transfer(m, req, piece_read);
        return 0;
    case STORE_WRITE:
        transfer(m, req, piece_write);
        return 0;
    case STORE_DISCARD:
    case STORE_WRITE_ZEROES:
        return submit_range(m, req);
    case STORE_FLUSH:
        return 0;
    }
    return -EOPNOTSUPP;
}

static int memory_extent_at(struct store *store, uint64_t offset, struct store_extent *ret_extent)
{
    const struct memory_store *m = memory_of(store);
    uint64_t size = store_size(store), end = offset, chunk = offset / CHUNK;
    bool mapped = page_known(m->chunks[chunk], offset % CHUNK / PAGE);

    while (end < size && page_known(m->chunks[chunk], end % CHUNK / PAGE) == mapped) {
        end = chunk * CHUNK + pages_run_end(m->chunks[chunk], end % CHUNK / PAGE, N_PAGES) * PAGE;
        chunk = end / CHUNK;
    }
    *ret_extent = (struct store_extent){ .len = (end < size ? end : size) - offset, .mapped = mapped };
    return 0;
}

static uint64_t memory_allocated(const struct store *store)
{
    return atomic_load_explicit(&memory_of(store)->n_pages, memory_order_relaxed) * PAGE;
}

static size_t n_chunks_for(uint64_t size)
{
    return (size_t)(size / CHUNK + (size % CHUNK != 0));
}

static void chunks_unmap(struct memory_store *m, size_t first, size_t end)
{
    for (size_t i = first; i < end; i++) {
        munmap(m->chunks[i], sizeof(struct chunk));
        m->chunks[i] = NULL;
    }
}

static int chunks_map(struct memory_store *m, size_t first, size_t end)
{
    for (size_t i = first; i < end; i++) {
        void *p = mmap(NULL, sizeof(struct chunk), PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

        if (p == MAP_FAILED) {
            chunks_unmap(m, first, i);
            return -ENOMEM;
        }
        m->chunks[i] = p;
    }
    return 0;
}

/* What is cut off must read as zeros when the store grows again. */
static int memory_resize(struct store *store, uint64_t size)
{
    struct memory_store *m = memory_of(store);
    uint64_t old = store_size(store);

    if (size > N_CHUNKS * CHUNK)
        return -EFBIG;
    if (size >= old)
        return chunks_map(m, n_chunks_for(old), n_chunks_for(size));
    each_piece(m, size, old - size, NULL, piece_discard);
    chunks_unmap(m, n_chunks_for(size), n_chunks_for(old));
    return 0;
}

static void memory_close(struct store *store)
{
    struct memory_store *m = memory_of(store);

    chunks_unmap(m, 0, n_chunks_for(store_size(store)));
    free(m->chunks);
    free(m);
}

static const uint8_t *memory_borrow(struct store *store, uint64_t offset, uint64_t len)
{
    const struct memory_store *m = memory_of(store);
    const struct chunk *c = m->chunks[offset / CHUNK];
    uint64_t page = offset % CHUNK / PAGE, end = (offset % CHUNK + len - 1) / PAGE + 1;

    if (end > N_PAGES || !page_known(c, page) || pages_run_end(c, page, end) < end)
        return NULL;
    return c->bytes + offset % CHUNK;
}

static const struct store_kind memory_kind = {
    .name = "memory",
    .submit = memory_submit,
    .borrow = memory_borrow,
    .extent_at = memory_extent_at,
    .allocated = memory_allocated,
    .resize = memory_resize,
    .close = memory_close,
};

int store_memory_open(uint64_t size, struct store **ret_store)
{
    _cleanup_(store_unrefp) struct store *store = NULL;
    struct memory_store *m;
    int r;

    m = calloc(1, sizeof *m);
    if (!m)
        return -ENOMEM;
    store = &m->store;
    store_init(store, &memory_kind, 0);
    store->thin = true;
    m->chunks = calloc(N_CHUNKS, sizeof *m->chunks);
    if (!m->chunks)
        return -ENOMEM;
    r = store_resize(store, size);
    if (r < 0)
        return r;
    *ret_store = TAKE_PTR(store);
    return 0;
}
