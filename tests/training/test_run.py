"""Runs as a whole: validation, stopping, records, several processes."""

from __future__ import annotations

import dataclasses
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dpdeblur.colour import combine
from dpdeblur.errors import OptionError, TrainingDivergedError, UnwritableOutputError
from dpdeblur.io import read_picture, write_picture
from dpdeblur.models import MCCNet, load_model
from dpdeblur.training import (
    PRESETS,
    Batch,
    RunLog,
    Stage,
    StepReport,
    TrainConfig,
    TrainingRun,
    ValidationConfig,
    ValidationScore,
    Validator,
    count_steps,
    learning_rate,
    open_validation,
    restoration_loss,
    run_recipe,
    train,
)
from support.command import run as command
from support.photographed import photographed, write_dpdd
from support.toy_training import CONFIG, NETWORK, Noise

SETTINGS = (
    'steps = 4\nwarm_up = 1\nprecision = "fp32"\n[[stages]]\nheight = 16\nwidth = 16\nbatch = 1\n'
    '[model]\nbody = "paper"\nlevels = 1\n'
    "stem_width = 4\nencoder_widths = [4, 4, 4, 8]\nfusion_widths = [2, 2, 2]\n"
    "decoder_widths = [4, 4, 4]\ntail_width = 4\n"
)


def validator() -> Validator:
    return Validator({"noise": [Noise().batch(1000 + i, 1, (16, 24)) for i in range(2)]})


def psnr(picture: torch.Tensor, truth: torch.Tensor) -> float:
    error = np.square(picture.double().numpy() - truth.double().numpy()).mean()
    return float(-10 * np.log10(error))


def test_validation_scores_the_average_network_and_the_input(tmp_path: Path) -> None:
    config = dataclasses.replace(CONFIG, ema=0.5, validation=ValidationConfig(every=3))
    reports: list[StepReport] = []
    network = train(
        config,
        Noise(),
        tmp_path / "run",
        validator=validator(),
        on_step=lambda report, _: reports.append(report),
    )
    scores = {report.step: report.validation for report in reports if report.validation}
    assert scores.keys() == {3, 4}
    pairs = validator().sets["noise"]
    inputs = [psnr(combine(pair.left, pair.right), pair.sharp) for pair in pairs]
    with torch.no_grad():
        found = [psnr(network(p.left, p.right).clamp(0, 1), p.sharp) for p in pairs]
    assert scores[4]["noise"].input_psnr == pytest.approx(np.mean(inputs), abs=1e-4)
    assert scores[4]["noise"].psnr == pytest.approx(np.mean(found), abs=1e-4)

    unwatched = train(config, Noise(), tmp_path / "other")
    for one, two in zip(network.parameters(), unwatched.parameters(), strict=True):
        assert torch.equal(one, two)


def test_the_average_moves_by_its_decay(tmp_path: Path) -> None:
    seen: dict[float, list[torch.Tensor]] = {0.0: [], 0.75: []}  # without decay, the weights

    for decay, weights in seen.items():

        def note(_: StepReport, network: MCCNet, weights: list[torch.Tensor] = weights) -> None:
            weights.append(torch.cat([p.detach().flatten() for p in network.parameters()]))

        config = dataclasses.replace(CONFIG, ema=decay)
        train(config, Noise(), tmp_path / str(decay), on_step=note)
    expected = seen[0.0][0]
    for now, average in zip(seen[0.0], seen[0.75], strict=True):
        expected = 0.75 * expected + 0.25 * now
        torch.testing.assert_close(average, expected)


def test_steps_already_done_cannot_be_taken_back(tmp_path: Path) -> None:
    train(CONFIG, Noise(), tmp_path / "run")
    with pytest.raises(OptionError, match="steps: 3 is less than the 4 already done"):
        train(dataclasses.replace(CONFIG, steps=3), Noise(), tmp_path / "run")


def test_stopping_keeps_the_step_and_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    steps: list[int] = []
    for _ in range(4):
        network = train(
            CONFIG,
            Noise(),
            tmp_path / "run",
            on_step=lambda report, _: steps.append(report.step),
            stop=lambda: True,
        )
    assert steps == [1, 2, 3, 4]
    whole = train(CONFIG, Noise(), tmp_path / "whole")
    for one, two in zip(network.parameters(), whole.parameters(), strict=True):
        assert torch.equal(one, two)


