"""The only place that runs Pulumi and reads its state: sessions, stacks, locks, what is deployed."""
