/* SPDX-License-Identifier: MIT */
/* vdsctl target chap, vdsctl discovery chap. A secret comes from a file or standard input, never from the
 * command line, where every user of the host could read it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/handlers.h"
#include "cli/model.h"

#define SECRET_MAX 16

struct secret {
    UCHAR bytes[SECRET_MAX + 2]; /* room to notice one that is too long, and for the end of its line */
    ULONG n;
};

static void secret_wipe(struct secret *secret)
{
    explicit_bzero(secret, sizeof *secret);
}

static int read_all(int fd, struct secret *secret)
{
    ssize_t n = 1;

    while (n > 0 && secret->n < sizeof secret->bytes) {
        n = read(fd, secret->bytes + secret->n, sizeof secret->bytes - secret->n);
        if (n < 0 && errno == EINTR)
            n = 1;
        else if (n > 0)
            secret->n += (ULONG)n;
    }
    if (n < 0)
        return -errno;
    if (secret->n > 0 && secret->bytes[secret->n - 1] == '\n')
        secret->n--;
    return 0;
}

static int read_secret(const char *path, struct secret *secret)
{
    bool from_stdin = strcmp(path, "-") == 0;
    int fd = from_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY),
        r = fd < 0 ? -errno : read_all(fd, secret);

    if (fd >= 0 && !from_stdin)
        close(fd);
    if (r < 0)
        fprintf(stderr, "vdsctl: %s: %s\n", path, strerror(-r));
    else if (secret->n == 0)
        fprintf(stderr, "vdsctl: %s is empty; --clear takes a secret away\n", path);
    return r == 0 && secret->n > 0 ? EXIT_DONE : EXIT_USAGE;
}

/* target NULL: discovery. */
static HRESULT set(struct client *client, IVdsIscsiTarget *target, bool mutual,
                   VDS_ISCSI_SHARED_SECRET *secret, WCHAR *initiator)
{
    IVdsIscsiDiscoveryEx *discovery;
    HRESULT hr;

    if (target)
        return mutual ? IVdsIscsiTarget_RememberInitiatorSharedSecret(target, initiator, secret)
                      : IVdsIscsiTarget_SetSharedSecret(target, secret, initiator);
    hr = IVdsSubSystem_QueryInterface(client->subsystem, &IID_IVdsIscsiDiscoveryEx, (void **)&discovery);
    if (FAILED(hr))
        return hr;
    hr = mutual ? IVdsIscsiDiscoveryEx_RememberDiscoverySecret(discovery, initiator, secret)
                : IVdsIscsiDiscoveryEx_SetDiscoverySecret(discovery, secret, initiator);
    IVdsIscsiDiscoveryEx_Release(discovery);
    return hr;
}

static bool options_ok(const struct request *request, bool discovery)
{
    if (!request->mutual || request->initiator || discovery)
        return true;
    fprintf(stderr, "vdsctl: --mutual is for one initiator: give --initiator IQN\n");
    return false;
}

static int change(struct client *client, const struct request *request, IVdsIscsiTarget *target,
                  const char *what)
{
    _cleanup_(secret_wipe) struct secret secret = { .n = 0 };
    _cleanup_(freep) WCHAR *initiator = request->initiator ? client_wide(request->initiator) : NULL;
    VDS_ISCSI_SHARED_SECRET argument;
    HRESULT hr;

    if (request->initiator && !initiator)
        return EXIT_USAGE;
    if (request->secret_file && read_secret(request->secret_file, &secret) != EXIT_DONE)
        return EXIT_USAGE;
    argument = (VDS_ISCSI_SHARED_SECRET){ secret.n ? secret.bytes : NULL, secret.n };
    hr = set(client, target, request->mutual, &argument, initiator);
    return FAILED(hr) ? client_refused(hr, target ? "target %s" : "%s", what) : EXIT_DONE;
}

int target_chap(struct client *client, const struct request *request)
{
    _cleanup_(model_fini) struct model model;
    int r = model_read(&model, client, MODEL_TARGETS);
    const struct target *target = r == EXIT_DONE ? model_find_target(&model, request->args[0]) : NULL;
    _cleanup_(client_releasep) IVdsIscsiTarget *face = NULL;
    HRESULT hr;

    if (!target)
        return r == EXIT_DONE ? EXIT_REFUSED : r;
    if (!options_ok(request, /* discovery= */ false))
        return EXIT_USAGE;
    hr = client_object(client, VDS_OT_TARGET, &target->id, &IID_IVdsIscsiTarget, &face);
    return FAILED(hr) ? client_refused(hr, "target %s", target->name)
                      : change(client, request, face, target->name);
}

int discovery_chap(struct client *client, const struct request *request)
{
    return options_ok(request, /* discovery= */ true) ? change(client, request, NULL, "discovery")
                                                      : EXIT_USAGE;
}
