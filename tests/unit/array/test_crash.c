/* SPDX-License-Identifier: MIT */
/* kill -9 at random points of random operations: after each restart the state is the one before or after the
 * interrupted operation, what was acknowledged is there, and array, state and engine agree. The child is
 * killed by the n-th access of its state to the disk (fault_vfs.h), so that every point of a commit gets its
 * turn. */
#include "array_fixture.h"

#include <dirent.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../state/fault_vfs.h"
#include "base/cleanup.h"

enum act {
    ACT_TARGET,
    ACT_GROUP,
    ACT_ADD,
    ACT_REMOVE,
    ACT_SET,
    ACT_MOVE,
    ACT_GROUP_DELETE,
    ACT_TARGET_DELETE,
    ACT_LUN,
    ACT_TIE,
    ACT_UNTIE,
    ACT_LUN_DELETE,
    N_ACTS
};

/* What the child tells: "I begin this", "it is done with this result". */
struct report {
    enum act act;
    bool ended;
    HRESULT hr;
    /* set: the group, two portals; move: the group, the portal, the other group */
    struct guid a, b, c, made;
    struct guid before[N_PORTALS]; /* set: what the group held */
    size_t n_before;
};

static void tell(int fd, const struct report *report)
{
    if (write(fd, report, sizeof *report) != sizeof *report)
        _exit(3);
}

static bool pick(struct array *array, enum array_relation relation, const struct guid *of, unsigned random,
                 struct guid *ret)
{
    struct guid *ids = NULL;
    size_t n = 0;

    if (array_query(array, relation, of, &ids, &n) == S_OK && n > 0)
        *ret = ids[random % n];
    free(ids);
    return n > 0;
}

static HRESULT wait_for(HRESULT hr, struct array_op *op, struct guid *ret_made)
{
    struct array_op_result result = { .hr = hr };

    if (FAILED(hr))
        return hr;
    array_op_wait(op, -1);
    array_op_result(op, &result);
    array_op_unref(op);
    *ret_made = result.output;
    return result.hr;
}

static bool remember(struct array *array, struct report *r)
{
    struct guid *ids = NULL;

    array_query(array, ARRAY_PORTALS_OF_GROUP, &r->a, &ids, &r->n_before);
    for (size_t i = 0; i < r->n_before; i++)
        r->before[i] = ids[i];
    free(ids);
    return true;
}

static bool choose(struct array *array, unsigned *seed, struct report *r)
{
    struct guid target, group;

    r->act = (enum act)(rand_r(seed) % N_ACTS);
    switch (r->act) {
    case ACT_TARGET:
    case ACT_LUN:
        return true;
    case ACT_GROUP:
    case ACT_TARGET_DELETE:
        return pick(array, ARRAY_TARGETS, NULL, (unsigned)rand_r(seed), &r->a);
    case ACT_ADD:
        return pick(array, ARRAY_TARGETS, NULL, (unsigned)rand_r(seed), &target) &&
               pick(array, ARRAY_GROUPS_OF_TARGET, &target, (unsigned)rand_r(seed), &r->a) &&
               pick(array, ARRAY_PORTALS, NULL, (unsigned)rand_r(seed), &r->b);
    case ACT_REMOVE:
        return pick(array, ARRAY_TARGETS, NULL, (unsigned)rand_r(seed), &target) &&
               pick(array, ARRAY_GROUPS_OF_TARGET, &target, (unsigned)rand_r(seed), &group) &&
               (r->a = group, pick(array, ARRAY_PORTALS_OF_GROUP, &group, (unsigned)rand_r(seed), &r->b));
    case ACT_SET:
        return pick(array, ARRAY_TARGETS, NULL, (unsigned)rand_r(seed), &target) &&
               pick(array, ARRAY_GROUPS_OF_TARGET, &target, (unsigned)rand_r(seed), &r->a) &&
               pick(array, ARRAY_PORTALS, NULL, (unsigned)rand_r(seed), &r->b) &&
               pick(array, ARRAY_PORTALS, NULL, (unsigned)rand_r(seed), &r->c) && remember(array, r);
    case ACT_MOVE:
        return pick(array, ARRAY_TARGETS, NULL, (unsigned)rand_r(seed), &target) &&
               pick(array, ARRAY_GROUPS_OF_TARGET, &target, (unsigned)rand_r(seed), &r->a) &&
               pick(array, ARRAY_PORTALS_OF_GROUP, &r->a, (unsigned)rand_r(seed), &r->b) &&
               pick(array, ARRAY_TARGETS, NULL, (unsigned)rand_r(seed), &target) &&
               pick(array, ARRAY_GROUPS_OF_TARGET, &target, (unsigned)rand_r(seed), &r->c);
    case ACT_GROUP_DELETE:
        return pick(array, ARRAY_TARGETS, NULL, (unsigned)rand_r(seed), &target) &&
               pick(array, ARRAY_GROUPS_OF_TARGET, &target, (unsigned)rand_r(seed), &r->a);
    case ACT_TIE:
        return pick(array, ARRAY_LUNS, NULL, (unsigned)rand_r(seed), &r->a) &&
               pick(array, ARRAY_TARGETS, NULL, (unsigned)rand_r(seed), &r->b);
    default:
        return pick(array, ARRAY_LUNS, NULL, (unsigned)rand_r(seed), &r->a);
    }
}

