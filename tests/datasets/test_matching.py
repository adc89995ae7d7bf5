"""Files to score, matched with their truths by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from dpdeblur.datasets import pair_folders
from dpdeblur.errors import MissingFileError, PairingError, UnreadableFileError
from support.trees import fill
from support.unreadable import make_unreadable


def test_folders_are_matched_by_name(tmp_path: Path) -> None:
    prediction = fill(tmp_path / "p", "a/1.png", "a/3.png", "b/1.png", "2.png", "2.json")
    truth = fill(tmp_path / "t", "a/1.tif", "b/1.PNG", "2.png", "4.png", ".5.png")
    inputs = fill(tmp_path / "i", "a/1.jpg", "a/3.png", "b/1.png", "2.png")
    match = pair_folders(prediction, truth, inputs)
    assert [
        (
            files.name,
            files.prediction.relative_to(prediction).as_posix(),
            files.truth.relative_to(truth).as_posix(),
            files.input and files.input.relative_to(inputs).as_posix(),
        )
        for files in match.pictures
    ] == [
        ("2", "2.png", "2.png", "2.png"),
        ("a/1", "a/1.png", "a/1.tif", "a/1.jpg"),
        ("b/1", "b/1.png", "b/1.PNG", "b/1.png"),
    ]
    assert match.unmatched_predictions == (prediction / "a/3.png",)
    assert match.unmatched_truths == (truth / "4.png",)
    assert pair_folders(prediction, truth).pictures[0].input is None


def test_files_match_whatever_their_names(tmp_path: Path) -> None:
    fill(tmp_path, "p.png", "t.tif")
    (files,) = pair_folders(tmp_path / "p.png", tmp_path / "t.tif").pictures
    assert (files.name, files.prediction, files.truth, files.input) == (
        *("p", tmp_path / "p.png", tmp_path / "t.tif", None),
    )


def test_what_cannot_be_matched_is_an_error(tmp_path: Path) -> None:
    prediction = fill(tmp_path / "p", "1.png", "2.png")
    truth = fill(tmp_path / "t", "3.png", "4.png")
    with pytest.raises(PairingError, match="none of its 2 pictures"):
        pair_folders(prediction, truth)
    with pytest.raises(PairingError, match="no picture named '1'"):
        pair_folders(prediction, prediction, fill(tmp_path / "i", "2.png"))
    with pytest.raises(PairingError, match="files only or folders only"):
        pair_folders(prediction, truth / "3.png")
    with pytest.raises(PairingError, match="share one name"):
        pair_folders(fill(tmp_path / "d", "1.png", "1.tif"), prediction)
    with pytest.raises(MissingFileError):
        pair_folders(prediction, tmp_path / "nowhere")
    with pytest.raises(MissingFileError):
        pair_folders(prediction / "1.png", truth / "3.png", tmp_path / "nowhere.png")


def test_matching_names_the_system_refuses_is_an_error_of_ours(tmp_path: Path) -> None:
    long, sound = tmp_path / ("x" * 300), fill(tmp_path, "a.png") / "a.png"
    for paths in ([long, sound], [sound, long], [sound, sound, long]):
        with pytest.raises(UnreadableFileError, match="too long"):
            pair_folders(*paths)


def test_folders_that_cannot_be_listed_are_left_out_with_warnings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, truth = fill(tmp_path / "made", "a.png"), fill(tmp_path / "truth", "a.png", "lost/b.png")
    make_unreadable(truth / "lost", monkeypatch)
    match = pair_folders(made, truth)
    assert [files.name for files in match.pictures] == ["a"]
    (warning,) = match.warnings
    assert str(truth / "lost") in warning
