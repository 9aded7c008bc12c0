"""Mistakes in a stack's settings, in secrets, and in the settings of backend and worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from harbour.settings import SettingsError
from hypothesis import assume
from hypothesis import strategies as st

from moorage.base.errors import Problem
from moorage.config.sources import known_stacks
from tests.properties.configuration import BACKEND as BACKEND_PROGRAM
from tests.properties.configuration import WORKER as WORKER_PROGRAM
from tests.properties.configuration import choices, provide, required
from tests.properties.mistakes import environment, refused, texts, words
from tests.properties.mistakes_in_services import SERVICE, STACK
from tests.unit.config_samples import Monorepo

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hypothesis.strategies import DataObject

WRONG_SETTINGS = (
    *("moorage:protekt: true", "moorage:namespace: default", "moorage:namespace: kube-x", "moorage:namespace: A_b"),
    *("protect: true", "morage:protect: true", "moorage:protect: maybe", "moorage:buildParallelism: 0"),
    *(
        "moorage:registry: {address: https://ghcr.io/acme}",
        "moorage:registry: {address: ghcr.io/acme}",
        "moorage:builder: x",
    ),
    *(
        "moorage:cluster: {}",
        "moorage:cluster: {context: ''}",
        "moorage:platforms: [linux/386]",
        "moorage:cache: {branch: ''}",
    ),
    *("moorage:postgres: {maxConnections: 9}", "moorage:redis: {maxmemoryPercent: 91}", "moorage:redis: {storage: 1m}"),
    *("moorage:embedded: {resourceFactor: 0}", "moorage:embedded: {resourceFactor: 1.5}", "moorage:embedded: 1"),
    *(
        "moorage:buildSecrets: {ca: nowhere/ca.crt}",
        "moorage:protect: {secure: v1:abc}",
        "moorage:unheardOf: {secure: v1:a}",
    ),
)
WRONG_VARIABLES = (
    *("REDIS_PORT=0", "REDIS_PORT=65536", "REDIS_PORT=redis", "REDIS_PORT=6379 ", "REDIS_PORT=²", "LOG_LEVEL=loud"),
    *(
        "REDIS_PASSWORD_FILE=/nowhere/password",
        "REDIS_PASSWORD_FILE=/",
        "ENVIRONMENT=staging",
        "ENV_FILE=/nowhere/.env",
    ),
)
WRONG_HOSTS = ("http://a.example", "a.example:80", "a.example/", "A b", "", "-a", "a_b")
WRONG_OVERRIDES = (
    *(
        "bakend: {replicas: 1}",
        "backend: {replicas: -1}",
        "backend: {replicas: 1, scaling: {minReplicas: 1, maxReplicas: 2}}",
    ),
    *("backend: {run: no}", "backend: {run: false}", "backend: {env: {A: 1}}", "backend: {env: {REDIS_HOST: x}}"),
    *(
        "backend: {scaling: {minReplicas: 3, maxReplicas: 2}}",
        "backend: {scaling: {cpu: null, memory: null}}",
        "backend: 1",
    ),
)


def unknown_stack(data: DataObject, folder: Path) -> Sequence[Problem]:
    """The name of a stack that has no settings."""
    monorepo = Monorepo(folder)
    name = data.draw(st.sampled_from(["dve", "prod", "../dev", "", ".", "dev.yaml", "x" * 300]) | texts())
    assume(name not in known_stacks(folder))
    return refused(lambda: monorepo.load(name))


def wrong_setting(data: DataObject, folder: Path) -> Sequence[Problem]:
    """One line of a stack's settings that cannot be."""
    monorepo = Monorepo(folder)
    monorepo.add(STACK, f"  {data.draw(st.sampled_from(WRONG_SETTINGS))}\n")
    return refused(monorepo.load)


def wrong_host(data: DataObject, folder: Path) -> Sequence[Problem]:
    """A host name that is none, or certificates from two places."""
    monorepo = Monorepo(folder)
    host = data.draw(st.sampled_from(WRONG_HOSTS))
    tls = data.draw(st.sampled_from(["", "\n    tls: {selfSigned: true, secretName: x}", "\n    tls: {}"]))
    monorepo.change(STACK, "host: harbour.localhost", f"host: {host!r}{tls}")
    return refused(monorepo.load)


