"""Blur that is wanted stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dpdeblur.errors import InvalidPictureError, OptionError, ShapeMismatchError
from dpdeblur.io import write_picture
from dpdeblur.steer import Wishes, blend, read_mask

SHARP, UNTOUCHED = np.random.default_rng(0).random((2, 48, 64, 3), dtype=np.float32)
SLOPE = np.linspace(-0.8, 0.8, 64, dtype=np.float32) * np.ones((48, 1), np.float32)
FLAT = np.full((48, 64, 3), 0.5, np.float32)


def weights(wishes: Wishes, sharp: Any = FLAT) -> Any:
    return wishes.weights(sharp, SLOPE)[0]


class TestBlend:
    def test_is_in_linear_light(self) -> None:
        black, white = np.zeros((2, 2, 3), np.float32), np.ones((2, 2, 3), np.float32)
        mixed = blend(black, white, np.full((2, 2), 0.5, np.float32))
        np.testing.assert_allclose(mixed, 0.7354, atol=1e-4)

    def test_ends_are_exact(self) -> None:
        share = np.zeros((48, 64), np.float32)
        share[:, 32:] = 1
        mixed = blend(UNTOUCHED, SHARP, share)
        assert np.array_equal(mixed[:, :32], UNTOUCHED[:, :32])
        assert np.array_equal(mixed[:, 32:], SHARP[:, 32:])


class TestWeights:
    def test_strength(self) -> None:
        assert (weights(Wishes(strength=0.25)) == np.float32(0.25)).all()

    def test_only_one_side_of_the_focus(self) -> None:
        near, far = weights(Wishes(only="near")), weights(Wishes(only="far"))
        assert (near[:, :22] == 1).all()
        assert (near[:, 42:] == 0).all()
        np.testing.assert_allclose(near + far, 1, atol=1e-5)

    def test_where_all_stays_a_sentence_says_so(self) -> None:
        behind = np.full((48, 64), 2, np.float32)
        found, (note,) = Wishes(only="near").weights(FLAT, behind)
        assert not found.any()
        assert "stays as it was" in note
        assert Wishes(only="far").weights(FLAT, behind)[1] == ()

    def test_what_is_blurred_more_stays(self) -> None:
        kept = weights(Wishes(keep_beyond=0.4))
        assert (kept[:, 29:35] == 1).all()
        assert (kept[:, :7] == 0).all()
        assert (kept[:, -7:] == 0).all()

    def test_what_lies_as_deep_as_points(self) -> None:
        one = Wishes(focus_at=((12, 20),), depth_range=0.3)
        two = Wishes(focus_at=((12, 20), (52, 4)), depth_range=0.3)
        row = weights(one)[24]
        assert row[12] == 1
        assert (row[40:] == 0).all()
        both = weights(two)[24]
        assert both[12] == both[52] == 1
        assert both[32] < 0.5
        _, notes = two.weights(FLAT, SLOPE)
        assert (
            notes[0] == "What lies at 12,20 is blurred by -0.5 pixels; restored within 0.3 of that."
        )

    def test_transition_follows_edges(self) -> None:
        """The picture's edge lies two columns beside the map's."""
        side = np.where(np.arange(64) < 32, -0.4, 0.4).astype(np.float32)
        jump = side * np.ones((48, 1), np.float32)
        sharp = np.where(np.arange(64)[:, None] < 34, 0.2, 0.8) * np.ones((48, 1, 3))
        drawn, _ = Wishes(only="near").weights(sharp.astype(np.float32), jump)
        assert np.abs(np.diff(drawn[24])).argmax() == 33

    def test_a_mask_and_its_feather(self) -> None:
        mask = np.zeros((48, 64), np.float32)
        mask[:, 32:] = 1
        hard = weights(Wishes(mask=mask, feather=0))
        assert np.array_equal(hard, mask)
        soft = weights(Wishes(mask=mask, feather=4, strength=0.5))[24]
        assert (soft[:28] == 0).all()
        assert (soft[36:] == 0.5).all()
        assert (np.diff(soft) >= 0).all()
        assert 0 < soft[31] < 0.25 < soft[32] < 0.5

    def test_a_feather_wider_than_the_picture(self) -> None:
        mask = np.zeros((48, 64), np.float32)
        mask[:, 32:] = 1
        soft = weights(Wishes(mask=mask, feather=1e12))
        assert 0.3 < soft.min() < soft.max() < 0.7

    def test_wishes_narrow_each_other(self) -> None:
        mask = np.zeros((48, 64), np.float32)
        mask[:24] = 1
        both = weights(Wishes(only="near", mask=mask, feather=0))
        assert np.array_equal(both, weights(Wishes(only="near")) * mask)


class TestChecks:
    @pytest.mark.parametrize(
        ("wishes", "key", "says"),
        [
            ({"strength": 1.5}, "strength", "0 to 1"),
            ({"strength": float("nan")}, "strength", "0 to 1"),
            ({"only": "middle"}, "only", "near or far"),
            ({"keep_beyond": 0.0}, "keep_beyond", "above 0"),
            ({"only": "near", "focus_at": ((1, 1),)}, "only", "points to focus at already say"),
            (
                {"keep_beyond": 3.0, "focus_at": ((1, 1),)},
                "keep_beyond",
                "points to focus at already say",
            ),
            ({"depth_range": 3.0}, "depth_range", "a point to focus at"),
            ({"depth_range": -3.0, "focus_at": ((1, 1),)}, "depth_range", "above 0"),
            ({"feather": 3.0}, "feather", "give one, too"),
            ({"feather": -1.0}, "feather", "from 0 on"),
        ],
    )
    def test_contradictions_and_bad_values(
        self, wishes: dict[str, Any], key: str, says: str
    ) -> None:
        with pytest.raises(OptionError, match=says) as caught:
            Wishes(**wishes)
        assert caught.value.key == key

    @pytest.mark.parametrize("mask", [SHARP, SHARP[..., 0].astype(float), SHARP[..., 0] * 2])
    def test_bad_masks(self, mask: Any) -> None:
        with pytest.raises(InvalidPictureError, match="mask"):
            Wishes(mask=mask)

    def test_must_fit_the_picture(self) -> None:
        Wishes(focus_at=((63, 47.5),), mask=SHARP[..., 0]).check((48, 64))
        with pytest.raises(OptionError, match="64,3 lies outside the picture, which is 64x48"):
            Wishes(focus_at=((64, 3),)).check((48, 64))
        with pytest.raises(ShapeMismatchError, match="mask"):
            Wishes(mask=SHARP[..., 0]).check((64, 48))

    def test_settings_tell_what_was_wished(self) -> None:
        assert Wishes().settings == {}
        told = Wishes(focus_at=((1, 2),), strength=0.5, mask=SHARP[..., 0]).settings
        assert told.pop("mask") != Wishes(mask=SHARP[..., 1]).settings["mask"]
        assert told == {"strength": 0.5, "focus_at": [[1, 2]]}


@pytest.mark.parametrize("name", ["mask.png", "mask.tif", "mask.jpg"])
def test_masks_from_files(tmp_path: Path, name: str) -> None:
    mask = np.repeat(np.linspace(0, 1, 32, dtype=np.float32)[None, :, None], 3, -1)
    write_picture(tmp_path / name, np.repeat(mask, 16, 0), bit_depth=8)
    read = read_mask(tmp_path / name)
    assert (read.shape, read.dtype) == ((16, 32), np.float32)
    np.testing.assert_allclose(read, mask[..., 0] * np.ones((16, 1)), atol=0.02)
