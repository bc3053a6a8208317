"""What every answer tells the browser: nothing from elsewhere, no frame but a Space's, no guessing of kinds.

Gradio compiles the little JavaScript of a listener (`js=`) in the browser and writes its configuration into the page as
a script, so scripts that stand in the page and `eval` have to stay allowed; what they may fetch, and send to, does not.
"""

from __future__ import annotations

import gradio as gr
from gradio.utils import get_space
from starlette.datastructures import MutableHeaders

HUB = "https://huggingface.co"
SHARED = "https://gradio.s3-us-west-2.amazonaws.com"  # a share link takes gradio's own scripts from there
UNUSED = (
    "accelerometer", "autoplay", "camera", "display-capture", "encrypted-media", "geolocation", "gyroscope", "hid",
    "magnetometer", "microphone", "midi", "payment", "publickey-credentials-get", "screen-wake-lock", "serial", "usb",
    "xr-spatial-tracking",
)  # fmt: skip
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": ", ".join([*(f"{name}=()" for name in UNUSED), "clipboard-write=(self)"]),
    "Cross-Origin-Resource-Policy": "same-origin",
}
NOTHING = "default-src 'none'; frame-ancestors 'none'; sandbox"


def policy(page: gr.Blocks) -> str:
    """The Content-Security-Policy of a document, as strict as the way in which the page is used lets it be."""
    more = f" {SHARED}" if page.share else ""
    frames = f"{HUB} https://*.hf.space" if get_space() else "'none'"
    return "; ".join([
        "default-src 'none'", f"script-src 'self' 'unsafe-inline' 'unsafe-eval'{more}",
        f"style-src 'self' 'unsafe-inline'{more}", f"img-src 'self' data: blob:{more}", f"font-src 'self' data:{more}",
        f"connect-src 'self'{more}", "manifest-src 'self'", "base-uri 'self'", "form-action 'none'",
        "object-src 'none'", f"frame-ancestors {frames}",
    ])  # fmt: skip


def guard(headers: MutableHeaders, page: gr.Blocks, document: bool) -> None:
    """Set what protects, and take away what lets other sites read (gradio lets any, where the page is not local)."""
    for name in [name for name in headers if name.startswith("access-control-")]:
        del headers[name]
    if "accept-ranges" in headers:  # a request for a part is answered with the whole
        del headers["accept-ranges"]
    headers.update(ALWAYS)
    headers["Content-Security-Policy"] = policy(page) if document else NOTHING
    if document and get_space() is None:
        headers["X-Frame-Options"] = "DENY"
