"""Why the service could not be reached, read off what `requests` raised, and what helps."""

from __future__ import annotations

import re
import ssl
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import requests

from ..words import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

# https://docs.openssl.org/3.0/man3/X509_STORE_CTX_get_error/: not yet valid, expired; another host, another address
_NOT_TODAY = (9, 10)
_ANOTHERS = (62, 64)


class Surroundings(NamedTuple):
    """What a failed connection had around it.

    Attributes:
        proxy: Address of the proxy it went through, perhaps with a password; empty if none.
        trusts: What says whose certificates are trusted: an environment variable, or the package certifi.
        stands: Whether the connection stood.
        waited_s: Until it failed, in seconds.
    """

    proxy: str
    trusts: str
    stands: bool
    waited_s: float


class Reason(NamedTuple):
    """What `APIConnectionError` says of a connection that failed; without a password of a proxy."""

    why: Text
    remedy: Text | None = None
    permanent: bool = False


def reason(error: BaseException, around: Surroundings) -> Reason:
    """Read off the error why a connection failed before the request was sent."""
    causes = list(_causes(error))
    inner = causes[-1]
    if isinstance(inner, ssl.SSLCertVerificationError):
        return _certificate(inner, around)
    if _is_no_bundle(inner):
        return _no_bundle(inner, around)
    if around.proxy and not around.stands:
        return _proxy(causes, around)
    if not isinstance(inner, TimeoutError) and not isinstance(error, requests.exceptions.Timeout):
        return Reason(told(error))
    seconds = _seconds(around)
    if around.stands:
        return Reason(Text(f"could not send within {seconds} s", f"{seconds} 秒内未能发送完毕"))
    return Reason(Text(f"no connection within {seconds} s", f"{seconds} 秒内未能建立连接"))


def told(error: BaseException) -> Text:
    """The innermost cause. Its text is only shown where it cannot hold an address with a password, as a proxy's may."""
    *_, inner = _causes(error)
    name = type(inner).__name__
    text = inner.strerror if isinstance(inner, OSError) and inner.strerror else ""
    return _same(f"{name}: {text}" if text else name)


_RESTART = Text(
    "Set it where the ComfyUI server is started, and restart.",
    "请在启动 ComfyUI 服务器的环境中设置，然后重启。",
)


def _certificate(error: ssl.SSLCertVerificationError, around: Surroundings) -> Reason:
    said = f"SSLCertVerificationError: {error.verify_message}"
    why = Text(said, said)
    if error.verify_code in _NOT_TODAY:
        remedy = Text(
            "Set the date and the clock of the machine that runs ComfyUI; if they are right, the certificate of the "
            "proxy or firewall in between has to be renewed.",
            "请校准运行 ComfyUI 的机器的日期和时钟；如均正确，则需更新中间代理或防火墙的证书。",
        )
    elif error.verify_code in _ANOTHERS:
        remedy = Text(
            "Somebody else answers under this name: check VOLC_ENDPOINT, the network's login page, the proxy and the "
            "name server.",
            "以该名称应答的是其他服务器：请检查 VOLC_ENDPOINT、网络登录页面、代理和域名服务器。",
        )
    else:
        why = Text(
            f"{said}; trusted are the certificates of {around.trusts}",
            f"{said}；当前信任 {around.trusts} 中的证书",
        )
        remedy = Text(
            "A company's proxy, a firewall or a virus scanner that looks into encrypted connections has an authority of its "
            "own: save its root certificate as a PEM file and name that file in REQUESTS_CA_BUNDLE.",
            "企业代理、防火墙或杀毒软件检查加密连接时会使用自己的证书颁发机构：请将其根证书保存为 PEM 文件，并在 REQUESTS_CA_BUNDLE 中指定该文件。",
        )
        remedy += _RESTART
    return Reason(why, remedy, permanent=True)


def _is_no_bundle(error: BaseException) -> bool:
    """Whether the file of certificates is not there, or none."""
    if isinstance(error, ssl.SSLError):
        return "NO_CERTIFICATE_OR_CRL_FOUND" in str(
            getattr(error, "reason", "")
        )  # those made in Python have none
    return type(error) is OSError and "certificate bundle" in str(error)


def _no_bundle(error: BaseException, around: Surroundings) -> Reason:
    remedy = Text(
        f"Correct {around.trusts}, which names the file of trusted certificates, or unset it.",
        f"请更正或删除 {around.trusts}，它指定了受信任证书的文件。",
    )
    return Reason(_same(str(error)), remedy + _RESTART, permanent=True)