static HRESULT act(struct array *array, struct report *r)
{
    struct array_lun_spec spec = { .size = 1 << 20, .mask = "*" };
    struct array_op *op = NULL;
    HRESULT hr;

    switch (r->act) {
    case ACT_TARGET:
        hr = array_target_create(array, NULL, NULL, &op);
        return wait_for(hr, op, &r->made);
    case ACT_GROUP:
        hr = array_group_create(array, &r->a, &op);
        return wait_for(hr, op, &r->made);
    case ACT_ADD:
        hr = array_group_add_portal(array, &r->a, &r->b, &op);
        return wait_for(hr, op, &r->made);
    case ACT_REMOVE:
        hr = array_group_remove_portal(array, &r->a, &r->b, 0, &op);
        return wait_for(hr, op, &r->made);
    case ACT_SET:
        hr = array_group_set_portals(array, &r->a, (const struct guid[]){ r->b, r->c }, 2, 0, &op);
        return wait_for(hr, op, &r->made);
    case ACT_MOVE:
        hr = array_group_move_portal(array, &r->a, &r->b, &r->c, 0, &op);
        return wait_for(hr, op, &r->made);
    case ACT_GROUP_DELETE:
        hr = array_group_delete(array, &r->a, &op);
        return wait_for(hr, op, &r->made);
    case ACT_TARGET_DELETE:
        hr = array_target_delete(array, &r->a, &op);
        return wait_for(hr, op, &r->made);
    case ACT_LUN:
        hr = array_lun_create(array, &spec, &op);
        return wait_for(hr, op, &r->made);
    case ACT_TIE:
        return array_lun_associate_targets(array, &r->a, &r->b, 1);
    case ACT_UNTIE:
        return array_lun_associate_targets(array, &r->a, NULL, 0);
    default:
        return array_lun_delete(array, &r->a);
    }
}

static void child_main(struct fixture *f, unsigned seed, int die_at, int fd)
{
    if (array_open(&f->options, &f->array) != S_OK)
        _exit(1);
    fault_vfs_reset();
    atomic_store(&fault_vfs.die_at, die_at);
    for (;;) {
        struct report r = { 0 };

        if (!choose(f->array, &seed, &r))
            continue;
        tell(fd, &r);
        r.hr = act(f->array, &r);
        r.ended = true;
        tell(fd, &r);
    }
}

/* ---- the model: what must be there, from the acknowledged reports alone ---------------------- */

#define MODEL_MAX 4096

static struct {
    struct {
        uint32_t type;
        struct guid id;
        bool exists;
    } objects[MODEL_MAX];
    size_t n;
} model;

static void model_set(uint32_t type, const struct guid *id, bool exists)
{
    for (size_t i = 0; i < model.n; i++)
        if (guid_equal(&model.objects[i].id, id)) {
            model.objects[i].exists = exists;
            return;
        }
    assert_true(model.n < MODEL_MAX);
    model.objects[model.n].type = type;
    model.objects[model.n].id = *id;
    model.objects[model.n++].exists = exists;
}

static void model_apply(const struct report *r)
{
    if (r->hr != S_OK)
        return;
    if (r->act == ACT_TARGET)
        model_set(VDS_OT_TARGET, &r->made, true);
    if (r->act == ACT_GROUP)
        model_set(VDS_OT_PORTAL_GROUP, &r->made, true);
    if (r->act == ACT_LUN)
        model_set(VDS_OT_LUN, &r->made, true);
    if (r->act == ACT_GROUP_DELETE || r->act == ACT_TARGET_DELETE || r->act == ACT_LUN_DELETE)
        model_set(0, &r->a, false);
}

static bool portal_in_group(struct fixture *f, const struct guid *group, const struct guid *portal)
{
    struct guid *ids = NULL;
    size_t n = 0;
    bool found = false;

    array_query(f->array, ARRAY_PORTALS_OF_GROUP, group, &ids, &n);
    for (size_t i = 0; i < n; i++)
        found |= guid_equal(&ids[i], portal);
    free(ids);
    return found;
}

/* The last acknowledged operation is visible; the interrupted one may have happened or not. Groups of targets
 * that have been deleted are gone with them: they are not in the model as existing only if their target is
 * not. */
static bool exists(struct fixture *f, const struct guid *id)
{
    return array_exists(f->array, VDS_OT_TARGET, id) || array_exists(f->array, VDS_OT_PORTAL_GROUP, id) ||
           array_exists(f->array, VDS_OT_LUN, id);
}

static bool group_holds(struct fixture *f, const struct guid *group, const struct guid *portals, size_t n)
{
    bool all = count(f, ARRAY_PORTALS_OF_GROUP, group) == n;

    for (size_t i = 0; i < n; i++)
        all &= portal_in_group(f, group, &portals[i]);
    return all;
}

