"""MCCNet: defocus deblurring of dual-pixel views, as in the paper (Swami) or compact."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from dpdeblur.colour import combine, linear_to_srgb, srgb_to_linear
from dpdeblur.memory import own_block
from dpdeblur.models.compact import CompactBody
from dpdeblur.models.config import MCCNetConfig, describe
from dpdeblur.models.front_end import FrontEnd, halved
from dpdeblur.models.layers import he_initialise, widened
from dpdeblur.models.margin import NO_MARGIN, Margin
from dpdeblur.models.mirror import mirrored_mean
from dpdeblur.models.paper import PaperBody

_CHANNELS = 3
# How strong each kind of picture enters: small differences matter most.
_COMBINED_GAIN, _DIFFERENCE_GAIN, _CHOICE_GAIN = 0.3, 3.0, 2.0
# Selection starts at the combined picture, yet not so surely that it gets no gradient.
_LOGIT_GAIN, _START_LOGIT = 4.0, 3.0


class MCCNet(nn.Module):
    """The network that `MCCNetConfig` describes: the paper's, or the compact one.

    The compact one restores a pyramid of the views, coarse to fine, each level given the coarser
    result. Blur whose radius is beyond the bank's at one level is within it at a coarser one.
    """

    def __init__(self, config: MCCNetConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or MCCNetConfig()
        self.descriptor = describe(config)
        slope = config.negative_slope
        if config.body == "paper":
            self.body: CompactBody | PaperBody = PaperBody(config, _CHANNELS)
            return
        self.front_end = FrontEnd(config)
        # At half resolution: each picture's 2x2 pixels are channels, as `pixel_unshuffle` has them.
        inputs = 4 * _CHANNELS * (2 + config.choices) + len(config.radii) * config.use_volume
        outputs = 4 * (_CHANNELS + (1 + config.choices) * config.use_selection)
        self._inputs = inputs
        self.body = body = CompactBody(config, _CHANNELS, inputs, outputs)
        he_initialise(self, slope)
        body.start_small()
        if config.residual and config.use_selection:
            with torch.no_grad():
                # Each channel of the output is four of the head's, one for each of 2x2 pixels.
                logits = slice(4 * _CHANNELS, 4 * _CHANNELS + 4)
                body.head.get_parameter("bias")[logits] = _START_LOGIT / _LOGIT_GAIN

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        """Restore the all-in-focus picture.

        Takes two `N x 3 x H x W` views, sRGB-encoded in [0, 1]; returns the same shape and encoding
        in float32, not clamped. Works at as many levels as the network was made for, whatever the
        size of the views; `ModelDescriptor.levels_for` says how many suit it.
        """
        return self.pyramid(left, right, self.descriptor.levels)[-1]

    def pyramid(
        self, left: Tensor, right: Tensor, levels: int, *, ensemble: bool = False
    ) -> list[Tensor]:
        """The results of all `levels`, coarsest first, the last of the size of the views.

        With `ensemble`, each is the mean of four mirrored passes. Where a level's sides are not
        multiples of 8, its last row and column are repeated.
        """
        multiple = self.descriptor.multiple_of
        views = [(left, right)]
        for _ in range(levels - 1):
            views.append((halve(views[-1][0]), halve(views[-1][1])))
        results: list[Tensor] = []
        for first, second in reversed(views):
            coarser = _padded(results[-1], multiple // 2) if results else None
            padded = _padded(first, multiple), _padded(second, multiple), coarser
            if ensemble:
                result = mirrored_mean(
                    lambda one, other, half, _: self.level(one, other, half), *padded
                )
            else:
                result = self.level(*padded)
            results.append(result[..., : first.shape[-2], : first.shape[-1]])
        return results

    def level(
        self,
        left: Tensor,
        right: Tensor,
        coarser: Tensor | None,
        *,
        given: Tensor | None = None,
        margin: Margin = NO_MARGIN,
    ) -> Tensor:
        """Restore one level of the pyramid, given the result of half its size, if there is one.

        H, W and the margin are multiples of 8. The result is what is inside the margin, which is
        trimmed as the layers go on. `given` is for graphs that always have a `coarser`: one number,
        0 where it shall count for nothing, else 1.
        """
        if isinstance(self.body, PaperBody):
            result = widened(self.body(left, right))
            if self.config.residual:
                result += combine(widened(left), widened(right))
            return margin.trim(result, NO_MARGIN)
        inner = margin.at_most(self.body.reach)
        pictures = self._pictures(left, right, coarser, given, margin, inner)
        kept = inner.trim(pictures, NO_MARGIN, 2)
        bands = [
            functional.pixel_shuffle(self._mixed(widened(output), kept[:, :, rows]), 2)
            for rows, output in self.body(left, right, pictures, margin)
        ]
        return torch.cat(bands, 2)

    def _pictures(
        self,
        left: Tensor,
        right: Tensor,
        coarser: Tensor | None,
        given: Tensor | None,
        margin: Margin,
        inner: Margin,
    ) -> Tensor:
        """What the body sees, at half resolution, of the views with their inner margin.

        The combined picture, the views' difference, what else the picture could be less the
        combined one; then the mismatch.
        """
        light = [self.front_end.to_light(widened(view)) for view in (left, right)]
        part = None if inner == margin else margin.part(inner, left.shape)
        left, right, *seen = (margin.trim(view, inner) for view in (left, right, *light))
        count, _, height, width = left.shape
        combined = self.front_end.to_picture((seen[0] + seen[1]) / 2)
        packed = own_block((count, self._inputs, height // 2, width // 2), combined)
        _put(combined * _COMBINED_GAIN, packed, 0)
        _put((left - right).mul_(_DIFFERENCE_GAIN), packed, 1)
        known = 2 + (self.config.levels > 1)
        if self.config.use_bank:
            for rows, choices in self.front_end.restore(light[0], light[1], part):
                base = combined[..., rows, :] * -_CHOICE_GAIN
                strip = packed
                if rows.stop - rows.start < height:  # in vain it would double an exported graph
                    strip = packed[..., rows.start // 2 : rows.stop // 2, :]
                for index, restored in enumerate(choices, known):
                    _put(base.add(restored, alpha=_CHOICE_GAIN), strip, index)
        if self.config.use_volume:
            packed[:, -len(self.config.radii) :] = self.front_end.mismatch(light[0], light[1], part)
        if self.config.levels > 1:
            # Last, as all that is put after what has a gradient takes long on the way back.
            guess = combined
            if coarser is not None:
                guess = margin.trim(enlarge(coarser.clamp(0, 1)), inner)
            change = (guess - combined).mul_(_CHOICE_GAIN)
            _put(change if given is None else given * change, packed, 2)
        return packed

    def _mixed(self, output: Tensor, pictures: Tensor) -> Tensor:
        """The result, from the body's output and what it saw, all at half resolution.

        2x2 pixels are channels as in `pixel_unshuffle`.
        """
        output = output.contiguous()
        count, _, *sides = output.shape
        cells, choices = 4 * _CHANNELS, self.config.choices
        result = output[:, :cells].reshape(count, _CHANNELS, 4, *sides)
        if self.config.use_selection:
            logits = output[:, cells:].reshape(count, 1 + choices, 4, *sides)
            shares = (_LOGIT_GAIN * logits).softmax(1)
            changes = pictures[:, 2 * cells : (2 + choices) * cells]
            changes = changes.view(count, choices, _CHANNELS, 4, *sides)
            for index in range(choices):
                share, change = shares[:, index + 1, None], changes[:, index]
                result = torch.addcmul(result, share, change, value=1 / _CHOICE_GAIN)
        result = result.flatten(1, 2)
        if self.config.residual:
            result = result + pictures[:, :cells] / _COMBINED_GAIN
        return result


def _put(picture: Tensor, packed: Tensor, index: int) -> None:
    """Write a picture as the `index`-th of `packed`, at half the size: its 2x2 pixels as channels.

    Its sides are even.
    """
    count, channels, height, width = picture.shape
    cells = picture.reshape(count, channels, height // 2, 2, width // 2, 2)
    cells = cells.permute(0, 1, 3, 5, 2, 4)
    place = packed[:, 4 * channels * index : 4 * channels * (index + 1)]
    place.view(cells.shape).copy_(cells)


def _padded(picture: Tensor, multiple: int) -> Tensor:
    """A picture whose last row and column are repeated up to multiples of `multiple`."""
    below, beside = (-side % multiple for side in picture.shape[-2:])
    if not (below or beside):
        return picture
    return functional.pad(picture, (0, beside, 0, below), mode="replicate")


def halve(picture: Tensor) -> Tensor:
    """An sRGB-encoded picture at half the size: means of 2x2 pixels in linear light.

    Sizes are rounded up; the last row and column of an odd one count twice.
    """
    return linear_to_srgb(halved(srgb_to_linear(_padded(picture, 2))))


def enlarge(picture: Tensor) -> Tensor:
    """A picture at twice the size, bicubic, as encoded."""
    return functional.interpolate(picture, scale_factor=2, mode="bicubic")
