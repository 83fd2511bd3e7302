"""Planted secrets: after runs that succeed, fail and are refused, no trace of them outside the service's requests."""

from __future__ import annotations

import base64
import io
import json
import urllib.parse
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from harness import graphs
from PIL import Image
from simulated_service import SimulatedService

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.comfyui import ComfyUIServer

ACCESS = "AKLTPLANTEDACCESSKEYPLANTEDACCESSKEYPLANTED4711"
SECRET = "UExBTlRFRC9TRUNSRVQrRk9SL1RIRStURVNUUy9PTkxZLzA4MTU="
TOKEN = "STSPLANTEDSESSIONTOKENPLANTEDSESSIONTOKEN0815"


def disguises(secret: str) -> list[bytes]:
    """The secret as it might be written: plain, quoted, in base64 at any offset, decoded."""
    found = {secret.encode(), urllib.parse.quote(secret, safe="").encode(), secret.encode()[::-1]}
    for offset in range(3):
        text = base64.b64encode(b"\0" * offset + secret.encode())
        found.add(text[4 : len(text) // 4 * 4 - 8])
    if secret.endswith("="):
        found.add(base64.b64decode(secret))
    return list(found)


@pytest.fixture(scope="module")
def service() -> Iterator[SimulatedService]:
    with SimulatedService(ACCESS, SECRET, TOKEN) as running:
        yield running


@pytest.fixture(scope="module")
def server(comfyui: Callable[..., ComfyUIServer], service: SimulatedService) -> ComfyUIServer:
    started = comfyui(
        env={
            "VOLC_ENDPOINT": service.endpoint,
            "VOLC_ACCESSKEY": ACCESS,
            "VOLC_SECRETKEY": SECRET,
            "VOLC_SESSIONTOKEN": TOKEN,
        },
        arguments=["--verbose", "DEBUG"],
    )
    graphs.upload(started, "cat.png", graphs.photograph("chelsea"))
    graphs.upload(started, "mask.png", graphs.ellipse(300, 451))
    return started


def test_no_trace_of_a_secret_anywhere(server: ComfyUIServer, service: SimulatedService) -> None:
    seen: dict[str, bytes] = {}
    graph = graphs.repaint(variants=2, return_url=True)
    workflow = {"extra_pnginfo": {"workflow": {"nodes": [], "prompt": graph}}}

    good = server.run(graph, extra_data=workflow)
    assert good.status == "success"
    assert service.billed == 2  # so the secrets were in use
    saved = server.image(**good.outputs["save"]["images"][0])
    seen["the saved PNG"] = saved
    metadata = Image.open(io.BytesIO(saved)).info
    assert {"prompt", "workflow"} <= set(metadata)
    seen["the saved PNG's metadata"] = repr(metadata).encode()

    for code in ("SignatureDoesNotMatch", "InvalidAccessKey", 50400, 50413, "html_504", "cut_json"):
        service.fail(code, times=100)
        failed = server.run(graphs.repaint(variants=1, prompt=f"fails with {code}"))
        assert failed.status == "error"
        seen[f"the error of {code}"] = json.dumps([failed.error_message, failed.history]).encode()
    service.reset()
    bad = server.run(graphs.repaint(prompt=" "))
    seen["the error of a bad input"] = json.dumps([bad.error_message, bad.history]).encode()

    for path in ("/history", "/queue", "/object_info/VolcInpaint", "/settings", "/system_stats",
                 "/volc_inpaint/credentials", "/volc_inpaint/pictures",
                 "/volc_inpaint/book", "/volc_inpaint/book.csv", "/volc_inpaint/limit", "/internal/logs", "/internal/logs/raw"):  # fmt: skip
        seen[path] = server.request(path)[1]
    for path in ("/userdata/..%2F__volc_inpaint%2Fcredentials.json",
                 "/view?filename=credentials.json&subfolder=__volc_inpaint&type=user",
                 "/view?filename=..%2Fuser%2F__volc_inpaint%2Fcredentials.json&type=output"):  # fmt: skip
        seen[path] = server.request(path)[1]
    seen["the websocket"] = b"\n".join(
        message.binary or json.dumps(message.data).encode() for message in server.messages
    )
    seen["the log"] = server.log.encode()
    for file in [*server.base.rglob("*"), *server.home.rglob("*")]:
        if file.is_file() and Path(server.base / "custom_nodes") not in file.parents:
            seen[str(file)] = file.read_bytes()

    assert len(seen) > 20
    leaks = [
        f"{name} in {where}"
        for name, secret in (("secret", SECRET), ("token", TOKEN))
        for disguise in disguises(secret)
        for where, content in seen.items()
        if disguise in content
    ]
    assert leaks == []
    # The access key is no secret, yet nobody needs to see more of it than its end.
    assert [where for where, content in seen.items() if ACCESS.encode() in content] == []


def test_this_search_finds_a_secret_that_is_there() -> None:
    leak = b"x" + base64.b64encode(b"ab" + SECRET.encode() + b"cd")

    assert any(disguise in leak for disguise in disguises(SECRET))
    assert any(disguise in SECRET.encode() for disguise in disguises(SECRET))
