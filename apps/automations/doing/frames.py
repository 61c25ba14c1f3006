"""What goes through the pipes to a process of ours and back: frames, each behind its length.

A frame is the number of what was asked, four bytes, and msgpack.
"""

from typing import IO, NamedTuple


class Frame(NamedTuple):
    number: int
    content: bytes


def read_frame(pipe: IO[bytes]) -> Frame | None:
    """Return the next frame, or None at the end."""
    head = pipe.read(8)
    if len(head) < 8:
        return None
    content = pipe.read(int.from_bytes(head[4:]))
    return Frame(int.from_bytes(head[:4]), content)


def write_frame(pipe: IO[bytes], frame: Frame) -> None:
    number, content = frame
    pipe.write(number.to_bytes(4) + len(content).to_bytes(4) + content)
    pipe.flush()
