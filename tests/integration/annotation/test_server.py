"""The embedded server: stopped, started again, killed; and never twice on a folder."""

import time
from pathlib import Path
from uuid import uuid4

import pytest

from annotation.label_studio.client.label_studio import LabelStudio
from infra.label_studio.config import EmbeddedLabelStudioConfig
from infra.label_studio.server import LabelStudioServer
from infra.supervisor.child import Child, State
from infra.supervisor.config import SupervisorConfig
from infra.supervisor.ports import free_port
from streams.clock import SystemClock
from streams.errors import Misconfigured


def test_what_was_labelled_outlives_a_kill_and_nothing_else_can_run_on_the_folder_meanwhile(
    label_studio_packages: EmbeddedLabelStudioConfig, tmp_path: Path
) -> None:
    server = LabelStudioServer(tmp_path, free_port(), label_studio_packages)
    title = f"kept {uuid4().hex[:8]}"
    server.start()
    try:
        server.wait_ready()
        with LabelStudio(server.url, server.token) as client:
            made = client.create_project(title, "<View></View>")
        with pytest.raises(Misconfigured, match="already runs"):
            LabelStudioServer(tmp_path, free_port(), label_studio_packages).start()
        server.kill()
        again = server = LabelStudioServer(tmp_path, free_port(), label_studio_packages)
        again.start()
        again.wait_ready()
        with LabelStudio(again.url, again.token) as client:
            found = client.find_project(title)
        assert found is not None
        assert found.id == made.id
    finally:
        server.stop()
    assert not server.running


def test_the_supervisor_starts_awaits_and_stops_it(
    label_studio_packages: EmbeddedLabelStudioConfig, tmp_path: Path
) -> None:
    server = LabelStudioServer(tmp_path, free_port(), label_studio_packages)
    server.prepare()
    child = Child(server.process_spec(), SupervisorConfig(), SystemClock())
    child.start()
    try:
        ends_at = time.monotonic() + label_studio_packages.ready_timeout_s
        while not child.probe().ready and child.tend() is None and time.monotonic() < ends_at:
            time.sleep(0.1)
        assert child.state is State.RUNNING
        child.terminate()
        while child.tend() is None and time.monotonic() < ends_at:
            time.sleep(0.05)
        assert (child.state, child.last_exit) == (State.STOPPED, "ended by SIGTERM")
    finally:
        child.kill()
