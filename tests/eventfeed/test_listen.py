import errno
import socket

import pytest

from eventfeed.server import listen, what_to_do
from eventfeed.startup import CannotStart


@pytest.mark.parametrize(
    ("host", "advice"),
    [
        pytest.param("192.0.2.1", "Write an address of this machine with --host", id="not ours"),
        pytest.param("nosuch.invalid", "Write an address of this machine", id="unknown name"),
        pytest.param("a..b", "Write an address of this machine", id="no name at all"),
    ],
)
def test_a_host_that_is_not_this_machine_is_said(host: str, advice: str) -> None:
    with pytest.raises(CannotStart) as said:
        listen(host, 0)
    assert str(said.value).startswith(f"Cannot listen on {host}:0: ")
    assert advice in str(said.value)
    assert "End the program" not in str(said.value)


def test_a_taken_port_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotStart, match="End the program that uses the port"):
            listen("127.0.0.1", port)


def test_a_port_that_is_not_for_us_is_said() -> None:
    # Not by trying: root may take any.
    assert "Ports below 1024" in what_to_do(PermissionError(errno.EACCES, "Permission denied"))
