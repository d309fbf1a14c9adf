package intent

import (
	"fmt"
	"maps"
	"reflect"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/utils/ptr"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/annotations"
	"gatelodge.dev/kube/objects"
)

// classParameters contains the defaults of one class and their sources.
type classParameters struct {
	class     *networkingv1.IngressClass
	configMap *corev1.ConfigMap // nil: there is none

	base     *annotations.Defaults // of the configuration
	defaults *annotations.Defaults
	problems []gatelodge.Problem
}

// readParameters reads the defaults of the served classes, by the name of the class;
// base are those of the configuration.
func readParameters(objs *objects.Objects, classes *classes, base *annotations.Defaults, last map[string]*classParameters) map[string]*classParameters {
	parameters := make(map[string]*classParameters)
	for _, class := range objs.Classes.All() {
		if class.Spec.Parameters == nil || classes.Unread || !classes.Ours[class.Name] {
			continue
		}
		name, _ := ParametersName(class)
		p := &classParameters{class: class, base: base, configMap: objs.ConfigMaps.Get(name)}
		before := last[class.Name]
		if before != nil && before.class == class && before.configMap == p.configMap && before.base == base {
			p = before
		} else {
			p.read(objs)
			if before != nil && reflect.DeepEqual(before.defaults, p.defaults) {
				p.defaults = before.defaults
			}
		}
		parameters[class.Name] = p
	}
	return parameters
}

// ParametersName returns the ConfigMap that a class names as its parameters, or why it
// names none.
func ParametersName(class *networkingv1.IngressClass) (name objects.Key, err error) {
	p := class.Spec.Parameters
	if p.Kind != "ConfigMap" || ptr.Deref(p.APIGroup, "") != "" {
		return name, fmt.Errorf("spec.parameters is a %s of API group %q, expected a ConfigMap", p.Kind, ptr.Deref(p.APIGroup, ""))
	}
	namespace := ptr.Deref(p.Namespace, "")
	if ptr.Deref(p.Scope, networkingv1.IngressClassParametersReferenceScopeCluster) != networkingv1.IngressClassParametersReferenceScopeNamespace || namespace == "" {
		return name, fmt.Errorf("spec.parameters names ConfigMap %s without its namespace, expected scope: Namespace and namespace", p.Name)
	}
	return objects.Key{Namespace: namespace, Name: p.Name}, nil
}

// read reads the defaults. While the ConfigMap is missing, it is unknown which
// protections it asks for, so the class's routes are not served. Parameters of another
// kind are not for this gateway.
func (p *classParameters) read(objs *objects.Objects) {
	p.defaults = annotations.ReadDefaults(nil, p.base, func(gatelodge.Reason, string, ...any) {})
	class := objs.ObjectOf("IngressClass", &p.class.ObjectMeta)
	name, err := ParametersName(p.class)
	if err == nil && p.configMap == nil {
		err = fmt.Errorf("there is no ConfigMap %s, which spec.parameters names", name)
	}
	if err != nil {
		p.problems = append(p.problems, gatelodge.Problem{Object: class, Reason: gatelodge.BadParameters, Message: err.Error()})
		if p.class.Spec.Parameters.Kind == "ConfigMap" {
			p.defaults = annotations.NoDefaults("the parameters of its IngressClass are not known")
		}
		return
	}
	reader := &Claimant{Applicant: Applicant{Object: objs.ObjectOf("ConfigMap", &p.configMap.ObjectMeta)}}
	values := make(map[string]string)
	maps.Copy(values, p.configMap.Data)
	for key, value := range p.configMap.BinaryData {
		values[key] = string(value)
	}
	p.defaults = annotations.ReadDefaults(values, p.base, reader.problem)
	p.problems = reader.problems
}

// readDefaults reads the defaults of the configuration, which were checked when it
// was read; nil: there are none.
func readDefaults(cfg *objects.Config, last *Reading) *annotations.Defaults {
	if last.cfg == cfg {
		return last.defaults
	}
	if len(cfg.Defaults) == 0 {
		return nil
	}
	defaults := annotations.ReadDefaults(cfg.Defaults, nil, func(gatelodge.Reason, string, ...any) {})
	if reflect.DeepEqual(defaults, last.defaults) {
		return last.defaults
	}
	return defaults
}
