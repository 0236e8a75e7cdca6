/* SPDX-License-Identifier: MIT */
/* Commands for things that our own array does not have, against a service made of fakes: what the methods are
 * given, what is said. */
#include "../unit_test.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/diskraid/shell.h"
#include "fake_host.h"

static struct shell shell;

static int setup(void **state)
{
    (void)state;
    fake_host_reset();
    shell = (struct shell){ .service = fake_host_service() };
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    shell_disconnect(&shell);
    return 0;
}

/* Runs a line; what it printed, on both streams. */
static const char *run(int outcome, const char *line)
{
    static char text[8192];
    FILE *file = tmpfile();
    int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO), got;
    size_t n;

    assert_non_null(file);
    fflush(NULL);
    dup2(fileno(file), STDOUT_FILENO);
    dup2(fileno(file), STDERR_FILENO);
    got = shell_run_line(&shell, line, strlen(line));
    fflush(NULL);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    close(out);
    close(err);
    rewind(file);
    n = fread(text, 1, sizeof text - 1, file);
    text[n] = '\0';
    fclose(file);
    if (got != outcome)
        fail_msg("%s: outcome %d, said: %s", line, got, text);
    return text;
}

static void done(const char *line)
{
    run(OUTCOME_DONE, line);
}

#define ASSERT_CALLS(text) assert_string_equal(fake_host_calls(), text)

static void what_a_device_says_does_not_steer_the_terminal(void **state)
{
    const char *said;

    (void)state;
    done("select subsystem 0");
    done("select lun 5");
    said = run(OUTCOME_DONE, "detail lun verbose");
    assert_null(strchr(said, '\x1b'));
    assert_non_null(strstr(said, "Vendor, product       : \\x1b[31m"));
}

/* Microsoft's sample, word for word. */
static void ports_are_associated_as_in_the_sample(void **state)
{
    (void)state;
    done("select subsystem 0");
    assert_string_equal(run(OUTCOME_DONE, "SEL LUN 5"), "LUN 5 is now the selected LUN.\n");
    assert_string_equal(run(OUTCOME_DONE, "ASSOCIATE PORTS 0-0,0-1"),
                        "Controller port associations changed.\n"
                        "(Controller ports active after this command: Ctlr 0 Port 0, Ctlr 0 Port 1)\n");
    ASSERT_CALLS("AssociateControllerPorts on=p0,p1 off=p3,p2; ");
    assert_string_equal(
        run(OUTCOME_DONE, "ASSOCIATE PORTS ADD 1-1"),
        "Controller port associations changed.\n"
        "(Controller ports active after this command: Ctlr 0 Port 0, Ctlr 0 Port 1, Ctlr 1 Port 1)\n");
    ASSERT_CALLS("AssociateControllerPorts on=p0,p1,p3 off=p2; ");
    assert_string_equal(run(OUTCOME_DONE, "DISSOCIATE PORTS 0-0,1-1"),
                        "Controller port associations changed.\n"
                        "(Controller ports active after this command: Ctlr 0 Port 1)\n");
    ASSERT_CALLS("AssociateControllerPorts on=p1 off=p3,p2,p0; ");
    assert_string_equal(run(OUTCOME_SELECTION, "associate ports 0-2"), "There is no port 0-2.\n");
    assert_string_equal(run(OUTCOME_SELECTION, "associate ports 2-0"), "There is no port 2-0.\n");
    ASSERT_CALLS("");
}

static void every_controller_is_in_one_of_the_arrays(void **state)
{
    (void)state;
    done("select subsystem 0");
    done("select lun 0");
    done("associate controllers 1");
    ASSERT_CALLS("AssociateControllers on=c1 off=c0; ");
    assert_string_equal(
        run(OUTCOME_DONE, "associate controllers add 0"),
        "Controller associations changed.\n(Controllers active after this command: Ctlr 0, Ctlr 1)\n");
    ASSERT_CALLS("AssociateControllers on=c0,c1 off=; ");
    done("dissociate controllers 0,1");
    ASSERT_CALLS("AssociateControllers on= off=c1,c0; ");
}

static void ports_are_selected_and_reset(void **state)
{
    (void)state;
    done("select subsystem 0");
    done("select controller 1");
    done("select port 1");
    done("reset port");
    ASSERT_CALLS("Reset port 3; ");
    done("reset controller");
    done("flushcache controller");
    done("invalidatecache controller");
    ASSERT_CALLS("Reset controller 1; FlushCache 1; InvalidateCache 1; ");
}

static void paths_that_are_not_named_become_backup(void **state)
{
    (void)state;
    done("select subsystem 0");
    done("select lun 0");
    done("lbpolicy set lun type=failover paths=1-primary");
    ASSERT_CALLS("SetLoadBalancePolicy 1 100:0 101:primary0 102:0; ");
    done("lbpolicy set lun type=weighted paths=0-10, 2-30");
    ASSERT_CALLS("SetLoadBalancePolicy 5 100:10 101:0 102:30; ");
    done("lbpolicy set lun paths=2-primary"); /* the policy in force */
    ASSERT_CALLS("SetLoadBalancePolicy 6 100:0 101:0 102:primary0; ");
    done("lbpolicy set lun type=vendorspecific");
    ASSERT_CALLS("SetLoadBalancePolicy 7 100:0 101:0 102:0; ");
    assert_string_equal(run(OUTCOME_SELECTION, "lbpolicy set lun paths=3-primary"), "There is no path 3.\n");
}