def _proxy(causes: list[BaseException], around: Surroundings) -> Reason:
    outer, inner = causes[0], causes[-1]
    place, secure, has_login = _place(around.proxy)
    refused = re.search("Tunnel connection failed: ([0-9]{3})", str(inner))
    no_tls = isinstance(inner, ssl.SSLError) or "handshake" in str(inner)
    permanent = True
    if isinstance(inner, requests.exceptions.InvalidSchema) and "SOCKS" in str(inner):
        why = Text(
            f"the proxy {place} speaks SOCKS, for which Python's package PySocks is missing",
            f"代理 {place} 使用 SOCKS 协议，但缺少 Python 包 PySocks",
        )
        remedy = Text(
            "Install it for the Python that runs ComfyUI (python -m pip install PySocks) and restart, or name an HTTP proxy "
            "in HTTPS_PROXY.",
            "请为运行 ComfyUI 的 Python 安装（python -m pip install PySocks）并重启，或在 HTTPS_PROXY 中指定 HTTP 代理。",
        )
    elif refused and refused[1] == "407":
        why = Text(
            f"the proxy {place} wants a user name and a password: 407",
            f"代理 {place} 需要用户名和密码：407",
        )
        if has_login:
            why = Text(
                f"the proxy {place} does not accept the user name and password it was given: 407",
                f"代理 {place} 不接受所提供的用户名和密码：407",
            )
        remedy = Text(
            "Write them into HTTPS_PROXY, as in http://name:password@host:port, special characters as %-codes.",
            "请写入 HTTPS_PROXY，格式为 http://用户名:密码@主机:端口，特殊字符使用 % 编码。",
        )
        remedy += _RESTART
    elif refused:
        why = Text(
            f"the proxy {place} refuses to connect: {refused[1]}",
            f"代理 {place} 拒绝连接：{refused[1]}",
        )
        remedy = Text(
            "Have whoever runs the proxy let the service through; or, if it can be reached without, name its host in NO_PROXY.",
            "请让代理的管理者放行该服务；如无需代理即可访问，请在 NO_PROXY 中写入其域名。",
        )
        permanent = refused[1].startswith("4")
    elif secure and no_tls and isinstance(outer, requests.exceptions.ProxyError):
        why = Text(
            f"the address of the proxy {place} begins with https://, but it does not answer in TLS",
            f"代理 {place} 的地址以 https:// 开头，但它不使用 TLS 应答",
        )
        remedy = Text(
            "Most proxies are spoken to in plain HTTP, also about https:// addresses: write http:// in front of it in "
            "HTTPS_PROXY.",
            "大多数代理以明文 HTTP 通信，访问 https:// 地址时也是如此：请在 HTTPS_PROXY 中将其改为 http:// 开头。",
        )
        remedy += _RESTART
    else:
        cause = told(inner).english
        why = Text(f"through the proxy {place}: {cause}", f"经由代理 {place}：{cause}")
        if isinstance(inner, TimeoutError):
            why = Text(
                f"the proxy {place} did not connect within {_seconds(around)} s",
                f"代理 {place} 在 {_seconds(around)} 秒内未建立连接",
            )
        remedy = Text(
            "Start the proxy, or correct its address in HTTPS_PROXY or in the system's settings, or remove it if this "
            "machine needs none; then run again.",
            "请启动该代理，或更正 HTTPS_PROXY 或系统设置中的代理地址；如无需代理，请将其删除。然后重试。",
        )
        permanent = isinstance(outer, requests.exceptions.InvalidURL)
    return Reason(why, remedy, permanent)


def _seconds(around: Surroundings) -> str:
    return f"{round(around.waited_s, 1):g}"


def _place(proxy: str) -> tuple[str, bool, bool]:
    """Where a proxy is, whether it is to be spoken to in TLS, and whether its address holds a login, which is not shown."""
    try:
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "-", False, False
    place = f"{host}:{port}" if port else host
    return place or "-", parts.scheme == "https", parts.username is not None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """From the outermost to the innermost."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        candidates = (getattr(cause, "reason", None), *cause.args, cause.__cause__)
        cause = next((part for part in candidates if isinstance(part, BaseException)), None)


def _same(term: str) -> Text:
    """A technical term, which has no translation."""
    return Text(term, term)