def test_a_run_that_diverges_keeps_its_last_good_checkpoint(tmp_path: Path) -> None:
    class Broken(Noise):
        def batch(self, step: int, count: int, size: tuple[int, int]) -> Batch:
            batch = super().batch(step, count, size)
            return batch if step < 2 else Batch(batch.left, batch.right, batch.sharp / 0)

    config = dataclasses.replace(CONFIG, checkpoint_every=2)
    with pytest.raises(TrainingDivergedError, match="at step 4 the loss or its gradient"):
        train(config, Broken(), tmp_path / "run")
    kept = torch.load(tmp_path / "run")
    assert kept["step"] == 2
    assert all(torch.isfinite(value).all() for value in kept["network"].values())


def test_a_gradient_that_is_no_number_leaves_no_checkpoint(tmp_path: Path) -> None:
    class Black(Noise):
        def batch(self, step: int, count: int, size: tuple[int, int]) -> Batch:
            return Batch(*torch.zeros(3, count, 3, *size))

    # An untrained network adds nothing, so the loss is 0, with a slope of 0 / 0.
    config = dataclasses.replace(CONFIG, epsilon=1e-30, ms_ssim=0.0)
    with pytest.raises(TrainingDivergedError, match="at step 1"):
        train(config, Black(), tmp_path / "run", stop_after=1)
    assert not (tmp_path / "run").exists()


class TestSchedules:
    def test_the_paper_s_preset(self) -> None:
        paper = count_steps(PRESETS["paper"], Noise(crops=40))
        assert (paper.steps, paper.epochs) == (2000, 0)  # 200 epochs of 40 crops, 4 at a time
        rates = [learning_rate(paper, step) for step in (0, 599, 600, 1199, 1200, 1800, 1999)]
        assert rates == [1e-4, 1e-4, 5e-5, 5e-5, 2.5e-5, 1.25e-5, 1.25e-5]
        assert paper.stages == (Stage(0.0, 512, 512, 4),)
        assert (paper.epsilon, paper.ms_ssim) == (1e-3, 1.0)
        assert (paper.weight_decay, paper.clip, paper.model.residual) == (0, 0, False)

    def test_its_optimiser_is_plain_adam(self, tmp_path: Path) -> None:
        config = dataclasses.replace(
            PRESETS["paper"], steps=3, epochs=0, stages=(Stage(0, 16, 16, 2),), model=NETWORK
        )
        trained = train(config, Noise(), tmp_path / "run")
        torch.manual_seed(config.seed)
        reference = MCCNet(NETWORK)
        adam = torch.optim.Adam(reference.parameters(), 1e-4, (0.9, 0.999))
        for step in range(3):
            for group in adam.param_groups:
                group["lr"] = 1e-4 * 0.5**step  # 60 of 200 epochs are 1 of 3 steps
            batch = Noise().batch(step, 2, (16, 16))
            adam.zero_grad()
            restoration_loss(reference(batch.left, batch.right), batch.sharp).backward()
            adam.step()
        for one, two in zip(trained.parameters(), reference.parameters(), strict=True):
            torch.testing.assert_close(one, two)

    def test_a_constant_rate_cools_down_to_zero(self) -> None:
        config = dataclasses.replace(CONFIG, schedule="constant", steps=100, warm_up=10, rate=1.0)
        rates = [learning_rate(config, step) for step in range(101)]
        assert rates == pytest.approx([*np.linspace(0.1, 1, 10), *[1.0] * 91])
        cooled = dataclasses.replace(config, cool_down=20)
        rates = [learning_rate(cooled, step) for step in range(101)]
        assert rates == pytest.approx(
            [*np.linspace(0.1, 1, 10), *[1.0] * 70, *np.linspace(1, 0, 21)]
        )

    @pytest.mark.parametrize("schedule", ["cosine", "halving"])
    def test_every_schedule_can_cool_down(self, schedule: str) -> None:
        config = dataclasses.replace(CONFIG, schedule=schedule, steps=50)
        cooled = dataclasses.replace(config, cool_down=10)
        shares = [learning_rate(cooled, step) / learning_rate(config, step) for step in range(51)]
        assert shares == pytest.approx([*[1.0] * 40, *np.linspace(1, 0, 11)])

    def test_a_run_may_be_told_late_when_to_end(self, tmp_path: Path) -> None:
        endless = dataclasses.replace(CONFIG, schedule="constant", steps=1_000_000)
        ending = dataclasses.replace(endless, steps=5, cool_down=2)
        rates: list[float] = []
        train(endless, Noise(), tmp_path / "run", stop_after=3)
        late = train(
            ending, Noise(), tmp_path / "run", on_step=lambda report, _: rates.append(report.rate)
        )
        assert rates == pytest.approx([1e-2, 0.5e-2])
        known = train(ending, Noise(), tmp_path / "known")
        assert all(map(torch.equal, late.parameters(), known.parameters()))

    def test_epochs_count_crops_of_all_stages_and_processes(self) -> None:
        config = dataclasses.replace(
            CONFIG, epochs=3, stages=(Stage(0.0, 16, 16, 4), Stage(0.5, 16, 16, 2))
        )
        assert count_steps(config, Noise(crops=100)).steps == 100  # at 3 crops a step
        assert count_steps(config, Noise(crops=100), processes=2).steps == 50
        own = dataclasses.replace(config, epoch_crops=10)
        assert count_steps(own, Noise(crops=100)).steps == 10
        with pytest.raises(OptionError, match="epoch_crops: say how many crops"):
            count_steps(config, Noise())
        assert count_steps(CONFIG, Noise()) is CONFIG

    def test_the_loop_takes_steps_only(self, tmp_path: Path) -> None:
        with pytest.raises(OptionError, match=r"epochs: .*count_steps"):
            train(dataclasses.replace(CONFIG, epochs=3), Noise(crops=100), tmp_path / "run")


