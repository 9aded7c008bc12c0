"""What a check reads and how: YAML as kubectl takes it, what is no manifest, which files, and by how many processes."""

from __future__ import annotations

import json
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from moorage.policy import workers
from moorage.policy.check import check_manifests
from moorage.policy.examples import COMPLIANT
from moorage.policy.report import to_json, to_text
from moorage.policy.sources import find_sources
from moorage.policy.yaml_values import Reader, plain
from tests.policy.manifest_samples import HOST, POD

TEMPLATE = (
    "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {{ .Release.Name }}\n{{- if .Values.x }}\nspec: {}\n{{- end }}\n"
)

# What `kubectl create --dry-run=client -o json` makes of each: sigs.k8s.io/yaml, which is Go's YAML 1.1 without its floats of base 60.
KUBECTL: list[tuple[str, Any]] = [
    ("=", "="), ("<<", "<<"), ("yes", True), ("No", False), ("on", True), ("OFF", False), ("y", True), ("n", False), ("true", True),
    ("TRUE", True), ("tRUE", "tRUE"), ("~", None), ("null", None), ("Null", None), ("nil", "nil"), ("none", "none"), ("0644", 420),
    ("0o644", 420), ("0x1F", 31), ("0b11", 3), ("-0x1f", -31), ("08", 8.0), ("1_000", 1000), ("1e3", 1000.0), (".5", 0.5), ("1.", 1.0),
    ("+1", 1), ("22:22", "22:22"), ("1:30", "1:30"), ("2020-01-01", "2020-01-01"), ("2001-12-14t21:59:43.10-05:00",) * 2,
    ("1.2.3", "1.2.3"),
    ("12e03", 12000.0), ("0x", "0x"), ("-", "-"), (".", "."), ("-.5", -0.5), ("18446744073709551615", 18446744073709551615),
    ("18446744073709551616", 1.8446744073709552e19), ("1Mi", "1Mi"), ("100m", "100m"), ("0.1.0", "0.1.0"), ("@x", "@x"),
]  # fmt: skip


def values(text: str) -> list[Any]:
    return [value for value, _, _, _ in Reader(text).documents()]


@pytest.mark.parametrize(("text", "value"), KUBECTL, ids=str)
def test_a_scalar_without_quotes_is_what_kubectl_takes_it_for(text: str, value: Any) -> None:
    assert plain(text) == value
    assert type(plain(text)) is type(value)


@pytest.mark.parametrize("value", ["=", "yes", "0644", "2020-01-01", "22:22", "<<", "~"])
def test_a_scalar_in_quotes_is_text(value: str) -> None:
    assert values(f"a: '{value}'\nb: \"{value}\"\nc: |-\n  {value}\n") == [dict.fromkeys("abc", value)]


def test_keys_are_text_and_merges_are_what_kubectl_makes_of_them() -> None:
    assert values("yes: 1\n2: b\n1.5: c\n~x: d\n") == [{"true": 1, "2": "b", "1.5": "c", "~x": "d"}]
    assert values("a: &a {x: 1, q: 2}\nb: {<<: *a, q: 3}\nc: {q: 4, <<: [*a, {z: 5}]}\n")[0]["c"] == {
        "x": 1,
        "q": 4,
        "z": 5,
    }
    assert values("op: =\n---\nop: '='\n") == [{"op": "="}, {"op": "="}]
    assert values("a: !!str 1\nb: !!int '2'\nc: !!float 3\nd: !!binary aGk=\ne: !custom 5\n") == [
        {"a": "1", "b": 2, "c": 3.0, "d": "hi", "e": "5"}
    ]


def test_the_rest_of_a_file_is_judged_where_a_value_is_an_equals_sign(tmp_path: Path) -> None:
    text = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c, namespace: shop}}\ndata: {{op: =}}\n---\n{POD}"
    (tmp_path / "x.yaml").write_text(text)
    report = check_manifests([tmp_path], config=HOST)
    assert (report.objects, report.unreadable, [item.line for item in report.results]) == (2, (), [9])


