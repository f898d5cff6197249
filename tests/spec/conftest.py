from __future__ import annotations

from pathlib import Path

import pytest

from tests.spec.mini import Mini


@pytest.fixture
def mini(tmp_path: Path) -> Mini:
    return Mini(tmp_path)
