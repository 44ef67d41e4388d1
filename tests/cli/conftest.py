"""What the tests of the command line share."""

from pathlib import Path

import pytest

from tests.cli.command import Kafkasim


@pytest.fixture
def kafkasim(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Kafkasim:
    return Kafkasim(capsys, monkeypatch, tmp_path)
