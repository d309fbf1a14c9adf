package ingressnginx

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/objects"
)

// defaultsNamespace is the namespace of the ConfigMaps of defaults: the gateway's own,
// as in docs/install.md.
const defaultsNamespace = "gatelodge"

// WriteConfig writes the configuration in YAML; comments list what has no counterpart.
func (t *Translation) WriteConfig(out io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Made by gatelodge import ingress-nginx of %s.\n", t.origin())
	fmt.Fprintf(&b, "apiVersion: gatelodge.dev/v1alpha1\nkind: GatewayConfig\n")
	t.doc.write(&b)
	for _, part := range []struct {
		outcome Outcome
		title   string
	}{
		{ToDo, "To do: these have no counterpart in this file."},
		{ClassDefault, "Defaults of the class: import ingress-nginx --defaults writes manifests with them."},
		{Needless, "Nothing to do: nothing is lost without these."},
	} {
		notes := t.With(part.outcome)
		if len(notes) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n# %s\n", part.title)
		for _, note := range notes {
			fmt.Fprintf(&b, "# - %s: %s\n", oneLine(note.Setting), shown(note.Value))
			if part.outcome != ClassDefault {
				fmt.Fprintf(&b, "#   %s\n", oneLine(note.Text))
			}
		}
	}
	_, err := out.Write(b.Bytes())
	return err
}

// With returns the notes with an outcome.
func (t *Translation) With(outcome Outcome) []Note {
	return slices.DeleteFunc(slices.Clone(t.Notes), func(note Note) bool { return note.Outcome != outcome })
}

func (t *Translation) origin() string {
	parts := []string{t.in.Name}
	if t.in.configMap.Name != "" {
		parts = append(parts, "ConfigMap "+t.in.configMap.String())
	}
	return oneLine(strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), " and "))
}

// oneLine prevents text from ending a comment.
func oneLine(text string) string { return gatelodge.Printable(strings.Join(strings.Fields(text), " ")) }

// WriteDefaults writes manifests of a ConfigMap with the defaults of the classes, and
// of the classes that name it; nothing without defaults.
func (t *Translation) WriteDefaults(out io.Writer) error {
	if len(t.Defaults) == 0 {
		_, err := fmt.Fprintln(out, "# There are no defaults for the Ingresses of these classes.")
		return err
	}
	configMap, classes := t.defaultObjects()
	items := []any{configMap}
	for _, class := range classes {
		items = append(items, class)
	}
	for _, item := range items {
		text, err := yaml.Marshal(item)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(out, "---\n%s", text); err != nil {
			return err
		}
	}
	return nil
}

func (t *Translation) defaultObjects() (*corev1.ConfigMap, []*networkingv1.IngressClass) {
	namespace, scope := defaultsNamespace, networkingv1.IngressClassParametersReferenceScopeNamespace
	configMap := &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "ingress-nginx-defaults"},
		Data:       maps.Clone(t.Defaults),
	}
	var classes []*networkingv1.IngressClass
	for _, name := range t.Classes {
		class := &networkingv1.IngressClass{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			Spec:       networkingv1.IngressClassSpec{Controller: "gatelodge.dev/ingress-controller"},
		}
		if before := t.in.objects.Classes.Get(objects.Key{Name: name}); before != nil {
			class.Annotations, class.Spec.Controller = before.Annotations, before.Spec.Controller
		}
		class.TypeMeta = metav1.TypeMeta{APIVersion: "networking.k8s.io/v1", Kind: "IngressClass"}
		class.Spec.Parameters = &networkingv1.IngressClassParametersReference{Kind: "ConfigMap", Name: configMap.Name, Namespace: &namespace, Scope: &scope}
		classes = append(classes, class)
	}
	return configMap, classes
}

// AddDefaults adds the defaults of the classes to objects, as WriteDefaults would.
func (t *Translation) AddDefaults(objs *objects.Objects) {
	if len(t.Defaults) == 0 {
		return
	}
	configMap, classes := t.defaultObjects()
	configMap.UID, configMap.ResourceVersion = "ingress-nginx-defaults", "1"
	configMaps, byName := objs.ConfigMaps.Edit(), objs.Classes.Edit()
	configMaps.Set(objects.KeyOf(configMap), configMap)
	for _, class := range classes {
		class.ResourceVersion = "defaults"
		if before := objs.Classes.Get(objects.KeyOf(class)); before != nil {
			class.UID, class.CreationTimestamp = before.UID, before.CreationTimestamp
		}
		byName.Set(objects.KeyOf(class), class)
	}
	objs.ConfigMaps, objs.Classes = configMaps.Map(), byName.Map()
}