@pytest.mark.parametrize(("text", "lines", "found"), [
    (POD.replace("spec: {", "spec:\n  hostNetwork: true\n  hostNetwork: true\n  x: {").replace("hostNetwork: true, ", ""), [6], [6]),
    (POD.replace("spec: {", "spec:\n  hostNetwork: true\n  hostNetwork: false\n  x: {").replace("hostNetwork: true, ", ""), [6], []),
    (POD.replace("metadata:", "kind: Pod\nmetadata:"), [3], [5]),
    ("---\n" + POD.replace("{hostNetwork: true,", "{hostNetwork: false,\n hostNetwork: true,"), [6], [6]),
    (POD.replace("{name: p,", "{name: p, name: q, name: p,"), [3, 3], [4]),
    (POD.replace("spec: {", "spec: {<<: {hostNetwork: false}, "), [], [4]),
])  # fmt: skip
def test_a_key_that_is_there_twice_is_one_error_at_the_second(
    text: str, lines: list[int], found: list[int], tmp_path: Path
) -> None:
    (tmp_path / "x.yaml").write_text(text)
    report = check_manifests([tmp_path], config=HOST)
    assert [item.line for item in report.unreadable] == lines
    assert [item.line for item in report.results] == found
    assert all("is there twice, first in line" in item.why for item in report.unreadable)
    assert report.exit_status == (2 if lines else 1)


