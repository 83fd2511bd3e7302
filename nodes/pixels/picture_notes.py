"""What people should know of the pictures that they brought, before they pay for what comes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from ..words import InputError, Text, named

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from .masks import Mask

_HIDDEN_SHARE = 0.01
_BROKEN_SHARE = 0.5


def brought(images: torch.Tensor, layers: Sequence[Mask]) -> list[Text]:
    """What is odd about the pictures of a run that pays; those that are none are refused.

    Args:
        images: [B, H, W, C] floating point.
        layers: [H, W] bool for each picture: its mask; an empty one means that the picture is not sent.

    Raises:
        InputError: Half or more of a picture is NaN or infinite.
    """
    sent = [number for number, layer in enumerate(layers, 1) if layer.any()]
    return [*check_numbers(images, sent), *_hidden(images, layers, sent)]


def check_numbers(images: torch.Tensor, sent: Iterable[int]) -> list[Text]:
    """Refuse a picture that is none, such as a decoder makes that overflowed; note what is broken in others.

    Args:
        images: [B, H, W, C] floating point.
        sent: Which of them will be paid for, from 1.

    Raises:
        InputError: Half or more of a picture's pixels are NaN or infinite.
    """
    broken: dict[int, float] = {}
    for number in sent:
        colours = images[number - 1, ..., :3].detach()
        # one sum tells of all values, and is cheap
        if not torch.isfinite(colours.sum(dtype=torch.float32)):
            share = float((~torch.isfinite(colours)).any(-1).to(torch.float32).mean())
            if share > 0:
                broken[number] = share
    if not broken:
        return []
    picture = named(list(broken), len(images), "picture", "图片")
    share = max(broken.values())
    if share >= _BROKEN_SHARE:
        raise InputError(
            f"{share:.0%} of {picture.english} is no picture: its values are NaN or infinite, so nothing was sent. "
            "Look at the node that makes it; a VAE in half precision may overflow (start ComfyUI with --fp32-vae).",
            f"{picture.chinese}有 {share:.0%} 的像素值为 NaN 或无穷大，不是有效图片，未发送任何请求。"
            "请检查生成该图片的节点；半精度 VAE 可能溢出（可用 --fp32-vae 启动 ComfyUI）。",
        )
    return [
        Text(
            f"{share:.1%} of {picture.english} is NaN or infinite; it was sent as black or white.",
            f"{picture.chinese}有 {share:.1%} 的像素值为 NaN 或无穷大，已按黑色或白色发送。",
        )
    ]


def _hidden(images: torch.Tensor, layers: Sequence[Mask], sent: Sequence[int]) -> Iterator[Text]:
    """That what is repainted is transparent. The alpha channel stays as it came: the service paints colours only."""
    if images.shape[-1] != 4:
        return
    shares: dict[int, float] = {}
    for number in sent:
        alpha = images[number - 1, ..., 3].detach().to("cpu", torch.float32).numpy()
        share = float((alpha[layers[number - 1]] < 0.5).mean())
        if share > _HIDDEN_SHARE:
            shares[number] = share
    if shares:
        picture, share = named(list(shares), len(images), "picture", "图片"), max(shares.values())
        yield Text(
            f"{share:.0%} of what is repainted in {picture.english} is transparent and stays so: nobody will see it. "
            "Split Image with Alpha takes the transparency away.",
            f"{picture.chinese}的重绘部分有 {share:.0%} 是透明的，透明度保持不变，因此看不到重绘结果。"
            "可用 Split Image with Alpha 节点去掉透明度。",
        )
