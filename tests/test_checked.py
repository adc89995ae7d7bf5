"""Settings that check themselves: what they take, what they say of the rest."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from dpdeblur.checked import Amount, Count, Range, Seed, Share, checked, within
from dpdeblur.errors import OptionError
from dpdeblur.models import MCCNetConfig
from dpdeblur.training import CameraConfig, SceneConfig, Stage, TrainConfig


@checked
class Part:
    name: str = ""
    on: bool = True


@checked
class Whole:
    count: Count = 1
    seed: Seed = 0
    share: Share = 0.5
    edge: Annotated[float, Field(ge=1)] = 1.0
    angle: Annotated[float, within(-90, 90)] = 0.0
    span: Range[Amount] = (0.0, 1.0)
    pair: tuple[int, int] = (0, 0)
    any_length: Annotated[tuple[float, ...], Field(min_length=1)] = (0.0,)
    kind: Literal["a", "b"] = "a"
    part: Part = dataclasses.field(default_factory=Part)
    parts: tuple[Part, ...] = ()


def test_they_are_frozen_dataclasses() -> None:
    whole = Whole(2, share=0.25)
    assert whole == Whole(2, 0, 0.25) != Whole()
    assert hash(whole) == hash(copy.deepcopy(whole))
    assert dataclasses.replace(whole, seed=3).seed == 3
    assert dataclasses.asdict(whole)["part"] == {"name": "", "on": True}
    assert pickle.loads(pickle.dumps(whole)) == whole
    assert repr(Part("x")) == "Part(name='x', on=True)"
    with pytest.raises(dataclasses.FrozenInstanceError):
        whole.count = 3  # type: ignore[misc]


def test_what_is_converted() -> None:
    whole = Whole(share=1, span=[0, 2], parts=[Part()])  # type: ignore[arg-type]
    assert (whole.span, whole.parts) == ((0.0, 2.0), (Part(),))
    assert {type(x) for x in (whole.share, *whole.span)} == {float}
    assert Part(Path("photos")).name == "photos"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"count": 0}, "count: 0 is not above 0."),
        ({"count": 1.0}, "count: 1.0 is not of type int."),
        ({"count": True}, "count: True is not of type int."),
        ({"count": 2**63}, "count: it is too large."),
        ({"seed": 2**32}, "seed: 4294967296 is not below 4294967296."),
        ({"seed": -1}, "seed: -1 is negative."),
        ({"share": float("nan")}, "share: nan is not finite."),
        ({"share": -float("inf")}, "share: -inf is not finite."),
        ({"share": 10**400}, "share: it is too large."),
        ({"share": 2}, "share: 2.0 is not at most 1."),
        ({"edge": 0}, "edge: 0.0 is not at least 1."),
        ({"angle": 91}, "angle: 91.0 is not from -90 to 90."),
        ({"span": (2, 1)}, "span: [2.0, 1.0] does not go from low to high."),
        ({"span": (-1, 1)}, "span: -1.0 is negative."),
        ({"span": (0, "x")}, "span: 'x' is not of type float."),
        ({"pair": (1,)}, "pair: [1] is not a list of 2 values."),
        ({"pair": (1, 2, 3)}, "pair: [1, 2, 3] is not a list of 2 values."),
        ({"pair": 1}, "pair: 1 is not a list of 2 values."),
        ({"any_length": ()}, "any_length: [] is not a list of values."),
        ({"kind": "c"}, "kind: 'c' is not one of a, b."),
        ({"part": {}}, "part: {} is not a table; write its keys below [part]."),
        ({"parts": 3}, "parts: 3 is not a list of tables [[parts]]."),
        ({"count": 0, "seed": -1}, "count: 0 is not above 0."),
    ],
)
def test_one_sentence_says_what_is_wrong(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(OptionError) as caught:
        Whole(**values)
    assert str(caught.value) == sentence


def test_unknown_names_are_errors_as_for_every_dataclass() -> None:
    with pytest.raises(TypeError, match="colour"):
        Whole(colour=1)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("make", "values", "sentence"),
    [
        (Stage, {"height": 12}, "height: 12 is not a multiple of 8"),
        (TrainConfig, {"stages": (Stage(0.5),)}, "stages.start: the first must be 0"),
        (TrainConfig, {"rate": 0}, "rate: 0.0 is not above 0"),
        (SceneConfig, {"bright": 1.5}, "bright: 1.5 is not at most 1"),
        (CameraConfig, {"edge": (0.5, 1.0)}, "edge: 0.5 is not at least 1"),
        (MCCNetConfig, {"radii": (1.0, 25.0)}, "radii: 25.0 is not from -24 to 24"),
        (MCCNetConfig, {"body": "large"}, "body: 'large' is not one of compact, paper"),
    ],
)
def test_recipes_made_in_python_name_the_parameter(
    make: Any, values: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(OptionError, match=sentence):
        make(**values)