def wrong_override(data: DataObject, folder: Path) -> Sequence[Problem]:
    """A change of a service that cannot be made."""
    monorepo = Monorepo(folder)
    start = (folder / STACK).read_text().partition("  moorage:services:")[0]
    monorepo.write(STACK, f"{start}  moorage:services:\n    {data.draw(st.sampled_from(WRONG_OVERRIDES))}\n")
    return refused(monorepo.load)


def secret_trouble(data: DataObject, folder: Path) -> Sequence[Problem]:
    """A secret that is not set, is in plain text, or is not listed by any service."""
    monorepo, key = Monorepo(folder), data.draw(words(3))
    assume(not any(key in line for line in (folder / STACK).read_text().splitlines()))
    kind = data.draw(st.sampled_from(["absent", "plain", "unlisted"]))
    if kind != "unlisted":
        monorepo.add(SERVICE, f"secrets: {{SIGNING_KEY: {key}}}\n")
    if kind != "absent":
        monorepo.add(STACK, f"  moorage:{key}: {'hunter2' if kind == 'plain' else '{secure: v1:abc}'}\n")
    problems = refused(monorepo.load)
    assert "hunter2" not in "".join(map(str, problems))
    return problems


def damaged_endpoint(data: DataObject, folder: Path) -> Sequence[Problem]:
    """What the embedded platform wrote of itself, and something else spoiled."""
    monorepo = Monorepo(folder)
    wrong = st.sampled_from(
        ["", "{", "[]", '{"httpPort": "8080"}', '{"kubeconfig": 1}', '{"registry": null}', "null", "\0"]
    )
    monorepo.write(".moorage/platform/endpoint.json", data.draw(wrong))
    return refused(monorepo.load)


def wrong_cluster(data: DataObject, folder: Path) -> Sequence[Problem]:
    """A kubeconfig that is missing or damaged, or that lacks the context."""
    monorepo, context = Monorepo(folder), data.draw(words())
    named = data.draw(st.sampled_from(["cluster", "KUBECONFIG", "home"]))
    cluster = f"{{context: '{context}'{', kubeconfig: kube.yaml' if named == 'cluster' else ''}}}"
    monorepo.add(
        STACK, f"  moorage:cluster: {cluster}\n  moorage:registry: {{address: ghcr.io/acme}}\n  moorage:builder: mine\n"
    )
    others = data.draw(st.lists(words().filter(lambda name: name != context), max_size=3))
    good = "contexts:\n" + "".join(f"- name: '{name}'\n" for name in others) if others else "contexts: []\n"
    text = data.draw(
        st.none() | st.just(good) | st.sampled_from(["", "{", "contexts: {}", "- a", "a: [", "contexts: [1]"])
    )
    if text is not None:
        monorepo.write(".kube/config" if named == "home" else "kube.yaml", text)
    with environment(folder) as patch:
        if named == "KUBECONFIG":
            patch.setenv("KUBECONFIG", str(folder / "kube.yaml"))
        return refused(monorepo.load)


def wrong_variables(data: DataObject, folder: Path) -> Sequence[Problem]:
    """What backend or worker lack in production, or were given wrongly."""
    name, choice = data.draw(st.sampled_from(["backend", "worker"])), data.draw(choices())
    program = {"backend": BACKEND_PROGRAM, "worker": WORKER_PROGRAM}[name]
    lacking = data.draw(st.sampled_from(required(program, {})))
    wrong = data.draw(st.sampled_from(["", *WRONG_VARIABLES]))
    if not wrong:
        choice.pop(lacking, None)
    variable, _, value = (wrong or "ENVIRONMENT=production").partition("=")
    environ = provide(choice, folder) | {variable: value}
    with pytest.raises(SettingsError) as caught:
        program.load(environ, folder)
    why, shown = str(caught.value).splitlines()[0], str(caught.value)
    problems = caught.value.problems
    assert all(f"{problem.variable} {problem.what}. {problem.remedy}." in shown for problem in problems)
    return [Problem(what=each.what, where=each.variable, why=why, remedy=each.remedy) for each in problems]


SETTINGS = (unknown_stack, wrong_setting, wrong_host, wrong_override, secret_trouble, damaged_endpoint, wrong_cluster)
PROGRAMS = (wrong_variables,)
