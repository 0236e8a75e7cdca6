/* SPDX-License-Identifier: MIT */
/* Blocks in a file, through the page cache.
 *
 * What cannot block is done inside submit: reads of cached pages and writes that the file system takes
 * without waiting (RWF_NOWAIT), anything at all on a file system that lives in memory, by copying where
 * possible (file_map.c). Of the rest, reads go to the thread's loop, writes and flushes to a lane
 * (file_lane.c), ranges to a worker; on a thread without a loop (tests, tools) all is done on the spot.
 * Making files: file_create.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/falloc.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "store/file_internal.h"

#define IN_MEMORY_INLINE (1 << 20) /* a longer range is freed or zeroed by a worker, even in memory */
#define ZERO_BY_WRITING  65536     /* a shorter one is zeroed by writing: cheaper than to change the map */

static struct file_store *file_of(const struct store *store)
{
    return container_of(store, struct file_store, store);
}

/* ---- durability ---------------------------------------------------------------------------------------- */

/* The kernel reports a failed write-back once per open file, to whoever syncs first, and takes the pages
 * for clean afterwards. All others whose sync overlaps must hear of it too: their data may be among what
 * was lost. */
static int sync_result(struct file_store *fs, unsigned n_failures_before, int res)
{
    if (res < 0)
        atomic_fetch_add(&fs->n_sync_failures, 1);
    else if (atomic_load(&fs->n_sync_failures) != n_failures_before)
        res = -EIO;
    return res;
}

int file_sync_now(struct file_store *fs)
{
    unsigned before = atomic_load(&fs->n_sync_failures);
    int r;

    if (fs->in_memory)
        return 0;
    do
        r = fdatasync(fs->fd) < 0 ? -errno : 0;
    while (r == -EINTR);
    return sync_result(fs, before, r);
}

/* ---- read and write ------------------------------------------------------------------------------------ */

static int iov_left(const struct store_request *req, const struct file_task *t)
{
    int n = req->n_iov - (int)(t->iov - req->iov);

    return n < IOV_MAX ? n : IOV_MAX;
}

/* Notes that n more bytes are done. */
static void advance(struct file_task *t, size_t n)
{
    t->n_done += n;
    while (n > 0 && n >= t->iov->iov_len) {
        n -= t->iov->iov_len;
        t->iov++;
    }
    if (n > 0) {
        t->iov->iov_base = (char *)t->iov->iov_base + n;
        t->iov->iov_len -= n;
    }
}

