"""Weights files: safetensors that say what they are."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from dpdeblur.errors import OptionError, WeightsError
from dpdeblur.io.atomic import write_whole
from dpdeblur.io.limits import ARRAYS
from dpdeblur.models.config import ARCHITECTURE, MCCNetConfig, ModelDescriptor
from dpdeblur.models.mccnet import MCCNet
from dpdeblur.models.shipped import find_weights


@dataclass(frozen=True)
class LoadedModel:
    """A network ready to run, with the card (metadata) of its file.

    `sha256` covers the weights and the configuration, not the rest of the card: files of equal
    digest restore alike.
    """

    network: MCCNet
    card: dict[str, str]
    name: str
    sha256: str

    @property
    def descriptor(self) -> ModelDescriptor:
        """What the network eats and how it may be tiled."""
        return self.network.descriptor


def load_model(weights: str | Path | None = None) -> LoadedModel:
    """Load a network on the CPU in float32, in evaluation mode.

    Args:
        weights: a file or a shipped name; None is the default.

    Returns:
        The network with its descriptor, card and checksum.

    Raises:
        WeightsError: the file is missing, damaged, too large, or not an MCCNet.

    >>> model = load_model("mccnet")
    >>> model.name, model.descriptor.levels
    ('mccnet', 3)
    """
    path = find_weights(weights)
    try:
        if path.stat().st_size > ARRAYS:  # a sparse file may claim any size
            raise WeightsError(str(path), f"it is larger than {ARRAYS >> 20} MiB")
        with safe_open(path, framework="pt") as file:
            card: dict[str, str] = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsError(str(path), "it is not a readable safetensors file") from error
    if card.get("architecture") != ARCHITECTURE:
        raise WeightsError(str(path), "it does not say that it holds an MCCNet")
    if card.get("sha256") != _digest(tensors, card.get("config", "")):
        raise WeightsError(str(path), "its checksum is wrong; download or copy the file again")
    whole = {key: value.float() for key, value in tensors.items()}
    try:
        with torch.device("meta"):  # nothing is drawn or designed that the file holds anyway
            network = MCCNet(MCCNetConfig(**json.loads(card["config"])))
        network.load_state_dict(whole, assign=True)
    except (OptionError, LookupError, TypeError, ValueError, RuntimeError) as error:
        raise WeightsError(str(path), "its layers do not fit this version of MCCNet") from error
    return LoadedModel(network.eval(), card, path.stem, card["sha256"])


def save_model(network: MCCNet, path: Path, card: dict[str, str], *, half: bool = True) -> None:
    """Write a network's weights with its config, its card and a checksum.

    The file appears whole or not at all, and replaces one of the same name.

    Args:
        network: the network to save.
        path: the `.safetensors` file.
        card: what to say about the weights, by name.
        half: write fp16 instead of fp32.

    Raises:
        UnwritableOutputError: the file cannot be written.
    """
    tensors = {
        name: tensor.detach().cpu().to(torch.float16 if half else torch.float32).contiguous()
        for name, tensor in network.state_dict().items()
    }
    config = json.dumps(dataclasses.asdict(network.config))
    metadata = card | {
        "architecture": network.descriptor.architecture,
        "config": config,
        "sha256": _digest(tensors, config),
    }
    write_whole(path, save(tensors, metadata))


def _digest(tensors: dict[str, Tensor], config: str) -> str:
    """SHA-256 of all that decides what the network does; the rest of the card may be edited."""
    digest = hashlib.sha256(config.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {list(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
