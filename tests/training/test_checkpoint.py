"""Which run a checkpoint belongs to: its table of settings, old files, what errors name."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from dpdeblur.errors import OptionError, UnreadableFileError
from dpdeblur.models import MCCNetConfig
from dpdeblur.training import (
    CameraConfig,
    SceneConfig,
    Stage,
    SyntheticPairs,
    TrainConfig,
    count_steps,
    train,
)
from support.toy_training import CONFIG, Noise

BASE = dataclasses.replace(CONFIG, stages=(Stage(0.0, 64, 64, 1), Stage(0.5, 64, 64, 1)))
PAIRS = Noise(crops=40)
FREE = {"photos", "pairs", "steps", "epochs", "epoch_crops", "cool_down", "checkpoint_every"}
WORDS = {"cosine": "halving", "adamw": "muon", "fp32": "bf16", "paper": "compact"}

# What versions before the table wrote; 0.2 of its one network, a later one of the compact network.
SCENES = (
    "SceneConfig(occluders=2, behind=0.82, sharp=0.18, large=0.15, sharp_range=(0.0, 0.7), "
    "moderate_range=(0.5, 3.0), large_range=(3.0, 5.0), flat=0.4, ramp=4.0, exposure=(0.6, 1.15))"
)
CAMERA = (
    "CameraConfig(slope=0.85, slope_spread=0.12, wide_share=0.3, wide_range=(0.1, 1.0), "
    "edge=(1.0, 1.0), butterworth=0.0, floor=(0.1, 0.2), read_noise=(0.0005, 0.004), "
    "shot_noise=(1e-05, 0.0003), view_gain=0.02, eight_bit=0.5)"
)
OLD = (
    "TrainConfig(photos='DIGEST', pairs='', seed=7, steps=1, epochs=0, epoch_crops=0, rate=0.0006, "
    "betas=(0.9, 0.99), weight_decay=0.0001, warm_up=2, schedule='cosine', final=0.02, "
    "halve_every=0.3, clip=0.5, ema=0.998, epsilon=0.03, ms_ssim=0.0, precision='fp32', "
    "checkpoint_every=1, initial='', stages=(Stage(start=0, height=16, width=16, batch=2), "
    "Stage(start=0.5, height=16, width=24, batch=1)), model=MCCNetConfig(use_msf=True, "
    "use_cc=True, use_msfe=True, residual=True, stem_width=4, encoder_widths=(4, 4, 4, 8), "
    "fusion_widths=(2, 2, 2), decoder_widths=(4, 4, 4), tail_width=4, negative_slope=0.1), "
    f"scenes={SCENES}, camera={CAMERA}, validation=ValidationConfig(photos='', pairs='', "
    "every=500, count=8, height=256, width=384, seed=12345)) x 1"
)
OLD_RUN = TrainConfig(
    seed=7,
    steps=6,
    warm_up=2,
    precision="fp32",
    stages=(Stage(0.0, 16, 16, 2), Stage(0.5, 16, 24, 1)),
    model=BASE.model,
    scenes=SceneConfig(moderate_range=(0.5, 3.0), large_range=(3.0, 5.0)),
)
OLD_COMPACT = (
    "TrainConfig(photos='noise', pairs='', seed=11, steps=1, epochs=0, epoch_crops=0, rate=0.002, "
    "betas=(0.9, 0.99), weight_decay=0.0001, warm_up=100, schedule='constant', final=0.02, "
    "halve_every=0.3, cool_down=0, clip=0.5, ema=0.999, epsilon=0.01, ms_ssim=0.0, margin=24, "
    "level_weights=(1.0, 0.5, 0.25), optimiser='muon', precision='fp32', checkpoint_every=1, "
    "initial='', stages=(Stage(start=0.0, height=64, width=64, batch=1),), "
    "model=MCCNetConfig(body='compact', use_cc=False, residual=True, negative_slope=0.1, levels=3, "
    "use_bank=True, use_volume=False, use_selection=True, radii=(-8.0, -4.5, -2.5, -1.3, 1.3, 2.5, "
    "4.2, 6.3, 9.0, 12.0), widths=(8, 8, 8), blocks=(1, 1, 1), view_widths=(16, 32), "
    "bands=(4, 3), use_msf=True, use_msfe=True, stem_width=16, encoder_widths=(32, 64, 64, 128), "
    "fusion_widths=(8, 16, 32), decoder_widths=(128, 64, 32), tail_width=16), "
    "scenes=SceneConfig(occluders=2, behind=0.82, sharp=0.25, large=0.25, sharp_range=(0.0, 0.7), "
    "moderate_range=(0.4, 7.0), large_range=(6.0, 24.0), flat=0.4, ramp=4.0, exposure=(0.6, 1.15), "
    "bright=0.25, highlight=6.0, thin=0.3, thickness=(1.0, 10.0)), "
    "camera=CameraConfig(slope=0.85, slope_spread=0.12, wide_share=0.3, wide_range=(0.1, 1.0), "
    "edge=(1.0, 2.0), butterworth=0.1, floor=(0.1, 0.2), read_noise=(0.0001, 0.003), "
    "shot_noise=(1e-06, 0.0002), view_gain=0.02, eight_bit=0.5, contrast=(-0.2, 0.5)), "
    "validation=ValidationConfig(photos='', pairs='', every=500, count=8, height=256, width=384, "
    "seed=12345)) x 1"
)
OLD_COMPACT_RUN = TrainConfig(
    seed=11,
    steps=2,
    rate=2e-3,
    schedule="constant",
    ema=0.999,
    epsilon=0.01,
    margin=24,
    optimiser="muon",
    precision="fp32",
    stages=(Stage(0.0, 64, 64, 1),),
    model=MCCNetConfig(use_cc=False, use_volume=False, widths=(8, 8, 8), blocks=(1, 1, 1)),
    scenes=SceneConfig(
        sharp=0.25,
        large=0.25,
        moderate_range=(0.4, 7.0),
        large_range=(6.0, 24.0),
        bright=0.25,
        thin=0.3,
    ),
    camera=CameraConfig(
        edge=(1.0, 2.0),
        butterworth=0.1,
        read_noise=(1e-4, 3e-3),
        shot_noise=(1e-6, 2e-4),
        contrast=(-0.2, 0.5),
    ),
)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    train(BASE, PAIRS, tmp_path / "run", stop_after=1)
    return tmp_path / "run"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("kept") / "run"
    train(BASE, PAIRS, path, stop_after=1)
    return path


def rewrite(run: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    saved = torch.load(run, weights_only=True)
    change(saved)
    torch.save(saved, run)


def another(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(another, value))
    if isinstance(value, str):
        return WORDS.get(value, "another")
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 8
    return 1.5 if value == 1 else (value + 1) / 2


def changes(part: Any) -> Iterator[tuple[str, Any]]:
    """Each key of a part of a recipe, and the part with that one changed."""
    for name, value in vars(part).items():
        if dataclasses.is_dataclass(value):
            for key, changed in changes(value):
                yield f"{name}.{key}", dataclasses.replace(part, **{name: changed})
        elif name == "stages":
            for key, changed in changes(value[-1]):
                yield f"stages.{key}", dataclasses.replace(part, stages=(*value[:-1], changed))
        elif name not in {"initial", "grow", "teacher"}:  # which need weights
            yield name, dataclasses.replace(part, **{name: another(value)})


@pytest.mark.parametrize(
    ("key", "config"), [pytest.param(*each, id=each[0]) for each in changes(BASE)]
)
@pytest.mark.slow
def test_each_setting_counts_or_may_change(kept: Path, key: str, config: TrainConfig) -> None:
    if key in FREE or key.startswith("validation."):
        counted = count_steps(dataclasses.replace(config, epoch_crops=64), PAIRS)
        train(counted, PAIRS, kept, stop_after=1)
        return
    named = rf"it belongs to a run with {re.escape(key)} = [^=]+ \(the recipe says [^=]+\); choose"
    with pytest.raises(OptionError, match=named):
        train(config, PAIRS, kept, stop_after=1)


def test_no_altered_bit_goes_unnoticed(run: Path) -> None:
    data = run.read_bytes()
    for at in range(0, len(data), len(data) // 12):
        changed = bytearray(data)
        changed[at] ^= 1 << at % 8
        run.write_bytes(changed)
        with pytest.raises(UnreadableFileError, match="it is damaged; delete it"):
            train(BASE, PAIRS, run, stop_after=1)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "run")
    with pytest.raises(UnreadableFileError, match="not an ordinary file"):
        train(BASE, PAIRS, tmp_path / "run", stop_after=1)


def test_one_without_a_digest_resumes_with_a_note(run: Path) -> None:
    notes: list[str] = []
    train(BASE, PAIRS, run, stop_after=1, on_note=notes.append)
    assert notes == []
    rewrite(run, lambda _: None)
    train(BASE, PAIRS, run, stop_after=1, on_note=notes.append)
    assert notes == [f"{run} has no digest, so it is not known to be undamaged."]
    train(BASE, PAIRS, run, stop_after=2)
    train(BASE, PAIRS, run, stop_after=2, on_note=notes.append)
    assert len(notes) == 1


@pytest.mark.parametrize("part", ["network", "average", "optimiser"])
def test_parts_that_do_not_fit_are_damage(run: Path, part: str) -> None:
    rewrite(run, lambda saved: saved[part].popitem())
    with pytest.raises(UnreadableFileError, match="it is damaged; delete it"):
        train(BASE, PAIRS, run, stop_after=2)


def test_a_difference_is_named_in_a_recipe_s_words(run: Path) -> None:
    scenes = dataclasses.replace(BASE.scenes, large=0.25)
    stages = (Stage(0.0, 64, 64, 1), Stage(0.5, 64, 96, 1))
    for change, words in (
        ({"scenes": scenes}, "scenes.large = 0.15 (the recipe says 0.25)"),
        ({"schedule": "constant"}, 'schedule = "cosine" (the recipe says "constant")'),
        ({"stages": stages}, "stages.width = [64, 64] (the recipe says [64, 96])"),
    ):
        with pytest.raises(OptionError) as caught:
            train(dataclasses.replace(BASE, **change), PAIRS, run)
        assert str(caught.value) == (
            f"{run}: it belongs to a run with {words}; choose another folder."
        )


def test_of_many_differences_the_first_are_named(run: Path) -> None:
    config = dataclasses.replace(BASE, seed=1, rate=0.5, clip=1.0, ema=0.5, epsilon=0.5)
    with pytest.raises(OptionError) as caught:
        train(config, PAIRS, run)
    assert caught.value.reason == (
        "it belongs to a run with seed = 0 (the recipe says 1), rate = 0.01 (the recipe says 0.5), "
        "clip = 0.5 (the recipe says 1.0) and 2 more; choose another folder"
    )


def test_what_a_file_lacks_has_its_default(run: Path) -> None:
    lacking = ("halve_every", "scenes.thin", "camera.contrast", "model.bands", "stages.batch")
    rewrite(run, lambda saved: [saved["settings"].pop(key) for key in lacking])
    with pytest.raises(
        OptionError, match=r"a run with stages.batch = \[4, 4\] \(the .* \[1, 1\]\)"
    ):
        train(BASE, PAIRS, run, stop_after=1)
    stages = tuple(dataclasses.replace(stage, batch=Stage().batch) for stage in BASE.stages)
    train(dataclasses.replace(BASE, stages=stages), PAIRS, run, stop_after=1)
    thin = dataclasses.replace(BASE, stages=stages, scenes=SceneConfig(thin=0.5))
    with pytest.raises(OptionError, match=r"scenes.thin = 0.0 \(the recipe says 0.5\); choose"):
        train(thin, PAIRS, run)


def test_a_setting_that_is_not_known_any_more_is_named(run: Path) -> None:
    rewrite(run, lambda saved: saved["settings"].update({"scenes.fog": 0.0}))
    with pytest.raises(OptionError, match=r"with scenes.fog = 0.0 \(unknown to this version\); ch"):
        train(BASE, PAIRS, run)


def test_other_photographs_have_a_sentence_of_their_own(run: Path) -> None:
    class Other(Noise):
        def fingerprint(self) -> str:
            return "other noise"

    with pytest.raises(OptionError, match="run: it belongs to a run on other photographs; choose"):
        train(BASE, Other(), run)


def test_so_has_the_number_of_processes(run: Path) -> None:
    rewrite(run, lambda saved: saved["settings"].update(processes=2))
    with pytest.raises(OptionError, match=r"of another number of processes \(2, not 1\); choose"):
        train(BASE, PAIRS, run)


def test_neither_the_order_nor_the_writing_of_numbers_counts(run: Path) -> None:
    def turn_around(saved: dict[str, Any]) -> None:
        saved["settings"] = dict(reversed(saved["settings"].items()))

    rewrite(run, turn_around)
    stages = (Stage(0, 64, 64, 1), Stage(0.5, 64, 64, 1))
    train(dataclasses.replace(BASE, ema=0, stages=stages), PAIRS, run, stop_after=2)
    train(BASE, PAIRS, run, stop_after=2)


def test_the_table_is_of_plain_values(run: Path) -> None:
    settings = torch.load(run, weights_only=True)["settings"]
    assert settings["stages.start"] == [0.0, 0.5]
    assert (settings["fingerprint"], settings["processes"]) == ("noise", 1)
    for key, value in settings.items():
        assert type(key) is str
        assert {type(item) for item in (value if type(value) is list else [value])} <= {
            bool,
            int,
            float,
            str,
        }


@pytest.mark.parametrize(
    "content",
    [
        {"settings": 3},
        {"settings": ["seed"]},
        {"settings": {}},
        {"settings": {"stages.start": [0.0], "fingerprint": "noise"}},
        {"settings": {"stages.start": 0.0, "fingerprint": "noise", "processes": 1}},
        {"recipe": ""},
        {"recipe": 3},
        {"recipe": "TrainConfig("},
        {"recipe": "TrainConfig(seed=1) x 1"},
        {"recipe": OLD.replace("seed=7", "seed=print()")},
        {"recipe": OLD.replace("seed=7", "seed=" + 9999 * "-" + "7")},
        {},
    ],
)
@pytest.mark.slow
def test_a_table_that_is_none_is_damage(run: Path, content: dict[str, Any]) -> None:
    rewrite(run, lambda saved: (saved.pop("settings"), saved.update(content)))
    with pytest.raises(UnreadableFileError, match=r"run cannot be read: it is damaged; delete it"):
        train(BASE, PAIRS, run)


class TestOldFiles:
    """Files that have Python's text of the recipe."""

    @pytest.fixture
    def photos(self) -> list[torch.Tensor]:
        coarse = torch.rand(2, 3, 40, 50, generator=torch.Generator().manual_seed(0))
        fine = torch.nn.functional.interpolate(coarse, scale_factor=4, mode="bilinear")
        return list((fine * 255).to(torch.uint8))

    @pytest.fixture
    def old(self, photos: list[torch.Tensor], tmp_path: Path) -> Path:
        """After three steps of OLD_RUN, as version 0.2 would have left it."""
        train(OLD_RUN, self.pairs(photos), tmp_path / "old", stop_after=3)
        digest = hashlib.sha256(f"(7, {SCENES}, {CAMERA})".encode())
        for photo in photos:
            digest.update(repr(tuple(photo.shape)).encode())
            digest.update(photo[:, ::61, ::53].numpy().tobytes())

        def age(saved: dict[str, Any]) -> None:
            del saved["settings"]
            saved["recipe"] = OLD.replace("DIGEST", digest.hexdigest())
            for part in ("network", "average"):
                values = saved[part].items()
                saved[part] = {key.replace("body.", ""): value for key, value in values}

        rewrite(tmp_path / "old", age)
        return tmp_path / "old"

    def pairs(self, photos: list[torch.Tensor], config: TrainConfig = OLD_RUN) -> SyntheticPairs:
        return SyntheticPairs(photos, config.scenes, config.seed, config.camera)

    @pytest.mark.slow
    def test_they_resume(self, photos: list[torch.Tensor], old: Path, tmp_path: Path) -> None:
        steps: list[int] = []
        resumed = train(
            OLD_RUN, self.pairs(photos), old, on_step=lambda report, _: steps.append(report.step)
        )
        assert steps == [4, 5, 6]
        whole = train(OLD_RUN, self.pairs(photos), tmp_path / "whole")
        assert all(map(torch.equal, resumed.parameters(), whole.parameters()))
        saved, other = (torch.load(tmp_path / name, weights_only=True) for name in ("old", "whole"))
        assert saved.keys() == other.keys()
        assert saved["settings"] == other["settings"]

    def test_those_of_a_compact_network_resume(self, tmp_path: Path) -> None:
        train(OLD_COMPACT_RUN, PAIRS, tmp_path / "old", stop_after=1)

        def age(saved: dict[str, Any]) -> None:
            del saved["settings"]
            saved["recipe"] = OLD_COMPACT

        rewrite(tmp_path / "old", age)
        resumed = train(OLD_COMPACT_RUN, PAIRS, tmp_path / "old")
        whole = train(OLD_COMPACT_RUN, PAIRS, tmp_path / "whole")
        assert all(map(torch.equal, resumed.parameters(), whole.parameters()))
        train(OLD_COMPACT_RUN, PAIRS, tmp_path / "whole", stop_after=1)

    @pytest.mark.parametrize(
        ("other", "words"),
        [
            ({"rate": 1e-3}, "with rate = 0.0006 (the recipe says 0.001)"),
            ({"optimiser": "muon"}, 'with optimiser = "adamw" (the recipe says "muon")'),
            ({"camera": CameraConfig(edge=(1.0, 2.0))}, "with camera.edge = [1.0, 1.0] (the recip"),
            ({"camera": CameraConfig(contrast=(-0.1, 0.1))}, "with camera.contrast = [0.0, 0.0] ("),
            (
                {"model": MCCNetConfig()},
                'with model.body = "paper" (the recipe says "compact"), mo',
            ),
            (
                {"stages": (Stage(0.0, 16, 16, 2),)},
                "with stages.start = [0, 0.5] (the recipe says [0.0]), stages.height = [16, 16] (",
            ),
        ],
    )
    @pytest.mark.slow
    def test_those_of_another_run_do_not(
        self, photos: list[torch.Tensor], old: Path, other: dict[str, Any], words: str
    ) -> None:
        config = dataclasses.replace(OLD_RUN, **other)
        with pytest.raises(OptionError, match=re.escape(f"old: it belongs to a run {words}")):
            train(config, self.pairs(photos, config), old, stop_after=3)

    def test_nor_those_of_other_photographs_or_processes(
        self, photos: list[torch.Tensor], old: Path
    ) -> None:
        with pytest.raises(OptionError, match="on other photographs; choose"):
            train(OLD_RUN, self.pairs(photos[:1]), old)

        def two(saved: dict[str, Any]) -> None:
            saved["recipe"] = saved["recipe"].removesuffix("1") + "2"

        rewrite(old, two)
        with pytest.raises(OptionError, match=r"processes \(2, not 1\)"):
            train(OLD_RUN, self.pairs(photos), old)
