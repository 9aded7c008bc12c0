"""Secrets where they do not belong. No remark here ever shows the value that it is about."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ..examples import CONTAINER, Example
from ..judge import each
from ..registry import ADVICE, ALWAYS, DEV_ADVISORY, Scope, Severity, rule
from ..secret_files import holds_secret
from ..secret_names import looks_secret
from ..secret_values import is_blank

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..objects import Container, Object
    from ..tree import Node, Remark

_OPTION: Final = re.compile(r"--?([A-Za-z0-9_.\-]+)=(.+)", re.DOTALL)
_IN_COMMAND: Final = re.compile(
    r"(?:^|[\s;&|(\"'])(?:--?(?P<option>[A-Za-z][\w.\-]*)[ =]|(?P<variable>[A-Za-z_]\w*)=)"
    r"(?P<value>\$\([^)]*\)|`[^`]*`|\"[^\"]*\"|'[^']*'|[^\s\"';&|)]+)"
)
"""Options and variables inside a command line that a shell gets as one argument."""
_SHOWN_HEADERS: Final = frozenset({"authorization", "proxy-authorization", "x-api-key", "x-auth-token"})


def _hidden(node: Node) -> Remark:
    return node.remark("must not hold a secret (the value is not shown)", hide=True)


@rule(
    "SEC-01",
    "disallow-literal-secrets-in-variables",
    summary="No environment variable holds a secret in plain text.",
    why="whoever may read the workload reads the secret, and so do its history, its backups and every diff",
    fix="put the value into a Secret and mount it as a file, or refer to it with valueFrom.secretKeyRef",
    scope=Scope.CONTAINER,
    levels=ALWAYS,
    severity=Severity.HIGH,
    standards=("CIS 5.4.1", "NSA authentication and authorization"),
    example=Example(
        path=f"{CONTAINER}.env[0]",
        value={"name": "DATABASE_PASSWORD", "value": "correct horse"},
        unknown=f"{CONTAINER}.env[0].value",
    ),
)
def disallow_secret_variables(container: Container) -> Iterator[Remark]:
    """Ask that no literal value looks like a secret, by its own form or by the variable's name."""

    def variable(item: Node) -> Iterator[Remark]:
        name, value = item["name"].text() or "", item["value"].scalar()
        if value is not None and looks_secret(name, str(value)):
            yield _hidden(item["value"])

    yield from each(container["env"].elements(), variable)


@rule(
    "SEC-01A",
    "disallow-secrets-in-arguments",
    summary="No command or argument, of a probe or hook either, holds a secret.",
    why="arguments are shown by every list of processes, on the node as well",
    fix="let the program read the secret from a mounted file",
    scope=Scope.CONTAINER,
    levels=ALWAYS,
    severity=Severity.HIGH,
    standards=("CIS 5.4.1",),
    example=Example(path=f"{CONTAINER}.args", value=["--password=correct horse"]),
)
def disallow_secret_arguments(container: Container) -> Iterator[Remark]:
    """Ask that no argument looks like a secret, nor follows an option that is named as one; of probes and hooks as well."""
    probes = [container[name] for name in ("startupProbe", "livenessProbe", "readinessProbe")]
    hooks = [container["lifecycle"][name] for name in ("postStart", "preStop")]
    for line in (container["command"], container["args"], *(item["exec"]["command"] for item in (*probes, *hooks))):
        yield from _arguments(line)
    for item in (*probes, *hooks):
        for header in item["httpGet"]["httpHeaders"].elements():
            name, value = header["name"].text() or "", header["value"].text() or ""
            if looks_secret("", value) or (name.lower() in _SHOWN_HEADERS and not is_blank(value)):
                yield _hidden(header["value"])


def _arguments(line: Node) -> Iterator[Remark]:
    option = ""
    for item in line.elements():
        value = str(item.scalar() or "")
        given = _OPTION.fullmatch(value)
        name, secret = (given[1], given[2]) if given else (option, value)
        if looks_secret(name, secret) or (" " in value and _command_holds_secret(value)):
            yield _hidden(item)
        option = value.lstrip("-") if value.startswith("-") and "=" not in value else ""


