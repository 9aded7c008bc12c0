// Command pulumi-resource-kubernetes serves Pulumi's Kubernetes provider. The
// provider's own main embeds files that its release process generates; these
// are the same files, taken from the module at build time (see component.toml).
package main

import (
	_ "embed"

	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
)

// version is set by the linker, from the pin in component.toml.
var version string

//go:embed schema.json
var schema []byte

//go:embed terraform-mapping.json
var mapping []byte

func main() {
	provider.Serve("kubernetes", version, schema, mapping)
}
