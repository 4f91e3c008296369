"""Work in a few threads that die with the process, so that Ctrl-C need not wait for a silent server."""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

Item, Result = TypeVar("Item"), TypeVar("Result")


def in_parallel(
    work: Callable[[Item], Result], items: Sequence[Item], threads: int
) -> Iterator[tuple[Item, Result | BaseException]]:
    """Each item with what `work` made of it, or with the error that it raised, as they end."""
    waiting: queue.SimpleQueue = queue.SimpleQueue()
    ended: queue.SimpleQueue = queue.SimpleQueue()
    for item in items:
        waiting.put(item)
    for _ in range(min(threads, len(items))):
        threading.Thread(target=_labour, args=(work, waiting, ended), daemon=True).start()
    try:
        for _ in items:
            yield ended.get()
    finally:
        _empty(waiting)


def _labour(work: Callable, waiting: queue.SimpleQueue, ended: queue.SimpleQueue) -> None:
    while True:
        try:
            item = waiting.get_nowait()
        except queue.Empty:
            return
        try:
            ended.put((item, work(item)))
        except BaseException as error:
            ended.put((item, error))


def _empty(waiting: queue.SimpleQueue) -> None:
    while not waiting.empty():
        try:
            waiting.get_nowait()
        except queue.Empty:
            return
