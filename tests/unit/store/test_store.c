/* SPDX-License-Identifier: MIT */
/* What every kind of store promises, tried on each: memory, file on disk and file in memory, without a
 * loop and on both engines. */
#include "store_test.h"

#define SIZE (8 * MIB)

static const char *where; /* NULL: memory store, else the folder of the file */
static char path[256];

static int open_store(void **state)
{
    if (!where)
        return store_memory_open(SIZE, (struct store **)state);
    snprintf(path, sizeof path, "%s/vds-store-%d", where, (int)getpid());
    unlink(path);
    if (store_file_create(path, SIZE, /* thick= */ false, NULL, NULL) < 0)
        return -1;
    return store_file_open(path, /* read_only= */ false, (struct store **)state);
}

static int close_store(void **state)
{
    store_unref(*state);
    if (where)
        unlink(path);
    return 0;
}

#define STORE_TEST(f) cmocka_unit_test_setup_teardown(f, open_store, close_store)

static void what_was_written_is_read_back(void **state)
{
    const size_t sizes[] = { 512, 4096, 4608, 65536, 1 << 20, 3 << 20 };
    struct store *s = *state;
    uint8_t *data = malloc(3 << 20), *back = malloc(3 << 20);

    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        uint64_t offset = i * 512 * 3;

        fill_pattern(data, sizes[i], (unsigned)i);
        assert_int_equal(do_write(s, offset, data, sizes[i]), 0);
        memset(back, 0xee, sizes[i]);
        assert_int_equal(do_read(s, offset, back, sizes[i]), 0);
        assert_memory_equal(data, back, sizes[i]);
    }
    free(data);
    free(back);
}

static void a_new_store_reads_as_zeros(void **state)
{
    uint8_t *back = malloc(SIZE);

    memset(back, 0xee, SIZE);
    assert_int_equal(do_read(*state, 0, back, SIZE), 0);
    assert_true(all_zero(back, SIZE));
    free(back);
}

static void pieces_of_memory_are_gathered_and_scattered(void **state)
{
    uint8_t data[12288], back[12288];
    struct call w = { .store = *state,
                      .req = { .op = STORE_WRITE, .offset = 2048, .len = 12288, .n_iov = 3 } },
                r = w;

    fill_pattern(data, sizeof data, 1);
    w.iov[0] = (struct iovec){ data, 100 };
    w.iov[1] = (struct iovec){ data + 100, 8000 };
    w.iov[2] = (struct iovec){ data + 8100, 4188 };
    w.req.iov = w.iov;
    assert_int_equal(call_run(&w), 0);
    r.req.op = STORE_READ;
    r.req.iov = r.iov;
    r.iov[0] = (struct iovec){ back, 4096 };
    r.iov[1] = (struct iovec){ back + 4096, 1 };
    r.iov[2] = (struct iovec){ back + 4097, 8191 };
    assert_int_equal(call_run(&r), 0);
    assert_memory_equal(data, back, sizeof data);
}

/* More pieces than the kernel takes at once (IOV_MAX is 1024). */
static void thousands_of_pieces_are_one_request(void **state)
{
    enum { N = 3000, PIECE = 512 };
    struct iovec *iov = calloc(N, sizeof *iov);
    uint8_t *data = malloc(N * PIECE), *back = calloc(N, PIECE);
    struct call c = { .store = *state,
                      .req = { .op = STORE_WRITE, .offset = 512, .len = N * PIECE, .iov = iov, .n_iov = N } };

    fill_pattern(data, N * PIECE, 5);
    for (int i = 0; i < N; i++)
        iov[i] = (struct iovec){ data + i * PIECE, PIECE };
    assert_int_equal(call_run(&c), 0);
    assert_int_equal(do_read(*state, 512, back, N * PIECE), 0);
    assert_memory_equal(data, back, N * PIECE);
    free(iov);
    free(data);
    free(back);
}

