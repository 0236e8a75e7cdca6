/* SPDX-License-Identifier: MIT */
/* What is particular to the file store: making and opening files, durability, errors of the medium. */
#include "store_test.h"

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/vfs.h>
#include <sys/wait.h>

static char folder[64], path[96];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/var/tmp/vds-file-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/lun", folder);
    return 0;
}

static int drop_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

#define FILE_TEST(f) cmocka_unit_test_setup_teardown(f, make_folder, drop_folder)

static uint64_t blocks_of(const char *file)
{
    struct stat st;

    return stat(file, &st) < 0 ? UINT64_MAX : (uint64_t)st.st_blocks * 512;
}

/* ---- create -------------------------------------------------------------------------------------------- */

struct watcher {
    uint64_t cancel_at, last, total;
    unsigned n_calls;
};

static bool watch(void *arg, uint64_t n_done, uint64_t n_total)
{
    struct watcher *w = arg;

    assert_true(n_done >= w->last);
    w->last = n_done;
    w->total = n_total;
    w->n_calls++;
    return n_done >= w->cancel_at;
}

static void a_sparse_file_has_its_size_and_no_space(void **state)
{
    struct store *s;

    (void)state;
    assert_int_equal(store_file_create(path, 5 * GIB + 512, false, NULL, NULL), 0);
    assert_true(blocks_of(path) < MIB);
    assert_int_equal(store_file_open(path, false, &s), 0);
    assert_int_equal(store_size(s), 5 * GIB + 512);
    store_unref(s);
}

static void a_thick_file_has_its_space_and_tells_how_far_it_is(void **state)
{
    struct watcher w = { .cancel_at = UINT64_MAX };
    struct store *s;

    (void)state;
    assert_int_equal(store_file_create(path, 100 * MIB, true, watch, &w), 0);
    assert_true(blocks_of(path) >= 100 * MIB);
    assert_int_equal(w.last, 100 * MIB);
    assert_int_equal(w.total, 100 * MIB);
    assert_true(w.n_calls >= 5);
    assert_int_equal(store_file_open(path, false, &s), 0);
    assert_int_equal(store_size(s), 100 * MIB);
    assert_true(store_allocated(s) >= 100 * MIB);
    store_unref(s);
}

static void cancelling_a_thick_file_removes_it(void **state)
{
    const uint64_t cancel_at[] = { 0, 40 * MIB, 100 * MIB };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cancel_at); i++) {
        struct watcher w = { .cancel_at = cancel_at[i] };

        assert_int_equal(store_file_create(path, 100 * MIB, true, watch, &w), -ECANCELED);
        assert_true(w.last >= cancel_at[i]);
        assert_int_equal(access(path, F_OK), -1);
    }
}

static void an_existing_file_is_never_overwritten(void **state)
{
    int fd = open(path, O_CREAT | O_WRONLY, 0600);

    (void)state;
    assert_int_equal(write(fd, "precious", 8), 8);
    close(fd);
    assert_int_equal(store_file_create(path, MIB, false, NULL, NULL), -EEXIST);
    assert_int_equal(store_file_create(path, MIB, true, NULL, NULL), -EEXIST);
    assert_true(blocks_of(path) != UINT64_MAX);
}

static void impossible_files_are_refused(void **state)
{
    (void)state;
    assert_int_equal(store_file_create(path, UINT64_MAX, false, NULL, NULL), -EFBIG);
    assert_int_equal(store_file_create("/nonexistent/lun", MIB, false, NULL, NULL), -ENOENT);
    assert_int_equal(access(path, F_OK), -1);
}

/* ---- open ---------------------------------------------------------------------------------------------- */

static void a_second_open_is_refused_here_and_in_another_process(void **state)
{
    struct store *s, *again;
    int status;
    pid_t child;

    (void)state;
    assert_int_equal(store_file_create(path, MIB, false, NULL, NULL), 0);
    assert_int_equal(store_file_open(path, false, &s), 0);
    assert_int_equal(store_file_open(path, false, &again), -EBUSY);
    assert_int_equal(store_file_open(path, true, &again), -EBUSY);
    child = fork();
    if (child == 0)
        _exit(store_file_open(path, false, &again) == -EBUSY ? 0 : 1);
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    store_unref(s);
    assert_int_equal(store_file_open(path, false, &again), 0);
    store_unref(again);
}

static void a_reference_keeps_the_store_open(void **state)
{
    struct store *s, *again;

    (void)state;
    assert_int_equal(store_file_create(path, MIB, false, NULL, NULL), 0);
    assert_int_equal(store_file_open(path, false, &s), 0);
    assert_ptr_equal(store_ref(s), s);
    store_unref(s);
    assert_int_equal(store_file_open(path, false, &again), -EBUSY);
    store_unref(s);
    assert_int_equal(store_file_open(path, false, &s), 0);
    store_unref(s);
    store_unref(NULL);
    assert_null(store_ref(NULL));
}

