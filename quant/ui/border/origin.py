"""Who asks: from which machine's name, and from which site.

A page on a laptop answers to the laptop's own names only: a site whose name is made to point at 127.0.0.1 (DNS
rebinding) would otherwise be this page to the browser. What is asked from another site's page is refused wherever this
one runs, but for the documents themselves, which others may link to. A browser says what it asks for whom in
Sec-Fetch-Site, which no script can change; older ones, and pages without TLS, say only Origin.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from urllib.parse import urlsplit

import gradio as gr
from gradio.utils import get_space
from starlette.datastructures import Headers

LOOPBACK = {"localhost", "127.0.0.1", "::1"}
HOSTS = "QUANT_HOSTS"  # further names of this machine, with commas
OWN = ("same-origin", "none")


def host_of(authority: str) -> str:
    """The name in `name:port`, small; empty where there is none."""
    try:
        return (urlsplit(f"//{authority}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def answers_to(host: str, page: gr.Blocks) -> bool:
    """Whether `host` is a name of this page. In a Space the proxy before it has already looked."""
    if get_space() is not None:
        return True
    name, served = host_of(host), str(page.server_name or "localhost")
    if name in LOOPBACK | told_names() or name == served.lower():
        return True
    if page.share and page.share_url:
        return name == urlsplit(page.share_url).hostname
    return not is_loopback(served) and (is_address(name) or name in own_names())


def told_names() -> set[str]:
    """The further names of this machine that whoever started the page has told."""
    return {name.strip() for name in os.environ.get(HOSTS, "").lower().split(",")} - {""}


def own_names() -> set[str]:
    """What this machine calls itself."""
    name = socket.gethostname().lower()
    return {name, name.partition(".")[0], name.partition(".")[0] + ".local"}


def is_address(name: str) -> bool:
    """Whether this is an IP address: nobody can make an address point elsewhere."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def is_loopback(name: str) -> bool:
    return name in LOOPBACK or (is_address(name) and ipaddress.ip_address(name).is_loopback)


def from_elsewhere(headers: Headers) -> bool:
    """Whether a page of another site asks."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in OWN
    origin = headers.get("origin")
    if origin is None:
        return False  # a program, or a link that was followed
    asked = urlsplit(origin).netloc
    if host_of(asked) in told_names():
        return False
    forwarded = headers.get("x-forwarded-host", "").partition(",")[0].strip()
    return not asked or asked not in (headers.get("host"), forwarded)


def follows_link(headers: Headers) -> bool:
    """Whether a document is opened, in a window or in a frame, rather than read by a script."""
    return headers.get("sec-fetch-mode", "navigate") == "navigate" and "origin" not in headers