static void requests_beyond_the_end_are_refused_and_change_nothing(void **state)
{
    struct store *s = *state;
    uint8_t data[4096] = { 1 };

    assert_int_equal(do_write(s, SIZE - 4096, data, 4096), 0);
    assert_int_equal(do_write(s, SIZE - 4095, data, 4096), -EINVAL);
    assert_int_equal(do_read(s, SIZE, data, 1), -EINVAL);
    assert_int_equal(do_read(s, UINT64_MAX - 100, data, 4096), -EINVAL);
    assert_int_equal(do_range(s, STORE_DISCARD, SIZE - 4096, 8192, false), -EINVAL);
    assert_int_equal(do_range(s, STORE_WRITE_ZEROES, UINT64_MAX, UINT64_MAX, false), -EINVAL);
    assert_int_equal(store_size(s), SIZE);
    assert_int_equal(do_read(s, SIZE, data, 0), 0); /* nothing, at the very end */
}

static void a_discarded_range_reads_as_zeros_and_its_space_is_free(void **state)
{
    struct store *s = *state;
    uint8_t *data = malloc(MIB), *back = malloc(MIB);
    uint64_t before;

    fill_pattern(data, MIB, 3);
    assert_int_equal(do_write(s, MIB, data, MIB), 0);
    assert_int_equal(do_flush(s), 0);
    before = store_allocated(s);
    assert_true(before >= MIB);
    /* not on page borders: whole pages are freed, the rest is zeroed */
    assert_int_equal(do_range(s, STORE_DISCARD, MIB + 512, MIB - 1024, false), 0);
    assert_int_equal(do_read(s, MIB, back, MIB), 0);
    assert_memory_equal(back, data, 512);
    assert_true(all_zero(back + 512, MIB - 1024));
    assert_memory_equal(back + MIB - 512, data + MIB - 512, 512);
    assert_true(store_is_thin(s));
    assert_true(store_allocated(s) < before);
    assert_true(store_allocated(s) <= before - MIB + 65536);
    free(data);
    free(back);
}

static void written_zeroes_read_as_zeros_and_keep_their_space(void **state)
{
    const uint64_t lens[] = { 512, 4096, 5000, 65536, 262144 };
    struct store *s = *state;
    uint8_t *data = malloc(MIB), *back = malloc(MIB);
    uint64_t before;

    for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
        fill_pattern(data, MIB, (unsigned)i);
        assert_int_equal(do_write(s, 0, data, MIB), 0);
        assert_int_equal(do_flush(s), 0);
        before = store_allocated(s);
        assert_int_equal(do_range(s, STORE_WRITE_ZEROES, 1536, lens[i], false), 0);
        assert_int_equal(do_flush(s), 0);
        assert_int_equal(do_read(s, 0, back, MIB), 0);
        memset(data + 1536, 0, lens[i]);
        assert_memory_equal(data, back, MIB);
        assert_true(store_allocated(s) >= before);
    }
    free(data);
    free(back);
}

static void writing_zeroes_to_what_was_never_written_takes_no_space(void **state)
{
    uint64_t before = store_allocated(*state);

    assert_int_equal(do_range(*state, STORE_WRITE_ZEROES, 0, SIZE, false), 0);
    assert_int_equal(do_flush(*state), 0);
    assert_int_equal(store_allocated(*state), before);
}

static void forced_unit_access_works_for_every_change(void **state)
{
    uint8_t data[8192], back[8192];

    fill_pattern(data, sizeof data, 9);
    assert_int_equal(do_transfer(*state, STORE_WRITE, 4096, data, sizeof data, true), 0);
    assert_int_equal(do_read(*state, 4096, back, sizeof back), 0);
    assert_memory_equal(data, back, sizeof back);
    assert_int_equal(do_range(*state, STORE_WRITE_ZEROES, 4096, 4096, true), 0);
    assert_int_equal(do_range(*state, STORE_DISCARD, 8192, 4096, true), 0);
    assert_int_equal(do_read(*state, 4096, back, sizeof back), 0);
    assert_true(all_zero(back, sizeof back));
    assert_int_equal(do_flush(*state), 0);
}