def _command_holds_secret(text: str) -> bool:
    found = _IN_COMMAND.finditer(text)
    return any(looks_secret(item["option"] or item["variable"], item["value"].strip("\"'")) for item in found)


@rule(
    "SEC-01M",
    "disallow-secrets-in-annotations",
    summary="No annotation holds a secret.",
    why="annotations are shown in every listing and kept in every history",
    fix="remove the annotation; for last-applied-configuration of a Secret, use server-side apply",
    scope=Scope.OBJECT,
    levels=ALWAYS,
    severity=Severity.HIGH,
    standards=(),
    example=Example(path="metadata.annotations.note", value="postgres://shop:correct-horse@db/shop"),
)
def disallow_secret_annotations(about: Object) -> Iterator[Remark]:
    """Ask that no annotation, of the object or of its pods, has the form of a credential or copies a Secret."""

    def annotated(item: tuple[str, Node]) -> Iterator[Remark]:
        key, node = item
        value = str(node.scalar() or "")
        copied = about.kind == "Secret" and key == "kubectl.kubernetes.io/last-applied-configuration"
        if copied or looks_secret("", value):
            yield _hidden(node)

    yield from each(about.root["metadata"]["annotations"].fields(), annotated)
    if about.pod is not None and about.pod.metadata.path != "metadata":
        yield from each(about.pod.metadata["annotations"].fields(), annotated)


@rule(
    "SEC-02",
    "disallow-secrets-in-config-maps",
    summary="No ConfigMap holds a secret.",
    why="ConfigMaps are readable by many more than Secrets, and are not encrypted at rest",
    fix="move the value into a Secret",
    scope=Scope.OBJECT,
    kinds=frozenset({"ConfigMap"}),
    levels=ALWAYS,
    severity=Severity.HIGH,
    standards=(),
    example=Example(target="ConfigMap/web", path="data.API_TOKEN", value="correct horse"),
)
def disallow_secret_config(config: Object) -> Iterator[Remark]:
    """Ask that no value looks like a secret, by its own form or by its key, nor any line of a file."""

    def entry(item: tuple[str, Node]) -> Iterator[Remark]:
        key, node = item
        value = str(node.scalar() or "")
        if looks_secret(key, value) or holds_secret(key, value):
            yield _hidden(node)

    yield from each(config.root["data"].fields(), entry)


@rule(
    "SEC-03",
    "prefer-secret-files",
    summary="Secrets are mounted as files rather than passed as variables.",
    why="variables are inherited by every child process and end up in crash reports",
    fix="mount the Secret as a volume and let the program read the file",
    scope=Scope.CONTAINER,
    levels=ADVICE,
    severity=Severity.LOW,
    standards=("CIS 5.4.1",),
    example=Example(
        path=f"{CONTAINER}.env[0]",
        value={"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "web-database", "key": "password"}}},
        unknown=f"{CONTAINER}.env[0].valueFrom",
    ),
)
def prefer_files(container: Container) -> Iterator[Remark]:
    """Ask that neither env nor envFrom refers to a Secret."""

    def variable(item: Node) -> Iterator[Remark]:
        node = item["valueFrom"]["secretKeyRef"]
        if node.present:
            yield node.remark("should be a mounted file", hide=True)

    def source(item: Node) -> Iterator[Remark]:
        if item["secretRef"].present:
            yield item["secretRef"].remark("should be a mounted file", hide=True)

    yield from each(container["env"].elements(), variable)
    yield from each(container["envFrom"].elements(), source)


@rule(
    "SEC-05",
    "disallow-token-secrets",
    summary="No Secret asks for a token of a service account that never expires.",
    why="such a token is valid until the Secret is deleted, wherever it has been copied",
    fix="use the TokenRequest API or a projected token, which expire",
    scope=Scope.OBJECT,
    kinds=frozenset({"Secret"}),
    levels=DEV_ADVISORY,
    severity=Severity.MEDIUM,
    standards=("CIS 5.1.6",),
    example=Example(target="Secret/web-database", path="type", value="kubernetes.io/service-account-token"),
)
def disallow_token_secrets(secret: Object) -> Iterator[Remark]:
    """Ask for another type."""
    node = secret.root["type"]
    if node.text() == "kubernetes.io/service-account-token":
        yield node.remark("must not be a token of a service account")
