"""When a rollout counts as done."""

from __future__ import annotations

import hashlib

WAIT_FOR = "pulumi.com/waitFor"
_DIGEST_CHARACTERS = 16


def spec_digest(spec: str) -> str:
    """Return a digest of a workload's spec (JSON), different for different specs."""
    return hashlib.sha256(spec.encode()).hexdigest()[:_DIGEST_CHARACTERS]


def done_when(digest: str) -> str:
    """Return the condition of annotation `WAIT_FOR` that holds once the spec of that digest is rolled out.

    All pods must be of the newest spec and available, and the old ones told to stop: while both exist, an old one's
    availability would stand in for a new one's. The provider's own wait looks at whatever its cache holds, which just
    after a change is often the object as it was before: rolled out, and done. That is told apart by the digest, which
    the object carries in this very annotation.
    """
    of_newest = "@.observedGeneration == $.metadata.generation"
    all_new = "@.updatedReplicas == $.spec.replicas && @.replicas == $.spec.replicas"
    available = "@.availableReplicas == $.spec.replicas"
    this_one = f"search($.metadata.annotations['{WAIT_FOR}'], '{digest}')"
    # In pairs, as the provider's parser takes no longer chain.
    return f"jsonpath={{[?({all_new}) && (({available} && {of_newest}) && {this_one})]}}"
