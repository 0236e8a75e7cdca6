/* SPDX-License-Identifier: MIT */
/* nodes/TARGET/ADDRESS,PORT is a record, or nodes/TARGET/ADDRESS,PORT,TAG is a folder of them, one for each
 * interface. A record has lines "name = value" between "# BEGIN RECORD" and "# END RECORD". It is replaced as
 * a whole, so nobody ever reads half of one. */
#include "service/records.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error_text.h"

#define RECORD_MAX (64u << 10) /* they have 2 to 3 KiB */
#define ASIDE      "# vds: "

static const char *const keys[N_RECORD_FIELDS] = {
    [RECORD_USER] = "node.session.auth.username",
    [RECORD_SECRET] = "node.session.auth.password",
    [RECORD_USER_IN] = "node.session.auth.username_in",
    [RECORD_SECRET_IN] = "node.session.auth.password_in",
};

struct walk {
    const char *target;                                                      /* whose records these are */
    /* a whole record, zero-terminated; -errno */
    int (*visit)(struct walk *walk, const char *path, char *text, size_t n);
    unsigned n;
    struct record_auth *read;
    const struct record_auth *write;
    unsigned fields;
    bool user_in_is_target;
    const char *root;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void records_lock(void)
{
    pthread_mutex_lock(&lock);
}

void records_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

const char *records_folder(void)
{
    const char *given = getenv("VDS_OPEN_ISCSI");

    return given ? given : "/etc/iscsi";
}

/* ---- one record ---------------------------------------------------------------------------------------- */

/* The field that the line is about, aside or not, N_RECORD_FIELDS for any other; *ret_value is what stands
 * behind the "=". */
static unsigned line_field(const char *line, size_t n, const char **ret_value, size_t *ret_n)
{
    if (n > sizeof ASIDE - 1 && memcmp(line, ASIDE, sizeof ASIDE - 1) == 0) {
        line += sizeof ASIDE - 1;
        n -= sizeof ASIDE - 1;
    }
    for (unsigned f = 0; f < N_RECORD_FIELDS; f++) {
        size_t len = strlen(keys[f]);

        if (n < len + 3 || memcmp(line, keys[f], len) != 0 || memcmp(line + len, " = ", 3) != 0)
            continue;
        *ret_value = line + len + 3;
        *ret_n = n - len - 3;
        return f;
    }
    return N_RECORD_FIELDS;
}

static int visit_to_read(struct walk *w, const char *path, char *text, size_t n)
{
    (void)path;
    for (char *line = text, *end; line < text + n; line = end + 1) {
        const char *value;
        size_t len;
        unsigned f;

        end = strchrnul(line, '\n');
        f = line_field(line, (size_t)(end - line), &value, &len);
        if (f < N_RECORD_FIELDS && !w->read->value[f][0] && len < RECORD_VALUE_SIZE)
            memcpy(w->read->value[f], value, len);
    }
    return 0;
}

static void put_fields(struct walk *w, FILE *out)
{
    for (unsigned f = 0; f < N_RECORD_FIELDS; f++) {
        const char *value = f == RECORD_USER_IN && w->user_in_is_target ? w->target : w->write->value[f];

        if ((w->fields & 1u << f) && value[0])
            fprintf(out, "%s%s = %s\n", (w->write->aside & 1u << f) ? ASIDE : "", keys[f], value);
    }
}

/* The record with the fields in place of those that it had. */
static void put_record(struct walk *w, const char *text, size_t n, FILE *out)
{
    for (const char *line = text, *end; line < text + n; line = end + 1) {
        const char *value;
        size_t len;
        unsigned f;

        end = strchrnul(line, '\n');
        f = line_field(line, (size_t)(end - line), &value, &len);
        if (f < N_RECORD_FIELDS && (w->fields & 1u << f))
            continue;
        if (strncmp(line, "# END", 5) == 0)
            put_fields(w, out);
        fprintf(out, "%.*s\n", (int)(end - line), line);
    }
}

/* The new one is made beside the folder of records: open-iscsi takes every file in there for one. */
static int visit_to_write(struct walk *w, const char *path, char *text, size_t n)
{
    char fresh[PATH_MAX];
    FILE *out;
    int fd, r;

    if (snprintf(fresh, sizeof fresh, "%s/.vds-XXXXXX", w->root) >= (int)sizeof fresh)
        return -ENAMETOOLONG;
    fd = mkostemp(fresh, O_CLOEXEC); /* mode 0600 */
    out = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!out) {
        r = -errno;
        if (fd >= 0)
            close(fd);
        return r;
    }
    put_record(w, text, n, out);
    r = fflush(out) != 0 || fsync(fd) < 0 ? -errno : 0;
    fclose(out);
    if (r == 0 && rename(fresh, path) < 0)
        r = -errno;
    if (r < 0)
        unlink(fresh);
    return r;
}

