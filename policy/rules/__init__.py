"""The rules, one module a subject; importing this package registers them all."""

from policy.rules import (
    images,
    pod_security_baseline,
    pod_security_restricted,
    probes,
    resources,
    workload_security,
)

__all__ = [
    "images",
    "pod_security_baseline",
    "pod_security_restricted",
    "probes",
    "resources",
    "workload_security",
]
