// Package java stands in for pulumi-java, of which the docker-build provider
// uses one struct: it describes a Java SDK that nobody generates here.
package java

// PackageInfo is the "java" entry of a provider schema's language section.
type PackageInfo struct {
	BuildFiles                      string            `json:"buildFiles,omitempty"`
	GradleNexusPublishPluginVersion string            `json:"gradleNexusPublishPluginVersion,omitempty"`
	Dependencies                    map[string]string `json:"dependencies,omitempty"`
}
