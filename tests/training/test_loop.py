"""Training: repeatable batches with the right sign, resuming, recipes."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

from dpdeblur.colour import combine
from dpdeblur.errors import (
    MissingFileError,
    OptionError,
    UnreadableFileError,
    UnwritableOutputError,
)
from dpdeblur.io import write_picture
from dpdeblur.models import PAPER, MCCNet
from dpdeblur.training import (
    CameraConfig,
    SceneConfig,
    Stage,
    StepReport,
    SyntheticPairs,
    TrainConfig,
    charbonnier,
    learning_rate,
    load_photos,
    read_config,
    train,
)

TINY = TrainConfig(
    steps=6,
    warm_up=2,
    precision="fp32",
    checkpoint_every=100,
    stages=(Stage(0, 16, 16, 2), Stage(0.5, 16, 24, 1)),
    model=dataclasses.replace(
        PAPER,
        stem_width=4,
        encoder_widths=(4, 4, 4, 8),
        fusion_widths=(2, 2, 2),
        decoder_widths=(4, 4, 4),
        tail_width=4,
    ),
    scenes=SceneConfig(large_range=(3.0, 5.0), moderate_range=(0.5, 3.0)),
)
FLAT_BEHIND = SceneConfig(
    occluders=0, behind=1, sharp=0, large=0, moderate_range=(6.0, 6.0), flat=1
)


@pytest.fixture(scope="module")
def photos() -> list[torch.Tensor]:
    rng = torch.Generator().manual_seed(0)
    coarse = torch.rand(3, 3, 40, 50, generator=rng)
    fine = torch.nn.functional.interpolate(coarse, scale_factor=4, mode="bilinear")
    return list((fine * 255).to(torch.uint8))


def test_what_overshoots_counts_in_the_loss(photos: list[torch.Tensor], tmp_path: Path) -> None:
    pairs = SyntheticPairs(photos, TINY.scenes, 7, CameraConfig(read_noise=(0.3, 0.3)))
    losses: list[float] = []
    for weight in (0.0, 2.0):
        config, file = dataclasses.replace(TINY, steps=1, overshoot=weight), f"{weight}.pt"
        train(config, pairs, tmp_path / file, on_step=lambda step, _: losses.append(step.loss))
    assert losses[1] > 1.1 * losses[0]


def test_a_step_always_gives_the_same_batch(photos: list[torch.Tensor]) -> None:
    first, again, other = (
        SyntheticPairs(photos, TINY.scenes, 7).batch(step, 2, (24, 32)) for step in (3, 3, 4)
    )
    for name in ("left", "right", "sharp"):
        assert getattr(first, name).shape == (2, 3, 24, 32)
        assert torch.equal(getattr(first, name), getattr(again, name))
        assert not torch.equal(getattr(first, name), getattr(other, name))


def test_pairs_keep_the_disparity_sign_in_spite_of_mirroring(photos: list[torch.Tensor]) -> None:
    pairs = SyntheticPairs(photos, FLAT_BEHIND, 1)
    for step in range(6):
        batch = pairs.batch(step, 1, (48, 64))
        errors = [
            (batch.left[..., 5:-5] - batch.right.roll(-shift, -1)[..., 5:-5]).square().mean()
            for shift in range(-4, 5)
        ]
        assert int(torch.tensor(errors).argmin()) - 4 > 0


def test_views_are_blurred_and_the_sharp_picture_is_not(photos: list[torch.Tensor]) -> None:
    batch = SyntheticPairs(photos, FLAT_BEHIND, 2).batch(0, 2, (48, 48))
    blurred = combine(batch.left, batch.right)
    assert blurred.diff(dim=-1).square().mean() < 0.7 * batch.sharp.diff(dim=-1).square().mean()


def test_scenes_in_focus_give_views_like_the_sharp_picture(photos: list[torch.Tensor]) -> None:
    focused = SceneConfig(sharp=1, sharp_range=(0.0, 0.0), flat=1)
    batch = SyntheticPairs(photos, focused, 3).batch(0, 2, (48, 48))
    error = (combine(batch.left, batch.right) - batch.sharp).square().mean().item()
    assert error < 0.02**2


@pytest.mark.parametrize("optimiser", ["adamw", "muon"])
@pytest.mark.slow
def test_resuming_gives_the_weights_of_an_unbroken_run(
    photos: list[torch.Tensor], tmp_path: Path, optimiser: str
) -> None:
    config = dataclasses.replace(TINY, optimiser=optimiser)
    pairs = SyntheticPairs(photos, TINY.scenes, TINY.seed)
    reports: list[StepReport] = []
    whole = train(config, pairs, tmp_path / "a", on_step=lambda report, _: reports.append(report))
    train(config, pairs, tmp_path / "b", stop_after=3)
    resumed = train(config, pairs, tmp_path / "b")
    for one, two in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, two)
    assert [report.step for report in reports] == [1, 2, 3, 4, 5, 6]
    assert any((p != q).any() for p, q in zip(whole.parameters(), _fresh(), strict=True))


@pytest.mark.slow
def test_a_checkpoint_of_another_run_is_refused(photos: list[torch.Tensor], tmp_path: Path) -> None:
    pairs = SyntheticPairs(photos, TINY.scenes, TINY.seed)
    run = tmp_path / "run"
    train(TINY, pairs, run, stop_after=1)
    moved = dataclasses.replace(TINY, steps=2, checkpoint_every=1, photos="elsewhere")
    train(moved, pairs, run)
    with pytest.raises(OptionError, match=r"a run with rate = 0\.0006 "):
        train(dataclasses.replace(TINY, rate=1.0), pairs, run)
    brighter = [*photos[:2], photos[2] + 1]
    for other, words in (
        (SyntheticPairs(photos, TINY.scenes, TINY.seed + 1), "on other photographs"),
        (SyntheticPairs(photos, FLAT_BEHIND, TINY.seed), "with scenes.occluders = 2"),
        (
            SyntheticPairs(photos, TINY.scenes, TINY.seed, CameraConfig(view_gain=0)),
            "with camera.view_gain = 0.02",
        ),
        (SyntheticPairs(brighter, TINY.scenes, TINY.seed), "on other photographs"),
        (SyntheticPairs(photos[:2], TINY.scenes, TINY.seed), "on other photographs"),
    ):
        with pytest.raises(OptionError, match=f"it belongs to a run {words}"):
            train(TINY, other, run)


def test_stopping_after_no_step_gives_the_fresh_network(
    photos: list[torch.Tensor], tmp_path: Path
) -> None:
    pairs = SyntheticPairs(photos, TINY.scenes, TINY.seed)
    network = train(TINY, pairs, tmp_path / "run", stop_after=0)
    for one, two in zip(network.parameters(), _fresh(), strict=True):
        assert torch.equal(one, two)


@pytest.mark.parametrize("kept", [0.0, 0.5, 0.99])
def test_a_damaged_checkpoint_is_named(
    photos: list[torch.Tensor], tmp_path: Path, kept: float
) -> None:
    pairs = SyntheticPairs(photos, TINY.scenes, TINY.seed)
    run = tmp_path / "run"
    train(TINY, pairs, run, stop_after=1)
    run.write_bytes(run.read_bytes()[: int(run.stat().st_size * kept)])
    with pytest.raises(UnreadableFileError, match=r"run cannot be read: it is damaged; delete it"):
        train(TINY, pairs, run)
    torch.save({"step": 1}, run)
    with pytest.raises(UnreadableFileError, match="damaged"):
        train(TINY, pairs, run)


def test_a_checkpoint_that_fails_leaves_nothing(photos: list[torch.Tensor], tmp_path: Path) -> None:
    pairs = SyntheticPairs(photos, TINY.scenes, TINY.seed)
    run = tmp_path / "run"
    with pytest.raises(UnwritableOutputError, match="it is a folder"):
        train(TINY, pairs, run, stop_after=1, on_step=lambda *_: run.mkdir())
    assert list(tmp_path.iterdir()) == [run]


def test_the_loss_takes_the_recipe_s_epsilon(photos: list[torch.Tensor], tmp_path: Path) -> None:
    pairs = SyntheticPairs(photos, TINY.scenes, TINY.seed)
    losses: list[float] = []
    config = dataclasses.replace(TINY, epsilon=0.2)
    train(config, pairs, tmp_path / "run", stop_after=1, on_step=lambda r, _: losses.append(r.loss))
    batch = pairs.batch(0, 2, (16, 16))
    with torch.no_grad():
        fresh = MCCNet(TINY.model)  # adds nothing to the combined view yet
        expected = charbonnier(fresh(batch.left, batch.right), batch.sharp, 0.2)
    assert losses == pytest.approx([expected.item()], rel=1e-5)


def test_crops_must_fit_the_photographs(photos: list[torch.Tensor], tmp_path: Path) -> None:
    pairs = SyntheticPairs(photos, TINY.scenes, TINY.seed)  # 160 x 200, margin 7
    assert pairs.batch(0, 1, (144, 184)).left.shape == (1, 3, 144, 184)
    with pytest.raises(OptionError, match="height: crops of 152 pixels need photographs of 166"):
        pairs.batch(0, 1, (152, 184))
    late = (Stage(0, 16, 16, 1), Stage(0.5, 16, 192, 1))
    with pytest.raises(OptionError, match="width"):
        train(dataclasses.replace(TINY, stages=late), pairs, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_the_camera_is_the_recipe_s(photos: list[torch.Tensor]) -> None:
    exact = CameraConfig(
        slope=0, slope_spread=0, wide_share=0, read_noise=(0, 0), shot_noise=(0, 0), view_gain=0
    )
    batch = SyntheticPairs(photos, FLAT_BEHIND, 0, exact).batch(0, 2, (32, 32))
    assert torch.equal(batch.left, batch.right)


def _fresh() -> list[torch.nn.Parameter]:
    torch.manual_seed(TINY.seed)
    return list(MCCNet(TINY.model).parameters())


@pytest.mark.slow
def test_training_lowers_the_loss(photos: list[torch.Tensor], tmp_path: Path) -> None:
    config = dataclasses.replace(
        TINY,
        steps=160,
        warm_up=5,
        rate=1e-2,
        ema=0.9,
        stages=(Stage(0, 32, 32, 4),),
        scenes=dataclasses.replace(FLAT_BEHIND, moderate_range=(3.0, 3.0)),
    )
    pairs = SyntheticPairs(photos, config.scenes, 0)
    network = train(config, pairs, tmp_path / "run")
    unseen = pairs.batch(10_000, 8, (32, 32))
    with torch.no_grad():
        after = charbonnier(network(unseen.left, unseen.right), unseen.sharp)
    assert after < 0.85 * charbonnier(combine(unseen.left, unseen.right), unseen.sharp)


def test_learning_rate_warms_up_and_decays() -> None:
    config = TrainConfig(steps=1000, warm_up=100, rate=1.0, final=0.02)
    rates = [learning_rate(config, step) for step in range(1001)]
    assert rates[0] == pytest.approx(0.01)
    assert rates[100] == pytest.approx(1.0)
    assert rates[550] == pytest.approx(0.51)
    assert rates[1000] == pytest.approx(0.02)
    assert all(a >= b for a, b in itertools.pairwise(rates[100:]))


class TestRecipes:
    def read(self, tmp_path: Path, text: str) -> TrainConfig:
        path = tmp_path / "recipe.toml"
        path.write_text(text)
        return read_config(path)

    def test_all_kinds_of_keys(self, tmp_path: Path) -> None:
        config = self.read(
            tmp_path,
            'photos = "p"\nsteps = 5\nrate = 1\nbetas = [0.9, 0.999]\n[model]\nuse_cc = false\n'
            "[scenes]\nlarge_range = [5, 9.0]\n[camera]\nslope = 0.4\n[[stages]]\nwidth = 96\n"
            "[[stages]]\nstart = 0.5\n",
        )
        assert config.rate == 1.0
        assert config.betas == (0.9, 0.999)
        assert not config.model.use_cc
        assert config.scenes.max_radius == 9
        assert config.camera.slope == 0.4
        assert (config.stage(2).width, config.stage(3).width) == (96, 64)

    @pytest.mark.parametrize(
        ("text", "names"),
        [
            ("step = 5", "step: unknown key; use one of preset, photos"),
            ("steps = 'many'", "steps: 'many'"),
            ("[model]\nuse_cc = 1", "model.use_cc"),
            ("[scenes]\nsharpness = 1", "scenes.sharpness"),
            ("model = 3", "model: 3 is not a table"),
            ("[stages]\nwidth = 8", r"stages: .* is not a list of tables \[\[stages\]\]"),
            ("stages = []", r"stages: \[\] is not a list of tables"),
            ("stages = [3]", "stages: 3 is not a table"),
            ("betas = 0.9", "betas: 0.9 is not a list of 2 values"),
            ("betas = [0.9]", "betas: .* is not a list of 2 values"),
            ("betas = [0.9, 'b']", "betas: 'b' is not of type float"),
            ("betas = [0.9, 1.0]", "betas: 1.0 is not below 1"),
            ("steps = 0", "steps: 0 is not above 0"),
            ("steps = true", "steps: True is not of type int"),
            (f"rate = 1{'0' * 400}", "rate: it is too large"),
            (f"steps = {'1' * 5000}", "not valid TOML"),
            (f"steps = {'[' * 5000}", "not valid TOML"),
            ("rate = nan", "rate: nan is not finite"),
            ("weight_decay = -1.0", "weight_decay: -1.0 is negative"),
            ("epsilon = 0", "epsilon"),
            ("preset = 'slow'", "preset: 'slow' is not one of fast, paper"),
            ("preset = 3", "preset: 3 is not one of"),
            ("schedule = 'linear'", "schedule: 'linear' is not one of cosine, halving"),
            ("optimiser = 'sgd'", "optimiser: 'sgd' is not one of adamw, muon"),
            ("cool_down = -1", "cool_down: -1 is negative"),
            ("halve_every = 0", "halve_every: 0.0 is not above 0"),
            ("steps = 5\nepochs = 5", "epochs: 'steps' is set too"),
            ("photos = 'a'\npairs = 'b'", "pairs: 'photos' is set too"),
            ("ms_ssim = -1", "ms_ssim: -1.0 is negative"),
            (
                "ms_ssim = 1\n[[stages]]\nheight = 8",
                "ms_ssim: its window needs crops of at",
            ),
            ("[validation]\nevery = 0", "validation.every: 0 is not above 0"),
            ("[validation]\nwidth = 100", "validation.width: 100 is not a multiple of 8"),
            ("checkpoint_every = -1", "checkpoint_every"),
            ("seed = 9999999999", "seed"),
            ("[model]\nfusion_widths = [8, 16, 0]", "model.fusion_widths: 0"),
            ("[model]\nbands = [0, 3]", "model.bands: 0 is not above 0"),
            ("[model]\nlevels = 0", "model.levels: 0 is not above 0"),
            ("[scenes]\nlarge_range = [9.0, 5.0]", "scenes.large_range: .* low to high"),
            ("[scenes]\nsharp = 0.9", "scenes.large: together with scenes.sharp"),
            ("[camera]\nwide_share = 2", "camera.wide_share: 2.0 is not at most 1"),
            ("[camera]\neight_bit = 2", "camera.eight_bit: 2.0 is not at most 1"),
            ("[camera]\ncontrast = [-1.5, 0]", "camera.contrast: -1.5 is not from -1 to 1"),
            ("[camera]\ncontrast = [0.5, 0.2]", "camera.contrast: .* low to high"),
            ("[[stages]]\nheight = 100", "stages.height: 100 is not a multiple of 8"),
            ("[[stages]]\nbatch = 0", "stages.batch: 0 is not above 0"),
            ("[[stages]]\nstart = 0.2", "stages.start"),
            ("[[stages]]\n[[stages]]\nstart = 0.5\n[[stages]]\nstart = 0.4", "stages.start"),
            ("steps = ", "not valid TOML"),
            ("precision = 'fp8'", "precision: 'fp8'"),
        ],
    )
    def test_the_bad_key_is_named(self, tmp_path: Path, text: str, names: str) -> None:
        with pytest.raises(OptionError, match=names):
            self.read(tmp_path, text)

    def test_missing_recipe(self, tmp_path: Path) -> None:
        with pytest.raises(MissingFileError):
            read_config(tmp_path / "none.toml")


def test_photos_come_at_full_and_half_size(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    large = rng.integers(0, 256, (130, 140, 3)).astype(np.float32) / 255
    write_picture(tmp_path / "a.png", large, bit_depth=8)
    write_picture(tmp_path / "b.png", large[:40], bit_depth=8)
    photos = load_photos(tmp_path, torch.device("cpu"), smallest=64)
    assert [tuple(photo.shape) for photo in photos] == [(3, 130, 140), (3, 65, 70)]
    expected = large.reshape(65, 2, 70, 2, 3).mean((1, 3)) * 255
    np.testing.assert_allclose(photos[1].permute(1, 2, 0), expected, atol=0.51)
    with pytest.raises(UnreadableFileError):
        load_photos(tmp_path, torch.device("cpu"), smallest=512)
    with pytest.raises(MissingFileError):
        load_photos(tmp_path / "none", torch.device("cpu"))


def test_photos_of_all_kinds_come_in_order_of_name(tmp_path: Path) -> None:
    for level, name in enumerate(("a_disp.PNG", "b.TIF", "c.png", "d.jpeg", "e.JPG"), start=1):
        picture = np.full((64, 64, 3), 10 * level / 255, np.float32)
        write_picture(tmp_path / name, picture, bit_depth=8)
    photos = load_photos(tmp_path, torch.device("cpu"), smallest=64)
    assert [int(photo.median()) for photo in photos] == [10, 20, 30, 40, 50]
    (tmp_path / "c.png").write_bytes(b"no picture")
    with pytest.raises(UnreadableFileError, match=r"c\.png"):
        load_photos(tmp_path, torch.device("cpu"), smallest=64)


@pytest.mark.parametrize(
    ("name", "epsilon"),
    [("first-light", 0.03), ("second-light-1", 0.02), ("second-light-2", 0.02), ("ablation", 0.03)],
)
def test_recipes_of_the_paper_s_network_can_be_read(name: str, epsilon: float) -> None:
    recipe = Path(__file__).parents[2] / "weights" / "recipes" / f"{name}.toml"
    config = read_config(recipe)
    assert (config.epsilon, config.model) == (epsilon, PAPER)


def test_recipes_of_the_compact_network_can_be_read() -> None:
    folder = Path(__file__).parents[2] / "weights" / "recipes"
    configs = {path.stem: read_config(path) for path in folder.glob("*.toml")}
    compact = [name for name, config in configs.items() if config.model.body == "compact"]
    assert len(compact) == len(configs) - 4
    assert configs["ninth-light-1"].grow
    assert configs["eleventh-light-1"].overshoot == 4
