"""Work on a stranger's model that is given up after a while: a configuration can ask for a thousand million steps.

Which numbers an architecture counts to, its own code alone knows; so it is not the numbers that are bounded here but
the time. The work runs in a thread, which is told to end by an exception between two of Python's steps: a loop ends so,
a single long operation does not, and those are as large as the weights.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

from quant.errors import ModelError
from quant.text import Text

T = TypeVar("T")
AGAIN_S = 0.2
SECONDS = 15.0  # what the largest takes to build is two or three


class _GivenUp(BaseException):
    """Raised in the thread of work that takes too long; no handler of errors takes it for one."""


def within(seconds: float, work: Callable[[], T], name: str) -> T:
    """What `work` gives, or raises. Raises ModelError after `seconds`."""
    thread: list[int] = []

    def run() -> T:
        thread.append(threading.get_ident())
        return work()

    pool = ThreadPoolExecutor(1, thread_name_prefix="patience")
    result = pool.submit(run)
    pool.shutdown(wait=False)
    if wait([result], seconds).done:
        return result.result()
    threading.Thread(target=_end, args=(result, thread[0]), daemon=True).start()
    raise ModelError(
        Text("Con la configuración de «{name}» no se acaba: tras {n} segundos se ha dejado. Pide mucho más trabajo del "
             "que sus pesos explican.",
             "With the configuration of “{name}” there is no end: after {n} seconds it was given up. It asks for much "
             "more work than its weights explain.").format(name=name, n=round(seconds))
    )  # fmt: skip


def _end(result: Future[T], thread: int) -> None:
    """Tell a thread to end until it does: what is raised within a destructor is lost."""
    while not result.done():
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(_GivenUp))
        wait([result], AGAIN_S)