def report(step: int, loss: float = 0.5) -> StepReport:
    scores = {"photos": ValidationScore(20.0, 19.0)} if step % 2 == 0 else None
    return StepReport(step, loss, 1.0, 1e-3, 0.1, scores)


def test_the_log_has_each_step_once_after_a_kill(tmp_path: Path) -> None:
    with RunLog(tmp_path) as log:
        for step in range(1, 6):
            log.add(report(step, float("nan") if step == 2 else 0.5))
    text = log.path.read_text()
    log.path.write_text(text[:-9])  # killed while writing
    with RunLog(tmp_path) as log:
        assert [line["step"] for line in log.lines] == [1, 2, 3, 4]
        log.add(report(3, 0.25))
        log.add(report(4, 0.25))
    lines = [json.loads(line) for line in log.path.read_text().splitlines()]
    assert [(line["step"], line["loss"]) for line in lines] == [
        (1, 0.5),
        (2, None),
        (3, 0.25),
        (4, 0.25),
    ]
    assert lines[3]["validation"] == {"photos": {"psnr": 20.0, "input_psnr": 19.0}}
    assert "validation" not in lines[2]
    assert RunLog(tmp_path).lines == lines


def test_a_log_of_odd_bytes_counts_up_to_them(tmp_path: Path) -> None:
    with RunLog(tmp_path / "new") as log:
        assert not (tmp_path / "new").exists()
        log.add(report(1))
        log.add(report(3))
    log.path.write_bytes(log.path.read_bytes()[:-5] + b"\xff\x00")
    assert [line["step"] for line in RunLog(tmp_path / "new").lines] == [1]
    for odd in ("[]", "7", '{"step": "2"}', '{"step": 2}', "[" * 99999):
        good = log.path.read_bytes().splitlines()[0]
        log.path.write_bytes(good + b"\n" + odd.encode() + b"\n" + good + b"\n")
        assert [line["step"] for line in RunLog(tmp_path / "new").lines] == [1]
    with pytest.raises(UnwritableOutputError, match="not a folder"):
        RunLog(log.path)
    log.path.unlink()
    log.path.mkdir()
    with pytest.raises(UnwritableOutputError, match="it is a folder"):
        RunLog(tmp_path / "new")


def blocks(count: int) -> np.ndarray:
    values = np.random.default_rng(count).random((count, count, 3))
    return values.astype(np.float32).repeat(13, 0).repeat(13, 1)


def test_validation_leaves_out_photographs_that_are_too_small(tmp_path: Path) -> None:
    for name, counts in (("mixed", (40, 47, 41)), ("large", (47,))):
        (tmp_path / name).mkdir()
        for count in counts:
            write_picture(tmp_path / name / f"{count}.png", blocks(count), bit_depth=8)
    large = ValidationConfig("large", count=2, height=560, width=64)
    mixed, other = (
        dataclasses.replace(large, **each) for each in ({"photos": "mixed"}, {"seed": 1})
    )
    expected, found, others = (
        open_validation(TrainConfig(seed=seed, validation=each), tmp_path, torch.device("cpu"))
        for seed, each in enumerate((large, mixed, other))
    )
    for one, two, third in zip(
        *(each.sets["photos"] for each in (expected, found, others)), strict=True
    ):
        assert one.left.shape == (1, 3, 560, 64)
        assert torch.equal(one.left, two.left)
        assert not torch.equal(one.left, third.left)


