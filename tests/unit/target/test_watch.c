/* SPDX-License-Identifier: MIT */
/* The host's addresses as they change, in a network namespace of our own (skipped where that is
 * forbidden). */
#include "rig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "target/address.h"

static bool have_namespace;

static int loopback_up(void)
{
    struct ifreq ifr = { .ifr_name = "lo" };
    _cleanup_(closep) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (ioctl(fd, SIOCGIFFLAGS, &ifr) < 0)
        return -errno;
    ifr.ifr_flags |= IFF_UP;
    return ioctl(fd, SIOCSIFFLAGS, &ifr) < 0 ? -errno : 0;
}

/* RTM_NEWADDR or RTM_DELADDR of 10.99.0.1/32 on lo. */
static int change_address(int type)
{
    struct {
        struct nlmsghdr header;
        struct ifaddrmsg ifa;
        struct rtattr attr;
        uint32_t address;
    } request = {
        .header = { .nlmsg_len = sizeof request,
                    .nlmsg_type = (uint16_t)type,
                    .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE },
        .ifa = { .ifa_family = AF_INET, .ifa_prefixlen = 32, .ifa_index = if_nametoindex("lo") },
        .attr = { .rta_len = RTA_LENGTH(4), .rta_type = IFA_LOCAL },
        .address = htonl(0x0a630001),
    };
    _cleanup_(closep) int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    char answer[1024];

    if (send(fd, &request, sizeof request, 0) < 0 || recv(fd, answer, sizeof answer, 0) < 0)
        return -errno;
    return ((struct nlmsgerr *)NLMSG_DATA((struct nlmsghdr *)(void *)answer))->error;
}

static bool is_listed(void)
{
    _cleanup_(freep) struct engine_address *list = NULL;
    bool found = false;
    size_t n;

    assert_int_equal(engine_host_addresses(&list, &n), 0);
    for (size_t i = 0; i < n; i++) {
        char text[ADDRESS_TEXT_SIZE];

        target_address_format(&list[i].addr, text);
        found |= strcmp(text, "10.99.0.1:0") == 0;
    }
    return found;
}

static bool has_come(struct rig *rig, void *arg)
{
    return rig->n_addresses_changed > *(unsigned *)arg;
}

static void wait_for_event(struct rig *rig, unsigned before)
{
    assert_true(rig_wait_until(rig, has_come, &before));
}

static void an_address_that_comes_or_goes_is_reported_and_listed(void **state)
{
    struct rig *rig = *state;
    unsigned before = rig->n_addresses_changed;

    if (!have_namespace)
        skip();
    assert_false(is_listed());
    assert_int_equal(change_address(RTM_NEWADDR), 0);
    wait_for_event(rig, before);
    assert_true(is_listed());
    before = rig->n_addresses_changed;
    assert_int_equal(change_address(RTM_DELADDR), 0);
    wait_for_event(rig, before);
    assert_false(is_listed());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(an_address_that_comes_or_goes_is_reported_and_listed),
    };

    have_namespace =
        (unshare(CLONE_NEWNET) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0) && loopback_up() == 0;
    return RUN_TESTS(tests);
}
