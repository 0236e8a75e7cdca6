/* SPDX-License-Identifier: MIT */
/* polkit, as far as vdsd asks it: answers CheckAuthorization with argv[1] ("yes", "no"), and says on standard
 * output what was asked. On the bus at DBUS_SYSTEM_BUS_ADDRESS. */
#include <stdio.h>
#include <string.h>
#include <systemd/sd-bus.h>

static int on_check(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
    const char *kind, *key, *name, *action;
    uint32_t flags;
    int r;

    (void)error;
    r = sd_bus_message_read(m, "(sa{sv})s", &kind, 1, &key, "s", &name, &action);
    if (r >= 0)
        r = sd_bus_message_skip(m, "a{ss}");
    if (r >= 0)
        r = sd_bus_message_read(m, "u", &flags);
    if (r < 0)
        return r;
    printf("%s %s=%s %s %u\n", kind, key, name, action, flags);
    fflush(stdout);
    return sd_bus_reply_method_return(m, "(bba{ss})", strcmp(userdata, "yes") == 0, 0, 0);
}

static const sd_bus_vtable vtable[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD("CheckAuthorization", "(sa{sv})sa{ss}us", "(bba{ss})", on_check,
                  SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_VTABLE_END,
};

int main(int argc, char **argv)
{
    sd_bus *bus = NULL;
    int r = argc == 2 ? sd_bus_open_system(&bus) : -1;

    if (r >= 0)
        r = sd_bus_add_object_vtable(bus, NULL, "/org/freedesktop/PolicyKit1/Authority",
                                     "org.freedesktop.PolicyKit1.Authority", vtable, argv[1]);
    if (r >= 0)
        r = sd_bus_request_name(bus, "org.freedesktop.PolicyKit1", 0);
    if (r >= 0) {
        puts("ready");
        fflush(stdout);
    }
    while (r >= 0) {
        r = sd_bus_process(bus, NULL);
        if (r == 0)
            r = sd_bus_wait(bus, UINT64_MAX);
    }
    return 1;
}
