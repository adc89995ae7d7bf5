"""What a run is: a table of the settings that decide its course, kept in its checkpoint.

Two runs are the same if their tables say the same. A setting that a checkpoint lacks came after it
and means its default, so whoever adds one lets its default be what runs did before.
"""

from __future__ import annotations

import ast
import dataclasses
import json
import re
from collections.abc import Iterator
from typing import Any

from dpdeblur.training.batches import PairSource
from dpdeblur.training.config import Stage, TrainConfig
from dpdeblur.training.synthetic import SyntheticPairs

# Keys as in a recipe ("scenes.large"; "stages.height" has a value for each stage), "fingerprint"
# and "processes"; values are bool, int, float, str and lists of them.
Settings = dict[str, Any]

# What may change on the way. Of the folders, the fingerprint tells what is in them.
_FREE = {"photos", "pairs", "steps", "epochs", "epoch_crops", "cool_down", "checkpoint_every"}
_FREE_TABLE = "validation."
_MOST_NAMED = 3
_NO_SETTINGS = {"fingerprint", "processes", "made"}


def run_settings(config: TrainConfig, pairs: PairSource, processes: int) -> Settings:
    """The table of a run on `pairs`, whose own scenes and camera count, not the recipe's."""
    tables = dataclasses.asdict(config)
    if isinstance(pairs, SyntheticPairs):
        tables["scenes"] = dataclasses.asdict(pairs.scenes)
        tables["camera"] = dataclasses.asdict(pairs.camera)
    return _flat(tables) | {"fingerprint": pairs.fingerprint(), "processes": processes}


def difference(theirs: Settings, ours: Settings, pairs: PairSource) -> str:
    """How a checkpoint's run differs from ours on `pairs`, to be read after "a run"; or "".

    Takes the table that `modernised` gives. A setting that only the checkpoint has is a difference
    whatever its value, as nobody here knows what it did.
    """
    differ = []
    for key, value in theirs.items():
        if key in _NO_SETTINGS or (key in ours and value == ours[key]):
            continue
        here = (
            f"the recipe says {_written(ours[key])}" if key in ours else "unknown to this version"
        )
        differ.append(f"{key} = {_written(value)} ({here})")
    if differ:
        more = len(differ) - _MOST_NAMED
        return f"with {', '.join(differ[:_MOST_NAMED])}" + (f" and {more} more" if more > 0 else "")
    fingerprint = ours["fingerprint"]
    if "made" in theirs and isinstance(pairs, SyntheticPairs):
        fingerprint = pairs.fingerprint(theirs["made"])
    if theirs["fingerprint"] != fingerprint:
        return "on other photographs"
    if theirs["processes"] != ours["processes"]:
        return f"of another number of processes ({theirs['processes']}, not {ours['processes']})"
    return ""


def modernised(saved: dict[str, Any]) -> dict[str, Any]:
    """A checkpoint's content as it would be written today, with the defaults of what it lacks.

    Raises one exception or another if it is no checkpoint's.
    """
    if "settings" not in saved:
        saved = _converted(saved)
    settings = _flat(saved["settings"])
    if not {"fingerprint", "processes"} <= settings.keys():
        raise ValueError("it does not say on what it was trained")
    defaults = _flat(dataclasses.asdict(TrainConfig(stages=(Stage(),), precision="bf16")))
    for key in defaults:
        if key.startswith("stages."):
            defaults[key] *= len(settings["stages.start"])
    return {**saved, "settings": defaults | settings}


def _converted(saved: dict[str, Any]) -> dict[str, Any]:
    """The same of a file that has Python's text of a TrainConfig, as until soon after version 0.2.

    Up to 0.2 the paper's network was the only one, and not a part of MCCNet. The digest of the
    photographs, in the place of their folder, was also one of what `made` the pairs.
    """
    found = re.fullmatch(r"(TrainConfig\(.*\))(?: x (\d+))?", saved["recipe"], re.DOTALL)
    if not found:
        raise ValueError("it has no recipe")
    text, processes = found.groups("1")
    call = ast.parse(text, mode="eval").body
    assert isinstance(call, ast.Call)
    tables = _evaluated(call)
    words = {item.arg: ast.get_source_segment(text, item.value) for item in call.keywords}
    saved = {**saved}
    if "body" not in tables["model"]:
        tables["model"] |= {"body": "paper", "levels": 1}
        for part, outer in (("network", ""), ("average", "module.")):
            saved[part] = {
                key.replace(outer, f"{outer}body.", 1) if key.startswith(outer) else key: value
                for key, value in saved[part].items()
            }
    saved["settings"] = tables | {
        "fingerprint": tables["photos"],
        "processes": int(processes),
        "made": f"({words['seed']}, {words['scenes']}, {words['camera']})",
    }
    return saved


def _evaluated(node: ast.expr) -> Any:
    """Python's text of a value, a dataclass as a table."""
    if isinstance(node, ast.Call) and node.keywords:
        return {str(item.arg): _evaluated(item.value) for item in node.keywords}
    if isinstance(node, ast.Tuple):
        return [_evaluated(item) for item in node.elts]
    return ast.literal_eval(node)


def _flat(tables: dict[str, Any]) -> Settings:
    """Tables within tables as one of plain values, without what may change on the way."""
    settings = dict(_leaves(json.loads(json.dumps(tables)), ""))
    return {
        key: value
        for key, value in settings.items()
        if key not in _FREE and not key.startswith(_FREE_TABLE)
    }


def _leaves(table: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        key = prefix + name
        if isinstance(value, dict):
            yield from _leaves(value, f"{key}.")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            rows = [dict(_leaves(row, f"{key}.")) for row in value]
            yield from ((column, [row[column] for row in rows]) for column in rows[0])
        else:
            yield key, value


def _written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)  # as in a recipe
