"""Whether a saved workflow still means to today's nodes what it meant when it was saved; standard library only."""

from __future__ import annotations

from typing import Any

from . import workflow as converter

Json = dict[str, Any]

_BUTTONS = ("IMAGEUPLOAD", "VIDEOUPLOAD", "AUDIOUPLOAD")
_TYPES: dict[str, tuple[type, ...]] = {
    "INT": (int,),
    "FLOAT": (int, float),
    "BOOLEAN": (bool,),
    "STRING": (str,),
}


def problems(workflow: Json, object_info: Json) -> list[str]:
    """What no longer fits, one line each; nothing if all is well.

    Inputs and outputs may have been appended since; everything else must be as it was saved: ids, names, order, types,
    and each value allowed.

    Args:
        workflow: The parsed file.
        object_info: The server's answer to `/object_info`.
    """
    found: list[str] = []
    for node in workflow["nodes"]:
        kind, where = node["type"], f"node {node['id']} ({node['type']})"
        if kind in converter.NOTES | converter.VIRTUAL:
            continue
        if kind not in object_info:
            found.append(f"{where}: there is no such node any more")
            continue
        info = object_info[kind]
        found += [f"{where}: {line}" for line in _inputs(node, info)]
        found += [f"{where}: {line}" for line in _outputs(node, info)]
        found += [f"{where}: {line}" for line in _values(node, info)]
    return found + _links(workflow)


def _live_inputs(info: Json) -> list[tuple[str, Any, Json]]:
    """(name, type, options) of each input, in order; the choices of a COMBO are among its options."""
    found = []
    for group in ("required", "optional"):
        specs = info["input"].get(group, {})
        for name in info.get("input_order", {}).get(group, list(specs)):
            kind, *rest = specs[name]
            options = dict(rest[0]) if rest else {}
            if isinstance(kind, list):
                kind, options = "COMBO", {**options, "options": kind}
            found.append((name, kind, options))
    return found


def _is_widget(kind: Any, options: Json) -> bool:
    return kind in converter.WIDGETS and not options.get("forceInput")


def _inputs(node: Json, info: Json) -> list[str]:
    live = _live_inputs(info)
    saved = [slot for slot in node.get("inputs", []) if slot["type"] not in _BUTTONS]
    widgets = [(slot["name"], slot["type"]) for slot in saved if slot.get("widget")]
    live_widgets = [(name, kind) for name, kind, options in live if _is_widget(kind, options)]
    lines = []
    if widgets != live_widgets[: len(widgets)]:
        lines.append(f"its widgets were {widgets}, and are {live_widgets} now")
    # `images.image0` is the first socket of the growing input `images`
    sockets = [
        (slot["name"].split(".")[0], slot["type"]) for slot in saved if not slot.get("widget")
    ]
    live_sockets = {name: kind for name, kind, options in live if not _is_widget(kind, options)}
    order = [name for name in live_sockets if name in dict(sockets)]
    if list(dict(sockets)) != order:
        lines.append(f"its sockets were {list(dict(sockets))}, and are {list(live_sockets)} now")
    for name, kind in sockets:
        now = live_sockets.get(name, kind)
        if now != kind and not str(now).startswith("COMFY_AUTOGROW"):
            lines.append(f"socket {name} was {kind}, and is {now} now")
    return lines


def _outputs(node: Json, info: Json) -> list[str]:
    saved = [(slot["name"], slot["type"]) for slot in node.get("outputs", [])]
    live = list(zip(info["output_name"], info["output"], strict=True))
    if saved != live[: len(saved)]:
        return [f"its outputs were {saved}, and are {live} now"]
    return []


def _values(node: Json, info: Json) -> list[str]:
    lines = []
    linked = {slot["name"] for slot in node.get("inputs", []) if slot.get("link") is not None}
    try:
        values = converter.widget_values(node, info)
    except ValueError as error:
        return [str(error)]
    for name, kind, options in _live_inputs(info):
        if name not in values or name in linked:
            continue
        value = values[name]
        if kind == "COMBO":
            # the files of an input folder are no part of the contract
            upload = any(options.get(flag) for flag in converter.UPLOADS)
            allowed = upload or value in options.get("options", [])
        else:
            allowed = type(value) in _TYPES[kind]
            allowed = allowed and value == min(max(value, options.get("min", value)), options.get("max", value))  # fmt: skip
        if not allowed:
            lines.append(f"{name} is {value!r}, which is not allowed now")
    return lines


def _links(workflow: Json) -> list[str]:
    nodes = {node["id"]: node for node in workflow["nodes"]}
    lines = []
    for number, source, slot, target, place, kind in workflow["links"]:
        try:
            leaves = nodes[source]["outputs"][slot]
            arrives = nodes[target]["inputs"][place]
        except (KeyError, IndexError):
            lines.append(f"link {number} ends nowhere")
            continue
        if leaves["type"] != kind or arrives["type"] not in (kind, "*"):
            lines.append(f"link {number} of {kind} joins {leaves['type']} and {arrives['type']}")
        if arrives["link"] != number or number not in (leaves["links"] or []):
            lines.append(f"link {number} is not known to its nodes")
    return lines
