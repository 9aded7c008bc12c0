"""What several commands take."""

from __future__ import annotations

from typing import Annotated

import typer

StackName = Annotated[str, typer.Argument(metavar="[STACK]", help="The stack: a Pulumi.<stack>.yaml of this project.")]