static void extents_tell_written_from_unwritten(void **state)
{
    struct store *s = *state;
    struct store_extent e;
    uint8_t data[65536];

    fill_pattern(data, sizeof data, 2);
    assert_int_equal(store_extent_at(s, 0, &e), 0);
    assert_false(e.mapped);
    assert_int_equal(e.len, SIZE);
    assert_int_equal(do_write(s, MIB, data, sizeof data), 0);
    assert_int_equal(do_flush(s), 0);
    assert_int_equal(store_extent_at(s, 0, &e), 0);
    assert_false(e.mapped);
    assert_int_equal(e.len, MIB);
    assert_int_equal(store_extent_at(s, MIB + 4096, &e), 0);
    assert_true(e.mapped);
    assert_int_equal(e.len, sizeof data - 4096);
    assert_int_equal(store_extent_at(s, MIB + sizeof data, &e), 0);
    assert_false(e.mapped);
    assert_int_equal(e.len, SIZE - MIB - sizeof data);
    assert_int_equal(store_extent_at(s, SIZE, &e), -EINVAL);
}

static void a_store_that_shrinks_and_grows_again_has_zeros_there(void **state)
{
    struct store *s = *state;
    uint8_t data[65536], back[65536];

    fill_pattern(data, sizeof data, 4);
    assert_int_equal(do_write(s, 2 * MIB - 32768, data, sizeof data), 0);
    assert_int_equal(store_resize(s, 2 * MIB), 0);
    assert_int_equal(store_size(s), 2 * MIB);
    assert_int_equal(do_read(s, 2 * MIB, back, 1), -EINVAL);
    assert_int_equal(store_resize(s, 16 * MIB), 0);
    assert_int_equal(store_size(s), 16 * MIB);
    assert_int_equal(do_read(s, 2 * MIB - 32768, back, sizeof back), 0);
    assert_memory_equal(back, data, 32768);
    assert_true(all_zero(back + 32768, 32768));
    assert_int_equal(do_write(s, 16 * MIB - 512, data, 512), 0);
}

static void hundreds_of_requests_at_once_all_complete(void **state)
{
    enum { N = 200, LEN = 8192 };
    struct call *c = calloc(N, sizeof *c);
    uint8_t *data = malloc(N * LEN), *back = calloc(N, LEN);

    fill_pattern(data, N * LEN, 6);
    for (int op = STORE_WRITE; op != -1; op = op == STORE_WRITE ? STORE_READ : -1) {
        for (int i = 0; i < N; i++) {
            c[i] = (struct call){ .store = *state };
            c[i].iov[0] = (struct iovec){ (op == STORE_WRITE ? data : back) + i * LEN, LEN };
            c[i].req = (struct store_request){
                .op = (enum store_op)op, .offset = (uint64_t)i * LEN, .len = LEN, .iov = c[i].iov, .n_iov = 1
            };
            call_start(&c[i]);
        }
        for (int i = 0; i < N; i++)
            assert_int_equal(call_wait(&c[i]), 0);
    }
    assert_memory_equal(data, back, N * LEN);
    free(c);
    free(data);
    free(back);
}

