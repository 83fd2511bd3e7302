"""Turns a workflow file (what the canvas saves) into a prompt (what `/prompt` takes); standard library only."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

_MUTED, _BYPASSED = 2, 4
NOTES = {"Note", "MarkdownNote"}
VIRTUAL = {"Reroute", "PrimitiveNode"}
WIDGETS = {"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO"}
UPLOADS = ("image_upload", "video_upload", "audio_upload", "animated_image_upload")
_SEEDS = {"seed", "noise_seed"}
_CONTROLS = {"fixed", "increment", "decrement", "randomize"}


def to_prompt(workflow: Json, object_info: Json) -> Json:
    """Convert one workflow.

    Args:
        workflow: The parsed file.
        object_info: The server's answer to `/object_info`; tells which inputs are widgets, and their order.

    Returns:
        `{node id: {"class_type", "inputs", "_meta"}}`, the nodes that run.

    Raises:
        ValueError: The server does not know a node, the values do not fit it, or the file uses subgraphs.
    """
    return _Graph(workflow, object_info).prompt()


class _Graph:
    def __init__(self, workflow: Json, object_info: Json) -> None:
        if workflow.get("definitions", {}).get("subgraphs"):
            raise ValueError("The workflow holds subgraphs, which only the canvas can unfold.")
        self._nodes = {str(node["id"]): node for node in workflow["nodes"]}
        self._info = object_info
        # link id -> (node it leaves, slot it leaves)
        self._links: dict[int, tuple[str, int]] = {}
        for link in workflow["links"]:
            if isinstance(link, dict):
                self._links[link["id"]] = (str(link["origin_id"]), link["origin_slot"])
            else:
                self._links[link[0]] = (str(link[1]), link[2])

    def prompt(self) -> Json:
        prompt: Json = {}
        for identifier, node in self._nodes.items():
            if node["type"] in NOTES | VIRTUAL or node.get("mode", 0) in (_MUTED, _BYPASSED):
                continue
            if node["type"] not in self._info:
                raise ValueError(f"The server has no node {node['type']!r} (id {identifier}).")
            inputs = widget_values(node, self._info[node["type"]])
            for slot in node.get("inputs", []):
                if slot.get("link") is None:
                    continue
                source = self._source(slot["link"])
                if source is not None:
                    inputs[slot["name"]] = source
                elif not slot.get("widget"):
                    inputs.pop(slot["name"], None)
            title = node.get("title") or self._info[node["type"]].get("display_name", "")
            meta = {"title": title}
            prompt[identifier] = {"class_type": node["type"], "inputs": inputs, "_meta": meta}
        return prompt

    def _source(self, link: int) -> Any:
        """What a link brings: `[node id, slot]`, a primitive's value, or None if its node is muted."""
        for _ in range(len(self._links) + 1):
            identifier, slot = self._links[link]
            node = self._nodes[identifier]
            if node.get("mode", 0) == _MUTED:
                return None
            if node["type"] == "PrimitiveNode":
                return node["widgets_values"][0]
            if node["type"] != "Reroute" and node.get("mode", 0) != _BYPASSED:
                return [identifier, slot]
            onward = self._through(node, slot)
            if onward is None:
                return None
            link = onward
        raise ValueError("The workflow's links run in a circle.")

    @staticmethod
    def _through(node: Json, slot: int) -> int | None:
        """The link that a reroute or a bypassed node passes on to its output `slot`."""
        inputs = node.get("inputs", [])
        if node["type"] == "Reroute":
            return inputs[0].get("link")  # type: ignore[no-any-return]
        kind = node["outputs"][slot]["type"]
        # the canvas prefers the input across from the output, then the first of its type
        for candidate in [*inputs[slot : slot + 1], *inputs]:
            if candidate["type"] == kind and candidate.get("link") is not None:
                return candidate["link"]  # type: ignore[no-any-return]
        return None


def widget_values(node: Json, info: Json) -> Json:
    """The values of a node's widgets by name; those that its file is too old to have are the defaults.

    Args:
        node: As the file has it.
        info: Its entry in `/object_info`.

    Raises:
        ValueError: The file has more values than the node has widgets.
    """
    saved = node.get("widgets_values") or []
    defaults: Json = {}
    names: list[str | None] = []
    for group in ("required", "optional"):
        specs = info["input"].get(group, {})
        uploads = False
        for name in info.get("input_order", {}).get(group, list(specs)):
            kind = specs[name][0]
            options = specs[name][1] if len(specs[name]) > 1 else {}
            if options.get("forceInput") or not (isinstance(kind, list) or kind in WIDGETS):
                continue
            names.append(name)
            defaults[name] = _default(kind, options)
            if kind == "INT" and (options.get("control_after_generate") or name in _SEEDS):
                names.append(None)
            uploads = uploads or any(options.get(flag) for flag in UPLOADS)
        if uploads:
            names.append(None)  # the upload button
    if isinstance(saved, dict):
        return {name: saved.get(name, default) for name, default in defaults.items()}
    values: Json = {}
    position = 0
    for name in names:
        if position >= len(saved):
            break
        if name is None:
            # written by hand, a file may leave out the values that belong to no input
            position += saved[position] in _CONTROLS or saved[position] == "image"
            continue
        values[name] = saved[position]
        position += 1
    if any(value is not None and value != "" for value in saved[position:]):
        raise ValueError(
            f"Node {node['id']} ({node['type']}) has {len(saved)} widget values, but its inputs take "
            f"{position}: {', '.join(name for name in names if name)}."
        )
    return {**defaults, **values}


def _default(kind: Any, options: Json) -> Any:
    """What the canvas shows in a new widget."""
    if "default" in options:
        return options["default"]
    choices = kind if isinstance(kind, list) else options.get("options")
    if choices:
        return choices[0]
    return {"INT": 0, "FLOAT": 0.0, "BOOLEAN": False}.get(str(kind), "")