def chart(folder: Path) -> None:
    for name, text in (
        ("Chart.yaml", "apiVersion: v2\nname: shop\nversion: 1.0.0\n"),
        ("values.yaml", "image: {tag: x}\nmetadata: {}\n"),
        ("values.schema.json", '{"type": "object"}'),
        ("templates/pod.yaml", TEMPLATE),
        ("templates/deep/pod.yaml", TEMPLATE),
        (
            "crds/x.yaml",
            "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: x}\nspec: {}\n",
        ),
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def test_a_charts_templates_are_to_be_rendered_first(tmp_path: Path) -> None:
    chart(tmp_path)
    report = check_manifests([tmp_path], config=HOST)
    assert (report.objects, report.unreadable, len(report.skipped), report.exit_status) == (1, (), 5, 0)
    assert to_text(report).count("a Helm template: render it first (`helm template … | moorage policy check -`)") == 2
    (report,) = (check_manifests([tmp_path / "templates"], config=HOST),)
    assert (report.objects, report.exit_status) == (0, 2), "nothing was judged, and nothing is known to be right"
    named = check_manifests([tmp_path / "templates" / "pod.yaml"], config=HOST)
    assert "a Helm template" in named.unreadable[0].why


@pytest.mark.parametrize(("text", "why"), [
    (TEMPLATE, "a Helm template: render it first"),
    ('kind: Pod\nmetadata:\n  {{- include "x.labels" . | nindent 2 }}\n', "a Helm template: render it first"),
    ("kind: Pod\nmetadata: {name: {{ name }}}\napiVersion: v1\n", "it looks like a template, to be rendered first"),
])  # fmt: skip
def test_a_template_outside_of_a_chart_is_told_as_well(text: str, why: str, tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(text)
    (problem,) = check_manifests([tmp_path / "x.yaml"]).unreadable
    assert why in problem.why
    report = check_manifests([tmp_path])
    assert why in [*report.unreadable, *report.skipped][0].why
    assert report.exit_status == 2


@pytest.mark.parametrize(("name", "text"), [
    ("values.yaml", "replicas: 1\n"),
    ("package.json", '{"name": "x", "version": "1.0.0"}'),
    ("tsconfig.json", '// comments\n{"compilerOptions": {}, }'),
    ("kustomization.yaml", "resources: [a.yaml]\n"),
    ("kustomization.yaml", "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: []\n"),
    ("config.yaml", "apiVersion: v1\nkind: Config\nclusters: []\n"),
    ("kind.yaml", "apiVersion: kind.x-k8s.io/v1alpha4\nkind: Cluster\n"),
    ("kubelet.yaml", "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n"),
    ("audit.yaml", "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: []\n"),
    ("docker-compose.yml", "services: {a: {image: b}}\n"),
    ("workflow.yml", "on: push\njobs: {}\n"),
    ("list.yaml", "- just\n- a list\n"),
    ("mkdocs.yml", "x: !!python/name:a.b\n"),
    ("Chart.yaml", "apiVersion: v2\nname: shop\n"),
    ("patch.yaml", "- {op: add, path: /spec/x, value: 1}\n"),
])  # fmt: skip
def test_what_is_no_object_is_skipped_and_counted(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    report = check_manifests([tmp_path], config=HOST)
    assert (report.objects, report.unreadable, len(report.skipped), report.exit_status) == (0, (), 1, 0)
    assert "1 skipped (" in to_text(report)
    assert json.loads(to_json(report))["skipped"][0]["file"].endswith(name)


def test_an_object_without_kind_or_a_folder_without_files_is_no_success(tmp_path: Path) -> None:
    assert check_manifests([tmp_path]).exit_status == 2
    (tmp_path / "x.yaml").write_text("apiVersion: v1\nmetadata: {name: x}\nspec: {}\n")
    assert [item.why for item in check_manifests([tmp_path]).unreadable] == ["not a Kubernetes object: kind is missing"]


def test_kustomizes_patches_are_no_whole_objects(tmp_path: Path) -> None:
    patch = (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {template: {spec: {hostNetwork: %s}}}\n"
    )
    (tmp_path / "kustomization.yaml").write_text("patches: [{path: a.yaml}]\npatchesStrategicMerge: [b/b.yaml]\n")
    (tmp_path / "a.yaml").write_text(patch % "true")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "b.yaml").write_text(patch % "false")
    found = {(Path(item.file).name, item.violation.rule.name) for item in check_manifests([tmp_path]).results}
    assert found == {("a.yaml", "disallow-host-namespaces")}
    assert {item.violation.rule.name for item in check_manifests([tmp_path / "a.yaml"]).results} == {
        "disallow-host-namespaces"
    }
    (tmp_path / "kustomization.yaml").unlink()
    assert len(check_manifests([tmp_path]).results) > 15


@pytest.mark.parametrize(("patterns", "left"), [
    ([], {"a.yaml", "deep/b.yaml", "deep/er/c.json"}),
    (["deep"], {"a.yaml"}),
    (["deep/"], {"a.yaml"}),
    (["er"], {"a.yaml", "deep/b.yaml"}),
    (["*.json"], {"a.yaml", "deep/b.yaml"}),
    (["deep/*.yaml", "a.*"], {"deep/er/c.json"}),
    (["./deep/er"], {"a.yaml", "deep/b.yaml"}),
])  # fmt: skip
def test_paths_can_be_left_out(patterns: list[str], left: set[str], tmp_path: Path) -> None:
    for name in ("a.yaml", "deep/b.yaml", "deep/er/c.json", "node_modules/x/p.json", ".git/x.yaml", "deep/x.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(POD)
    found = find_sources([tmp_path], patterns)
    assert {str(Path(item.path).relative_to(tmp_path)) for item in found} == left


def test_the_namespace_of_what_names_none_can_be_given(tmp_path: Path) -> None:
    config = {"all": "disabled", "require-namespace": "mandatory"}
    (tmp_path / "x.yaml").write_text(POD.replace(", namespace: shop", ""))
    assert len(check_manifests([tmp_path], config=config).results) == 1
    assert check_manifests([tmp_path], config=config, namespace="argocd").results == ()
    assert len(check_manifests([tmp_path], config=config, namespace="default").results) == 1
    assert len(check_manifests([tmp_path], config=config, namespace="kube-system").results) == 1


def test_several_processes_come_to_the_result_of_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(12):
        (tmp_path / f"{number:02}.yaml").write_text(
            f"{COMPLIANT.read_text()}\n---\n{POD.replace('name: p', f'name: p{number}')}"
        )
    (tmp_path / "broken.yaml").write_text("apiVersion: v1\na: [\n")
    monkeypatch.setattr(workers, "_CHUNK_BYTES", 20_000)
    monkeypatch.setattr(workers, "_processors", lambda: 3)
    monkeypatch.setattr(workers, "_WORTH_BYTES", 10**9)
    one = to_json(check_manifests([tmp_path]))
    monkeypatch.setattr(workers, "_WORTH_BYTES", 0)
    started: list[int] = []
    pool = ProcessPoolExecutor

    def counted(processes: int, **options: Any) -> Any:
        started.append(processes)
        return pool(processes, **options)

    monkeypatch.setattr(workers, "ProcessPoolExecutor", counted)
    assert to_json(check_manifests([tmp_path])) == one
    assert started == [3]
    assert len(json.loads(one)["violations"]) > 80


def test_a_deployment_costs_at_most_three_milliseconds_from_file_to_verdict(tmp_path: Path) -> None:
    first = next(item for item in yaml.safe_load_all(COMPLIANT.read_text()) if item and item["kind"] == "Deployment")
    many = [first | {"metadata": first["metadata"] | {"name": f"web-{number}"}} for number in range(300)]
    (tmp_path / "x.yaml").write_text(yaml.safe_dump_all(many))

    def cost() -> float:
        started = time.process_time()
        assert check_manifests([tmp_path]).objects == 300
        return (time.process_time() - started) / 300 * 1000

    assert min(cost() for _ in range(3)) <= 3
