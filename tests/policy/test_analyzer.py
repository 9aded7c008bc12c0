"""The pack as the engine calls it: levels by stack, configuration, remediation, and each resource decoded once."""

from __future__ import annotations

import copy
import subprocess
import sys
from typing import Any

import pytest
from google.protobuf import json_format, struct_pb2  # type: ignore[import-untyped]
from pulumi.runtime import proto
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE

from moorage.policy.analyzer import Analyzer
from moorage.policy.examples import compliant_stack
from moorage.policy.pack import sdk_servicer
from moorage.policy.pulumi_objects import SIGNATURE, decode
from moorage.policy.registry import RULES
from moorage.policy.session import Session
from tests.policy.harness import Manifest, pulumi_type, urn_of, web
from tests.support.stack import ROOT


class AbortError(Exception):
    pass


class Context:
    def abort(self, code: Any, details: str) -> None:
        raise AbortError(f"{code.name}: {details}")


def server(
    stack: str = "prod",
    config: dict[str, str] | None = None,
    *,
    session: Session | None = None,
    project: str = "none",
    **policy_config: Any,
) -> Analyzer:
    """Return the pack as it stands once the engine has told it of the stack and of the configuration."""
    analyzer = Analyzer(session or Session())
    analyzer.ConfigureStack(
        proto.AnalyzerStackConfigureRequest(stack=stack, project=project, config=config or {}), Context()
    )
    request = proto.ConfigureAnalyzerRequest()
    for name, entry in policy_config.items():
        fields = dict(entry)
        level = fields.pop("enforcementLevel", None)
        made = request.policyConfig[name.replace("_", "-")]
        made.enforcementLevel = proto.EnforcementLevel.Value(level.upper()) if level else proto.MANDATORY
        made.properties.update(fields)
    analyzer.Configure(request, Context())
    return analyzer


def request(manifest: Manifest) -> Any:
    properties = struct_pb2.Struct()
    json_format.ParseDict(manifest, properties)
    options = proto.AnalyzerResourceOptions(protect=True)
    return proto.AnalyzeRequest(
        type=pulumi_type(manifest), urn=urn_of(manifest), name="x", properties=properties, options=options
    )


def analyze(analyzer: Analyzer, manifest: Manifest) -> dict[str, int]:
    """Return the level of each policy that reports something, by name."""
    return {
        item.policyName: item.enforcementLevel for item in analyzer.Analyze(request(manifest), Context()).diagnostics
    }


def test_a_compliant_stack_passes_at_every_stage() -> None:
    for stack in ("dev", "prod"):
        analyzer = server(stack)
        assert [analyze(analyzer, manifest) for manifest in compliant_stack()] == [{} for _ in compliant_stack()]


def test_the_stacks_name_decides_the_levels_and_its_config_overrides_it() -> None:
    manifest = web(c__livenessProbe=None)
    assert analyze(server("prod"), manifest) == {"require-liveness-probes": proto.MANDATORY}
    assert analyze(server("staging"), manifest) == {"require-liveness-probes": proto.MANDATORY}
    assert analyze(server("dev"), manifest) == {"require-liveness-probes": proto.ADVISORY}
    assert analyze(server("dev-7"), manifest) == {"require-liveness-probes": proto.ADVISORY}
    assert analyze(server("prod", {"policy:stage": "dev"}), manifest) == {"require-liveness-probes": proto.ADVISORY}
    assert analyze(server("dev", {"policy:stage": "prod"}), manifest) == {"require-liveness-probes": proto.MANDATORY}


def test_a_stage_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(AbortError, match="policy:stage must be dev or prod, is 'production'"):
        server("prod", {"policy:stage": "production"})


def test_the_engine_is_told_levels_severities_standards_and_fixes() -> None:
    info = server("dev").GetAnalyzerInfo(None, Context())
    found = {item.name: item for item in info.policies}
    assert set(found) == set(RULES)
    privileged = found["disallow-privileged-containers"]
    assert privileged.enforcementLevel == proto.MANDATORY
    assert privileged.severity == proto.POLICY_SEVERITY_CRITICAL
    assert "CIS 5.2.2" in privileged.framework.reference
    assert privileged.remediation_steps == RULES["disallow-privileged-containers"].fix
    assert found["require-drop-all-capabilities"].enforcementLevel == proto.REMEDIATE


def test_a_policy_that_does_not_exist_is_named_with_the_nearest_one() -> None:
    with pytest.raises(
        AbortError, match="unknown policy 'require-liveness-probe': did you mean 'require-liveness-probes'"
    ):
        server(require_liveness_probe={})


def test_a_setting_that_does_not_exist_or_is_of_another_type_is_named() -> None:
    with pytest.raises(AbortError, match="unknown setting 'allowedRegistry': did you mean 'allowedRegistries'"):
        server(restrict_image_registries={"allowedRegistry": ["x"]})
    with pytest.raises(AbortError, match="allowedRegistries must be a list, each item a string"):
        server(restrict_image_registries={"allowedRegistries": "x"})


def test_configuration_changes_level_and_settings_of_one_policy() -> None:
    analyzer = server(
        "prod", restrict_image_registries={"allowedRegistries": ["ghcr.io"], "enforcementLevel": "advisory"}
    )
    assert analyze(analyzer, web()) == {"restrict-image-registries": proto.ADVISORY}


