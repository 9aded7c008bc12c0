"""The cache in the registry as the image component uses it: real Pulumi, a real builder and registry of the test's own."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx
import pytest
from pulumi import automation

from moorage.base.image_reference import ImageReference
from moorage.base.registry import Registry
from moorage.build.digests import EPOCH
from moorage.components.naming import tag_name
from moorage.components.service_image import BuildCacheArgs, ServiceImage, ServiceImageArgs
from moorage.report.sizes import layers
from tests.support.quiet import busy
from tests.support.workbench import BUILDER, workbench

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from moorage.report.model import Build, LayerSize
    from tests.support.workbench import Workbench

MAIN = "main"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKERFILE = """\
FROM debian:trixie-slim AS dependencies
COPY lock /lock
RUN head -c 3000000 /dev/urandom > /packages && sha256sum /lock >> /packages
FROM debian:trixie-slim AS production
COPY --from=dependencies /packages /packages
COPY source /source
"""


@dataclass(kw_only=True)
class Pipeline:
    """A program that builds one image, run by Pulumi on a branch."""

    bench: Workbench
    folder: Path
    branch: str
    cache: str = ""
    """Repository of the cache; default: in the bench's registry."""
    runs: int = field(default=0, init=False)

    def write(self, source: str, lock: str = "1") -> None:
        """Put the files of the image into the context."""
        (self.folder / "Dockerfile").write_text(DOCKERFILE)
        (self.folder / "source").write_text(source)
        (self.folder / "lock").write_text(lock)

    def _program(self) -> None:
        cache = BuildCacheArgs(repository=self.cache or f"{self.bench.registry}/cache/app", branch=self.branch)
        args = ServiceImageArgs(
            repository=f"{self.bench.registry}/app",
            tags=(tag_name(self.branch),),
            dockerfile="Dockerfile",
            context=str(self.folder),
            epoch=EPOCH,
            builder=BUILDER,
            cache=cache,
        )
        ServiceImage("app", args)

    def _stack(self, name: str) -> automation.Stack:
        state = self.folder.with_name(f"{self.folder.name}-state")
        state.mkdir(exist_ok=True)
        names = ("PULUMI_HOME", "DOCKER_CONFIG", "NO_PROXY", "no_proxy")
        variables = {name: self.bench.environment[name] for name in names}
        own = {"PULUMI_BACKEND_URL": f"file://{state}", "PULUMI_CONFIG_PASSPHRASE": "x"}
        options = automation.LocalWorkspaceOptions(work_dir=str(self.folder), env_vars=variables | own)
        return automation.create_or_select_stack(name, "cache-test", program=self._program, opts=options)

    def up(self) -> Build:
        """Build by a stack that is new, as that of a fresh CI runner, and return BuildKit's record."""
        self.runs += 1
        with busy():
            self._stack(f"run-{self.runs}").up()
        return self.bench.last_build("app")

    def preview(self) -> None:
        """Preview the same."""
        self._stack("preview").preview()


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """A registry and a builder of this module's own; main has been built."""
    with workbench() as found:
        with pytest.MonkeyPatch.context() as patch:
            use(found, patch)
            main = Pipeline(bench=found, folder=tmp_path_factory.mktemp("main"), branch=MAIN)
            main.write("first")
            main.up()
        yield found


