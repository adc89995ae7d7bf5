"""Xin et al. 2021 as published: layers' colours and alphas are optimised together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dpdeblur.engines.optimiser import losses
from dpdeblur.engines.optimiser.lens import Lens
from dpdeblur.engines.optimiser.options import PaperOptions
from dpdeblur.engines.optimiser.render import compose, render, transmittances
from dpdeblur.optics import Blur


@dataclass(frozen=True, eq=False)
class Layers:
    """A multiplane image, back to front: colours and alphas, both `L x H x W` in [0, 1]."""

    colours: Tensor
    alphas: Tensor

    @staticmethod
    def initial(count: int, observed: Tensor) -> Layers:
        """The authors' start: all gray, a_l = 1 / (l + 1), so that each layer shows as much."""
        colours = observed.mean().expand(count, *observed.shape[1:]).clone()
        alphas = 1 / torch.arange(1, count + 1, dtype=observed.dtype, device=observed.device)
        return Layers(colours, alphas[:, None, None].expand_as(colours).clone())

    def sharp(self) -> Tensor:
        """The all-in-focus picture, `H x W`."""
        return compose(transmittances(self.alphas), self.colours)

    def defocus(self, radii: Sequence[float]) -> Tensor:
        """The mean radius of what shows, `H x W`."""
        values = torch.tensor(radii, dtype=self.alphas.dtype, device=self.alphas.device)
        return compose(transmittances(self.alphas), values[:, None, None])


def optimise_layers(
    observed: Tensor,
    lens: Lens,
    radii: Sequence[float],
    start: Layers,
    options: PaperOptions | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Layers:
    """Layers that explain both views (`2 x H x W`, linear light), from `start`.

    `radii` are the layers' (back to front), in pixels of the frame before the lens's reduction.
    The layer in the back stays opaque. `progress` is called with steps done and steps in all.
    """
    options = options or PaperOptions()
    shape = (observed.shape[1], observed.shape[2])
    blurs = [lens.blur(radius, shape, device=observed.device) for radius in radii]
    brightness = float(observed.mean())
    bias = torch.cat([losses.noise_bias(blur.power(), brightness) for blur in blurs])
    colours = torch.logit(start.colours, 1e-3).requires_grad_()
    alphas = torch.logit(start.alphas[1:], 1e-4).requires_grad_()

    def layers() -> Layers:
        opaque = torch.ones_like(colours[:1])
        return Layers(torch.sigmoid(colours), torch.cat((opaque, torch.sigmoid(alphas))))

    adam = torch.optim.Adam([colours, alphas], lr=options.rates[0])
    first, last = options.rates
    history: list[float] = []
    for step in range(options.steps):
        adam.param_groups[0]["lr"] = first * (last / first) ** (step / options.steps)
        adam.zero_grad()
        terms = loss_terms(layers(), observed, blurs, bias, options)
        loss = torch.stack(list(terms.values())).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        adam.step()
        history.append(float(loss.detach()))
        if progress is not None:
            progress(step + 1, options.steps)
        if _settled(history, options):
            break
    with torch.no_grad():
        return layers()


def loss_terms(
    layers: Layers, observed: Tensor, blurs: Sequence[Blur], bias: Tensor, options: PaperOptions
) -> dict[str, Tensor]:
    """The weighted terms of the objective by name: data, auxiliary, intensity, alpha, entropy."""
    colours, alphas = layers.colours, layers.alphas
    scale = 0.5 / float(observed.mean())
    shares = transmittances(alphas)
    rendered = render(colours, alphas, blurs, alone=True)
    assert rendered.colours is not None
    seen, count = rendered.transmittance, len(alphas)
    return {
        "data": options.data * scale * losses.data_loss(rendered.views, observed, seen, bias),
        "auxiliary": options.auxiliary
        * scale
        * losses.auxiliary_loss(rendered.colours, observed, seen, bias),
        "intensity": options.intensity
        * losses.intensity_smoothness(compose(shares, colours) * scale, colours * scale, shares),
        "alpha": options.alpha * (count / 12) ** 2 * losses.alpha_smoothness(alphas, shares),
        "entropy": options.entropy * losses.entropy(alphas, shares),
    }


def _settled(history: list[float], options: PaperOptions) -> bool:
    span = options.patience
    if options.tolerance is None or len(history) < 2 * span or len(history) % span:
        return False
    before, now = sum(history[-2 * span : -span]), sum(history[-span:])
    return before - now < options.tolerance * abs(before)
