"""Values that are made once and then kept as secrets in the stack's state.

They are kept by `pulumi.Stash`, a resource of the engine itself: no provider has to be started, and no code is
stored beside the value.
"""

from __future__ import annotations

import secrets

import pulumi

_PASSWORD_BYTES = 32
_KEPT = pulumi.ResourceOptions(
    # The program makes a new value at every run; the first one counts.
    ignore_changes=["input"],
    additional_secret_outputs=["input", "output"],
)


def kept_secret(name: str, value: str, opts: pulumi.ResourceOptions) -> pulumi.Output[str]:
    """Return the `value` of the first run, whatever it is in later ones; another `name` is another first run."""
    kept = pulumi.Stash(name, input=pulumi.Output.secret(value), opts=pulumi.ResourceOptions.merge(opts, _KEPT))
    return pulumi.Output.secret(kept.output)


def generated_password(name: str, opts: pulumi.ResourceOptions) -> pulumi.Output[str]:
    """Return a random password of 256 bits that is made when the stack is created and stays the same from then on."""
    return kept_secret(name, secrets.token_urlsafe(_PASSWORD_BYTES), opts)
