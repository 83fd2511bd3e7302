"""One ComfyUI, one service and one browser for all tests of this folder."""

from __future__ import annotations

import itertools
import json
import shutil
from typing import TYPE_CHECKING

import pytest
from harness import chromium, graphs, launch
from harness.browser import FLAGS, QUIET, Canvas
from harness.missing import missing
from simulated_service import SimulatedService

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.comfyui import ComfyUIServer
    from playwright.sync_api import Browser

VIEWPORT = {"width": 1500, "height": 950}
TIMEOUT_MS = 20_000


@pytest.fixture(scope="package")
def service() -> Iterator[SimulatedService]:
    with SimulatedService() as running:
        yield running


@pytest.fixture(scope="package")
def server(
    service: SimulatedService, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ComfyUIServer]:
    if launch.comfyui_directory() is None:
        missing("no ComfyUI: set COMFYUI_DIR, or run `python3 dev.py test`")
    from harness.comfyui import ComfyUIServer

    folder = tmp_path_factory.mktemp("comfyui")
    user = folder / "base" / "user" / "default"
    user.mkdir(parents=True)
    (user / "comfy.settings.json").write_text(json.dumps(QUIET))
    frontend = launch.frontend()
    arguments = ["--front-end-root", str(frontend)] if frontend else []
    running = ComfyUIServer(folder, {"VOLC_ENDPOINT": service.endpoint}, arguments)
    try:
        example = launch.ROOT / "example_workflows" / "input" / "volc_inpaint_cat.png"
        shutil.copy(example, running.base / "input")
        for name in ("chelsea", "coffee"):
            graphs.upload(running, f"{name}.png", graphs.photograph(name))
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    program = chromium.program()
    if program is None:
        missing("no Chromium, Chrome or Edge: install one, or set CHROMIUM to its program")
    playwright = pytest.importorskip("playwright.sync_api", reason="no playwright")
    with playwright.sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=program, args=FLAGS)
        yield running
        running.close()


def learn_chinese(canvas: Canvas) -> None:
    """Have ComfyUI load its Chinese names: at the first switch it may name the nodes before it has them."""
    canvas.build({"node": {"type": "VolcInpaint", "pos": [0, 0]}})
    for _ in range(10):
        canvas.language("zh")
        if canvas.page.evaluate("app.rootGraph.nodes[0].title") != "Volc Inpaint":
            return
        canvas.language("en")
    pytest.fail("ComfyUI does not name VolcInpaint in Chinese")


@pytest.fixture(scope="package")
def page_of_all(server: ComfyUIServer, browser: Browser) -> Iterator[Canvas]:
    page = browser.new_page(viewport=VIEWPORT)
    page.set_default_timeout(TIMEOUT_MS)
    canvas = Canvas(page, server.url)
    canvas.open()
    learn_chinese(canvas)
    yield canvas
    page.close()


@pytest.fixture
def canvas(page_of_all: Canvas, service: SimulatedService) -> Iterator[Canvas]:
    """The page, in English, empty and with the classic renderer, the service's ledger empty too."""
    service.keys = {service.access_key: (service.secret_key, "")}
    service.reset()
    service.configure(
        {
            "latency_s": 0.0,
            "allowance": None,
            "clock_offset_s": 0.0,
            "denied": None,
            "activated": None,
        }
    )
    page_of_all.language("en")
    page_of_all.build({})
    page_of_all.renderer("classic")
    yield page_of_all
    assert page_of_all.of_ours() == []


@pytest.fixture
def keys(server: ComfyUIServer, service: SimulatedService) -> Iterator[None]:
    """The service's keys, saved on the server as the settings page saves them."""
    content = {"access_key": service.access_key, "secret_key": service.secret_key}
    status, _ = server.post("/volc_inpaint/credentials", content)
    assert status == 200
    yield
    server.request("/volc_inpaint/credentials", method="DELETE")


@pytest.fixture
def new_account(
    canvas: Canvas, keys: None, server: ComfyUIServer, service: SimulatedService
) -> None:
    """Keys of an account of its own: what the server learns of its allowance concerns no other test, and the other way round."""
    content = {
        "access_key": f"{service.access_key}NEW{next(_accounts)}",
        "secret_key": service.secret_key,
    }
    service.keys[content["access_key"]] = (service.secret_key, "")
    assert server.post("/volc_inpaint/credentials", content)[0] == 200


_accounts = itertools.count()


@pytest.fixture(params=["classic", "vue"])
def renderer(request: pytest.FixtureRequest, canvas: Canvas) -> str:
    """Both ways of drawing nodes."""
    canvas.renderer(request.param)
    return str(request.param)
