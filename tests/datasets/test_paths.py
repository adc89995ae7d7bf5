"""Names that the system refuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dpdeblur.datasets import find_pairs, is_folder, list_pictures, read_pair_list
from dpdeblur.errors import MissingFileError, UnreadableFileError
from support.trees import fill


@pytest.mark.parametrize("look", [list_pictures, find_pairs, read_pair_list, is_folder])
def test_names_the_system_refuses_are_errors_of_ours(
    tmp_path: Path, look: Callable[[Path], object]
) -> None:
    with pytest.raises(UnreadableFileError, match="too long"):
        look(tmp_path / ("x" * 300))
    with pytest.raises(MissingFileError):
        look(fill(tmp_path, "file") / "file/below")
    circle = tmp_path / "circle"
    circle.symlink_to(circle)
    with pytest.raises(UnreadableFileError, match="circle"):
        look(circle)
