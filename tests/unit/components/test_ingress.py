"""The way in: routes, certificates and what the stack says of its address."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pulumi
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from moorage.components.certificate import generated_certificate, self_signed
from moorage.components.generated import generated_password
from tests.unit.program_samples import run_program
from tests.unit.pulumi_mocks import Recording, record

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.pulumi_mocks import Registration

TODAY = dt.date(2026, 11, 24)
HOST = "harbour.example"


def ingress(stack: Recording) -> Registration:
    """Return the stack's Ingress object, not the component around it."""
    (found,) = [each for each in stack.objects() if each.kind == "Ingress"]
    return found


def stack_with(path: Path, **tls: Any) -> Recording:
    """Return a stack whose ingress has this TLS."""
    return run_program(path, settings={"ingress": {"host": HOST, **({"tls": tls} if tls else {})}})


def test_one_ingress_holds_all_routes_of_the_stack(tmp_path: Path) -> None:
    spec = ingress(stack_with(tmp_path)).inputs["spec"]
    (rule,) = spec["rules"]
    assert rule["host"] == HOST
    paths = [(path["path"], path["backend"]["service"]["name"]) for path in rule["http"]["paths"]]
    assert paths == [("/api", "backend"), ("/", "frontend")]
    assert spec["ingressClassName"] == "nginx"
    assert "tls" not in spec


def test_the_ingress_is_ready_when_the_controller_took_it(tmp_path: Path) -> None:
    annotations = ingress(stack_with(tmp_path)).inputs["metadata"]["annotations"]
    assert annotations["pulumi.com/waitFor"] == "jsonpath={.status.loadBalancer.ingress}"


def test_a_secret_of_ones_own_is_used_as_it_is(tmp_path: Path) -> None:
    stack = stack_with(tmp_path, secretName="wildcard")
    assert ingress(stack).inputs["spec"]["tls"] == [{"hosts": [HOST], "secretName": "wildcard"}]
    assert "ingress-tls" not in {found.name for found in stack.registrations}


def test_cert_manager_is_asked_by_annotation_and_told_where_to_put_it(tmp_path: Path) -> None:
    found = ingress(stack_with(tmp_path, clusterIssuer="letsencrypt")).inputs
    assert found["metadata"]["annotations"]["cert-manager.io/cluster-issuer"] == "letsencrypt"
    assert found["spec"]["tls"] == [{"hosts": [HOST], "secretName": "harbour-tls"}]


def test_a_self_signed_certificate_is_made_for_the_hosts_and_used(tmp_path: Path) -> None:
    stack = stack_with(tmp_path, selfSigned=True)
    secret = stack.one("Secret", "ingress-tls")
    assert secret.inputs["type"] == "kubernetes.io/tls"
    certificate = x509.load_pem_x509_certificate(secret.inputs["stringData"]["tls.crt"].encode())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [HOST]
    key = load_pem_private_key(secret.inputs["stringData"]["tls.key"].encode(), None)
    assert key.public_key() == certificate.public_key()
    assert ingress(stack).inputs["spec"]["tls"][0]["secretName"] == "ingress-tls-0a1b2c3d"
    assert stack.outputs["url"] == f"https://{HOST}:8443/"


def test_annotations_of_the_stack_reach_the_controller(tmp_path: Path) -> None:
    settings = {"ingress": {"host": HOST, "annotations": {"example.com/limit": "10"}}}
    assert (
        ingress(run_program(tmp_path, settings=settings)).inputs["metadata"]["annotations"]["example.com/limit"] == "10"
    )


def test_a_certificate_is_valid_for_at_least_a_year_and_no_longer_than_browsers_accept() -> None:
    for day in (dt.date(2026, 1, 1), TODAY, dt.date(2028, 2, 29), dt.date(2026, 12, 31)):
        pem, _ = self_signed([HOST], day)
        certificate = x509.load_pem_x509_certificate(pem.encode())
        left = certificate.not_valid_after_utc.date() - day
        assert dt.timedelta(days=366) < left < dt.timedelta(days=825)
        assert certificate.not_valid_before_utc.date() < day


def test_an_address_is_named_as_one() -> None:
    pem, _ = self_signed(["127.0.0.1", HOST], TODAY)
    certificate = x509.load_pem_x509_certificate(pem.encode())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
    assert names.get_values_for_type(x509.DNSName) == [HOST]


@pytest.mark.parametrize(
    ("hosts", "day", "same"),
    [
        ([HOST], dt.date(2026, 12, 31), True),
        ([HOST], dt.date(2027, 1, 1), False),
        ([HOST, "other.example"], TODAY, False),
    ],
)
def test_a_certificate_is_made_again_for_other_hosts_and_once_a_year(
    hosts: list[str], day: dt.date, same: bool
) -> None:
    def name(hosts: list[str], day: dt.date) -> str:
        opts = pulumi.ResourceOptions()
        return record(lambda: generated_certificate("tls", hosts, opts, day)).one("Stash").name

    assert (name(hosts, day) == name([HOST], TODAY)) is same


def test_the_order_of_hosts_does_not_matter() -> None:
    def name(*hosts: str) -> str:
        opts = pulumi.ResourceOptions()
        return record(lambda: generated_certificate("tls", hosts, opts, TODAY)).one("Stash").name

    assert name("a.example", "b.example") == name("b.example", "a.example")


def test_a_generated_password_is_long_kept_and_secret() -> None:
    stash = record(lambda: generated_password("password", pulumi.ResourceOptions())).one("Stash")
    assert len(stash.inputs["input"]) >= 43
    assert stash.ignore_changes == ("input",)
    assert stash.secrets == {"input"}


def test_no_two_passwords_are_the_same() -> None:
    opts = pulumi.ResourceOptions()
    made = record(lambda: [generated_password(f"password-{index}", opts) for index in range(20)])
    assert len({stash.inputs["input"] for stash in made.of("Stash")}) == 20