static void only_regular_files_are_opened(void **state)
{
    struct store *s = NULL;

    (void)state;
    assert_int_equal(store_file_open(path, false, &s), -ENOENT);
    assert_int_equal(store_file_open("/tmp", true, &s), -EISDIR);
    assert_int_equal(store_file_open("/dev/null", false, &s), -EINVAL);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(store_file_open(path, true, &s), -EINVAL); /* and does not wait for a writer */
    assert_null(s);
}

static void a_read_only_store_refuses_every_change(void **state)
{
    char data[512] = { 1 };
    struct store *s, *second;

    (void)state;
    assert_int_equal(store_file_create(path, MIB, false, NULL, NULL), 0);
    assert_int_equal(store_file_open(path, true, &s), 0);
    assert_int_equal(store_file_open(path, true, &second), 0); /* readers may be many */
    store_unref(second);
    assert_int_equal(do_read(s, 0, data, sizeof data), 0);
    assert_int_equal(do_write(s, 0, data, sizeof data), -EROFS);
    assert_int_equal(do_range(s, STORE_DISCARD, 0, 4096, false), -EROFS);
    assert_int_equal(do_range(s, STORE_WRITE_ZEROES, 0, 4096, false), -EROFS);
    assert_int_equal(do_flush(s), 0);
    assert_int_equal(store_resize(s, 2 * MIB), -EROFS);
    assert_int_equal(store_reserve(s, 0, MIB), -EROFS);
    store_unref(s);
}

static void data_is_there_after_closing_and_opening(void **state)
{
    uint8_t data[4096], back[4096];
    struct store *s;

    (void)state;
    fill_pattern(data, sizeof data, 8);
    assert_int_equal(store_file_create(path, MIB, false, NULL, NULL), 0);
    assert_int_equal(store_file_open(path, false, &s), 0);
    assert_int_equal(do_write(s, 65536, data, sizeof data), 0);
    assert_int_equal(store_resize(s, 3 * MIB), 0);
    store_unref(s);
    assert_int_equal(store_file_open(path, false, &s), 0);
    assert_int_equal(store_size(s), 3 * MIB);
    assert_int_equal(do_read(s, 65536, back, sizeof back), 0);
    assert_memory_equal(data, back, sizeof back);
    store_unref(s);
}

/* ---- space and errors ---------------------------------------------------------------------------------- */

static void reserved_space_lies_ready_before_the_store_grows(void **state)
{
    struct store *s;

    (void)state;
    assert_int_equal(store_file_create(path, MIB, true, NULL, NULL), 0);
    assert_int_equal(store_file_open(path, false, &s), 0);
    assert_int_equal(store_reserve(s, MIB, 7 * MIB), 0);
    assert_int_equal(store_size(s), MIB);
    assert_true(store_allocated(s) >= 8 * MIB);
    assert_int_equal(store_resize(s, 8 * MIB), 0);
    assert_true(store_allocated(s) >= 8 * MIB);
    assert_int_equal(store_reserve(s, UINT64_MAX - 1, 10), -EFBIG);
    store_unref(s);
}

static void a_file_cut_behind_our_back_is_an_io_error(void **state)
{
    char data[4096];
    struct store *s;

    (void)state;
    assert_int_equal(store_file_create(path, MIB, false, NULL, NULL), 0);
    assert_int_equal(store_file_open(path, false, &s), 0);
    assert_int_equal(truncate(path, 2048), 0);
    assert_int_equal(do_read(s, 0, data, sizeof data), -EIO); /* never a short transfer */
    assert_int_equal(do_read(s, 65536, data, sizeof data), -EIO);
    store_unref(s);
}

/* The same for a file whose pages we have mapped: the process must live, and hear of it. */
static void a_file_in_memory_cut_behind_our_back_is_an_io_error_and_no_signal(void **state)
{
    uint8_t *data = malloc(MIB), *back = malloc(MIB);
    char in_memory[64];
    struct store *s;

    (void)state;
    snprintf(in_memory, sizeof in_memory, "/dev/shm/vds-cut-%d", (int)getpid());
    unlink(in_memory); /* of one that was killed, and had this number */
    fill_pattern(data, MIB, 1);
    assert_int_equal(store_file_create(in_memory, 4 * MIB, false, NULL, NULL), 0);
    assert_int_equal(store_file_open(in_memory, false, &s), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(do_write(s, MIB, data, MIB), 0);
        assert_int_equal(do_read(s, MIB, back, MIB), 0);
        assert_memory_equal(data, back, MIB);
        assert_int_equal(truncate(in_memory, MIB + 8192), 0);
        assert_int_equal(do_read(s, MIB, back, MIB), -EIO);
        assert_int_equal(do_read(s, MIB, back, 8192), 0);
        assert_memory_equal(data, back, 8192);
        assert_int_equal(truncate(in_memory, 4 * MIB), 0);
    }
    store_unref(s);
    unlink(in_memory);
    free(data);
    free(back);
}

