# SPDX-License-Identifier: MIT
"""Who may call which program: the kernel's word on the client counts, and nothing else."""
import os

import pytest
from harness import Client, as_user

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root can be another user")

# Numbers need no entry in the user database.
ALICE, BOB, CAROL = 54321, 54322, 54323
STAFF, GUESTS = 54400, 54401

PROGRAM = "def who(): return 'here'\n"


@pytest.fixture(scope="module")
def daemon(start_module_daemon):
    def program(**options):
        return {"main": {"source": PROGRAM}, **options}

    daemon = start_module_daemon(
        {
            "everybody": program(),
            "secret": program(allow_users=[str(ALICE)]),
            "staff": program(allow_groups=[str(STAFF)]),
            "either": program(allow_users=[str(ALICE)], allow_groups=[str(STAFF)]),
        },
        server={"listen_mode": "0666", "admin_users": [str(CAROL)]},
    )
    daemon.directory.chmod(0o711)
    return daemon


ALL = ["either", "everybody", "secret", "staff"]
CALLERS = [
    (0, 0, [], ALL),
    (ALICE, GUESTS, [], ["either", "everybody", "secret"]),
    (BOB, GUESTS, [], ["everybody"]),
    (BOB, STAFF, [], ["either", "everybody", "staff"]),
    (BOB, GUESTS, [STAFF], ["either", "everybody", "staff"]),
    (BOB, GUESTS, [*range(60000, 60100), STAFF], ["either", "everybody", "staff"]),
    (BOB, GUESTS, [GUESTS, 0], ["everybody"]),
]


def look_around(daemon):
    """What one client sees of the programs, in every way that there is."""
    with Client(daemon.socket_path) as client:
        called = []
        for program in ALL:
            answer = client.answer(f"{program}.who")
            if "error" not in answer:
                called.append(program)
        document = client.call("rpc.discover")
        return {
            "called": called,
            "discovered": sorted(m["name"].partition(".")[0] for m in document["methods"]),
            "status": sorted(client.call("jumpbootd.status")["programs"]),
            "workers": sorted(w["program"] for w in client.call("jumpbootd.workers")["workers"]),
        }


@pytest.mark.parametrize("uid, gid, groups, expected", CALLERS)
def test_everybody_sees_the_programs_that_he_may_call(daemon, uid, gid, groups, expected):
    seen = as_user(lambda: look_around(daemon), uid, gid, groups)
    assert set(map(tuple, seen.values())) == {tuple(expected)}, seen


def test_an_admin_sees_all_and_calls_what_he_may(daemon):
    seen = as_user(lambda: look_around(daemon), CAROL, GUESTS)
    assert seen == {
        "called": ["everybody"], "discovered": ["everybody"], "status": ALL, "workers": ALL,
    }


def test_the_answers_are_those_for_a_program_that_is_not_there(daemon):
    """Word for word, but for the name; and no other name brings it to light."""

    def ask(program):
        with Client(daemon.socket_path) as client:
            return [
                client.answer(f"{program}.who", id=1),
                client.answer(f"{program}.nothing", id=1),
                client.answer(f"{program}x.who", id=1),
                client.answer(f"{program}." + "f" * 2000, id=1),
                client.answer("jumpbootd.status", {"program": program}, id=1),
            ]

    hidden = as_user(lambda: ask("secret"), BOB, GUESTS)
    absent = as_user(lambda: ask("absent"), BOB, GUESTS)
    assert str(hidden).replace("secret", "absent") == str(absent)
    assert "did you mean" not in str(hidden)
    assert "did you mean" in str(as_user(lambda: ask("secret"), ALICE, GUESTS))


def test_what_others_have_under_way_is_not_told(start_daemon):
    source = "def wait(path):\n    with open(path) as gate: gate.read()\n"
    daemon = start_daemon(
        {"secret": {"main": {"source": source}, "allow_users": [str(ALICE)]}},
        server={"listen_mode": "0666"},
    )
    daemon.directory.chmod(0o711)
    gate = daemon.gate()

    def in_flight():
        with Client(daemon.socket_path) as client:
            return client.call("jumpbootd.status")["requests_in_flight"]

    with Client(daemon.socket_path) as client:
        client.request("secret.wait", [gate.path])
        gate.wait_entered()
        assert as_user(in_flight, BOB, GUESTS) == 0
        assert as_user(in_flight, ALICE, GUESTS) == 2
        gate.release()
        client.receive()


def test_the_credentials_are_those_of_the_connecting(daemon):
    """A connection that root made and hands on stays root's."""
    client = Client(daemon.socket_path)

    def call():
        return client.call("secret.who")

    with client:
        assert as_user(call, BOB, GUESTS) == "here"
