// Package codegen stands in for pulumi-dotnet, of which the docker-build
// provider uses one struct: it describes a .NET SDK that nobody generates here.
package codegen

// CSharpPackageInfo is the "csharp" entry of a provider schema's language section.
type CSharpPackageInfo struct {
	RespectSchemaVersion bool              `json:"respectSchemaVersion,omitempty"`
	PackageReferences    map[string]string `json:"packageReferences,omitempty"`
}
