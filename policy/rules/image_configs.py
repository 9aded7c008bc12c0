"""An image's own configuration beside the pod that runs it: each is right alone, and together they may not start."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from ..examples import Example
from ..judge import across, each
from ..objects import IMAGE_CONFIG
from ..registry import ADVICE, ALWAYS, DEV_ADVISORY, Scope, Severity, rule
from ..secret_names import looks_secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from ..objects import Container, Object
    from ..stack import Stack
    from ..tree import Node, Remark

_DIGEST: Final = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"
_TARGET: Final = f"{IMAGE_CONFIG}/registry.example.com/team/web:1.4.2@sha256:{_DIGEST}"
_SHELLS: Final = frozenset({"sh", "bash", "ash", "dash"})


def _beside(stack: Stack, check: Callable[[Container, Object], Iterable[Any]]) -> Iterator[tuple[Object, Remark]]:
    """Yield the remarks of ``check`` on every container whose image's configuration is known."""
    configs = {config.name: config for config in stack.of(IMAGE_CONFIG)}

    def containers(about: Object) -> Iterator[Remark]:
        for container in about.pod.containers if about.pod is not None else ():
            reference = container["image"].value
            if isinstance(reference, str) and reference in configs:
                yield from each((configs[reference],), partial(check, container))

    yield from across((pod.owner for pod in stack.pods), containers)


def _user(container: Container) -> Node:
    own = container.security["runAsUser"]
    return own if own.present else container.pod.spec["securityContext"]["runAsUser"]


@rule(
    "IMG-08",
    "require-images-with-numeric-user",
    summary="An image's own user is a number above 0.",
    why="of a user with a name the kubelet cannot tell that it is not root, and refuses it where runAsNonRoot is set; "
    "without a user the image runs as root wherever a pod does not say otherwise",
    fix="end the Dockerfile with USER and a number above 0",
    scope=Scope.STACK,
    levels=DEV_ADVISORY,
    severity=Severity.HIGH,
    standards=("CIS Docker 4.1", "NSA non-root containers"),
    example=Example(target=_TARGET, path="config.User", value="app"),
    at_once=True,
)
def require_numeric_image_user(stack: Stack) -> Iterator[tuple[Object, Remark]]:
    """Ask for a number; the message says whether the pod overrides the user."""

    def user(container: Container, config: Object) -> Iterator[Remark]:
        name = (config.root["config"]["User"].text() or "").partition(":")[0]
        if not name.isdigit() or int(name) == 0:
            own = _user(container)
            then = f"runAsUser {own.integer()} overrides it here" if own.present else "nothing overrides it"
            has = f"user {name!r}" if name else "no user"
            yield container["image"].remark(f"has {has} of its own ({then}); it must be a number above 0", hide=True)

    yield from _beside(stack, user)


@rule(
    "IMG-08U",
    "prefer-users-of-images",
    summary="A pod runs its image as the user that the image was made for.",
    why="another user may not read the files that the image keeps for its own",
    fix="set runAsUser to the image's user, or change USER in the Dockerfile",
    scope=Scope.STACK,
    levels=ADVICE,
    severity=Severity.LOW,
    standards=(),
    example=Example(target=_TARGET, path="config.User", value="4711"),
    at_once=True,
)
def prefer_image_user(stack: Stack) -> Iterator[tuple[Object, Remark]]:
    """Ask for the same number, where the image's user is one."""

    def user(container: Container, config: Object) -> Iterator[Remark]:
        own = (config.root["config"]["User"].text() or "").partition(":")[0]
        node = _user(container)
        number = node.integer()
        if number is not None and own.isdigit() and int(own) not in {0, number}:
            yield node.remark(f"should be {own}, the user of the image")

    yield from _beside(stack, user)


@rule(
    "IMG-09",
    "prefer-ports-of-images",
    summary="The ports that a pod declares are those that its image exposes.",
    why="a port that the image does not expose is usually a typo, and nothing answers on it",
    fix="correct containerPort, or EXPOSE in the Dockerfile",
    scope=Scope.STACK,
    levels=ADVICE,
    severity=Severity.LOW,
    standards=(),
    example=Example(target=_TARGET, path="config.ExposedPorts", value={"9999/tcp": {}}),
    at_once=True,
)
def prefer_image_ports(stack: Stack) -> Iterator[tuple[Object, Remark]]:
    """Ask that each declared port is exposed, by an image that exposes any."""

    def ports(container: Container, config: Object) -> Iterator[Remark]:
        exposed = {key for key, _ in config.root["config"]["ExposedPorts"].fields()}
        for item in container["ports"].elements() if exposed else ():
            port = item["containerPort"]
            protocol = (item["protocol"].text() or "TCP").lower()
            if port.present and f"{port.integer()}/{protocol}" not in exposed:
                yield port.remark(f"is not exposed by the image, which has {', '.join(sorted(exposed))}")

    yield from _beside(stack, ports)


