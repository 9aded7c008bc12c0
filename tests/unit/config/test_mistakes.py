"""Mistakes between files, one at a time: what is said, where, and the remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.config_samples import Monorepo

BACKEND, WORKER, STACK = "apps/backend/service.yaml", "apps/worker/service.yaml", "Pulumi.dev.yaml"


@pytest.mark.parametrize(
    ("path", "old", "new", "what", "place", "remedy"),
    [
        (
            BACKEND,
            "[postgres, redis]",
            "[postgers]",
            "backend needs postgers, which does not exist",
            "20:9",
            "did you mean postgres?",
        ),
        (
            BACKEND,
            "[postgres, redis]",
            "[worker]",
            "backend needs the worker worker",
            "20:9",
            "remove it from needs, or give the worker a port and kind: web",
        ),
        (
            BACKEND,
            "name: backend",
            "name: back",
            "the service in apps/backend is called back",
            "1:7",
            "write name: backend, or rename the folder",
        ),
        (BACKEND, "[python]", "[pyhton]", "images/pyhton does not exist", "4:11", "did you mean python?"),
        (BACKEND, "[harbour]", "[harbor]", "libs/harbor does not exist", "5:10", "did you mean harbour?"),
        (
            BACKEND,
            "bases: [python]",
            "dockerfile: Dockerfil",
            "the Dockerfile Dockerfil does not exist",
            "4:15",
            "create apps/backend/Dockerfil, or correct build.dockerfile",
        ),
        (
            BACKEND,
            "env:",
            "secrets: {KEY: signingKey}\nenv:",
            "the stack dev has no secret moorage:signingKey",
            "21:16",
            "run pulumi config set --secret moorage:signingKey --stack dev",
        ),
        (
            WORKER,
            "kind: worker",
            "kind: web\nport: 8001\nroute: {path: /api/}",
            "worker and backend have the same route, harbour.localhost/api/",
            "4:15",
            "give worker or backend another path or host",
        ),
        (
            STACK,
            "    backend:\n",
            "    bakend: {replicas: 1}\n    backend:\n",
            "unknown service bakend in moorage:services",
            "7:5",
            "did you mean backend?",
        ),
        (
            STACK,
            "replicas: 2",
            "replica: 2",
            "unknown key moorage:services.backend.replica",
            "8:7",
            "did you mean replicas?",
        ),
        (
            STACK,
            "replicas: 2",
            "run: false",
            "worker needs backend, which does not run in this stack",
            None,
            "remove run: false of backend, or set it for worker too",
        ),
        (
            STACK,
            "replicas: 2",
            "replicas: 2\n      scaling: {minReplicas: 1, maxReplicas: 2}",
            "moorage:services.backend: both replicas and scaling are set",
            "8:17",
            "keep one of them; pods at rest are scaling.minReplicas",
        ),
        (
            STACK,
            "env: {LOG_LEVEL: DEBUG}",
            "env: {REDIS_HOST: x}",
            "env.REDIS_HOST is set in the file",
            "9:25",
            "remove it, or give it another name",
        ),
        (
            STACK,
            "moorage:ingress:",
            "ingress:",
            "unknown key ingress",
            "4:3",
            "write moorage:ingress",
        ),
        (
            STACK,
            "  aws:region: eu-north-1",
            "  moorage:ingres: x",
            "unknown key moorage:ingres",
            "3:3",
            "did you mean moorage:ingress?",
        ),
        (
            STACK,
            "encryptionsalt: v1:abc",
            "moorage:protect: true",
            "moorage:protect is beside config",
            "1:1",
            "indent it",
        ),
        (
            STACK,
            "encryptionsalt: v1:abc",
            "encryptionsaltt: x",
            "unknown key encryptionsaltt",
            "1:1",
            "did you mean encryptionsalt?",
        ),
        (
            STACK,
            "  aws:region: eu-north-1",
            "  moorage:namespace: kube-system",
            "the namespace kube-system belongs to the cluster",
            "3:22",
            "choose another, or leave it out for <application>-<stack>",
        ),
        (
            STACK,
            "  aws:region: eu-north-1",
            "  moorage:other: {secure: v1:x}",
            "no service uses the secret moorage:other",
            "3:3",
            "list it in a service.yaml's secrets, or run pulumi config rm moorage:other --stack dev",
        ),
        (
            STACK,
            "  aws:region: eu-north-1",
            "  moorage:protect: {secure: v1:x}",
            "moorage:protect is a secret",
            "3:3",
            "set it without --secret",
        ),
        (
            STACK,
            "  aws:region: eu-north-1",
            "  moorage:buildSecrets: {ca: ca.crt}",
            "the build secret ca is not a file: ca.crt",
            "3:30",
            "create the file, or correct the path",
        ),
        (
            STACK,
            "  aws:region: eu-north-1",
            "  moorage:registry: {address: https://ghcr.io}\n  moorage:builder: b\n  moorage:cluster: {context: c}",
            "moorage:registry.address: 'https://ghcr.io' is not allowed here",
            "3:31",
            "write for example ghcr.io/acme",
        ),
        (
            STACK,
            "  aws:region: eu-north-1",
            "  moorage:builder: mine",
            "builder is set without cluster and registry",
            "3:20",
            "add cluster and registry, or remove the other for the embedded platform",
        ),
        (
            STACK,
            "    host: harbour.localhost",
            "    host: harbour.localhost\n    tls: {selfSigned: true, secretName: x}",
            "moorage:ingress.tls: tls has secretName and selfSigned",
            "6:23",
            "keep one of them",
        ),
        (
            "images/debian/image.yaml",
            "{}",
            "{bases: [python]}",
            "images/debian depends on itself: images/debian -> images/python -> images/debian",
            "1:17",
            "remove one of these bases",
        ),
    ],
)
def test_one_mistake_is_one_clear_error(  # noqa: PLR0917
    monorepo: Monorepo, path: str, old: str, new: str, what: str, place: str | None, remedy: str
) -> None:
    monorepo.change(path, old, new)
    problems = monorepo.problems()
    problem = next(
        problem for problem in problems if problem.what.removeprefix("moorage:") == what.removeprefix("moorage:")
    )
    assert problem.remedy == remedy
    assert problem.why
    if place is not None:
        assert monorepo.place(problem) == f"{path}:{place}"


@pytest.mark.parametrize(
    ("line", "what", "rule", "remedy"),
    [
        ("embedded: {resourceFactor: 0}", "embedded.resourceFactor is 0", "it is above 0", "raise it above 0"),
        (
            "embedded: {resourceFactor: 1.5}",
            "embedded.resourceFactor is 1.5",
            "it is at most 1",
            "lower it to 1 or less",
        ),
        (
            "embedded: {resourceFactor: half}",
            'embedded.resourceFactor is "half"',
            "a number is expected",
            "write a number without quotes or unit",
        ),
        (
            'ingress: {host: a.localhost, tls: {secretName: ""}}',
            'ingress.tls.secretName is ""',
            "at least 1 character is expected",
            "write it out, or remove the key",
        ),
        (
            "services: [backend]",
            "services is a list",
            "moorage:services is a mapping of names to values",
            "write each as NAME: value, indented below it",
        ),
        (
            "platforms: {linux/amd64: true}",
            "platforms is a mapping",
            "a list is expected",
            "write its items one to a line, each after a hyphen",
        ),
        (
            "application: [harbour]",
            "application is a list",
            "text is expected",
            "write one piece of text",
        ),
        ("protect: maybe", 'protect is "maybe"', "true or false is expected", "write true or false, without quotes"),
        (
            "platforms: [linux/arm]",
            'platforms[0] is "linux/arm"',
            "allowed: linux/amd64 or linux/arm64",
            "did you mean linux/arm64?",
        ),
    ],
)
def test_a_setting_of_the_wrong_kind_is_explained(
    monorepo: Monorepo, line: str, what: str, rule: str, remedy: str
) -> None:
    monorepo.write(STACK, f"config:\n  moorage:ingress: {{host: a.localhost}}\n  moorage:{line}\n")
    if line.startswith("ingress"):
        monorepo.write(STACK, f"config:\n  moorage:{line}\n")
    problem = monorepo.problem()
    assert (problem.what, problem.why, problem.remedy) == (f"moorage:{what}", rule, remedy)
