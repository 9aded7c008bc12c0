"""The program that Pulumi runs: one stack of the monorepo."""

from moorage.components.stack import deploy

deploy()
