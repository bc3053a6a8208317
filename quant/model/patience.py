"""Work on a stranger's model that is given up after a while: a configuration can ask for a thousand million steps.

Which numbers an architecture counts to, its own code alone knows; so it is not the numbers that are bounded here but
the time. The work runs in a thread, which is told to end by an exception between two of Python's steps: a loop ends so,
a single long operation does not, and those are as large as the weights.
"""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

from quant.errors import ModelError
from quant.text import Text

T = TypeVar("T")
AGAIN_S = 0.2
BUSY = 10  # a machine that gives less than a tenth of its time is not waited for
SECONDS = 15.0  # what the largest takes to build is two or three


class _GivenUp(BaseException):
    """Raised in the thread of work that takes too long; no handler of errors takes it for one."""


def within(seconds: float, work: Callable[[], T], name: str) -> T:
    """What `work` gives, or raises.

    Raises ModelError once it has had `seconds` of the processor: on a machine that is busy that takes longer.
    """
    thread: list[int] = []

    def run() -> T:
        thread.append(threading.get_ident())
        return work()

    pool = ThreadPoolExecutor(1, thread_name_prefix="patience")
    result = pool.submit(run)
    begun = time.monotonic()
    while not wait([result], AGAIN_S).done:
        waited = time.monotonic() - begun
        if waited > BUSY * seconds or (waited > seconds and _worked(thread, waited) > seconds):
            break
    else:
        pool.shutdown(wait=False)
        return result.result()
    pool.shutdown(wait=False)  # not before: an idle thread still has a clock, one that has ended has none
    threading.Thread(target=_end, args=(result, thread), daemon=True).start()
    raise ModelError(
        Text("Con la configuración de «{name}» no se acaba: tras {n} segundos se ha dejado. Pide mucho más trabajo del "
             "que sus pesos explican.",
             "With the configuration of “{name}” there is no end: after {n} seconds it was given up. It asks for much "
             "more work than its weights explain.").format(name=name, n=round(seconds))
    )  # fmt: skip


def _worked(thread: list[int], waited: float) -> float:
    """Seconds that the processor has given to a thread; where nobody counts them (Windows), those that went by."""
    if not thread or not hasattr(time, "pthread_getcpuclockid"):
        return waited
    return time.clock_gettime(time.pthread_getcpuclockid(thread[0]))


def _end(result: Future[T], thread: list[int]) -> None:
    """Tell a thread to end until it does: what is raised within a destructor is lost."""
    while not result.done():
        for name in thread:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(name), ctypes.py_object(_GivenUp))
        wait([result], AGAIN_S)
