"""The program that Pulumi runs: one stack of the monorepo."""

from components.stack import deploy

deploy()