def test_validation_on_dpdd_takes_its_split_val(tmp_path: Path) -> None:
    scenes = {f"1P0A000{n}": photographed(seed=n) for n in (2, 4)}
    write_dpdd(tmp_path, "val", scenes)
    config = TrainConfig(validation=ValidationConfig(pairs=".", count=1))
    (pair,) = open_validation(config, tmp_path, torch.device("cpu")).sets["pairs"]
    left = read_picture(tmp_path / "val_l" / "source" / "1P0A0002.png").srgb()
    np.testing.assert_array_equal(pair.left[0].permute(1, 2, 0), left)


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    (tmp_path / "photos").mkdir()
    write_picture(tmp_path / "photos" / "blocks.png", blocks(40), bit_depth=8)
    path = tmp_path / "tiny.toml"
    path.write_text(f'photos = "photos"\n{SETTINGS}')
    return path


def run_of(recipe: Path, **options: Any) -> TrainingRun:
    run = run_recipe(recipe, recipe.parent / "run", "cpu", **options)
    assert run is not None  # as it would be in the second of several processes
    return run


@pytest.mark.slow
def test_a_recipe_is_run_from_python(recipe: Path, capfd: pytest.CaptureFixture[str]) -> None:
    totals: list[int] = []
    steps: list[int] = []
    before = signal.getsignal(signal.SIGINT)
    run = run_of(recipe, on_start=totals.append, on_step=lambda report: steps.append(report.step))
    assert (totals, steps) == ([4], [1, 2, 3, 4])
    assert run.complete
    assert (run.done, run.steps, run.validation) == (4, 4, None)
    made = run.as_dict()
    assert all(made[name].is_file() for name in ("weights", "log", "curve"))
    assert load_model(run.weights).card["recipe"] == "tiny.toml"
    assert json.loads(run.record.read_text())["loss"] == run.loss
    assert capfd.readouterr() == ("", "")
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize(
    "name", ["checkpoint.pt", "log.jsonl", "mccnet.safetensors", "log.json", "curve.png"]
)
def test_what_cannot_be_written_is_found_before_the_work(
    recipe: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).symlink_to(name)
    steps: list[int] = []
    with pytest.raises(UnwritableOutputError, match=name):
        run_recipe(recipe, tmp_path / "out", "cpu", on_start=steps.append)
    assert not steps


def test_a_signal_stops_a_recipe_after_its_step(recipe: Path) -> None:
    notes: list[str] = []
    before = signal.getsignal(signal.SIGTERM)
    run = run_of(
        recipe,
        on_note=notes.append,
        on_step=lambda report: signal.raise_signal(signal.SIGTERM) if report.step == 2 else None,
        catch_signals=True,
    )
    assert notes == ["Stopping after this step; a checkpoint will be written."]
    assert not run.complete
    assert run.done == 3  # step 2 had asked already whether to go on
    assert not run.weights.exists()
    assert signal.getsignal(signal.SIGTERM) is before
    assert run_of(recipe).complete