@rule(
    "IMG-10",
    "disallow-shell-form-entrypoints",
    summary="No container's first process is a shell that was put there by a Dockerfile's shell form.",
    why="the shell does not pass SIGTERM on: the program is killed in the middle of its work, after the full grace period",
    fix='write ENTRYPOINT or CMD as a list: ENTRYPOINT ["/app/server"]',
    scope=Scope.STACK,
    levels=DEV_ADVISORY,
    severity=Severity.MEDIUM,
    standards=(),
    example=Example(target=_TARGET, path="config.Entrypoint", value=["/bin/sh", "-c", "/app/server --port 8080"]),
    at_once=True,
)
def disallow_shell_form(stack: Stack) -> Iterator[tuple[Object, Remark]]:
    """Ask for another first process, where the pod sets no command of its own; ``exec`` in the shell is well."""

    def entrypoint(container: Container, config: Object) -> Iterator[Remark]:
        if container["command"].elements():
            return
        own = config.root["config"]
        given = own["Entrypoint"].elements() or (own["Cmd"].elements() if not container["args"].elements() else ())
        words = [item.text() or "" for item in given]
        shell = len(words) > 2 and words[0].rpartition("/")[2] in _SHELLS and words[1] == "-c"
        if shell and not words[2].lstrip().startswith("exec "):
            yield container["image"].remark("must not start in the shell form of ENTRYPOINT or CMD", hide=True)

    yield from _beside(stack, entrypoint)


@rule(
    "IMG-11",
    "disallow-secrets-in-images",
    summary="No variable, label or step in an image's history holds a secret.",
    why="whoever can pull the image reads its configuration; removing the file in a later layer does not help",
    fix="pass it to the build as a secret, to the container as a mounted file, and replace the secret: it is known",
    scope=Scope.STACK,
    levels=ALWAYS,
    severity=Severity.CRITICAL,
    standards=("CIS Docker 4.10",),
    example=Example(target=_TARGET, path="config.Env", value=["PATH=/usr/bin", "DATABASE_PASSWORD=correct horse"]),
    at_once=True,
)
def disallow_image_secrets(stack: Stack) -> Iterator[tuple[Object, Remark]]:
    """Ask that nothing looks like a secret, by its own form or by its name."""

    def secrets(container: Container, config: Object) -> Iterator[Remark]:
        for place in _secret_places(config):
            yield container["image"].remark(f"has a secret in {place} (the value is not shown)", hide=True)

    yield from _beside(stack, secrets)


def _secret_places(config: Object) -> Iterator[str]:
    own = config.root["config"]
    for item in own["Env"].elements():
        name, _, value = (item.text() or "").partition("=")
        if looks_secret(name, value):
            yield f"its variable {name}"
    for key, node in own["Labels"].fields():
        if looks_secret(key, node.text() or ""):
            yield f"its label {key}"
    for step, item in enumerate(config.root["history"].elements(), start=1):
        text = item["created_by"].text() or ""
        pairs = [word.strip("\"'").partition("=") for word in text.split()]
        named = (looks_secret(name, value.strip("\"'")) for name, equals, value in pairs if equals)
        if looks_secret("", text) or any(named):
            yield f"step {step} of its history"


@rule(
    "IMG-12",
    "limit-image-size",
    summary="An image is not larger than its budget.",
    why="a node that starts the pod waits for all of it, and everything in it is there to be attacked",
    fix="copy only what runs into the last stage, or raise maximumMebibytes",
    scope=Scope.STACK,
    levels=ADVICE,
    severity=Severity.LOW,
    standards=("NSA container images",),
    settings={"maximumMebibytes": {"type": "integer", "minimum": 1, "default": 500}},
    example=Example(target=_TARGET, path="size", value=2 * 1024**3),
    at_once=True,
)
def limit_size(stack: Stack, settings: Mapping[str, Any]) -> Iterator[tuple[Object, Remark]]:
    """Ask that the layers, compressed as they are pulled, stay within the budget."""

    def size(container: Container, config: Object) -> Iterator[Remark]:
        mebibytes = (config.root["size"].number() or 0) / 1024**2
        if mebibytes > settings["maximumMebibytes"]:
            yield container["image"].remark(
                f"has {mebibytes:.0f} MiB, its budget is {settings['maximumMebibytes']:g} MiB", hide=True
            )

    yield from _beside(stack, size)
