"""`dpdeblur train`: make weights from sharp photographs."""

from __future__ import annotations

import dataclasses
import json as jsonlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dpdeblur.cli import _options
from dpdeblur.cli._errors import open_output

if TYPE_CHECKING:
    from dpdeblur.models import MCCNet
    from dpdeblur.training import StepReport


def train(
    ctx: typer.Context,
    config: Annotated[Path, typer.Argument(help="Recipe, a TOML file.", metavar="CONFIG")],
    folder: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="Folder of the run; runs/<CONFIG>."),
    ] = None,
    device: _options.Device = "auto",
    json: _options.Json = False,
    quiet: _options.Quiet = False,
) -> None:
    """Train weights on pairs rendered from sharp photographs, or go on with a stopped run.

    DIR gets checkpoint.pt, log.jsonl and, at the end, mccnet.safetensors. Called again with the
    same CONFIG and DIR, training goes on from its last checkpoint to the same weights.

    [bold]Example[/bold]

      dpdeblur train weights/recipes/first-light.toml -o runs/first
    """
    printer = open_output(ctx, json=json, quiet=quiet)

    from dpdeblur.errors import UnwritableOutputError
    from dpdeblur.models import save_model
    from dpdeblur.restore import choose
    from dpdeblur.training import SyntheticPairs, load_photos, read_config
    from dpdeblur.training import train as run_training

    recipe = read_config(config)
    setup = choose(device, recipe.precision)
    for note in setup.notes:
        printer.note(note)
    photos = load_photos(config.parent / recipe.photos, setup.device)
    pairs = SyntheticPairs(photos, recipe.scenes, recipe.seed, recipe.camera)
    run = folder or Path("runs") / config.stem
    try:
        run.mkdir(parents=True, exist_ok=True)
        (run / "log.jsonl").touch()
    except FileExistsError as error:
        raise UnwritableOutputError(run, "it is a file, and a folder is needed") from error
    except OSError as error:
        raise UnwritableOutputError(run, error.strerror or str(error)) from error
    last: StepReport | None = None
    with printer.progress() as bar, (run / "log.jsonl").open("a", encoding="utf-8") as log:
        task = bar.add_task("Training", total=recipe.steps)

        def on_step(report: StepReport, _average: MCCNet) -> None:
            nonlocal last
            last = report
            print(jsonlib.dumps(dataclasses.asdict(report)), file=log, flush=True)
            bar.update(task, completed=report.step, description=f"Loss {report.loss:.4f}")

        network = run_training(recipe, pairs, run / "checkpoint.pt", on_step=on_step)
    file = run / "mccnet.safetensors"
    save_model(network, file, {"steps": str(recipe.steps), "recipe": config.name})
    data = {"weights": file, "steps": recipe.steps, "loss": last.loss if last else None}
    printer.result(f"{file}  after {recipe.steps} steps", data)
