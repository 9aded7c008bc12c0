"""Secrets where they do not belong. No remark here ever shows the value that it is about."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from policy.examples import CONTAINER, Example
from policy.judge import each
from policy.registry import ADVICE, ALWAYS, DEV_ADVISORY, Scope, Severity, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policy.objects import Container, Object
    from policy.tree import Node, Remark

_SECRET_NAME: Final = re.compile(
    r"(?:^|[_.\-])(?:pass(?:word|wd|phrase)?|pwd|secrets?|token|api[_\-]?key|access[_\-]?key|secret[_\-]?key|"
    r"private[_\-]?key|credentials?|auth)$",
    re.IGNORECASE,
)
_SECRET_VALUES: Final = (
    re.compile(r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY-----"),
    re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    re.compile(r"\bgh[pousr]_[A-Za-z0-9]{36,}"),
    re.compile(r"\bglpat-[A-Za-z0-9_\-]{20,}"),
    re.compile(r"\bxox[abprs]-[A-Za-z0-9\-]{10,}"),
    re.compile(r"\bpul-[0-9a-f]{40}\b"),
    re.compile(r"\bsk_live_[A-Za-z0-9]{16,}"),
    re.compile(r"\beyJ[A-Za-z0-9_\-]{8,}\.eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}"),
    re.compile(r"\b[a-z][a-z0-9+.\-]{1,20}://[^/\s:@$]{1,64}:(?!\$[({])[^/\s:@]{3,128}@[^\s/]"),
)
_NO_SECRETS: Final = re.compile(
    r"(?:|true|false|none|null|yes|no|\d{1,4}|/[\w./\-]*|\$\(\w+\)|\$\{\w+\})", re.IGNORECASE
)
"""Values that are none, whatever the name says: empty, switches, small numbers, paths, references."""
_LONGEST: Final = 100_000
"""Characters of a value that are searched; private keys and tokens stand at its start or not at all."""
_FIRST_ARGUMENT: Final = re.compile(r"--?([A-Za-z0-9_.\-]+)=(.+)", re.DOTALL)


def looks_secret(name: str, value: str) -> bool:
    """Tell whether a value is one of the known forms of credentials, or is named as one and is no mere switch."""
    if any(pattern.search(value[:_LONGEST]) for pattern in _SECRET_VALUES):
        return True
    return bool(_SECRET_NAME.search(name)) and not _NO_SECRETS.fullmatch(value[:_LONGEST])


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
    summary="No command or argument holds a secret.",
    why="arguments are shown by every list of processes, on the node as well",
    fix="let the program read the secret from a mounted file",
    scope=Scope.CONTAINER,
    levels=ALWAYS,
    severity=Severity.HIGH,
    standards=("CIS 5.4.1",),
    example=Example(path=f"{CONTAINER}.args", value=["--password=correct horse"]),
)
def disallow_secret_arguments(container: Container) -> Iterator[Remark]:
    """Ask that no argument looks like a secret, nor follows an option that is named as one."""
    for key in ("command", "args"):
        option = ""
        for item in container[key].elements():
            value = str(item.scalar() or "")
            given = _FIRST_ARGUMENT.fullmatch(value)
            name, secret = (given[1], given[2]) if given else (option, value)
            if looks_secret(name, secret):
                yield _hidden(item)
            option = value.lstrip("-") if value.startswith("-") and "=" not in value else ""


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
    """Ask that no value looks like a secret, by its own form or by its key."""

    def entry(item: tuple[str, Node]) -> Iterator[Remark]:
        key, node = item
        if looks_secret(key, str(node.scalar() or "")):
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
