"""Notifications go out by apprise, to the services that are kept."""

import json
import socketserver
import threading
from collections.abc import Iterator

import pytest

from apps.automations.doing import destinations
from apps.automations.doing.destinations import BadDestination
from apps.automations.models import Attempt, Destination, Task
from apps.events.models import Event
from tests.automations.doing.fired import fired
from tests.automations.doing.receiving import answer
from tests.automations.doing.waiting import ended, tried

pytestmark = pytest.mark.usefixtures("delivering")

ACTION = {
    "type": "notify",
    "destination": "People",
    "subject": "{{ automation.name }}",
    "body": "{{ event.resource.name }}: {{ event.message }}",
}


def people(url: str, *, private: bool = True) -> Destination:
    made = Destination(name="People", kind="notification", private=private)
    return destinations.save(made, {"url": url})


def test_a_notification_is_sent(receiver):
    people(f"ntfy://127.0.0.1:{receiver.port}/orders")
    (task,) = fired(ACTION)
    assert ended(task).state == Task.State.DONE
    (received,) = receiver.received
    told = json.loads(received.body)
    assert (told["topic"], told["title"]) == ("orders", "Failed orders")
    assert told["message"] == "Order 42: No stock."
    assert ended(task).rendered == {
        "to": "People",
        "subject": "Failed orders",
        "body": "Order 42: No stock.",
    }
    executed = Event.objects.get(event="eventfeed.automation.action.executed")
    assert executed.payload["action_type"] == "notify"


def test_one_that_is_not_taken_is_tried_again_and_says_why(receiver):
    receiver.answering = answer(500)
    people(f"json://127.0.0.1:{receiver.port}/")
    (task,) = fired(ACTION)
    assert tried(task, 1).state == Task.State.WAITING
    assert "500" in Attempt.objects.get(task=task).error


def test_a_private_address_is_allowed_by_its_destination_only(receiver):
    people(f"json://127.0.0.1:{receiver.port}/", private=False)
    (task,) = fired(ACTION)
    assert ended(task).state == Task.State.FAILED
    assert "not an address of the open internet" in Attempt.objects.get(task=task).error
    assert receiver.received == []


class Mail(socketserver.StreamRequestHandler):
    """As much of SMTP as a letter needs."""

    letters: list[str]

    def handle(self) -> None:
        self.say("220 here")
        while line := self.rfile.readline():
            word = line[:4].upper()
            if word == b"DATA":
                self.say("354 go on")
                self.letters.append(self.letter())
            self.say("221 bye" if word == b"QUIT" else "250 well")

    def letter(self) -> str:
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line)
        return b"".join(lines).decode()

    def say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


@pytest.fixture
def mail() -> Iterator[tuple[int, list[str]]]:
    letters: list[str] = []
    handler = type("Handler", (Mail,), {"letters": letters})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
        yield server.server_address[1], letters
        server.shutdown()


def test_mail_is_sent(mail):
    port, letters = mail
    people(f"mailto://127.0.0.1:{port}?from=feed@example.com&to=ops@example.com")
    (task,) = fired(ACTION)
    assert ended(task).state == Task.State.DONE
    assert "Subject: Failed orders" in letters[0]
    assert "Order 42: No stock." in letters[0]
    assert "To: ops@example.com" in letters[0]


@pytest.mark.parametrize(
    "url",
    ["http://example.com", "syslog://", "dbus://", "mqtt://a/b", "windows://", "x", ""],
)
def test_only_services_that_are_kept_are_destinations(url):
    with pytest.raises(BadDestination, match="none of the services"):
        people(url)


@pytest.mark.parametrize("option", ["attach=/etc/passwd", "template=/etc/passwd", "pgp=yes"])
def test_no_file_of_this_machine_goes_along(option, receiver, mail, monkeypatch):
    port, letters = mail
    # As it may stand in a block of Prefect's, which nobody here has saved.
    monkeypatch.setattr(destinations, "asked_in_vain", lambda url: "")
    people(f"mailto://127.0.0.1:{port}?from=feed@example.com&to=ops@example.com&{option}")
    (task,) = fired(ACTION)
    tried(task, 1)
    assert not any("root:" in letter for letter in letters)