def test_an_unknown_image_hides_nothing_that_is_known_of_another_container() -> None:
    manifest = web(c__image=UNKNOWN_STRING_VALUE)
    containers = manifest["spec"]["template"]["spec"]["containers"]
    containers.append(
        copy.deepcopy(containers[0]) | {"name": "sidecar", "image": "registry.example.com/team/sidecar:latest"}
    )
    assert "disallow-latest-tag" in analyze(server(), manifest)


def test_remediation_in_dev_changes_in_place_and_says_which_policy_did_it() -> None:
    manifest = web(
        c__imagePullPolicy="Never",
        c__securityContext={"readOnlyRootFilesystem": True},
        securityContext__seccompProfile=None,
    )
    analyzer = server("dev")
    answer = analyzer.Remediate(request(manifest), Context())
    assert {item.policyName for item in answer.remediations} == {
        "require-image-pull-policy",
        "require-drop-all-capabilities",
        "disallow-privilege-escalation",
        "require-seccomp-profile",
    }
    remediated = json_format.MessageToDict(answer.remediations[-1].properties)
    assert analyze(analyzer, remediated) == {}


def test_remediation_keeps_a_secret_secret() -> None:
    manifest = web(c__imagePullPolicy="Never")
    secret = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "value": "canary"}
    manifest["spec"]["template"]["spec"]["containers"][0]["env"].append({"name": "TOKEN", "value": secret})
    answer = server("dev").Remediate(request(manifest), Context())
    remediated = json_format.MessageToDict(answer.remediations[-1].properties)
    assert remediated["spec"]["template"]["spec"]["containers"][0]["env"][-1]["value"] == secret


def test_nothing_is_remedied_in_prod() -> None:
    answer = server("prod").Remediate(request(web(c__imagePullPolicy="Never")), Context())
    assert not answer.remediations


@pytest.mark.parametrize("odd", [float("nan"), {SIGNATURE: None}], ids=["no number", "a mark without a meaning"])
def test_what_the_sdk_cannot_read_is_judged_and_not_changed(odd: Any) -> None:
    asked = request(web(c__imagePullPolicy="Never"))
    asked.properties["spec"]["replicas"] = odd
    analyzer = server("dev")
    assert list(analyzer.Remediate(asked, Context()).remediations) == []
    assert "require-image-pull-policy" in {item.policyName for item in analyzer.Analyze(asked, Context()).diagnostics}


def test_a_resource_is_decoded_once_however_many_policies_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[Any] = []

    def counted(properties: Any, **options: Any) -> Any:
        decoded.append(properties)
        return decode(properties, **options)

    monkeypatch.setattr("moorage.policy.analyzer.decode", counted)
    analyze(server(), web())
    assert len(decoded) == 1


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_the_sdk_alone_comes_to_the_same_findings(stage: str) -> None:
    sdk = sdk_servicer(Session(), stage)
    for manifest in (web(c__imagePullPolicy="Never", c__livenessProbe=None, hostNetwork=True), *compliant_stack()):
        alone = sdk.Analyze(request(manifest), Context()).diagnostics
        assert list(server(stage).Analyze(request(manifest), Context()).diagnostics) == list(alone)


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_the_sdk_alone_comes_to_the_same_findings_on_the_stack(stage: str) -> None:
    stack = proto.AnalyzeStackRequest()
    for manifest in [item for item in compliant_stack() if item["kind"] != "Service"]:
        asked = request(manifest)
        resource = stack.resources.add(type=asked.type, urn=asked.urn, name=asked.name)
        resource.properties.CopyFrom(asked.properties)
    alone = sdk_servicer(Session(), stage).AnalyzeStack(stack, Context()).diagnostics
    assert list(server(stage).AnalyzeStack(stack, Context()).diagnostics) == list(alone)
    assert alone


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_the_sdk_alone_describes_the_policies_in_the_same_words(stage: str) -> None:
    alone = sdk_servicer(Session(), stage).GetAnalyzerInfo(None, Context())
    assert server(stage).GetAnalyzerInfo(None, Context()) == alone


def test_judging_needs_neither_the_sdk_nor_yaml() -> None:
    code = (
        "import sys, policy.analyzer; print(sorted({'pulumi', 'pulumi_policy', 'yaml', 'pydantic'} & set(sys.modules)))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert loaded == "[]\n"


def test_resources_of_other_providers_cost_nothing_and_say_nothing() -> None:
    for resource_type in (
        "pulumi:pulumi:Stack",
        "pulumi:providers:kubernetes",
        "moorage:service:Service",
        "aws:s3/bucket:Bucket",
    ):
        answer = server().Analyze(proto.AnalyzeRequest(type=resource_type, urn="u", name="x"), Context())
        assert not answer.diagnostics
        assert not answer.not_applicable


def test_what_was_analyzed_before_tells_where_kinds_live_and_whose_pods_get_no_token() -> None:
    analyzer = server("prod")
    thing = {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "x"}}
    assert analyze(analyzer, thing) == {}
    names = {"kind": "Thing", "plural": "things"}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced", "names": names},
    }
    analyze(analyzer, definition)
    assert set(analyze(analyzer, thing)) == {"require-namespace"}
    assert set(analyze(analyzer, web(automountServiceAccountToken=None))) == {"disallow-token-automount"}
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "web", "namespace": "shop-prod"}}
    analyze(analyzer, account | {"automountServiceAccountToken": False})
    assert analyze(analyzer, web(automountServiceAccountToken=None)) == {}