static void login_hands_on_every_argument(void **state)
{
    (void)state;
    done("select subsystem 0");
    done("select target 1");
    done("login target iadapter=0");
    ASSERT_CALLS("LoginToTarget 0 type=0 flags=0 digests=00 auth=0 target=t1 tportal=- iportal=-; ");
    done("login target iadapter=1 type=persistent chap=mutual tportal=1 iportal=1 ips emp ehd edd");
    ASSERT_CALLS("LoginToTarget 1 type=1 flags=3 digests=11 auth=2 target=t1 tportal=T1 iportal=i3; ");
    assert_string_equal(run(OUTCOME_SELECTION, "login target iadapter=2"),
                        "There is no initiator adapter 2.\n");
    assert_string_equal(run(OUTCOME_SELECTION, "login target iadapter=0 iportal=7"),
                        "There is no initiator portal 7.\n");
    done("logout target iadapter= 1");
    ASSERT_CALLS("LogoutFromTarget 1 target=t1; ");
    fake_host_answer(VDS_E_ISCSI_LOGIN_FAILED);
    assert_non_null(strstr(run(OUTCOME_FAILED, "login target iadapter=0"), "VDS_E_ISCSI_LOGIN_FAILED"));
}

static void the_initiator_is_listed_and_shown(void **state)
{
    (void)state;
    assert_string_equal(run(OUTCOME_DONE, "initiator"),
                        "The iSCSI name of the initiator is iqn.2026-01.org.example:host.\n");
    done("select iadapter 1");
    assert_string_equal(run(OUTCOME_DONE, "list iadapters"), "\n"
                                                             "  IAdapter ###  Name\n"
                                                             "  ------------  --------------------\n"
                                                             "  IAdapter 0    tcp\n"
                                                             "* IAdapter 1    iser\n");
    done("select iportal 1");
    assert_string_equal(run(OUTCOME_DONE, "list iportals"), "\n"
                                                            "  IPortal ###  Index  Address\n"
                                                            "  -----------  -----  --------------------\n"
                                                            "  IPortal 0        2  host.example\n"
                                                            "* IPortal 1        3  host.example\n");
    assert_non_null(strstr(run(OUTCOME_DONE, "detail iportal"), "Port index            : 3\n"));
    assert_non_null(strstr(run(OUTCOME_DONE, "detail iadapter"), "* IPortal 1"));
}

static void secrets_reach_their_method_and_clear(void **state)
{
    (void)state;
    done("chap initiator set secret=abcdefghijkl");
    ASSERT_CALLS("SetInitiatorSharedSecret secret=abcdefghijkl target=-; ");
    assert_string_equal(run(OUTCOME_SELECTION, "chap initiator set secret=x target=0"),
                        "There is no subsystem selected. Select one with SELECT and try again.\n");
    done("select subsystem 0");
    assert_string_equal(run(OUTCOME_DONE, "chap initiator set secret= target=1"),
                        "The secret was cleared.\n");
    ASSERT_CALLS("SetInitiatorSharedSecret secret=NULL target=t1; ");
    done("chap initiator remember secret=\"with blanks!\" target=0");
    ASSERT_CALLS("RememberTargetSharedSecret secret=with blanks! target=t0; ");
    done("select target 0");
    done("chap target set secret=abcdefghijkl");
    done("chap target set secret=abcdefghijkl initiator=iqn.2026-01.org.example:a");
    done("chap target remember secret= initiator=iqn.2026-01.org.example:a");
    ASSERT_CALLS("SetSharedSecret 0 initiator=NULL secret=abcdefghijkl; SetSharedSecret 0 initiator=some "
                 "secret=abcdefghijkl; "
                 "RememberInitiatorSharedSecret 0 initiator=some secret=NULL; ");
}

static void the_import_target_is_set_and_shown(void **state)
{
    (void)state;
    done("select subsystem 0");
    assert_string_equal(run(OUTCOME_DONE, "importtarget subsystem"), "Subsystem 0 has no import target.\n");
    done("select target 0");
    done("importtarget subsystem set target");
    assert_string_equal(run(OUTCOME_DONE, "importtarget subsystem"),
                        "The import target of subsystem 0 is iqn.2026-01.org.example:box.\n");
}

