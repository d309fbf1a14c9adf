package programs

import (
	"fmt"
	"strings"
)

// kubernetes is the source of a program from Kubernetes's own repository.
func kubernetes(name string) source {
	return source{folder: "kubernetes", pkg: "k8s.io/kubernetes/cmd/" + name,
		version: "k8s.io/kubernetes", stamp: stampKubernetes}
}

// stampKubernetes returns the linker flags by which the build script of Kubernetes
// sets the version. Without them the programs report a dummy version, and refuse
// what depends on it.
func stampKubernetes(version string) string {
	major, rest, _ := strings.Cut(strings.TrimPrefix(version, "v"), ".")
	minor, _, _ := strings.Cut(rest, ".")
	const pkg = "k8s.io/component-base/version"
	return fmt.Sprintf("-X %[1]s.gitVersion=%[2]s -X %[1]s.gitMajor=%[3]s -X %[1]s.gitMinor=%[4]s -X %[1]s.gitTreeState=clean",
		pkg, version, major, minor)
}
