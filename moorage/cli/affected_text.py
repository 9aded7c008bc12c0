"""What people read of a change: the services it touches, and why one is or is not among them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

from moorage.base.console import out
from moorage.build.digests import SHORT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from moorage.build.comparison import Changes, Difference, ServiceChange
    from moorage.build.record import ImageRecord


def affected(found: Changes) -> None:
    """Print the services that a change touches, each with the ways from what changed to it."""
    touched = [service for service in found.services if service.touched]
    for service in touched:
        out.print(f"[bold]{service.name}[/]  {_verdict(service)}")
        _show_chains(service.chains)
    rest = len(found.services) - len(touched)
    out.print(f"[dim]{rest} of {len(found.services)} services and data stores are not touched[/]")


def why(service: ServiceChange, image: ImageRecord) -> None:
    """Print why a service would, or would not, be rebuilt and redeployed; ``image`` is what its image is made from."""
    if service.rebuilt:
        out.print(f"[bold]{service.name}[/] would be [yellow]rebuilt[/]:")
        _show(service.rebuilt)
        _show_chains(chain for chain in service.chains if len(chain) > 2)
    else:
        out.print(
            f"[bold]{service.name}[/] would [green]not be rebuilt[/]: its {len(image.files)} files, "
            f"{len(image.settings)} settings, {len(image.bases)} base images and {len(image.secrets)} build secrets "
            f"are those of {image.digest[:SHORT]}"
        )
    for path, reason in image.whole.items():
        out.print(f"[dim]all of {path} counts:[/] {escape(reason)}")
    if service.redeployed:
        out.print(f"[bold]{service.name}[/] would be [yellow]redeployed[/]:")
        _show(service.redeployed)
    elif service.rebuilt:
        out.print(
            f"[bold]{service.name}[/] would be [yellow]redeployed[/] unless the new image is the same byte by byte"
        )
    else:
        out.print(
            f"[bold]{service.name}[/] would [green]not be redeployed[/]: neither its image nor its settings changed"
        )


def _show(differences: Iterable[Difference]) -> None:
    for difference in differences:
        out.print(f"  {difference}", markup=False, highlight=False, soft_wrap=True)


def _show_chains(chains: Iterable[tuple[str, ...]]) -> None:
    for chain in chains:
        out.print(f"  {' → '.join(chain)}", markup=False, highlight=False, soft_wrap=True)


def _verdict(service: ServiceChange) -> str:
    words = (["rebuilt"] if service.rebuilt else []) + ["redeployed"]
    return f"[yellow]{' and '.join(words)}[/]"