class TestCommand:
    def test_records_of_a_watched_run(
        self, recipe: Path, tmp_path: Path, pair: tuple[Path, Path]
    ) -> None:
        (tmp_path / "val").mkdir()
        for path in pair:
            path.rename(tmp_path / "val" / path.name)
        write_picture(tmp_path / "val" / "a_GT.png", np.full((50, 59, 3), 0.5, np.float32))
        with recipe.open("a") as file:
            file.write(
                '[validation]\nphotos = "photos"\npairs = "val"\nevery = 2\ncount = 2\n'
                "height = 32\nwidth = 40\n"
            )
        result = command("train", recipe, "-o", tmp_path / "run", "--json")
        assert result.exit_code == 0, result.output
        data = json.loads(result.stdout)
        assert data["validation"].keys() == {"photos", "pairs"}
        assert data["steps"] == 4

        lines = [json.loads(line) for line in (tmp_path / "run/log.jsonl").read_text().splitlines()]
        assert [line["step"] for line in lines if "validation" in line] == [2, 4]
        left, right = (read_picture(tmp_path / "val" / f"a_{s}.png").srgb() for s in "LR")
        middle = np.s_[9:41, 9:49]
        expected = psnr(torch.from_numpy(combine(left, right)[middle]), torch.tensor(0.5))
        assert lines[1]["validation"]["pairs"]["input_psnr"] == pytest.approx(expected, abs=0.01)

        summary = json.loads((tmp_path / "run" / "log.json").read_text())
        assert summary["validation"] == data["validation"] == lines[3]["validation"]
        assert summary["recipe"]["model"]["stem_width"] == 4
        assert summary["recipe"]["rate"] == 6e-4  # of the preset
        assert summary["seconds"] == pytest.approx(sum(line["seconds"] for line in lines))
        assert summary["hardware"]["processes"] == 1
        assert summary["versions"]["torch"] == torch.__version__
        curve = read_picture(tmp_path / "run" / "curve.png").srgb()
        assert min(curve.shape[:2]) > 400
        assert curve.std() > 0.01

    @pytest.mark.slow
    def test_lines_for_people_off_a_terminal(self, recipe: Path, tmp_path: Path) -> None:
        result = command("train", recipe, "-o", tmp_path / "run")
        assert result.exit_code == 0, result.output
        assert "Step 4/4  loss 0." in result.stderr
        assert "steps/s  0:00:00 left" in result.stderr
        assert result.stdout.startswith(str(tmp_path / "run" / "mccnet.safetensors"))
        again = command("train", recipe, "-o", tmp_path / "run", "--quiet")
        assert (again.exit_code, again.output) == (0, "")

    @pytest.mark.parametrize(
        ("lines", "sentence"),
        [
            ("", "photos: give a folder of sharp pictures, or as 'pairs'"),
            ('photos = "none"', "none does not exist"),
            ('photos = "photos"\nepochs = 3', "epoch_crops: say how many"),
            ('photos = "photos"\n[validation]\nphotos = "none"', "none does not exist"),
            ('photos = "photos"\n[validation]\npairs = "photos"', "No pairs can be made from"),
            (
                'photos = "photos"\n[validation]\nphotos = "photos"\nheight = 800',
                "validation.height: crops of 800 pixels need",
            ),
            ('pairs = "none"', "none does not exist"),
            ('pairs = "a\\u0000b"', "null byte"),
            ('photos = "photos"\n[[stages]]\nheight = 600', "height: crops of 600 pixels need"),
            ('photos = "photos"\nlevel_weights = [1.0]', "level_weights: the network has 3"),
            ('photos = "photos"\nmargin = 31', "margin need crops of at least 66 pixels"),
        ],
    )
    def test_bad_data_gives_one_sentence(
        self, recipe: Path, tmp_path: Path, lines: str, sentence: str
    ) -> None:
        recipe.write_text('precision = "fp32"\n' + lines)  # which every processor has
        result = command("train", recipe, "-o", tmp_path / "run")
        assert result.exit_code == 2
        assert sentence in result.stderr
        assert len(result.stderr.splitlines()) == 1
        assert not (tmp_path / "run").exists()

    def test_the_paper_s_preset_on_a_data_set_of_pairs(
        self, tmp_path: Path, pair: tuple[Path, Path]
    ) -> None:
        write_picture(tmp_path / "a_GT.png", read_picture(pair[0]).srgb(), bit_depth=16)
        recipe = tmp_path / "paper.toml"
        recipe.write_text(
            f'preset = "paper"\npairs = "."\nepochs = 3\n{SETTINGS}'.replace("steps = 4\n", "")
        )
        result = command("train", recipe, "-o", tmp_path / "run")
        assert result.exit_code == 0, result.output
        summary = json.loads((tmp_path / "run" / "log.json").read_text())
        assert summary["steps"] == 3  # one patch that all of the small picture is
        assert summary["recipe"]["betas"] == [0.9, 0.999]
        assert summary["recipe"]["ms_ssim"] == 1.0

    @pytest.mark.slow
    def test_ctrl_c_leaves_a_checkpoint_to_go_on_from(self, recipe: Path, tmp_path: Path) -> None:
        text = recipe.read_text()
        recipe.write_text(text.replace("steps = 4", "steps = 100000"))
        run = tmp_path / "run"
        with subprocess.Popen(
            [sys.executable, "-m", "dpdeblur", "train", recipe, "-o", run, "--device", "cpu"],
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            log = run / "log.jsonl"
            while process.poll() is None and not (log.exists() and log.stat().st_size):
                time.sleep(0.02)
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=120)
        assert process.returncode == 130, errors
        done = len(log.read_text().splitlines())
        assert (
            f"Stopped after step {done} of 100000; run the same command again to resume." in errors
        )
        assert not (run / "mccnet.safetensors").exists()
        recipe.write_text(text.replace("steps = 4", f"steps = {done + 1}"))
        assert command("train", recipe, "-o", run).exit_code == 0
        assert len(log.read_text().splitlines()) == done + 1


