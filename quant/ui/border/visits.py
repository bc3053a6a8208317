"""Whose a visit is: its name (gradio's session hash) is chosen by the browser and stands in addresses.

The document brings a cookie that no script reads; what was begun with it can only be read or stopped with it. A client
without cookies (a program, a browser that keeps none in frames) goes by the name alone, which it draws at random.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from http.cookies import CookieError, SimpleCookie

MOST = 10_000
COOKIE = "quant-visitor"


class Visits:
    """Who began each visit, as far back as `most` of them."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._owners: OrderedDict[str, str] = OrderedDict()

    def admits(self, session: str, visitor: str) -> bool:
        """Whether this is the visitor who began that visit; the first who comes begins it."""
        owner = self._owners.get(session)
        if owner is None and visitor:
            self._owners[session] = visitor
            while len(self._owners) > self._most:
                self._owners.popitem(last=False)
        return owner in (None, visitor)


def visitor_of(cookies: str | None) -> str:
    """The visitor whom a request's cookies name; empty without one."""
    try:
        found = SimpleCookie(cookies or "").get(COOKIE)
    except CookieError:
        return ""
    return found.value[:64] if found else ""


def new_cookie(secure: bool, framed: bool) -> str:
    """The header that makes the browser remember a new visitor until it is closed."""
    where = "; SameSite=None; Secure; Partitioned" if framed else "; SameSite=Lax" + ("; Secure" if secure else "")
    return f"{COOKIE}={secrets.token_urlsafe(24)}; Path=/; HttpOnly{where}"
