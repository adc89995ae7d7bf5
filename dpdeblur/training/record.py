"""What a run leaves behind besides weights: a line for each step, a curve, a summary."""

from __future__ import annotations

import dataclasses
import json
import math
import platform
from collections import defaultdict
from importlib.metadata import version
from pathlib import Path
from typing import Any, TextIO

import torch

from dpdeblur import __version__
from dpdeblur.device import list_devices
from dpdeblur.errors import UnwritableOutputError
from dpdeblur.io.atomic import check_writable, write_whole
from dpdeblur.plots import draw_curve
from dpdeblur.training.config import TrainConfig
from dpdeblur.training.loop import StepReport

_SCORES = ("psnr", "input_psnr")


class RunLog:
    """`log.jsonl` in the folder of a run: each step once, also if a killed run did some again.

    A context manager. `lines` are the reports as dictionaries, with None for what is not finite.
    Nothing is written before the first of them. Raises UnwritableOutputError.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "log.jsonl"
        self._file: TextIO | None = None
        check_writable(self.path, overwrite=True)
        try:
            data = self.path.read_bytes() if self.path.exists() else b""
        except OSError as error:
            raise UnwritableOutputError(self.path, error.strerror or str(error)) from error
        self.lines = _parse(data.decode(errors="replace"))

    def add(self, report: StepReport) -> None:
        """Append a report; the first one removes what the file has from its step on."""
        if self._file is None:
            self.lines = [line for line in self.lines if line["step"] < report.step]
            write_whole(self.path, "".join(map(_line, self.lines)).encode())
            self._file = self.path.open("a", encoding="utf-8")
        line = _finite(dataclasses.asdict(report))
        if report.validation is None:
            del line["validation"]
        self.lines.append(line)
        self._file.write(_line(line))
        self._file.flush()

    def __enter__(self) -> RunLog:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    @property
    def validation(self) -> dict[str, Any] | None:
        """The last scores, None if there are none."""
        return next((line["validation"] for line in self.lines[::-1] if "validation" in line), None)


def write_record(
    folder: Path, log: RunLog, config: TrainConfig, device: torch.device, processes: int
) -> None:
    """Write `curve.png` and `log.json`: recipe, versions, hardware, seconds and last scores."""
    scores: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for line in log.lines:
        for name, score in line.get("validation", {}).items():
            scores[f"{name}: network"].append((line["step"], _number(score["psnr"])))
            scores[f"{name}: input"].append((line["step"], _number(score["input_psnr"])))
    losses = [(line["step"], _number(line["loss"])) for line in log.lines]
    draw_curve(folder / "curve.png", losses, scores)
    labels = {item.name: item.label for item in list_devices()}
    libraries = {name: version(name) for name in ("torch", "numpy")}
    summary = {
        "recipe": dataclasses.asdict(config),
        "versions": {"dpdeblur": __version__, "python": platform.python_version()} | libraries,
        "hardware": {
            "device": str(device),
            "label": labels.get(str(device), str(device)),
            "processes": processes,
        },
        "steps": config.steps,
        "seconds": sum(line["seconds"] for line in log.lines),
        "loss": log.lines[-1]["loss"] if log.lines else None,
        "validation": log.validation,
    }
    write_whole(folder / "log.json", (json.dumps(summary, indent=2) + "\n").encode())


def _parse(text: str) -> list[dict[str, Any]]:
    lines = []
    for line in text.splitlines():
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            break  # cut off as the run was killed
        if not _is_record(record):
            break
        lines.append(record)
    return lines


def _is_record(line: Any) -> bool:
    """Whether a line is what `RunLog.add` writes, as far as anything here looks at it."""
    if not isinstance(line, dict) or type(line.get("step")) is not int:
        return False
    scores = line.get("validation", {})
    return (
        isinstance(line.get("seconds"), int | float)
        and isinstance(line.get("loss", ""), int | float | None)
        and isinstance(scores, dict)
        and all(
            isinstance(score, dict)
            and all(isinstance(score.get(key, ""), int | float | None) for key in _SCORES)
            for score in scores.values()
        )
    )


def _line(data: dict[str, Any]) -> str:
    return json.dumps(data, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _number(value: float | None) -> float:
    return math.nan if value is None else value
