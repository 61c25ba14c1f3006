"""The sending process goes nowhere but to the open internet, unless it was allowed."""

import socket
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from apps.automations.doing.child import ROOT, Child
from apps.automations.doing.sending.guard import is_open
from apps.automations.doing.sending.services import NOT_KEPT
from apps.automations.doing.sending.told import ANSWER, Answer, Asked, Call, Notify
from tests.automations.doing.receiving import Receiver, answer


@pytest.fixture(scope="module")
def sender():
    child = Child("apps.automations.doing.sending.process")
    yield child
    child.end()


def sent(sender: Child, asked: Asked) -> Answer:
    return ANSWER.decode(sender.ask(msgspec.msgpack.encode(asked), within=30))


@pytest.mark.parametrize(
    ("address", "open"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1::1", True),
        ("127.0.0.1", False),
        ("127.255.255.254", False),
        ("0.0.0.0", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("ff02::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:169.254.169.254", False),
        ("::ffff:93.184.216.34", True),
        ("2002:7f00:1::", False),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", False),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("64:ff9b::5db8:d822", True),
        ("localhost", False),
        ("example.com", False),
        ("2130706433", False),
        ("", False),
    ],
)
def test_an_address_is_looked_at_however_it_is_written(address, open):
    assert is_open(address) is open


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "127.1", "0.0.0.0"],
)
def test_a_private_address_is_not_called(host, sender, receiver):
    answer = sent(sender, Call("POST", f"http://{host}:{receiver.port}/"))
    assert "not an address of the open internet" in answer.error
    assert not answer.again
    assert receiver.received == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_private_address_is_called_when_it_is_allowed(host, sender, receiver):
    answer = sent(sender, Call("POST", f"http://{host}:{receiver.port}/", private=True))
    assert answer.status == 200


def test_the_address_that_clouds_keep_secrets_at_is_not_called(sender):
    answer = sent(sender, Call("GET", "http://169.254.169.254/latest/meta-data/"))
    assert "169.254.169.254:80 is not an address" in answer.error


def test_a_name_that_stands_for_a_private_address_is_not_called(sender, receiver):
    # The machine's own name, which its own table of hosts has.
    name = socket.gethostname()
    answer = sent(sender, Call("POST", f"http://{name}:{receiver.port}/"))
    assert answer.error
    assert receiver.received == []


def test_what_is_allowed_for_one_request_is_not_for_the_next(sender, receiver):
    url = f"http://127.0.0.1:{receiver.port}/"
    assert sent(sender, Call("POST", url, private=True)).status == 200
    assert sent(sender, Call("POST", url)).error


def test_a_redirect_is_not_followed(sender, receiver):
    elsewhere = Receiver()
    receiver.answering = answer(302, Location=elsewhere.url)
    told = sent(sender, Call("POST", receiver.url, private=True))
    assert (told.status, told.location, told.again) == (302, elsewhere.url, False)
    assert "not followed" in told.error
    assert elsewhere.received == []
    elsewhere.end()


@pytest.mark.parametrize("schema", ["json", "ntfy", "gotify", "mmost", "rocket", "xml", "form"])
def test_a_notification_goes_to_no_private_address(schema, sender, receiver):
    url = f"{schema}://user:pass@127.0.0.1:{receiver.port}/token/room"
    answer = sent(sender, Notify(url, "a", "b"))
    assert answer.error
    assert receiver.received == []


@pytest.mark.parametrize(
    "url",
    [
        "syslog://",
        "dbus://",
        "gnome://",
        "macosx://",
        "windows://",
        "mqtt://127.0.0.1/topic",
        "rsyslog://127.0.0.1/",
        "kodi://127.0.0.1/",
        "file:///etc/passwd",
        "nothing",
        "",
    ],
)
def test_services_that_are_not_kept_are_not_used(url, sender):
    answer = sent(sender, Notify(url, "a", "b", private=True))
    assert answer.error
    assert not answer.again


def test_an_address_as_a_service_gives_it_out_is_one_of_that_service(sender):
    answer = sent(sender, Notify(f"https://hooks.slack.com/services/{SLACK}", "a", "b"))
    assert answer.error != NOT_KEPT
    assert answer.again


SLACK = "T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"


@pytest.mark.parametrize("asked", ["", "?redirect=yes"])
def test_no_redirect_of_a_notification_is_followed(asked, sender, receiver):
    elsewhere = Receiver()
    receiver.answering = answer(307, Location=elsewhere.url)
    url = f"json://127.0.0.1:{receiver.port}/{asked}"
    told = sent(sender, Notify(url, "a", "b", private=True))
    assert told.error
    assert elsewhere.received == []
    elsewhere.end()


def test_the_process_knows_nothing_of_ours(sender):
    sent(sender, Call("GET", "http://127.0.0.1:1/"))
    told = Path(f"/proc/{sender.pid}/environ").read_text()
    names = {entry.partition("=")[0] for entry in told.split("\0")}
    known = {"PYTHONPATH", "PYTHONSAFEPATH", "MALLOC_ARENA_MAX", "LD_LIBRARY_PATH", "LC_CTYPE", ""}
    assert names <= known
    told = Path(f"/proc/{sender.pid}/maps").read_text()
    assert "psycopg" not in told


FORBIDDEN = [
    "import subprocess; subprocess.run(['true'])",
    "import os; os.system('true')",
    "import os; os.fork()",
    "import os; os.posix_spawn('/bin/true', ['true'], {})",
    "import socket; socket.socket().bind(('127.0.0.1', 0))",
    "import socket; socket.socket(socket.AF_UNIX).connect('/tmp/x')",
    "import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'', ('127.0.0.1', 9))",
    "import socket; socket.socket().connect(('localhost', 9))",
    "open('/etc/passwd').read()",
    "open('/tmp/written', 'w')",
    "import os; os.open('/etc/passwd', os.O_RDONLY)",
]


@pytest.mark.parametrize("code", FORBIDDEN)
def test_who_sends_a_message_may_do_nothing_else(code):
    told = f"""
from apps.automations.doing.sending.guard import NotAllowed, going, guard
guard()
with going(private=False):
    try:
        exec({code!r})
    except NotAllowed:
        print("kept")
"""
    done = subprocess.run(
        [sys.executable, "-c", told], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout == "kept\n", done.stderr
