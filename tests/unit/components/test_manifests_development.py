"""The pod of a service that is developed: what it has more, and that it is as confined as any other."""

from __future__ import annotations

from moorage.components.manifests import development
from moorage.components.manifests.deployment import DeploymentParts, deployment
from moorage.components.manifests.development import DevelopedCode
from tests.unit.component_samples import BACKEND, web

CODE = DevelopedCode(
    receiver="registry/receiver@sha256:1", folders=("/app/one", "/app/two"), two_way=("/app/two/made",)
)


def _pod() -> dict[str, object]:
    parts = DeploymentParts(image="registry/backend@sha256:2", config_map="settings", develop=CODE)
    found: dict[str, object] = deployment(web(), BACKEND, parts)["spec"]["template"]["spec"]
    return found


def test_the_receiver_is_a_sidecar_in_the_services_own_image_that_the_service_starts_after() -> None:
    install, receiver = development.receivers(CODE, "registry/backend@sha256:2")
    assert install["image"] == "registry/receiver@sha256:1"
    assert "restartPolicy" not in install
    assert (receiver["image"], receiver["restartPolicy"]) == ("registry/backend@sha256:2", "Always")
    assert receiver["command"] == ["/moorage/bin/receiver", "hold", "/moorage", "/app/one", "/app/two"]
    assert receiver["startupProbe"]["exec"]["command"] == ["/moorage/bin/receiver", "ready", "/moorage"]
    for container in (install, receiver):
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"]["limits"].keys() == {"cpu", "memory"}


def test_the_service_cannot_change_its_code_but_where_that_comes_back() -> None:
    pod = _pod()
    (container,) = pod["containers"]  # type: ignore[misc]
    mounts = {mount["mountPath"]: mount for mount in container["volumeMounts"] if mount["name"] == "moorage"}  # type: ignore[has-type]
    assert mounts["/app/one"]["readOnly"] is True
    assert mounts["/app/two"]["readOnly"] is False
    assert mounts["/app/one"]["subPath"] == "source/0"
    assert container["securityContext"]["readOnlyRootFilesystem"] is True  # type: ignore[has-type]


def test_a_service_that_is_not_developed_has_none_of_it() -> None:
    pod = deployment(web(), BACKEND, DeploymentParts(image="i", config_map="c"))["spec"]["template"]["spec"]
    assert "initContainers" not in pod
    assert all(volume["name"] != "moorage" for volume in pod["volumes"])
