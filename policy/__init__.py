"""The policy pack: one set of rules for Pulumi programs and for plain Kubernetes manifests."""