/* What is gone is found by a system call, and is lent no more when that is told. */
static void pages_that_were_lent_and_are_gone_are_not_lent_again(void **state)
{
    uint8_t block[4096] = { 3 }, back[4096];
    const uint8_t *lent;
    char in_memory[64];
    struct store *s;
    int fds[2];

    (void)state;
    snprintf(in_memory, sizeof in_memory, "/dev/shm/vds-lend-%d", (int)getpid());
    unlink(in_memory); /* of one that was killed, and had this number */
    assert_int_equal(store_file_create(in_memory, MIB, false, NULL, NULL), 0);
    assert_int_equal(store_file_open(in_memory, false, &s), 0);
    assert_int_equal(do_write(s, 8192, block, sizeof block), 0);
    lent = store_borrow(s, 8192, sizeof block);
    assert_non_null(lent);
    assert_int_equal(truncate(in_memory, 4096), 0);
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], lent, sizeof block), -1);
    assert_int_equal(errno, EFAULT);
    store_lent_gone(s, 8192, sizeof block);
    assert_null(store_borrow(s, 8192, sizeof block));
    assert_int_equal(do_read(s, 8192, back, sizeof back), -EIO);
    close(fds[0]);
    close(fds[1]);
    store_unref(s);
    unlink(in_memory);
}

/* A file that may not grow stands for a full disk: the limit is met where the disk would be. */
static void a_write_past_the_file_size_limit_is_reported(void **state)
{
    struct rlimit limit, small;
    struct store *s;
    uint8_t *data = calloc(1, 65536);

    (void)state;
    assert_int_equal(store_file_create(path, MIB, false, NULL, NULL), 0);
    assert_int_equal(store_file_open(path, false, &s), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    small = limit;
    small.rlim_cur = 128 * KIB;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_int_equal(do_write(s, 0, data, 65536), 0);
    /* a part fits, which is no success */
    assert_int_equal(do_write(s, 128 * KIB - 4096, data, 65536), -EFBIG);
    assert_int_equal(store_resize(s, 4 * MIB), -EFBIG);
    assert_int_equal(store_size(s), MIB);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    store_unref(s);
    free(data);
}

static void a_full_file_system_is_enospc(void **state)
{
    char mounted[96], file[112];
    uint8_t *data = calloc(1, MIB);
    struct store *s;
    int r;

    (void)state;
    snprintf(mounted, sizeof mounted, "%s/small", folder);
    snprintf(file, sizeof file, "%s/lun", mounted);
    assert_int_equal(mkdir(mounted, 0700), 0);
    if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("tmpfs", mounted, "tmpfs", 0, "size=4m") < 0) {
        print_message("skipped: mounting a small tmpfs needs root (%s)\n", strerror(errno));
        rmdir(mounted);
        free(data);
        skip();
    }
    assert_int_equal(store_file_create(file, 8 * MIB, true, NULL, NULL), -ENOSPC);
    assert_int_equal(access(file, F_OK), -1);
    assert_int_equal(store_file_create(file, 8 * MIB, false, NULL, NULL), 0);
    assert_int_equal(store_file_open(file, false, &s), 0);
    r = 0;
    for (unsigned i = 0; i < 8 && r == 0; i++) {
        memset(data, 1, MIB);
        r = do_write(s, i * MIB, data, MIB);
    }
    assert_int_equal(r, -ENOSPC);
    assert_int_equal(store_reserve(s, 0, 8 * MIB), -ENOSPC);
    /* space given back can be used again */
    assert_int_equal(do_range(s, STORE_DISCARD, 0, 2 * MIB, false), 0);
    assert_int_equal(do_write(s, 6 * MIB, data, MIB), 0);
    store_unref(s);
    free(data);
    assert_int_equal(umount(mounted), 0);
    assert_int_equal(rmdir(mounted), 0);
}

static int run_once(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(a_sparse_file_has_its_size_and_no_space),
        FILE_TEST(a_thick_file_has_its_space_and_tells_how_far_it_is),
        FILE_TEST(cancelling_a_thick_file_removes_it),
        FILE_TEST(an_existing_file_is_never_overwritten),
        FILE_TEST(impossible_files_are_refused),
        FILE_TEST(a_second_open_is_refused_here_and_in_another_process),
        FILE_TEST(a_reference_keeps_the_store_open),
        FILE_TEST(only_regular_files_are_opened),
        FILE_TEST(a_read_only_store_refuses_every_change),
        FILE_TEST(data_is_there_after_closing_and_opening),
        FILE_TEST(reserved_space_lies_ready_before_the_store_grows),
        FILE_TEST(a_file_cut_behind_our_back_is_an_io_error),
        FILE_TEST(a_file_in_memory_cut_behind_our_back_is_an_io_error_and_no_signal),
        FILE_TEST(pages_that_were_lent_and_are_gone_are_not_lent_again),
        FILE_TEST(a_write_past_the_file_size_limit_is_reported),
        FILE_TEST(a_full_file_system_is_enospc),
    };

    return RUN_TESTS(tests);
}

int main(void)
{
    return run_once() + run_in_loops(run_once);
}
