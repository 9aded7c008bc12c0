"""The stack's releases: the program adds what it left running to those that the stack's own outputs hold."""

from __future__ import annotations

import datetime as dt
import functools
import getpass
import os
import socket
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pulumi

from moorage.build.git import commit_of
from moorage.config import outputs
from moorage.config.release import UPDATE, NewerFormError, Release, appended, pack, release_of, unpack

from .scope import Before

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from moorage.config.project import Project

    from .image_sources import RunImages
    from .service import Service

_READ_OUTPUTS = "pulumi:pulumi:readStackOutputs"
"""The engine's own function behind stack references; reading a stack's own outputs needs no resource for it."""
_ACTORS = ("GITHUB_ACTOR", "GITLAB_USER_LOGIN", "BUILDKITE_BUILD_CREATOR", "CIRCLE_USERNAME")


@dataclass(frozen=True)
class Earlier:
    """What the last update left in the stack's outputs."""

    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The releases, packed."""
        return str(self.values.get(outputs.RELEASES) or "")

    def releases(self) -> tuple[Release, ...] | None:
        """Return the releases, oldest first; None where a newer Moorage recorded them."""
        try:
            return unpack(self.text)
        except NewerFormError:
            return None

    def restarts(self) -> dict[str, str]:
        """Return when services were restarted by hand, so that no later update takes that back with another restart."""
        found = self.releases()
        return dict(found[-1].restarts) if found else {}


def read_earlier() -> Earlier:
    """Return what the stack's last update exported, whichever backend keeps it."""
    name = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    found = pulumi.runtime.invoke(_READ_OUTPUTS, {"name": name}).value
    return Earlier((found or {}).get("outputs") or {})


class Recorder:
    """Records one update as a release, once everything is ready."""

    def __init__(self, project: Project, release: Release | None = None) -> None:
        """Begin to count the seconds of an update of `project`, which is out of ``release`` where one is given."""
        self.earlier = read_earlier()
        self.restarts = release.restarts if release else self.earlier.restarts()
        self._project = project
        self._cause = release.cause if release else UPDATE
        self._began = time.monotonic()
        self._time = dt.datetime.now(dt.UTC).replace(microsecond=0).isoformat()
        self._ready: dict[str, float] = {}
        self._done: list[pulumi.Output[Any]] = []

    @property
    def inputs(self) -> Mapping[str, str]:
        """Short input digest of each image, by its folder, as the last update exported them."""
        return dict(self.earlier.values.get(outputs.INPUTS) or {})

    @property
    def before(self) -> Before:
        """What of the last update matters to this one."""
        services = self.earlier.values.get(outputs.SERVICES) or {}
        made = {name: found[outputs.DEPLOYMENT] for name, found in services.items() if outputs.DEPLOYMENT in found}
        return Before(restarts=self.restarts, deployments=made)

    def note(self, name: str, done: pulumi.Output[Any]) -> None:
        """Take note of when a part of the stack is there; the release is recorded once all of them are."""
        self._done.append(done.apply(lambda _: self._ready.update({name: self._seconds()})))

    def releases(self, images: RunImages, services: Mapping[str, Service]) -> pulumi.Output[str]:
        """Return all releases, with this one once its services and all that was noted are there.

        A preview adds none, nor does a session of `moorage dev`. They are a secret of the stack, as they hold the services'
        settings: `pulumi stack output` shows no value.
        """
        earlier = self.earlier.releases()
        if earlier is None:
            pulumi.log.warn("a newer Moorage recorded this stack's releases; this update is not added to them")
        # What is being developed is nothing to come back to: its pods run what no image holds.
        if earlier is None or pulumi.runtime.is_dry_run() or self._project.developing:
            return pulumi.Output.secret(self.earlier.text)
        for name, service in services.items():
            self.note(name, service.done)
        known = pulumi.Output.all(images=dict(images.services), stores=dict(images.stores), done=self._done)
        return pulumi.Output.secret(known.apply(functools.partial(self._record, earlier)))

    def _seconds(self) -> float:
        return round(time.monotonic() - self._began, 1)

    def _record(self, earlier: Sequence[Release], known: Mapping[str, Any]) -> str:
        found = release_of(self._project, known["images"], known["stores"], restarts=self.restarts, cause=self._cause)
        about = {"time": self._time, "seconds": self._seconds(), "by": _who(), "ready": dict(self._ready)}
        complete = found.model_copy(update={**about, "commit": commit_of(self._project.root)})
        releases = appended(earlier, complete)
        return self.earlier.text if len(releases) == len(earlier) else pack(releases)


def _who() -> str:
    for name in _ACTORS:
        if actor := os.environ.get(name):
            return actor
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (OSError, KeyError):
        return socket.gethostname()