def use(bench: Workbench, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("PATH", bench.environment["PATH"])
    patch.delenv("PULUMI_OPTION_POLICY_PACK", raising=False)


@pytest.fixture
def pipeline(bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """A branch that has never been built, with the files that main was built of, and a builder that knows nothing of them."""
    use(bench, monkeypatch)
    bench.renew_builder()
    found = Pipeline(bench=bench, folder=tmp_path, branch=f"feature/{tmp_path.name}")
    found.write("first")
    return found


def stored(bench: Workbench) -> dict[str, str]:
    """Return every tag of the registry and the digest that it stands for."""
    found = {}
    for repository in bench.get("_catalog").json()["repositories"]:
        for tag in bench.get(f"{repository}/tags/list").json()["tags"] or []:
            answer = bench.get(f"{repository}/manifests/{tag}", accept=MANIFEST)
            found[f"{repository}:{tag}"] = answer.headers["docker-content-digest"]
    return found


def image_layers(bench: Workbench, branch: str) -> list[LayerSize]:
    return layers(Registry(bench.environment), ImageReference.parse(f"{bench.registry}/app:{tag_name(branch)}"))


def import_errors(bench: Workbench, build: Build) -> list[str]:
    """Return why caches could not be read, as BuildKit recorded it."""
    return [
        vertex["error"]
        for document in bench.progress(build.reference)
        for vertex in document.get("vertexes") or []
        if vertex["name"].startswith("importing cache") and vertex.get("error")
    ]


def test_a_new_branch_on_an_empty_builder_reuses_what_main_has(pipeline: Pipeline) -> None:
    bench = pipeline.bench
    before = image_layers(bench, MAIN)
    pipeline.write("second")
    build = pipeline.up()
    dependencies = [step for step in build.counted if step.stage == "dependencies"]
    assert [step.cached for step in dependencies] == [True, True]
    assert not next(step for step in build.counted if step.text.startswith("COPY source")).cached
    after = image_layers(bench, pipeline.branch)
    # The base image's layers are all taken over, and nearly all of the rest.
    assert after[0] == before[0]
    reused = sum(layer.unpacked for layer in after if layer.digest in {known.digest for known in before})
    assert reused / sum(layer.unpacked for layer in after) > 0.8
    assert {"cache/app:main", f"cache/app:{tag_name(pipeline.branch)}"} <= set(stored(bench))


def test_a_changed_lock_file_rebuilds_the_dependencies_and_nothing_before_them(pipeline: Pipeline) -> None:
    pipeline.write("first", lock="2")
    build = pipeline.up()
    assert {step.text.split()[0]: step.cached for step in build.counted if step.stage == "dependencies"} == {
        "COPY": False,
        "RUN": False,
    }
    assert image_layers(pipeline.bench, pipeline.branch)[0].unpacked > 50_000_000  # the base, as it was


def test_a_preview_reads_and_writes_nothing_in_the_registry(pipeline: Pipeline) -> None:
    bench = pipeline.bench
    before = stored(bench)
    assert before
    builds = bench.history.completed()
    asked = bench.requests()
    assert any("GET /v2/_catalog" in line for line in asked)
    pipeline.write("changed for a preview")
    pipeline.preview()
    assert bench.requests() == asked
    assert stored(bench) == before
    assert bench.history.completed() == builds


def test_a_cache_that_cannot_be_written_does_not_fail_the_build(pipeline: Pipeline) -> None:
    pipeline.cache = "127.0.0.1:9/nobody/listens"
    pipeline.write("third")
    build = pipeline.up()
    assert build.cached == 0
    assert import_errors(pipeline.bench, build)


def test_a_missing_cache_means_a_full_build_with_the_reason_logged(pipeline: Pipeline) -> None:
    pipeline.cache = f"{pipeline.bench.registry}/cache/never-written"
    build = pipeline.up()
    assert build.cached == 0
    assert any("not found" in error for error in import_errors(pipeline.bench, build))


def test_a_damaged_cache_means_a_full_build_with_the_reason_logged(pipeline: Pipeline) -> None:
    bench = pipeline.bench
    repository = "cache/damaged"
    config = push(bench, repository, b"{this is no cache")
    content = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": "application/vnd.buildkit.cacheconfig.v0", **config},
        "layers": [],
    }
    url = f"http://{bench.registry}/v2/{repository}/manifests/main"
    answer = httpx.put(url, content=json.dumps(content), headers={"Content-Type": MANIFEST}, trust_env=False)
    assert answer.status_code == 201
    pipeline.cache = f"{bench.registry}/{repository}"
    pipeline.write("fourth")
    build = pipeline.up()
    assert build.cached == 0
    assert import_errors(bench, build)


def push(bench: Workbench, repository: str, content: bytes) -> dict[str, object]:
    """Put a blob into the registry and return its descriptor."""
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    begun = httpx.post(f"http://{bench.registry}/v2/{repository}/blobs/uploads/", trust_env=False)
    place = httpx.URL(begun.headers["location"]).copy_merge_params({"digest": digest})
    assert httpx.put(place, content=content, trust_env=False).status_code == 201
    return {"digest": digest, "size": len(content)}
