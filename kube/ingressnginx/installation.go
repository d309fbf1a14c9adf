package ingressnginx

import (
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"

	"gatelodge.dev/kube/objects"
)

// Installation is one controller of ingress-nginx among other objects.
type Installation struct {
	Name      string // KIND NAMESPACE/NAME; "" if there is only a ConfigMap
	namespace string
	args      []argument
	hostPorts bool // the pods use the ports of their node
	configMap objects.Key
	objects   *objects.Objects
}

type argument struct{ name, value string }

// workload contains the parts of a Deployment, a DaemonSet or a Pod that are read.
type workload struct {
	Kind     string `json:"kind"`
	Metadata struct {
		Name      string `json:"name"`
		Namespace string `json:"namespace"`
	} `json:"metadata"`
	Spec struct {
		podSpec
		Template struct {
			Spec podSpec `json:"spec"`
		} `json:"template"`
	} `json:"spec"`
}

type podSpec struct {
	HostNetwork bool `json:"hostNetwork"`
	Containers  []struct {
		Image   string   `json:"image"`
		Command []string `json:"command"`
		Args    []string `json:"args"`
	} `json:"containers"`
}

func (w *workload) name() string {
	return fmt.Sprintf("%s %s/%s", w.Kind, w.Metadata.Namespace, w.Metadata.Name)
}

// Find looks for controllers among documents, which are objects in JSON. It returns nil
// if there is none, and an error if there are several and choose, NAMESPACE/NAME or "",
// does not select one.
func Find(documents iter.Seq[json.RawMessage], objs *objects.Objects, choose string) (*Installation, error) {
	var found []*Installation
	var names []string
	for text := range documents {
		var w workload
		if json.Unmarshal(text, &w) != nil || !slices.Contains([]string{"Deployment", "DaemonSet", "Pod"}, w.Kind) {
			continue
		}
		if w.Metadata.Namespace == "" {
			w.Metadata.Namespace = "default"
		}
		spec := w.Spec.Template.Spec
		if w.Kind == "Pod" {
			spec = w.Spec.podSpec
		}
		in := w.installation(spec, objs)
		if in == nil || choose != "" && choose != w.Metadata.Namespace+"/"+w.Metadata.Name {
			continue
		}
		found, names = append(found, in), append(names, in.Name)
	}
	if deployed := slices.DeleteFunc(slices.Clone(found), func(in *Installation) bool { return strings.HasPrefix(in.Name, "Pod ") }); len(deployed) > 0 {
		found = deployed // whose pods are not separate controllers
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return nil, fmt.Errorf("there are several controllers of ingress-nginx: %s; name one with --controller NAMESPACE/NAME", strings.Join(names, ", "))
	case choose != "":
		return nil, fmt.Errorf("there is no controller of ingress-nginx %s", choose)
	}
	return findConfigMap(objs), nil
}

// installation returns the installation of a workload with a controller of
// ingress-nginx, otherwise nil.
func (w *workload) installation(spec podSpec, objs *objects.Objects) *Installation {
	for _, container := range spec.Containers {
		words := slices.Concat(container.Command, container.Args)
		if !slices.ContainsFunc(words, func(word string) bool { return strings.HasSuffix(word, "/nginx-ingress-controller") }) &&
			!strings.Contains(container.Image, "ingress-nginx/controller") {
			continue
		}
		in := &Installation{Name: w.name(), namespace: w.Metadata.Namespace, hostPorts: spec.HostNetwork, objects: objs}
		env := strings.NewReplacer("$(POD_NAMESPACE)", w.Metadata.Namespace, "$(POD_NAME)", w.Metadata.Name)
		in.args = readArguments(words, env)
		in.configMap = in.key(in.flag("configmap"))
		return in
	}
	return nil
}

// readArguments reads --name=value, --name value and --name, which is "true".
func readArguments(words []string, env *strings.Replacer) []argument {
	var list []argument
	for i := 0; i < len(words); i++ {
		name, value, hasValue := strings.Cut(words[i], "=")
		if !strings.HasPrefix(name, "-") {
			continue
		}
		if !hasValue {
			value = "true"
			if i+1 < len(words) && !strings.HasPrefix(words[i+1], "-") {
				i++
				value = words[i]
			}
		}
		list = append(list, argument{strings.TrimLeft(name, "-"), env.Replace(value)})
	}
	return list
}

// flag returns the value of a flag, "" if it is not given.
func (in *Installation) flag(name string) string {
	for _, arg := range slices.Backward(in.args) {
		if arg.name == name {
			return arg.value
		}
	}
	return ""
}

// key reads NAMESPACE/NAME, or a name in the controller's namespace.
func (in *Installation) key(text string) objects.Key {
	if namespace, name, found := strings.Cut(text, "/"); found {
		return objects.Key{Namespace: namespace, Name: name}
	}
	return objects.Key{Namespace: in.namespace, Name: text}
}

// findConfigMap returns, for manifests without a controller, the ConfigMap with the
// name that the chart or the manifests of ingress-nginx use, nil if there is none.
func findConfigMap(objs *objects.Objects) *Installation {
	for key := range objs.ConfigMaps.All() {
		if strings.HasSuffix(key.Name, "ingress-nginx-controller") || key.Name == "nginx-configuration" {
			return &Installation{namespace: key.Namespace, configMap: key, objects: objs}
		}
	}
	return nil
}

// data returns the data of the ConfigMap, and false if it is not among the objects.
func (in *Installation) data(key objects.Key) (map[string]string, bool) {
	configMap := in.objects.ConfigMaps.Get(key)
	if configMap == nil {
		return nil, false
	}
	return configMap.Data, true
}
