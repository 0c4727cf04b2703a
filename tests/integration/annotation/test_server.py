"""The embedded server: stopped, started again, killed; and never twice on a folder."""

from pathlib import Path
from uuid import uuid4

import pytest

from annotation.label_studio.client.label_studio import LabelStudio
from infra.label_studio.config import EmbeddedLabelStudioConfig
from infra.label_studio.server import LabelStudioServer
from infra.supervisor.ports import free_port
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
