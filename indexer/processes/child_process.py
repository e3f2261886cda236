"""The inside of a child process: ends with its parent, takes the shared memory, then runs the function it was given.

Imports only the standard library: decoder processes load this module before their memory limit is in place.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle
from typing import Any


def load_function(name: str) -> Callable[..., Any]:  # Any: the caller knows what the function takes and returns
    """The function that ``module:function`` names; imports the module.

    Raises ImportError when there is no such module, AttributeError when it has no such function.

    >>> load_function("os.path:basename")("a/b")
    'b'
    """
    module, _, function = name.partition(":")
    loaded: Callable[..., Any] = getattr(importlib.import_module(module), function)
    return loaded


def run_child(connection: Connection[bytes, bytes], entry: str, recipe: object, shared: bool) -> None:
    """Run the function ``entry`` (``module:function``) with a pipe, ``recipe`` and a descriptor of shared memory.

    Called in the new process by :class:`~indexer.processes.supervised_process.RunningProcess`. The pipe is a file
    descriptor; the other descriptor is None unless ``shared``.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then closes the connection
    threading.Thread(target=_end_with_parent, daemon=True).start()
    descriptor = recv_handle(connection) if shared else None
    load_function(entry)(connection.fileno(), recipe, descriptor)


def _end_with_parent() -> None:
    """End this process when its parent ends, even in the middle of a request.

    The kernel's own parent-death signal (PR_SET_PDEATHSIG) is not used: it fires when the *thread* that started this
    process ends.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