def torchrun(*command: str | Path) -> str:
    """What two processes print to standard output."""
    start = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    return subprocess.run(
        [*start, *command], check=True, timeout=300, stdout=subprocess.PIPE, text=True
    ).stdout


WORKER = """
import dataclasses
import sys
from pathlib import Path
import torch
sys.path.insert(0, {tests!r})
torch.set_num_threads(1)
from dpdeblur.training import train
from dpdeblur.training.distributed import joined, rank_and_size
from support.toy_training import CONFIG, Noise
with joined(torch.device("cpu")):
    rank = rank_and_size()[0]
    folder, seen = Path({folder!r}), []
    note = lambda report, _: seen.append(report.step)
    whole = train(CONFIG, Noise(), folder / "whole", on_step=note)
    train(CONFIG, Noise(), folder / "run", stop=lambda: rank == 1)
    resumed = train(CONFIG, Noise(), folder / "run")
    weights = [list(network.state_dict().values()) for network in (whole, resumed)]
    torch.save((weights, seen), folder / f"rank{{rank}}")
"""


def apart(first: Iterable[torch.Tensor], second: Iterable[torch.Tensor]) -> float:
    """Sum of squared differences of all weights."""
    pairs = zip(first, second, strict=True)
    return float(sum((x - y).square().sum() for x, y in pairs))


def by_hand(ranks: Sequence[int], dtype: torch.dtype = torch.float32) -> dict[str, torch.Tensor]:
    """Weights after a run that averages the gradients of the batches of `ranks` out of two."""
    torch.manual_seed(CONFIG.seed)
    reference = MCCNet(NETWORK).to(dtype)
    adam = torch.optim.AdamW(
        reference.parameters(), betas=CONFIG.betas, weight_decay=CONFIG.weight_decay
    )
    for step in range(CONFIG.steps):
        gradients = []
        for rank in ranks:
            batch = Noise().batch(2 * step + rank, 2, (16, 16))
            left, right, sharp = (x.to(dtype) for x in (batch.left, batch.right, batch.sharp))
            loss = restoration_loss(reference(left, right), sharp, epsilon=0.03, ms_ssim_weight=0.5)
            gradients.append(torch.autograd.grad(loss, list(reference.parameters())))
        for weight, *each in zip(reference.parameters(), *gradients, strict=True):
            weight.grad = sum(each, torch.zeros_like(weight)) / len(ranks)
        torch.nn.utils.clip_grad_norm_(reference.parameters(), CONFIG.clip)
        for group in adam.param_groups:
            group["lr"] = learning_rate(CONFIG, step)
        adam.step()
    return reference.state_dict()


@pytest.mark.slow
def test_two_processes_train_one_network(tmp_path: Path) -> None:
    script = tmp_path / "worker.py"
    script.write_text(WORKER.format(tests=str(Path(__file__).parents[1]), folder=str(tmp_path)))
    torchrun(script)

    (first, resumed), seen = torch.load(tmp_path / "rank0")
    (second, _), unseen = torch.load(tmp_path / "rank1")
    assert (seen, unseen) == ([1, 2, 3, 4], [])
    torch.manual_seed(CONFIG.seed)
    fresh = MCCNet(NETWORK).state_dict()
    assert all(map(torch.equal, first, second))
    assert all(map(torch.equal, first, resumed))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as in the workers, for sums in the same order
    expected, exact = by_hand((0, 1)), by_hand((0, 1), torch.float64)
    moved, both, alone = (
        apart(first, other.values()) for other in (fresh, expected, by_hand((0,)))
    )
    torch.set_num_threads(threads)
    # Adam makes large steps of gradients that are small only by rounding, so not weight by weight;
    # and rounding, which is the processor's, may turn some of them around.
    assert both < 1e-4 * moved + 2 * apart(expected.values(), exact.values())
    assert both < 0.1 * alone


@pytest.mark.slow
def test_the_command_with_two_processes(recipe: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    printed = torchrun("-m", "dpdeblur", "train", recipe, "-o", run, "--device", "cpu")
    assert printed == f"{run / 'mccnet.safetensors'}  after 4 steps\n"
    assert len((run / "log.jsonl").read_text().splitlines()) == 4
    assert json.loads((run / "log.json").read_text())["hardware"]["processes"] == 2
