"""`dpdeblur train` as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dpdeblur.io import write_picture
from support.command import failure, run

Pair = tuple[Path, Path]


@pytest.mark.slow
def test_train_makes_weights_that_fix_takes(pair: Pair, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    blocks = rng.random((40, 40, 3)).astype(np.float32).repeat(13, 0).repeat(13, 1)
    (tmp_path / "photos").mkdir()
    write_picture(tmp_path / "photos" / "blocks.png", blocks, bit_depth=8)
    recipe = tmp_path / "tiny.toml"
    recipe.write_text(
        'photos = "photos"\nsteps = 2\nwarm_up = 1\nprecision = "fp32"\n'
        "[[stages]]\nheight = 16\nwidth = 16\nbatch = 1\n"
        '[model]\nbody = "paper"\nlevels = 1\ndecoder_widths = [8, 8, 8]\ntail_width = 4\n'
    )
    result = run("train", recipe, "-o", tmp_path / "run", "--json")
    assert result.exit_code == 0, result.stderr
    weights = Path(json.loads(result.stdout)["weights"])
    assert len((tmp_path / "run" / "log.jsonl").read_text().splitlines()) == 2
    assert run("fix", *pair, "--weights", weights).exit_code == 0

    recipe.write_text("stepz = 2\n")
    assert "stepz" in failure(run("train", recipe))
