"""A process of ours is started when needed, and ends when idle."""

from concurrent.futures import ThreadPoolExecutor

import msgspec
import psutil
import pytest

from apps.automations.doing.child import Child, Gone
from apps.automations.doing.rendering import RENDERED, Asked
from tests.waiting import wait_until

RENDERING = "apps.automations.doing.rendering"


def rendered(child: Child, template: str) -> list[str]:
    asked = msgspec.msgpack.encode(Asked([template], {}))
    return RENDERED.decode(child.ask(asked, within=20)).texts


def test_it_is_started_when_it_is_asked_and_ends_when_nobody_asks():
    child = Child(RENDERING, idle=0.3)
    assert child.pid is None
    assert rendered(child, "{{ 1 }}") == ["1"]
    process = psutil.Process(child.pid)
    wait_until(lambda: child.pid is None, within=10)
    wait_until(lambda: not process.is_running(), within=10)
    assert rendered(child, "{{ 2 }}") == ["2"]
    child.end()


def test_many_ask_at_once_and_each_gets_its_own():
    child = Child(RENDERING)
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda n: rendered(child, f"{{{{ {n} }}}}"), range(100)))
    assert told == [[str(n)] for n in range(100)]
    child.end()


def test_one_that_does_not_answer_in_time_is_ended():
    child = Child(RENDERING)
    rendered(child, "{{ 1 }}")
    process = psutil.Process(child.pid)
    process.suspend()
    with pytest.raises(Gone):
        child.ask(msgspec.msgpack.encode(Asked(["a"], {})), within=0.2)
    assert rendered(child, "{{ 2 }}") == ["2"]
    assert not process.is_running()
    child.end()


def test_it_ends_with_whoever_started_it():
    child = Child(RENDERING)
    rendered(child, "{{ 1 }}")
    process = child._run.process
    process.stdin.close()
    assert process.wait(10) == 0
