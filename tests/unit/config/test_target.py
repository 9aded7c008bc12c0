"""Where a stack goes: a platform of one's own, the embedded one as it runs, or as it will run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from tests.unit.config_samples import Monorepo

STACK = "Pulumi.dev.yaml"
ENDPOINT = ".moorage/platform/endpoint.json"
OWN = """\
  moorage:cluster: {context: quay}
  moorage:registry: {address: ghcr.io/acme}
  moorage:builder: mine
"""


def kubeconfig(*contexts: str) -> str:
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "contexts": [{"name": name, "context": {"cluster": "c", "user": "u"}} for name in contexts],
            "users": [{"name": "u", "user": {"token": "hunter2"}}],
        }
    )


def endpoint(**changes: Any) -> str:
    return json.dumps({
        "kubeconfig": "/srv/kubeconfig",
        "context": "moorage",
        "registry": "127.0.0.1:5001",
        "builder": "moorage",
        "dockerConfig": "/srv/docker",
        "httpPort": 9080,
        "httpsPort": 9443,
        "controllerNamespace": "ingress",
        "ca": "/etc/ca.crt",
        **changes,
    }, indent=2)  # fmt: skip


def test_without_settings_the_stack_goes_to_the_embedded_platform_running_or_not(monorepo: Monorepo) -> None:
    target = monorepo.load().target
    assert target.embedded
    assert target.kubeconfig == str(monorepo.root / ".moorage/platform/kubeconfig")
    assert target.docker_config == str(monorepo.root / ".moorage/docker")
    assert (target.context, target.registry, target.builder) == ("moorage", "127.0.0.1:5000", "moorage")
    assert (target.url_port, target.controller_namespace) == (8080, "ingress")


def test_the_running_platform_says_where_it_is(monorepo: Monorepo) -> None:
    monorepo.write(ENDPOINT, endpoint(somethingNew=1))
    target = monorepo.load().target
    assert (target.kubeconfig, target.docker_config, target.ca) == ("/srv/kubeconfig", "/srv/docker", "/etc/ca.crt")
    assert (target.registry, target.http_port, target.https_port, target.url_port) == (
        "127.0.0.1:5001",
        9080,
        9443,
        9080,
    )


def test_a_usual_port_is_not_spelt_out(monorepo: Monorepo) -> None:
    monorepo.write(ENDPOINT, endpoint(httpPort=80))
    project = monorepo.load()
    assert (project.target.url_port, project.url) == (None, "http://harbour.localhost/")


def test_the_controllers_namespace_is_the_platforms_unless_the_stack_names_one(monorepo: Monorepo) -> None:
    monorepo.change(
        STACK, "    host: harbour.localhost\n", "    host: harbour.localhost\n    controllerNamespace: edge\n"
    )
    assert monorepo.load().target.controller_namespace == "edge"


@pytest.mark.parametrize(
    ("text", "line"), [('{"kubeconfig": "x"', 1), (endpoint(httpPort="9080"), 7), (endpoint(builder=None), 5)]
)
def test_a_broken_account_of_the_platform_is_named_with_the_way_to_renew_it(
    monorepo: Monorepo, text: str, line: int
) -> None:
    monorepo.write(ENDPOINT, text)
    problem = monorepo.problem()
    assert monorepo.place(problem).startswith(f"{ENDPOINT}:{line}:")
    assert "moorage platform start" in str(problem.remedy)


def test_a_platform_of_ones_own_is_used_as_it_is(monorepo: Monorepo, monkeypatch: pytest.MonkeyPatch) -> None:
    monorepo.write("home/kubeconfig", kubeconfig("other", "quay"))
    monkeypatch.setenv("KUBECONFIG", str(monorepo.root / "home/kubeconfig"))
    monorepo.write(ENDPOINT, endpoint())
    monorepo.add(STACK, OWN + "  moorage:embedded: {resourceFactor: 0.1}\n")
    project = monorepo.load()
    target = project.target
    assert not target.embedded
    assert (target.kubeconfig, target.context) == (str(monorepo.root / "home/kubeconfig"), "quay")
    assert (target.registry, target.builder, target.docker_config) == ("ghcr.io/acme", "mine", None)
    assert (target.url_port, target.controller_namespace) == (None, "ingress-nginx")
    assert project.url == "http://harbour.localhost/"
    assert project.services["backend"].resources.requests.cpu == "500m"


def test_of_several_kubeconfigs_the_first_with_the_context_is_used(
    monorepo: Monorepo, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, contexts in (("a", ["other"]), ("b", ["quay"]), ("c", ["quay"])):
        monorepo.write(name, kubeconfig(*contexts))
    monkeypatch.setenv("KUBECONFIG", ":".join(str(monorepo.root / name) for name in ("missing", "a", "b", "c")))
    monorepo.add(STACK, OWN)
    assert monorepo.load().target.kubeconfig == str(monorepo.root / "b")


def test_without_kubeconfig_variable_the_one_at_home_is_used(
    monorepo: Monorepo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("HOME", str(monorepo.root))
    monorepo.write(".kube/config", kubeconfig("quay"))
    monorepo.add(STACK, OWN)
    assert monorepo.load().target.kubeconfig == str(monorepo.root / ".kube/config")


def test_an_unknown_context_is_met_with_the_known_ones(monorepo: Monorepo) -> None:
    monorepo.write("kube", kubeconfig("quai", "far-away"))
    monorepo.add(STACK, OWN.replace("{context: quay}", "{context: quay, kubeconfig: kube}"))
    problem = monorepo.problem()
    assert problem.what == f"the context quay is not in {monorepo.root / 'kube'}"
    assert (problem.why, problem.remedy) == ("contexts there: quai and far-away", "did you mean quai?")
    assert monorepo.place(problem) == f"{STACK}:10:30"


def test_a_missing_kubeconfig_is_named(monorepo: Monorepo) -> None:
    monorepo.add(STACK, OWN.replace("{context: quay}", "{context: quay, kubeconfig: kube}"))
    problem = monorepo.problem()
    assert problem.what == f"the kubeconfig {monorepo.root / 'kube'} does not exist"
    assert monorepo.place(problem) == f"{STACK}:10:48"


def test_a_broken_kubeconfig_is_named_without_showing_its_tokens(monorepo: Monorepo) -> None:
    monorepo.write("kube", "token: hunter2: x\n")
    monorepo.add(STACK, OWN.replace("{context: quay}", "{context: quay, kubeconfig: kube}"))
    problem = monorepo.problem()
    assert monorepo.place(problem) == "kube:1:15"
    assert "hunter2" not in str(problem)
