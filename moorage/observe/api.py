"""The Kubernetes API with Python's standard library alone: lists, and watches that go on where they were cut off."""

from __future__ import annotations

import json
import os
import ssl
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Thing = dict[str, Any]
_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_WATCH_SECONDS = 300
_ANSWER_SECONDS = 30
_GONE = 410
_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 30.0


@dataclass(frozen=True)
class Api:
    """Reads the API server at an address, with the pod's own token where there is one."""

    server: str
    account: Path | None = None

    @classmethod
    def of_pod(cls) -> Api:
        """Return the API server that a pod finds in its environment; raises `KeyError` outside of a pod."""
        host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
        return cls(f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}", _ACCOUNT)

    def get(self, path: str, parameters: Mapping[str, Any] | None = None) -> Thing:
        """Return what a path answers; raises `OSError` where it does not."""
        with self._open(path, parameters or {}, _ANSWER_SECONDS) as answer:
            found: Thing = json.load(answer)
            return found

    def watch(self, path: str, version: str, tell: Callable[[str, Thing], None]) -> str:
        """Tell of each change of a list since a resource version, until the server ends the watch.

        Returns the version to go on from, which is empty where the list is to be read again.
        """
        wanted = {
            "watch": "true",
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": _WATCH_SECONDS,
        }
        with self._open(path, wanted, _WATCH_SECONDS + _ANSWER_SECONDS) as lines:
            for line in lines:
                change = json.loads(line)
                thing = change["object"]
                if change["type"] == "ERROR":
                    return "" if thing.get("code") == _GONE else version
                version = thing["metadata"]["resourceVersion"]
                if change["type"] != "BOOKMARK":
                    tell(change["type"], thing)
        return version

    def _open(self, path: str, parameters: Mapping[str, Any], seconds: float) -> Any:
        query = f"?{urlencode(parameters)}" if parameters else ""
        request = urllib.request.Request(f"{self.server}{path}{query}", headers={"Accept": "application/json"})  # noqa: S310
        context = None
        if self.account is not None:
            # Read each time: the kubelet renews the token.
            request.add_header("Authorization", f"Bearer {(self.account / 'token').read_text().strip()}")
            context = ssl.create_default_context(cafile=str(self.account / "ca.crt"))
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )
        return opener.open(request, timeout=seconds)


def follow(api: Api, path: str, tell: Callable[[str, Thing], None], failed: Callable[[Exception], None]) -> None:
    """List a path's objects and tell of each, then of every change, for ever; `failed` hears of what went wrong.

    The type of a listed object is ``LISTED``, after the last of them comes ``SYNCED`` with the empty list; else it is the
    API's own: ``ADDED``, ``MODIFIED``, ``DELETED``.
    """
    version, pause = "", _PAUSE_SECONDS
    while True:
        try:
            if not version:
                listed = api.get(path)
                kind = str(listed.get("kind") or "").removesuffix("List")
                for item in listed["items"]:
                    tell("LISTED", {"kind": kind, **item})
                tell("SYNCED", {"kind": kind})
                version = listed["metadata"]["resourceVersion"]
            version = api.watch(path, version, tell)
            pause = _PAUSE_SECONDS
        except (OSError, ValueError, KeyError) as error:
            if isinstance(error, urllib.error.HTTPError) and error.code == _GONE:
                version = ""
            failed(error)
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