static ssize_t transfer_once(struct store_request *req, struct file_task *t, int flags)
{
    off_t offset = (off_t)(req->offset + t->n_done);
    ssize_t n;

    do
        n = req->op == STORE_READ ? preadv2(t->fs->fd, t->iov, iov_left(req, t), offset, flags)
                                  : pwritev2(t->fs->fd, t->iov, iov_left(req, t), offset, flags);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

/* One result of the kernel: 0 when the request is done, -EAGAIN when more is left. Nothing transferred:
 * the file was cut behind us. */
static int account(struct store_request *req, struct file_task *t, ssize_t n)
{
    if (n <= 0)
        return n < 0 ? (int)n : -EIO;
    advance(t, (size_t)n);
    return t->n_done < req->len ? -EAGAIN : 0;
}

int file_transfer_now(struct file_task *t)
{
    struct store_request *req = file_request_of(t);
    int r;

    do
        r = account(req, t, transfer_once(req, t, 0));
    while (r == -EAGAIN);
    return r;
}

/* -EAGAIN: not all could be done without waiting. */
static int transfer_nowait(struct store_request *req, struct file_task *t)
{
    atomic_bool *can = req->op == STORE_READ ? &t->fs->nowait_reads : &t->fs->nowait_writes;
    int r;

    if (!atomic_load_explicit(can, memory_order_relaxed))
        return -EAGAIN;
    r = account(req, t, transfer_once(req, t, RWF_NOWAIT));
    if (r == -EOPNOTSUPP) {
        atomic_store(can, false);
        r = -EAGAIN;
    }
    return r;
}

static void read_done(struct loop_op *op, int res);

static void read_start(struct file_task *t)
{
    const struct store_request *req = file_request_of(t);

    t->op.done = read_done;
    loop_readv(loop_current(), &t->op, t->fs->fd, t->iov, iov_left(req, t), req->offset + t->n_done);
}

static void read_done(struct loop_op *op, int res)
{
    struct file_task *t = container_of(op, struct file_task, op);
    struct store_request *req = file_request_of(t);
    int r = res == -EINTR || res == -EAGAIN ? -EAGAIN : account(req, t, res);

    if (r == -EAGAIN)
        read_start(t);
    else
        req->done(req, r);
}

static int submit_read(struct store_request *req, struct file_task *t)
{
    int r;

    if (t->fs->map && file_map_transfer(t->fs, req))
        return 0;
    if (t->fs->in_memory || !loop_current())
        return file_transfer_now(t);
    r = transfer_nowait(req, t);
    if (r != -EAGAIN)
        return r;
    read_start(t);
    return -EINPROGRESS;
}

static int submit_write(struct store_request *req, struct file_task *t)
{
    int r;

    if (t->fs->map && file_map_transfer(t->fs, req))
        return 0;
    if (t->fs->in_memory || !loop_current()) {
        r = file_transfer_now(t);
        return r == 0 && req->fua ? file_sync_now(t->fs) : r;
    }
    r = req->fua ? -EAGAIN : transfer_nowait(req, t);
    return r == -EAGAIN ? file_lane_submit(t) : r;
}

static int submit_flush(struct store_request *req, struct file_task *t)
{
    (void)req;
    return t->fs->in_memory || !loop_current() ? file_sync_now(t->fs) : file_lane_submit(t);
}

/* ---- discard and write zeroes -------------------------------------------------------------------------- */

static int allocate(struct file_store *fs, int mode, uint64_t offset, uint64_t len)
{
    int r;

    do
        r = fallocate(fs->fd, mode, (off_t)offset, (off_t)len) < 0 ? -errno : 0;
    while (r == -EINTR);
    return r;
}

static int write_zeros(struct file_store *fs, uint64_t offset, uint64_t len)
{
    static const char zeros[65536];

    while (len > 0) {
        ssize_t n = pwrite(fs->fd, zeros, len < sizeof zeros ? len : sizeof zeros, (off_t)offset);

        if (n == 0 || (n < 0 && errno != EINTR))
            return n == 0 ? -EIO : -errno;
        if (n > 0) {
            offset += (uint64_t)n;
            len -= (uint64_t)n;
        }
    }
    return 0;
}

/* A range that holds data. */
static int zero_data(struct file_store *fs, uint64_t offset, uint64_t len)
{
    int r = -EOPNOTSUPP;

    if (len > ZERO_BY_WRITING && atomic_load_explicit(&fs->can_zero, memory_order_relaxed))
        r = allocate(fs, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, offset, len);
    if (r != -EOPNOTSUPP)
        return r;
    if (len > ZERO_BY_WRITING)
        atomic_store(&fs->can_zero, false);
    return write_zeros(fs, offset, len);
}

int file_run_at(const struct file_store *fs, uint64_t offset, uint64_t *ret_end, bool *ret_data)
{
    uint64_t size = store_size(&fs->store);
    off_t data = lseek(fs->fd, (off_t)offset, SEEK_DATA), hole;

    if (data < 0 && errno != ENXIO)
        return -errno;
    if (data < 0 || (uint64_t)data > offset) {
        *ret_end = data < 0 || (uint64_t)data > size ? size : (uint64_t)data;
        *ret_data = false;
        return 0;
    }
    hole = lseek(fs->fd, (off_t)offset, SEEK_HOLE);
    if (hole < 0)
        return -errno;
    *ret_end = (uint64_t)hole > size ? size : (uint64_t)hole;
    *ret_data = true;
    return 0;
}

/* Only data is zeroed: a hole reads as zeros already, and a request for zeros must not fill a sparse file. */
static int zero_range(struct file_store *fs, uint64_t offset, uint64_t len)
{
    uint64_t end = offset + len, run_end;
    bool data;
    int r = 0;

    for (; offset < end && r == 0; offset = run_end) {
        if (file_run_at(fs, offset, &run_end, &data) < 0) {
            run_end = end; /* a file system that does not know */
            data = true;
        }
        run_end = run_end <= offset || run_end > end ? end : run_end;
        if (data)
            r = zero_data(fs, offset, run_end - offset);
    }
    return r;
}

static int change_range_now(struct store_request *req, struct file_store *fs)
{
    int r = -EOPNOTSUPP;

    if (req->op == STORE_DISCARD && fs->map)
        file_map_freed(fs, req->offset, req->len);
    if (req->op == STORE_DISCARD)
        r = allocate(fs, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, req->offset, req->len);
    if (r == -EOPNOTSUPP)
        r = zero_range(fs, req->offset, req->len);
    return r == 0 && req->fua ? file_sync_now(fs) : r;
}

static int change_range_work(struct loop_op *op)
{
    struct file_task *t = container_of(op, struct file_task, op);

    return change_range_now(file_request_of(t), t->fs);
}

static void change_range_done(struct loop_op *op, int res)
{
    struct store_request *req = file_request_of(container_of(op, struct file_task, op));

    req->done(req, res);
}

static int submit_change_range(struct store_request *req, struct file_task *t)
{
    struct loop *loop = loop_current();

    if (!loop || (t->fs->in_memory && req->len <= IN_MEMORY_INLINE))
        return change_range_now(req, t->fs);
    t->op.done = change_range_done;
    loop_work(loop, &t->op, change_range_work);
    return -EINPROGRESS;
}

/* ---- slots --------------------------------------------------------------------------------------------- */

static int (*const submits[])(struct store_request *req, struct file_task *t) = {
    [STORE_READ] = submit_read,
    [STORE_WRITE] = submit_write,
    [STORE_FLUSH] = submit_flush,
    [STORE_DISCARD] = submit_change_range,
    [STORE_WRITE_ZEROES] = submit_change_range,
};

static int file_submit(struct store *store, struct store_request *req)
{
    struct file_task *t = (struct file_task *)req->private;

    t->fs = file_of(store);
    t->iov = req->iov;
    t->n_done = 0;
    t->op.state = 0;
    return submits[req->op](req, t);
}

static void file_lent_gone(struct store *store, uint64_t offset, uint64_t len)
{
    file_map_freed(file_of(store), offset, len);
}

static int file_extent_at(struct store *store, uint64_t offset, struct store_extent *ret_extent)
{
    uint64_t end;
    bool data;
    int r = file_run_at(file_of(store), offset, &end, &data);

    if (r < 0)
        return r;
    if (end <= offset)
        return -EIO; /* the file was cut behind us */
    *ret_extent = (struct store_extent){ .len = end - offset, .mapped = data };
    return 0;
}

static uint64_t file_allocated(const struct store *store)
{
    struct stat st;

    return fstat(file_of(store)->fd, &st) < 0 ? 0 : (uint64_t)st.st_blocks * 512;
}

static int file_reserve(struct store *store, uint64_t offset, uint64_t len)
{
    struct file_store *fs = file_of(store);

    if (offset > INT64_MAX || len > INT64_MAX - offset)
        return -EFBIG;
    return allocate(fs, FALLOC_FL_KEEP_SIZE, offset, len);
}

static int resize_to(int fd, uint64_t size)
{
    int r;

    do
        r = ftruncate(fd, (off_t)size) < 0 ? -errno : 0;
    while (r == -EINTR);
    return r;
}

static int file_resize(struct store *store, uint64_t size)
{
    struct file_store *fs = file_of(store);
    int r;

    if (size > INT64_MAX)
        return -EFBIG;
    if (fs->map && size < store_size(store))
        file_map_freed(fs, size, store_size(store) - size);
    r = resize_to(fs->fd, size);
    if (r < 0)
        return r;
    if (fsync(fs->fd) < 0) {
        r = sync_result(fs, 0, -errno);
        if (size > store_size(store))
            (void)!resize_to(fs->fd, store_size(store)); /* as it was; what was cut off is gone */
    }
    return r;
}

static void file_close(struct store *store)
{
    struct file_store *fs = file_of(store);

    if (fs->fd >= 0)
        close(fs->fd);
    file_lanes_free(fs);
    file_map_close(fs);
    free(fs);
}

static const uint8_t *file_borrow(struct store *store, uint64_t offset, uint64_t len)
{
    struct file_store *fs = container_of(store, struct file_store, store);

    return fs->map ? file_map_borrow(fs, offset, len) : NULL;
}

static const struct store_kind file_kind = {
    .name = "file",
    .submit = file_submit,
    .lent_gone = file_lent_gone,
    .borrow = file_borrow,
    .extent_at = file_extent_at,
    .allocated = file_allocated,
    .reserve = file_reserve,
    .resize = file_resize,
    .close = file_close,
};

/* ---- open ---------------------------------------------------------------------------------------------- */

/* Belongs to the open file, not to the process: a second open, here or elsewhere, is refused. Readers may
 * be many. */
static int lock_file(int fd, bool read_only)
{
    struct flock lock = { .l_type = read_only ? F_RDLCK : F_WRLCK, .l_whence = SEEK_SET };

    if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
        return 0;
    return errno == EAGAIN || errno == EACCES ? -EBUSY : -errno;
}

/* O_NONBLOCK while opening only: a FIFO must not hold us, and a ring takes the flag for "never wait". */
static int open_file(const char *path, bool read_only, struct stat *ret_st)
{
    _cleanup_(closep) int fd =
        open(path, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    if (fd < 0 || fstat(fd, ret_st) < 0)
        return -errno;
    if (!S_ISREG(ret_st->st_mode))
        return S_ISDIR(ret_st->st_mode) ? -EISDIR : -EINVAL;
    if (fcntl(fd, F_SETFL, 0) < 0)
        return -errno;
    return TAKE_FD(fd);
}

static bool lives_in_memory(int fd)
{
    struct statfs fs;

    return fstatfs(fd, &fs) == 0 && (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC);
}

int store_file_open(const char *path, bool read_only, struct store **ret_store)
{
    _cleanup_(store_unrefp) struct store *store = NULL;
    struct file_store *fs = calloc(1, sizeof *fs);
    struct stat st;
    int r;

    if (!fs)
        return -ENOMEM;
    store = &fs->store;
    store_init(store, &file_kind, 0);
    fs->fd = open_file(path, read_only, &st);
    if (fs->fd < 0)
        return fs->fd;
    r = lock_file(fs->fd, read_only);
    if (r < 0)
        return r;
    if (fstat(fs->fd, &st) < 0) /* again, now that nobody else can change it */
        return -errno;
    atomic_store(&store->size, (uint64_t)st.st_size);
    store->read_only = read_only;
    fs->in_memory = lives_in_memory(fs->fd);
    atomic_store(&fs->nowait_reads, true);
    atomic_store(&fs->nowait_writes, true);
    atomic_store(&fs->can_zero, true);
    /* A hole beyond the end changes nothing: only the answer is wanted. */
    store->thin = !read_only &&
                  allocate(fs, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (uint64_t)st.st_size, 4096) == 0;
    if (fs->in_memory)
        file_map_open(fs);
    *ret_store = TAKE_PTR(store);
    return 0;
}
