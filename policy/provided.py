"""What the cluster or a controller makes, so that no manifest has it: references to it lead somewhere all the same."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from .tree import ShapeError, UnknownError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from .objects import Object

Provided = tuple[str, str, str]
"""Kind, namespace (``*`` for all) and name."""

EVERYWHERE: Final = frozenset(
    {
        ("ConfigMap", "kube-root-ca.crt"),
        ("ConfigMap", "openshift-service-ca.crt"),
        ("ConfigMap", "istio-ca-root-cert"),
        ("ServiceAccount", "default"),
        ("Role", "extension-apiserver-authentication-reader"),
    }
)
"""Kind and name of what every namespace has."""
_CERT_MANAGER: Final = ("cert-manager.io/cluster-issuer", "cert-manager.io/issuer", "kubernetes.io/tls-acme")
_CLAIM: Final = re.compile(r"(.+)-\d+")


def provided(objects: Iterable[Object]) -> tuple[frozenset[Provided], str | None]:
    """Return what a stack's own objects have controllers make, and the path of a field of theirs that is not known."""
    found: set[Provided] = set()
    unknown = None
    for about in objects:
        maker = _MAKERS.get(about.family)
        if maker is None:
            continue
        try:
            found |= {
                (kind, "*" if about.reach == "Cluster" or about.family in _EVERYWHERE else about.home, name)
                for kind, name in maker(about)
                if name
            }
        except UnknownError as error:
            unknown = error.path
        except ShapeError:
            continue
    return frozenset(found), unknown


def built_in(kind: str, name: str) -> bool:
    """Tell whether the cluster has an object of this name by itself."""
    return (kind, name) in EVERYWHERE or (kind == "Role" and name.startswith("system:"))


def pods_of_others(objects: Iterable[Object], namespace: str, fits: Callable[[Mapping[str, str]], bool]) -> bool:
    """Tell whether pods that are selected may be those of a custom resource, whose operator gives them its labels."""

    def labels(about: Object) -> dict[str, str]:
        found: dict[str, str] = {}
        for holder in (about.root["metadata"], about.root["spec"]["podMetadata"]):
            found |= {key: node.text() or "" for key, node in holder["labels"].fields()}
        return found

    for about in objects:
        if about.family != about.kind and about.pod is None:
            try:
                mine = labels(about)
                if mine and about.home == namespace and fits(mine):
                    return True
            except (UnknownError, ShapeError):
                continue
    return False


def claimed(workloads: Iterable[Object], namespace: str, name: str) -> bool:
    """Tell whether a claim is one of those that these StatefulSets make: template, workload and number."""
    match = _CLAIM.fullmatch(name)
    if match is None:
        return False
    return any(
        f"{template['metadata']['name'].text()}-{workload.name}" == match[1]
        for workload in workloads
        if workload.home == namespace
        for template in workload.spec["volumeClaimTemplates"].elements()
    )


def _certificate(about: Object) -> Iterator[tuple[str, str]]:
    yield "Secret", about.spec["secretName"].text() or ""


def _ingress(about: Object) -> Iterator[tuple[str, str]]:
    annotations = about.root["metadata"]["annotations"]
    if any(annotations[key].text() for key in _CERT_MANAGER):
        for entry in about.spec["tls"].elements():
            yield "Secret", entry["secretName"].text() or ""


def _issuer(about: Object) -> Iterator[tuple[str, str]]:
    yield "Secret", about.spec["acme"]["privateKeySecretRef"]["name"].text() or ""


def _target(*way: str) -> Callable[[Object], Iterator[tuple[str, str]]]:
    """Return a maker of the Secret whose name stands at ``way``, or else is that of the object."""

    def make(about: Object) -> Iterator[tuple[str, str]]:
        yield "Secret", about.spec.at(*way).text() or about.name

    return make


def _class(about: Object) -> Iterator[tuple[str, str]]:
    for item in about.spec["secretObjects"].elements():
        yield "Secret", item["secretName"].text() or ""


def _bundle(about: Object) -> Iterator[tuple[str, str]]:
    for kind, key in (("ConfigMap", "configMap"), ("Secret", "secret")):
        if about.spec["target"][key].present:
            yield kind, about.name


_EVERYWHERE: Final = frozenset({"Bundle.trust.cert-manager.io", "ClusterIssuer.cert-manager.io"})
"""Kinds of the cluster, whose objects come into more than one namespace."""
_MAKERS: Final[dict[str, Callable[[Object], Iterator[tuple[str, str]]]]] = {
    "Ingress": _ingress,
    "Certificate.cert-manager.io": _certificate,
    "Issuer.cert-manager.io": _issuer,
    "ClusterIssuer.cert-manager.io": _issuer,
    "Bundle.trust.cert-manager.io": _bundle,
    "ExternalSecret.external-secrets.io": _target("target", "name"),
    "SealedSecret.bitnami.com": _target("template", "metadata", "name"),
    "SecretProviderClass.secrets-store.csi.x-k8s.io": _class,
    "VaultStaticSecret.secrets.hashicorp.com": _target("destination", "name"),
    "VaultDynamicSecret.secrets.hashicorp.com": _target("destination", "name"),
    "VaultPKISecret.secrets.hashicorp.com": _target("destination", "name"),
    "InfisicalSecret.secrets.infisical.com": _target("managedSecretReference", "secretName"),
    "OnePasswordItem.onepassword.com": _target("name"),
    "DopplerSecret.secrets.doppler.com": _target("managedSecret", "name"),
    "KafkaUser.kafka.strimzi.io": _target("secretName"),
}
"""The kinds whose controllers make a Secret or a ConfigMap in the object's own namespace."""
