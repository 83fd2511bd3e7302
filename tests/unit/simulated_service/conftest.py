"""A service for a module, and a client for it that shares no code with the pack: the official SDK signs."""

from __future__ import annotations

import base64
import io
import json
from datetime import datetime, timezone
from typing import Any

import numpy as np
import pytest
import requests
from PIL import Image
from simulated_service import SimulatedService
from volcengine.auth.SignerV4 import SignerV4
from volcengine.auth.SignParam import SignParam
from volcengine.Credentials import Credentials

QUERY = {"Action": "CVProcess", "Version": "2022-08-31"}


def png(array: np.ndarray[Any, Any], **options: Any) -> bytes:
    """A PNG of uint8 [H, W] or [H, W, C]."""
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG", **options)
    return file.getvalue()


class Asker:
    """Sends requests to a service, right ones unless told otherwise.

    Attributes:
        image: uint8 [64, 80, 3].
        mask: uint8 [64, 80], 255 = repaint.
    """

    def __init__(self, service: SimulatedService) -> None:
        self.service = service
        rows, columns = np.mgrid[0:64, 0:80]
        self.image = np.stack([rows * 4, columns * 3, rows + columns], axis=2).astype(np.uint8)
        self.mask = np.zeros((64, 80), np.uint8)
        self.mask[16:48, 8:72] = 255

    def fields(self, **changes: Any) -> dict[str, Any]:
        """The fields of a right request with `changes`; a value of None takes a field away."""
        fields = {
            "req_key": "img2img_inpainting_edit_zi2i",
            "custom_prompt": "一只小狗",
            "binary_data_base64": self.files(),
            "seed": 1,
            **changes,
        }
        return {name: value for name, value in fields.items() if value is not None}

    def files(self, image: bytes | None = None, mask: bytes | None = None) -> list[str]:
        """The two pictures as base64."""
        files = (image or png(self.image), mask or png(self.mask))
        return [base64.b64encode(file).decode() for file in files]

    def send(
        self,
        body: bytes,
        *,
        query: dict[str, str] = QUERY,
        headers: dict[str, str | None] | None = None,
        sent: bytes | None = None,
        keys: tuple[str, str, str] | None = None,
        scope: tuple[str, str] = ("cv", "cn-north-1"),
        age_s: float = 0.0,
    ) -> requests.Response:
        """Sign `body` with the SDK and send it.

        Args:
            body: What is signed.
            query: Parameters, signed.
            headers: Set after signing; None takes one away.
            sent: What is sent in place of `body`.
            keys: Access key, secret key, session token.
            scope: Service and region.
            age_s: How long ago it was signed.
        """
        host = self.service.endpoint.removeprefix("http://")
        param = SignParam()
        param.host, param.method, param.path, param.body = host, "POST", "/", body
        param.query = dict(query)
        param.header_list = {"Host": host, "Content-Type": "application/json"}
        now_s = datetime.now(timezone.utc).timestamp() + self.service.clock_offset_s
        param.date = datetime.fromtimestamp(now_s - age_s, timezone.utc)
        access, secret, token = keys or (self.service.access_key, self.service.secret_key, "")
        signed = SignerV4.sign_only(param, Credentials(access, secret, *scope, token))
        complete = {**param.header_list, "Authorization": signed.authorization, **(headers or {})}
        with requests.Session() as session:
            session.trust_env = False
            request = requests.Request("POST", self.service.endpoint, params=query, data=body)
            prepared = request.prepare()
            prepared.headers.update(
                {name: value for name, value in complete.items() if value is not None}
            )
            if sent is not None:
                prepared.prepare_body(sent, None)
            for name, value in complete.items():
                if value is None:
                    prepared.headers.pop(name, None)
            return session.send(prepared, timeout=30, allow_redirects=False)

    def ask(self, **changes: Any) -> requests.Response:
        """Send a right request with some fields changed."""
        return self.send(json.dumps(self.fields(**changes)).encode())

    def picture(self, **changes: Any) -> np.ndarray[Any, Any]:
        """The painted picture, uint8 [H, W, 3]."""
        text = self.ask(**changes).json()["data"]["binary_data_base64"][0]
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))))


@pytest.fixture(scope="module")
def running():
    with SimulatedService() as service:
        yield service


@pytest.fixture
def asker(running):
    """A fresh ledger and no faults; settings a test changes are its own to restore."""
    running.reset()
    before = (running.latency_s, running.allowance, running.rate_per_s, running.retry_after_s)
    yield Asker(running)
    running.latency_s, running.allowance, running.rate_per_s, running.retry_after_s = before
    running.clock_offset_s, running.keys = 0.0, {running.access_key: (running.secret_key, "")}
    running.works_at = None
    running.configure({"activated": None, "retired": {}, "pair_only": None})
    running.reset()
