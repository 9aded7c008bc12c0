"""What a container is given, how its health is checked and how it is developed."""

# ruff: noqa: RUF012, TC001  # pydantic gives each instance its own copy of a mutable default, and reads annotations
from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from moorage.base.errors import KeyPath, Problem
from moorage.base.quantity import quantity_value
from moorage.config.fields import BytesQuantity, CpuQuantity, Model, Port, Unique
from moorage.config.paths import FolderPath, UrlPath
from moorage.config.processtext import Argument

if TYPE_CHECKING:
    from collections.abc import Iterator

PROBE_TIMEOUT_SECONDS = 2
"""How long a check may take where nothing else is said and its period is not shorter."""


class Amounts(Model):
    """An amount of cpu and memory."""

    example = "{cpu: 100m, memory: 128Mi}"

    cpu: CpuQuantity
    """Cores (``0.5``, ``2``) or millicores (``500m``)."""
    memory: BytesQuantity
    """``256Mi``, ``1Gi``."""


class Resources(Model):
    """``requests`` are reserved for the container; beyond ``limits`` it is throttled (cpu) or killed (memory)."""

    example = "{requests: {cpu: 100m, memory: 128Mi}, limits: {cpu: 500m, memory: 256Mi}}"

    requests: Amounts
    """What the scheduler reserves; the HorizontalPodAutoscaler's percentages are of these."""
    limits: Amounts
    """The most that the container may use."""

    def problems(self) -> Iterator[Problem]:
        """Yield the limits that are below their requests."""
        for name in ("cpu", "memory"):
            request, limit = getattr(self.requests, name), getattr(self.limits, name)
            if quantity_value(limit) < quantity_value(request):
                yield Problem(
                    what=f"limits.{name} ({limit}) is below requests.{name} ({request})",
                    why="a container may use at least what is reserved for it",
                    remedy=f"raise limits.{name} to {request} or more, or lower the request",
                    where=KeyPath.of("limits", name),
                )


class HttpGet(Model):
    """Healthy when a GET answers 200 to 399."""

    example = "{path: /health}"

    path: UrlPath
    """Answered by the process itself, without a redirect."""
    port: Port | None = None
    """Default: the service's own port."""


class TcpSocket(Model):
    """Healthy when the port accepts a connection."""

    example = "{port: 8000}"

    port: Port | None = None
    """Default: the service's own port."""


class Exec(Model):
    """Healthy when the command exits 0 inside the container."""

    example = "{command: [check]}"

    command: list[Argument] = Field(min_length=1)
    """Program and arguments; no shell reads them."""


class Probe(Model):
    """One health check; exactly one of ``httpGet``, ``tcpSocket`` and ``exec``. Times are in seconds."""

    example = "{httpGet: {path: /health}}"

    http_get: HttpGet | None = None
    """GET a path of the container."""
    tcp_socket: TcpSocket | None = None
    """Connect to a port of the container."""
    exec: Exec | None = None
    """Run a command in the container."""
    initial_delay_seconds: int = Field(default=0, ge=0, le=600)
    """Wait before the first check."""
    period_seconds: int = Field(default=10, ge=1, le=300)
    """Time from one check to the next."""
    timeout_seconds: int | None = Field(default=None, ge=1, le=60)
    """A check that takes longer has failed. Default: 2, or ``periodSeconds`` where that is less."""
    success_threshold: int = Field(default=1, ge=1, le=10)
    """Successes in a row that make a failed container ready again."""
    failure_threshold: int = Field(default=3, ge=1, le=120)
    """Failures in a row that count."""

    @property
    def port(self) -> int | None:
        """The port that the check itself names."""
        check = self.http_get or self.tcp_socket
        return check.port if check else None

    @property
    def timeout(self) -> int:
        """Seconds after which a check has failed."""
        return self.timeout_seconds or min(PROBE_TIMEOUT_SECONDS, self.period_seconds)

    @property
    def budget(self) -> int:
        """Seconds that pass before a check which never succeeds has its consequence."""
        return self.initial_delay_seconds + self.period_seconds * self.failure_threshold

    def problems(self) -> Iterator[Problem]:
        """Yield a number of checks other than one, and a check that outlasts its period."""
        given = [name for name, value in self.checks().items() if value is not None]
        if len(given) != 1:
            yield Problem(
                what=f"the probe has {' and '.join(given)}" if given else "the probe checks nothing",
                why="a probe has exactly one of httpGet, tcpSocket and exec",
                remedy="keep one of them" if given else "add for example httpGet: {path: /health}",
                where=KeyPath.of(given[1]) if given else None,
            )
        if self.timeout > self.period_seconds:
            yield Problem(
                what=f"timeoutSeconds ({self.timeout}) exceeds periodSeconds ({self.period_seconds})",
                why="a check must end before the next one starts; otherwise failures are noticed later than the numbers say",
                remedy=f"lower timeoutSeconds to {self.period_seconds} or less, or raise periodSeconds",
                where=KeyPath.of("timeoutSeconds"),
            )

    def checks(self) -> dict[str, HttpGet | TcpSocket | Exec | None]:
        """Return the three kinds of check by their Kubernetes name."""
        return {"httpGet": self.http_get, "tcpSocket": self.tcp_socket, "exec": self.exec}


class Develop(Model):
    """How `moorage dev` runs the service."""

    example = "{target: development}"

    target: str = Field(default="development", min_length=1)
    """Stage of the Dockerfile; a service without this stage stays as it is deployed."""
    resources: Resources | None = None
    """Default: the service's own."""
    two_way: Unique[FolderPath] = []
    """Folders of the container, among those that are copied from the checkout, whose new files come back to it."""
