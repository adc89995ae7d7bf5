"""A window of a picture is what it is in the whole picture."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dpdeblur.engines import Network, NetworkOptions, Window, parse_crop
from dpdeblur.errors import OptionError
from dpdeblur.io import INVERSE, turn
from dpdeblur.models import load_model
from dpdeblur.pair import DualPixelPair, read_pair
from support.pairs import EXAMPLE


@cache
def engine(weights: str) -> Network:
    return Network(load_model(weights), NetworkOptions("cpu", "fp32", tile_size=128))


@cache
def whole(weights: str) -> tuple[DualPixelPair, NDArray[np.float32]]:
    """A picture of several tiles, and what becomes of it."""
    # Sides that are padded at every level; strips of the paper's network are cut across only.
    part = np.s_[:505, :377] if weights == "mccnet" else np.s_[:377, :121]
    views = read_pair(EXAMPLE / "l.png", EXAMPLE / "r.png")
    pair = DualPixelPair(views.left[part].copy(), views.right[part].copy())
    return pair, engine(weights).run(pair).image


@pytest.mark.slow
@pytest.mark.parametrize("weights", ["mccnet", "paper"])
@pytest.mark.parametrize("place", [0.0, 0.4, 1.0])
def test_is_as_in_the_whole_picture(weights: str, place: float) -> None:
    pair, image = whole(weights)
    height, width = pair.shape
    top, left = round(place * (height - 32)), round(place * (width - 64))
    window = Window(slice(top, top + 32), slice(left, left + 64))
    part = engine(weights).run(pair, window=window).image
    assert part.shape[:2] == window.shape
    assert np.array_equal(part, image[window])  # the same tiles


def test_costs_less(example: DualPixelPair) -> None:
    seen: list[tuple[int, int]] = []
    network = engine("mccnet")._network
    level = network.level
    network.level = (
        lambda left, *rest, **others: (  # type: ignore[method-assign]
            seen.append(tuple(left.shape[2:])),
            level(left, *rest, **others),
        )[1]
    )
    try:
        engine("mccnet").run(example, window=parse_crop("0,0,32,32").of((512, 768)))
    finally:
        network.level = level  # type: ignore[method-assign]
    assert max(height * width for height, width in seen) < 512 * 768 / 4


@given(
    st.sampled_from(sorted(INVERSE)),
    st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(1, 9), st.integers(1, 9)),
)
@hypothesis_settings(max_examples=60)
def test_turns_with_the_picture(tag: int, numbers: tuple[int, int, int, int]) -> None:
    left, top, width, height = numbers
    stored = np.arange(18 * 24).reshape(18, 24)
    upright = turn(stored, tag)
    window = parse_crop(f"{left},{top},{width},{height}").of(upright.shape)
    rows = window.in_rows(upright.shape, tag)
    assert np.array_equal(turn(stored[rows], tag), upright[window])


@pytest.mark.parametrize("text", ["", "1,2,3", "1,2,3,4,5", "a,b,c,d", "-1,0,4,4", "1.5,0,4,4"])
def test_what_is_no_crop(text: str) -> None:
    with pytest.raises(OptionError, match="X,Y,W,H"):
        parse_crop(text)


@pytest.mark.parametrize("text", ["0,0,25,18", "1,0,24,18", "0,18,1,1", "0,0,0,4"])
def test_outside(text: str) -> None:
    with pytest.raises(OptionError, match="crop"):
        parse_crop(text).of((18, 24))


def test_halves_outwards() -> None:
    assert Window(slice(3, 7), slice(0, 5)).half == (slice(1, 4), slice(0, 3))
