import socket
from pathlib import Path

import pytest

from infra.supervisor.ports import LOOPBACK, free_port, is_free, remembered_ports
from streams.errors import Misconfigured


def listener(port: int = 0) -> socket.socket:
    server = socket.socket()
    server.bind((LOOPBACK, port))
    server.listen()
    return server


def test_ports_are_the_same_at_the_next_start(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    assert remembered_ports(file, ["a", "b"], {}) == remembered_ports(file, ["a", "b"], {})


def test_no_two_names_share_a_port(tmp_path: Path) -> None:
    names = [f"part-{number}" for number in range(30)]
    assert len(set(remembered_ports(tmp_path / "ports.json", names, {}).values())) == 30


def test_a_port_that_somebody_took_meanwhile_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    before = remembered_ports(file, ["a", "b"], {})
    with listener(before["a"]):
        after = remembered_ports(file, ["a", "b"], {})
    assert after["a"] != before["a"]
    assert after["b"] == before["b"]


def test_a_fixed_port_beats_the_remembered_one(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    remembered_ports(file, ["a"], {})
    fixed = free_port()
    assert remembered_ports(file, ["a"], {"a": fixed}) == {"a": fixed}


def test_a_fixed_port_in_use_is_named_with_what_to_change(tmp_path: Path) -> None:
    with listener() as server:
        port = server.getsockname()[1]
        with pytest.raises(Misconfigured, match=rf"port {port} for a is in use.*supervisor\.ports"):
            remembered_ports(tmp_path / "ports.json", ["a"], {"a": port})


def test_ports_of_parts_that_do_not_run_today_are_not_forgotten(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    both = remembered_ports(file, ["a", "b"], {})
    remembered_ports(file, ["a"], {})
    assert remembered_ports(file, ["b"], {})["b"] == both["b"]


def test_a_port_with_a_listener_is_not_free() -> None:
    with listener() as server:
        assert not is_free(server.getsockname()[1])
