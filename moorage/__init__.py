"""All of Moorage that needs no Pulumi: configuration, graph, errors, the command line."""