/* ---- all of them --------------------------------------------------------------------------------------- */

static int visit_file(struct walk *w, const char *path)
{
    _cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    char *text = fd >= 0 ? calloc(1, RECORD_MAX + 1) : NULL;
    ssize_t n;
    int r;

    if (!text)
        return fd >= 0 ? -ENOMEM : -errno;
    n = read(fd, text, RECORD_MAX);
    r = n < 0 ? -errno : n == RECORD_MAX ? -EFBIG : w->visit(w, path, text, (size_t)n);
    w->n += r == 0;
    explicit_bzero(text, RECORD_MAX);
    free(text);
    return r;
}

/* Every file in the folder, and in the folders in it, `depth` deep. */
static int visit_folder(struct walk *w, const char *folder, unsigned depth)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    int r = dir ? 0 : -errno;

    while (r == 0 && (entry = readdir(dir))) {
        char path[PATH_MAX];
        struct stat st;

        if (entry->d_name[0] == '.' ||
            snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) >= (int)sizeof path ||
            lstat(path, &st) < 0)
            continue;
        if (S_ISREG(st.st_mode))
            r = visit_file(w, path);
        else if (S_ISDIR(st.st_mode) && depth > 0)
            r = visit_folder(w, path, depth - 1);
    }
    if (dir)
        closedir(dir);
    return r;
}

static int visit_target(struct walk *w, const char *nodes, const char *target)
{
    char folder[PATH_MAX];

    if (target[0] == '.' || strchr(target, '/') ||
        snprintf(folder, sizeof folder, "%s/%s", nodes, target) >= (int)sizeof folder)
        return -EINVAL;
    w->target = target;
    return visit_folder(w, folder, 1);
}

static int visit_targets(struct walk *w, const char *nodes)
{
    DIR *dir = opendir(nodes);
    struct dirent *entry;
    int r = dir ? 0 : -errno;

    while (r == 0 && (entry = readdir(dir))) {
        if (entry->d_name[0] != '.')
            r = visit_target(w, nodes, entry->d_name);
    }
    if (dir)
        closedir(dir);
    return r;
}

/* No folder is the same as no record. */
static HRESULT visit_all(struct walk *w, const char *target)
{
    const char *roots[] = { records_folder(), getenv("VDS_OPEN_ISCSI") ? NULL : "/var/lib/iscsi" };
    int r = 0;

    for (size_t i = 0; i < ARRAY_SIZE(roots) && roots[i] && (r == 0 || r == -ENOENT); i++) {
        char nodes[PATH_MAX];

        w->root = roots[i];
        if (snprintf(nodes, sizeof nodes, "%s/nodes", roots[i]) < (int)sizeof nodes)
            r = target ? visit_target(w, nodes, target) : visit_targets(w, nodes);
    }
    if (r == 0 || r == -ENOENT)
        return S_OK;
    error_text_set("the records of open-iscsi: %s", strerror(-r));
    return r == -ENOMEM ? E_OUTOFMEMORY : r == -EACCES || r == -EPERM ? E_ACCESSDENIED : E_FAIL;
}

HRESULT records_read(const char *target, struct record_auth *ret_auth)
{
    struct walk w = { .visit = visit_to_read, .read = ret_auth };

    memset(ret_auth, 0, sizeof *ret_auth);
    return visit_all(&w, target);
}

HRESULT records_write(const char *target, unsigned fields, const struct record_auth *auth,
                      bool user_in_is_target)
{
    struct walk w = {
        .visit = visit_to_write, .write = auth, .fields = fields, .user_in_is_target = user_in_is_target
    };
    HRESULT hr = visit_all(&w, target);

    return FAILED(hr) || w.n > 0 ? hr : VDS_E_OBJECT_NOT_FOUND;
}