/* Several portals at once: all of it or nothing. */
static void check_regroup(struct fixture *f, const struct report *r)
{
    const struct guid set[2] = { r->b, r->c };

    if (r->act == ACT_SET)
        assert_true((!r->ended || FAILED(r->hr) ? group_holds(f, &r->a, r->before, r->n_before) : false) ||
                    (!FAILED(r->hr) && group_holds(f, &r->a, set, guid_equal(&r->b, &r->c) ? 1 : 2)));
    if (r->act != ACT_MOVE || guid_equal(&r->a, &r->c))
        return;
    if (r->ended && r->hr == S_OK)
        assert_false(portal_in_group(f, &r->a, &r->b));
    assert_true(portal_in_group(f, &r->a, &r->b) || portal_in_group(f, &r->c, &r->b));
}

static void check_model(struct fixture *f, const struct report *last, const struct report *interrupted)
{
    for (size_t i = 0; i < model.n; i++) {
        const struct guid *id = &model.objects[i].id;

        if (interrupted && guid_equal(&interrupted->a, id))
            model.objects[i].exists =
                exists(f, id); /* before or after: from now on it is the one that it is */
        if (model.objects[i].exists && model.objects[i].type != VDS_OT_PORTAL_GROUP)
            assert_true(exists(f, id));
        if (!model.objects[i].exists)
            assert_false(exists(f, id));
    }
    if (last && last->hr == S_OK && last->act == ACT_ADD &&
        !(interrupted && guid_equal(&interrupted->a, &last->a)))
        assert_true(!array_exists(f->array, VDS_OT_PORTAL_GROUP, &last->a) ||
                    portal_in_group(f, &last->a, &last->b));
    if (last && last->hr == S_OK && last->act == ACT_REMOVE &&
        !(interrupted && guid_equal(&interrupted->a, &last->a)))
        assert_false(portal_in_group(f, &last->a, &last->b));
}

/* No file of an interrupted creation or deletion is left, and every LUN has its own. */
static void check_files(struct fixture *f)
{
    char path[128];
    unsigned n = 0;
    struct dirent *entry;
    DIR *dir;

    snprintf(path, sizeof path, "%s/drive0", f->dir);
    dir = opendir(path);
    while ((entry = readdir(dir))) {
        assert_null(strstr(entry->d_name, ".creating"));
        assert_null(strstr(entry->d_name, ".deleting"));
        n += strstr(entry->d_name, ".img") != NULL;
    }
    closedir(dir);
    assert_int_equal(n, fixture_sql_int(f->dir, "SELECT count(*) FROM luns"));
    assert_int_equal(fixture_sql_int(f->dir, "SELECT count(*) FROM quarantine"), 0);
}

/* Array, state and engine say the same: a second start on the same file changes nothing. */
static void check_agreement(struct fixture *f)
{
    char *once = fixture_dump_all(f), *twice;
    struct guid *luns = NULL;
    size_t n = 0;

    assert_hr(array_query(f->array, ARRAY_LUNS, NULL, &luns, &n), S_OK);
    for (size_t i = 0; i < n; i++) {
        struct array_lun_info info;

        assert_hr(array_lun_get(f->array, &luns[i], &info), S_OK);
        assert_int_equal(info.status, VDS_LS_ONLINE);
        array_lun_info_fini(&info);
    }
    free(luns);
    fixture_restart(f);
    twice = fixture_dump_all(f);
    assert_string_equal(once, twice);
    free(once);
    free(twice);
}

static void run_child(struct fixture *f, unsigned seed, int die_at)
{
    struct report report, last = { 0 }, interrupted = { 0 };
    bool any_last = false, any_interrupted = false;
    int pipe_fds[2], status;
    pid_t pid;

    assert_int_equal(pipe(pipe_fds), 0);
    pid = fork();
    if (pid == 0)
        child_main(f, seed, die_at, pipe_fds[1]);
    close(pipe_fds[1]);
    while (read(pipe_fds[0], &report, sizeof report) == sizeof report) {
        any_interrupted = !report.ended;
        interrupted = report;
        if (!report.ended)
            continue;
        model_apply(&report);
        last = report;
        any_last = true;
    }
    close(pipe_fds[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (!WIFSIGNALED(status))
        fail_msg("the child ended with %d instead of being killed", WEXITSTATUS(status));
    fixture_start(f);
    if (any_last && !any_interrupted)
        check_regroup(f, &last);
    if (any_interrupted)
        check_regroup(f, &interrupted);
    check_model(f, any_last ? &last : NULL, any_interrupted ? &interrupted : NULL);
    check_files(f);
    check_agreement(f);
    fixture_stop(f);
}

static void after_kill_9_all_agree_on_before_or_after(void **state)
{
    struct fixture *f = fixture_new();
    const char *rounds = getenv("VDS_CRASH_ROUNDS"); /* more of them by hand */
    unsigned n_rounds = rounds ? (unsigned)atoi(rounds) : 80, seed = 1;

    (void)state;
    model.n = 0;
    for (unsigned i = 0; i < n_rounds; i++)
        run_child(f, i + 1, 1 + rand_r(&seed) % 150);
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(after_kill_9_all_agree_on_before_or_after),
    };

    return RUN_TESTS(tests);
}
