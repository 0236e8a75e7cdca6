/* SPDX-License-Identifier: MIT */
/* A listening socket that dies under the engine, which the system hardly ever does: here its own descriptor
 * is shut down. */
#include "rig.h"

#include <arpa/inet.h>
#include <sys/socket.h>

/* The descriptor that listens at the address of this portal: found among all that are open, as the engine
 * does not show it. */
static int listening_fd(struct rig *rig, unsigned portal)
{
    struct guid id = rig_portal_id(portal);
    struct sockaddr_storage wanted;

    assert_int_equal(engine_portal_address(rig->engine, &id, &wanted), 0);
    for (int fd = 0; fd < 1024; fd++) {
        struct sockaddr_in addr;
        socklen_t size = sizeof addr, int_size = sizeof(int);
        int listens = 0;

        if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &int_size) == 0 && listens
            && getsockname(fd, (struct sockaddr *)&addr, &size) == 0 && addr.sin_family == AF_INET
            && addr.sin_port == ((struct sockaddr_in *)&wanted)->sin_port)
            return fd;
    }
    return -1;
}

static void a_listener_that_dies_is_told_once_and_nobody_else_notices(void **state)
{
    struct rig *rig = *state;
    struct initiator old, other;
    int fd;

    rig_portal(rig, 1);
    rig_portal(rig, 2);
    rig_target(rig, 1);
    rig_path(rig, 1, 1, 1);
    rig_path(rig, 1, 2, 1);
    rig_login(rig, &old, 1, 1, 1);
    fd = listening_fd(rig, 1);
    assert_true(fd >= 0);
    assert_int_equal(shutdown(fd, SHUT_RDWR), 0);
    rig_wait_count(rig, &rig->n_listeners_failed, 1);
    assert_int_equal(initiator_nop(&old), 0); /* came through the dead portal, and goes on */
    rig_login(rig, &other, 2, 1, 2);
    assert_int_equal(rig->n_listeners_failed, 1);
    initiator_close(&other);
    initiator_close(&old);
    rig_wait_sessions(rig, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(a_listener_that_dies_is_told_once_and_nobody_else_notices),
    };

    return RUN_TESTS(tests);
}
