"""How scenes and cameras are drawn: two tables of a recipe, checked without PyTorch."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from dpdeblur.checked import Amount, Range, Share, Whole, checked, within

Radius = Annotated[float, Field(ge=0, le=1000)]


@checked
class SceneConfig:
    """How scenes are drawn; radii are signed circle-of-confusion radii in pixels.

    A magnitude is nearly sharp with probability `sharp`, large with `large`, else moderate, and
    uniform within the range so chosen. Most blur in photographs lies behind the focus plane.
    `flat` is the share of backgrounds of one depth; the others slope by up to `ramp` pixels.
    `exposure` is the range of a layer's gain in linear light. In the share `bright` of the layers
    what is nearly white shines up to `highlight` times as strong, as lamps and reflections do: the
    photograph clipped it, and so will the camera. The share `thin` of the occluders are twigs,
    wires and strokes of `thickness` pixels.

    Photographs on DPDD's scale (1680 pixels wide) are blurred by radii up to 20 pixels; these stop
    at 11, since small blur is what a short training can learn. Nor is the target shifted or its
    exposure changed, as happens between the two shots of a real pair: such errors of the ground
    truth are nothing to learn. Scenes have up to 3 layers where up to 6 would be more real.
    """

    occluders: Annotated[Whole, Field(le=64)] = 2
    behind: Share = 0.82
    sharp: Share = 0.18
    large: Share = 0.15
    sharp_range: Range[Radius] = (0.0, 0.7)
    moderate_range: Range[Radius] = (0.5, 6.0)
    large_range: Range[Radius] = (5.0, 11.0)
    flat: Share = 0.4
    ramp: Amount = 4.0
    exposure: Range[Amount] = (0.6, 1.15)
    bright: Share = 0.0
    highlight: Annotated[float, Field(ge=1)] = 6.0
    thin: Share = 0.0
    thickness: Range[Amount] = (1.0, 10.0)

    @property
    def max_radius(self) -> float:
        """No layer is blurred more than this, in pixels."""
        return max(self.sharp_range[1], self.moderate_range[1], self.large_range[1])


@checked
class CameraConfig:
    """How cameras are drawn, one for each pair; all ranges are uniform, in linear light.

    Measured: the blur is a flat disk split by a linear ramp (`optics.DiskPSF`), whose slope
    is 0.85 +- 0.12 (`slope`, `slope_spread`) for the Canon 5D Mark IV; that camera's views differ
    in brightness by 0.97 to 1.05, here by up to `view_gain` up in one and down in the other.

    Assumed of the kernel's shape: the disk's rim is `edge` pixels wide, and the share `butterworth`
    of the disks is hollow, with orders and cutoffs as in Abuolaim et al. 2021 and `floor` of the
    light left at the centre (0.1 to 0.2 with them; above 0.2 the profile is milder).

    Widened: the share `wide_share` of slopes is drawn from `wide_range` instead, as other cameras
    split less (the Canon R6 Mark II at f/4 measures only 0.16 to 0.18) and one network is to serve
    them all. Assumed: noise of standard deviation `read_noise` in units of white and of variance
    `shot_noise` times the signal, together 0.3 to 1.8 % at white; the share `eight_bit` of the
    batches is quantised to 8 bits, the others to 16. `contrast`, from -1 to 1, is the range of the
    tone curve that a camera lays over sRGB, over the sharp picture too (see `optics.encode`).
    `offset` is that of the split between the views (see `DiskPSF`): 0 in the middle of the frame;
    toward the left and right sides of real pictures of that camera, kernels look like 0.5 and more.
    The share `soft` of the cameras has rims of `softness` times the radius (see `DiskPSF`), where
    that is more than `edge`: those of a Google Pixel 4 look like 0.5.
    `tilt` makes both views' disks brighter at one side, in any direction (see `DiskPSF`). With it
    and with `offset` the sharp picture shows a point midway between its images.
    `clip` is how much of the disk the lens's barrel takes away, in any direction (see `DiskPSF`).
    `spread` is how far a point in focus spreads, in views and sharp picture alike: the standard
    deviation, in pixels, of a Gaussian (see `optics.spread_light`). Next to the sharp pictures of
    three cameras, photographs made smaller are too sharp, about by 0.7 to 0.8.
    The share `jpeg` of the views, but not the sharp picture, come from JPEGs of `quality`, as those
    of pictures that were handed around do.
    """

    slope: Amount = 0.85
    slope_spread: Amount = 0.12
    wide_share: Share = 0.3
    wide_range: Range[Amount] = (0.1, 1.0)
    edge: Range[Annotated[float, Field(ge=1, le=1000)]] = (1.0, 1.0)
    butterworth: Share = 0.0
    floor: Range[Share] = (0.1, 0.2)
    read_noise: Range[Amount] = (0.0005, 0.004)
    shot_noise: Range[Amount] = (0.00001, 0.0003)
    view_gain: Share = 0.02
    eight_bit: Share = 0.5
    contrast: Range[Annotated[float, within(-1, 1)]] = (0.0, 0.0)
    offset: Range[Annotated[float, within(-0.9, 0.9)]] = (0.0, 0.0)
    clip: Range[Annotated[float, within(0, 1.5)]] = (0.0, 0.0)
    soft: Share = 0.0
    softness: Range[Share] = (0.2, 0.6)
    tilt: Range[Share] = (0.0, 0.0)
    spread: Range[Annotated[float, within(0, 2)]] = (0.0, 0.0)
    jpeg: Share = 0.0
    quality: Range[Annotated[float, within(1, 100)]] = (75.0, 98.0)