static void luns_get_type_size_drives_and_hints(void **state)
{
    (void)state;
    done("select subsystem 0");
    fake_host_answer(VDS_E_NOT_ENOUGH_DRIVE); /* the fake makes no objects */
    done("create lun stripe size=1 drives=2,0,2 stripesize=64KB noerr");
    ASSERT_CALLS("CreateLun type=12 size=1048576 mask=none hints=0/65536 drives=d2,d0; ");
    done("create lun raid drives=0,1 noerr");
    ASSERT_CALLS("CreateLun type=14 size=2000 mask=none hints=NULL drives=d0,d1; ");
    done("create lun mirror size=1KB noerr");
    done("automagic set MSR=yes STS=8KB FTL=yes");
    done("create lun automagic size=1KB noerr");
    ASSERT_CALLS("CreateLun type=13 size=1024 mask=none hints=NULL drives=; "
                 "CreateLun type=2 size=1024 mask=none hints=2/8192 drives=; ");
    assert_non_null(
        strstr(run(OUTCOME_FAILED, "create lun simple size=1"), "VDS_E_NOT_ENOUGH_DRIVE (0x80042410)"));
}

static void luns_grow_shrink_and_are_repaired(void **state)
{
    (void)state;
    done("select subsystem 0");
    done("select lun 3");
    assert_string_equal(run(OUTCOME_DONE, "extend lun size=2KB drives=1"),
                        "LUN 3 was extended. Its size is now 3 MB.\n");
    done("extend lun drives=0,1");
    done("shrink lun size=1B");
    done("recover lun");
    done("automagic apply STS=4KB");
    ASSERT_CALLS("Extend 3 by=2048 drives=d1; Extend 3 by=4000 drives=d0,d1; Shrink 3 by=1; Recover 3; "
                 "ApplyHints 3 mask=0 stripe=4096; ");
    done("add plex lun=1");
    done("break plex=1");
    ASSERT_CALLS("AddPlex 3 lun=l1; RemovePlex 3 plex=x1; ");
    fake_host_answer(E_NOTIMPL);
    assert_non_null(strstr(run(OUTCOME_FAILED, "break plex=0"), "E_NOTIMPL"));
}

static void a_disk_is_uninstalled_before_its_lun(void **state)
{
    (void)state;
    done("select subsystem 0");
    done("select lun 0");
    done("delete lun uninstall");
    ASSERT_CALLS("UninstallDisks force=0 disks=l0; Delete LUN 0; ");
    done("select lun 1"); /* no disk here */
    done("delete lun uninstall");
    ASSERT_CALLS("Delete LUN 1; ");
    fake_host_answer(E_ACCESSDENIED);
    done("select lun 0");
    run(OUTCOME_FAILED, "delete lun uninstall");
    ASSERT_CALLS("UninstallDisks force=0 disks=l0; ");
}

static void drives_are_replaced_and_flagged(void **state)
{
    (void)state;
    done("select subsystem 0");
    done("select drive 2");
    done("replace drive=0");
    done("setflag drive hotspare=true");
    done("setflag drive hotspare=FALSE");
    ASSERT_CALLS("ReplaceDrive old=d0 new=d2; SetFlags 2 0x1; ClearFlags 2 0x1; ");
}

static void maintenance_starts_or_pulses(void **state)
{
    (void)state;
    done("select subsystem 0");
    done("select drive 1");
    done("maintenance drive blink");
    done("maintenance drive spindown");
    done("maintenance drive ping count=3");
    ASSERT_CALLS("StartMaintenance 1 of 5/1; StartMaintenance 3 of 5/1; PulseMaintenance 5 of 5/1 times 3; ");
    assert_non_null(strstr(run(OUTCOME_FAILED, "maintenance subsystem beep"), "VDS_E_NOT_SUPPORTED"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_a_device_says_does_not_steer_the_terminal, setup, teardown),
        cmocka_unit_test_setup_teardown(ports_are_associated_as_in_the_sample, setup, teardown),
        cmocka_unit_test_setup_teardown(every_controller_is_in_one_of_the_arrays, setup, teardown),
        cmocka_unit_test_setup_teardown(ports_are_selected_and_reset, setup, teardown),
        cmocka_unit_test_setup_teardown(paths_that_are_not_named_become_backup, setup, teardown),
        cmocka_unit_test_setup_teardown(login_hands_on_every_argument, setup, teardown),
        cmocka_unit_test_setup_teardown(the_initiator_is_listed_and_shown, setup, teardown),
        cmocka_unit_test_setup_teardown(secrets_reach_their_method_and_clear, setup, teardown),
        cmocka_unit_test_setup_teardown(the_import_target_is_set_and_shown, setup, teardown),
        cmocka_unit_test_setup_teardown(luns_get_type_size_drives_and_hints, setup, teardown),
        cmocka_unit_test_setup_teardown(luns_grow_shrink_and_are_repaired, setup, teardown),
        cmocka_unit_test_setup_teardown(a_disk_is_uninstalled_before_its_lun, setup, teardown),
        cmocka_unit_test_setup_teardown(drives_are_replaced_and_flagged, setup, teardown),
        cmocka_unit_test_setup_teardown(maintenance_starts_or_pulses, setup, teardown),
    };

    return RUN_TESTS(tests);
}
