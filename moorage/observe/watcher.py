"""The watcher: reads a namespace's pods, events and rollouts and prints an entry for each thing that happens.

It changes nothing in the cluster. Run it in a pod whose role may list and watch them, or beside ``kubectl proxy``:
``python -m moorage.observe.watcher --namespace harbour-dev --server http://127.0.0.1:8001``.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import queue
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from moorage.observe.api import Api, follow
from moorage.observe.entry import LEVELS, read_time, written
from moorage.observe.observer import Observer
from moorage.observe.scrape import Scraped, serve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from moorage.observe.entry import Entry

Thing = dict[str, Any]
USAGE_SECONDS = 15.0
"""How often usage is read: metrics-server measures no oftener by default."""
_TICK_SECONDS = 0.5
_KINDS = {
    "Pod": "/api/v1/namespaces/{}/pods",
    "Event": "/api/v1/namespaces/{}/events",
    "ReplicaSet": "/apis/apps/v1/namespaces/{}/replicasets",
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
}
_USAGE = "/apis/metrics.k8s.io/v1beta1/namespaces/{}/pods"


class Watcher:
    """Follows one namespace."""

    def __init__(self, api: Api, namespace: str, since: dt.datetime, *, usage_seconds: float = USAGE_SECONDS) -> None:
        """Prepare to tell what happens in a namespace after ``since``."""
        self._api, self._namespace, self._usage_seconds = api, namespace, usage_seconds
        self._observer = Observer(since)
        self._changes: queue.Queue[Callable[[], Iterable[Entry]]] = queue.Queue()
        self.scraped = Scraped()
        self._synced: set[str] = set()
        self._failures: dict[str, str] = {}

    def run(self) -> Iterator[Entry]:
        """Yield the entries as they come, for ever."""
        for kind, path in _KINDS.items():
            self._start(self._follow, kind, path.format(self._namespace))
        self._start(self._measure)
        ticked = time.monotonic()
        while True:
            try:
                entries = self._changes.get(timeout=_TICK_SECONDS)()
            except queue.Empty:
                entries = ()
            yield from map(self.scraped.count, entries)
            if time.monotonic() - ticked >= _TICK_SECONDS:
                ticked = time.monotonic()
                yield from map(self.scraped.count, self._observer.tick(_now()))

    def _start(self, target: Callable[..., None], *arguments: str) -> None:
        threading.Thread(target=target, args=arguments, daemon=True).start()

    def _follow(self, kind: str, path: str) -> None:
        def tell(change: str, thing: Thing) -> None:
            if change == "SYNCED":
                self._synced.add(kind)
            else:
                self._changes.put(lambda: self._noted(kind, change, thing))
            self._well(kind)

        follow(self._api, path, tell, lambda error: self._failed(kind, error))

    def _noted(self, kind: str, change: str, thing: Thing) -> Iterable[Entry]:
        now, observer = _now(), self._observer
        if kind == "Pod":
            return observer.pod(thing, now, deleted=change == "DELETED")
        if kind == "ReplicaSet":
            return observer.replica_set(thing)
        if change == "DELETED":
            return ()
        return observer.event(thing, now) if kind == "Event" else observer.deployment(thing, now)

    def _measure(self) -> None:
        while True:
            try:
                measured = self._api.get(_USAGE.format(self._namespace))["items"]
                self._changes.put(lambda items=measured: self._measured(items))  # type: ignore[misc]
                self._well("usage")
            except (OSError, ValueError, KeyError) as error:
                self._failed("usage", error)
            time.sleep(self._usage_seconds)

    def _measured(self, items: list[Thing]) -> Iterable[Entry]:
        self.scraped.shares = [
            (pod["metadata"]["name"], usage.container, usage.resource, usage.share)
            for pod, usage in self._observer.shares(items)
        ]
        return self._observer.usage(items, _now())

    def _well(self, kind: str) -> None:
        self.scraped.heard = time.monotonic()
        if self._failures.pop(kind, None):
            _say("info", f"reading {kind} works again")

    def _failed(self, kind: str, error: Exception) -> None:
        # Once for each kind and reason: the API server may be away for an hour.
        if self._failures.get(kind) != str(error):
            self._failures[kind] = str(error)
            _say("warning", f"cannot read {kind}: {error}")


def _say(level: str, text: str) -> None:
    line = {"time": written(_now()), "level": level, "message": "watcher", "reason": text}
    print(json.dumps(line, ensure_ascii=False), file=sys.stderr, flush=True)  # noqa: T201  # there is no console in the pod


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m moorage.observe.watcher", description=__doc__)
    parser.add_argument("--namespace", required=True, help="the namespace to watch")
    parser.add_argument("--server", help="address of the API server; default: the pod's own")
    parser.add_argument("--since", help="also tell what happened since this time (RFC 3339); default: now")
    parser.add_argument("--level", choices=LEVELS, default="info", help="print nothing below this level")
    parser.add_argument("--port", type=int, default=0, help="serve /metrics and /health here; default: nowhere")
    parser.add_argument("--usage-seconds", type=float, default=USAGE_SECONDS, help="how often usage is read")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> None:
    """Print entries as lines of JSON until the process is ended."""
    options = _arguments(words)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        api = Api(options.server.rstrip("/")) if options.server else Api.of_pod()
    except KeyError:
        sys.exit("this is no pod, so name the API server: run kubectl proxy, then pass --server http://127.0.0.1:8001")
    since = read_time(options.since) if options.since else _now()
    watcher = Watcher(api, options.namespace, since, usage_seconds=options.usage_seconds)
    if options.port:
        serve(watcher.scraped, options.port)
    for entry in watcher.run():
        if LEVELS.index(entry.level) >= LEVELS.index(options.level):
            print(entry.to_json(), flush=True)  # noqa: T201  # its output is its product


if __name__ == "__main__":
    main()