/* A file on a disk lends nothing: a page of it may have to be read first. */
static void what_is_in_memory_is_lent_and_holes_are_not(void **state)
{
    struct store *s = *state;
    uint8_t data[8192];
    const uint8_t *lent;

    fill_pattern(data, sizeof data, 5);
    assert_null(store_borrow(s, 64 * KIB, 4096));
    assert_int_equal(do_write(s, 64 * KIB, data, sizeof data), 0);
    lent = store_borrow(s, 64 * KIB + 512, sizeof data - 512);
    if (where && strcmp(where, "/dev/shm") != 0) {
        assert_null(lent);
        return;
    }
    assert_memory_equal(lent, data + 512, sizeof data - 512);
    fill_pattern(data, sizeof data, 6);
    assert_int_equal(do_write(s, 64 * KIB, data, sizeof data), 0);
    assert_memory_equal(lent, data + 512, sizeof data - 512); /* the store's own bytes, no copy of them */
    assert_null(store_borrow(s, 64 * KIB + 512, sizeof data)); /* ends in a hole */
    assert_null(store_borrow(s, SIZE - 512, 1024));
    assert_null(store_borrow(s, UINT64_MAX, 2));
    assert_null(store_borrow(s, 64 * KIB, 0));
    assert_int_equal(do_range(s, STORE_DISCARD, 64 * KIB, sizeof data, false), 0);
    assert_null(store_borrow(s, 64 * KIB, 4096));
}

/* Against a plain array, thousands of random requests; every answer must be the array's. */
static void random_requests_agree_with_a_plain_array(void **state)
{
    enum { SPAN = 1 << 19, MAX_LEN = 40000 };
    struct store *s = *state;
    uint8_t *model = calloc(1, SPAN), *data = malloc(MAX_LEN);

    srandom(11);
    for (int i = 0; i < 1500; i++) {
        size_t len = 1 + (size_t)random() % MAX_LEN, offset = (size_t)random() % (SPAN - len);
        enum store_op op =
            (enum store_op[]){ STORE_READ, STORE_WRITE, STORE_DISCARD, STORE_WRITE_ZEROES }[random() % 4];

        if (op == STORE_READ) {
            assert_int_equal(do_read(s, offset, data, len), 0);
            assert_memory_equal(data, model + offset, len);
        } else if (op == STORE_WRITE) {
            fill_pattern(data, len, (unsigned)i);
            memcpy(model + offset, data, len);
            assert_int_equal(do_write(s, offset, data, len), 0);
        } else {
            memset(model + offset, 0, len);
            assert_int_equal(do_range(s, op, offset, len, false), 0);
        }
    }
    free(model);
    free(data);
}

static int run_once(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(what_was_written_is_read_back),
        STORE_TEST(a_new_store_reads_as_zeros),
        STORE_TEST(pieces_of_memory_are_gathered_and_scattered),
        STORE_TEST(thousands_of_pieces_are_one_request),
        STORE_TEST(requests_beyond_the_end_are_refused_and_change_nothing),
        STORE_TEST(a_discarded_range_reads_as_zeros_and_its_space_is_free),
        STORE_TEST(written_zeroes_read_as_zeros_and_keep_their_space),
        STORE_TEST(writing_zeroes_to_what_was_never_written_takes_no_space),
        STORE_TEST(forced_unit_access_works_for_every_change),
        STORE_TEST(extents_tell_written_from_unwritten),
        STORE_TEST(a_store_that_shrinks_and_grows_again_has_zeros_there),
        STORE_TEST(what_is_in_memory_is_lent_and_holes_are_not),
        STORE_TEST(hundreds_of_requests_at_once_all_complete),
        STORE_TEST(random_requests_agree_with_a_plain_array),
    };

    return RUN_TESTS(tests);
}

static int run_in_this_loop(void)
{
    printf("%s, %s\n", where, loop_backend_name(test_loop));
    return run_once();
}

static int run_everywhere(const char *folder, bool on_disk)
{
    int n_failed;

    where = folder;
    printf("%s, no loop\n", where ? where : "memory");
    n_failed = run_once();
    return on_disk ? n_failed + run_in_loops(run_in_this_loop) : n_failed;
}

int main(void)
{
    int n_failed = run_everywhere(NULL, false);

    n_failed += run_everywhere("/dev/shm", true);
    return n_failed + run_everywhere("/var/tmp", true);
}
