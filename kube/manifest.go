package kube

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"

	gatelodge "gatelodge.dev"
)

// manifest is a file of Kubernetes objects in YAML or JSON.
type manifest struct {
	documents []*document
	broken    bool // a document is no YAML at all, as while the file is being written
}

// document is a part of a manifest between two "---" lines.
type document struct {
	line     int    // of the file, where it starts
	hash     string // of its text
	items    []*item
	problems []gatelodge.Problem
	broken   bool
}

// item is an object of a kind that a Snapshot is built from.
type item struct {
	kind   string
	object metav1.Object
	origin Origin
}

// readManifest reads a file. Documents that are, word for word, in the same
// place of before are taken from there.
func readManifest(file string, text []byte, before *manifest) *manifest {
	known := make(map[string]*document)
	if before != nil {
		for _, d := range before.documents {
			known[d.hash] = d
		}
	}
	m := &manifest{}
	for _, part := range splitDocuments(text) {
		hash := hashOf(part.text)
		d := known[hash]
		if d == nil || d.line != part.line {
			d = &document{line: part.line, hash: hash}
			d.read(file, part.text)
		}
		m.documents = append(m.documents, d)
		m.broken = m.broken || d.broken
	}
	return m
}

func hashOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

// part is the text of a document.
type part struct {
	line int // where it starts, blank lines left out
	text []byte
}

// splitDocuments cuts a file at lines that start with "---", which in YAML ends
// a document wherever it stands (YAML 1.2.2 §9.1.4). Documents with nothing but
// blank lines and comments are left out.
func splitDocuments(text []byte) []part {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	var parts []part
	var current part
	empty := true // current has no content yet
	flush := func() {
		if !empty {
			parts = append(parts, current)
		}
		current, empty = part{}, true
	}
	number, start := 0, 0
	for line := range bytes.Lines(text) {
		number++
		end := start + len(line)
		content := bytes.TrimSpace(line)
		switch {
		case bytes.HasPrefix(line, []byte("---")) && (len(line) == 3 || bytes.ContainsRune([]byte(" \t\r\n"), rune(line[3]))):
			flush()
			if rest := bytes.TrimSpace(line[3:]); len(rest) > 0 && rest[0] != '#' {
				current, empty = part{line: number, text: text[start+3 : end]}, false
			}
		case current.text != nil:
			current.text = text[end-len(line)-len(current.text) : end]
		case len(content) > 0 && content[0] != '#' && !bytes.HasPrefix(line, []byte("%")):
			current, empty = part{line: number, text: text[start:end]}, false
		}
		start = end
	}
	flush()
	return parts
}

func (d *document) read(file string, text []byte) {
	raw, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		// A key given twice is wrong, but does not keep the object from being
		// read.
		lenient, lenientErr := yaml.YAMLToJSON(text)
		if lenientErr != nil {
			d.broken = true
			d.problem(file, err)
			return
		}
		d.problem(file, err)
		raw = lenient
	}
	d.readObject(file, raw)
}

var (
	errNotObject = errors.New("the document has no kind, expected apiVersion, kind and metadata")
	yamlLine     = regexp.MustCompile(`line (\d+): `)
)

// problem reports what is wrong with a document as a whole. The YAML parser
// counts lines from the start of the document.
func (d *document) problem(file string, err error) {
	line, message := d.line, strings.TrimPrefix(err.Error(), "error converting YAML to JSON: ")
	message = strings.TrimPrefix(message, "yaml: ")
	message = strings.Join(strings.Fields(strings.TrimPrefix(message, "unmarshal errors:")), " ")
	if at := yamlLine.FindStringSubmatch(message); at != nil {
		if n, convErr := strconv.Atoi(at[1]); convErr == nil && n > 0 {
			line += n - 1
			message = strings.Replace(message, at[0], "", 1)
		}
	}
	d.problems = append(d.problems, gatelodge.Problem{
		Object:  fileObject(file, line),
		Reason:  gatelodge.BadManifest,
		Message: fmt.Sprintf("%.300s", message),
	})
}

// fileObject names a line of a file, or a whole file when line is 0.
func fileObject(file string, line int) gatelodge.Object {
	name := file
	if line > 0 {
		name = fmt.Sprintf("%s:%d", file, line)
	}
	return gatelodge.Object{Kind: "File", Name: name, File: file, Line: line}
}

func (d *document) readObject(file string, raw []byte) {
	var head struct {
		metav1.TypeMeta `json:",inline"`
		Items           []json.RawMessage `json:"items"`
	}
	if err := kjson.UnmarshalCaseSensitivePreserveInts(raw, &head); err != nil || head.Kind == "" {
		d.problem(file, errNotObject)
		return
	}
	if head.Kind == "List" && head.APIVersion == "v1" {
		for _, one := range head.Items {
			d.readObject(file, one)
		}
		return
	}
	object, want := newObject(head.Kind)
	if object == nil || !sameKind(head.Kind, head.APIVersion, want) {
		return
	}
	if head.APIVersion != want {
		d.problem(file, fmt.Errorf("%s has apiVersion %q, expected %q", head.Kind, head.APIVersion, want))
		return
	}
	strict, err := kjson.UnmarshalStrict(raw, object)
	if err != nil {
		d.problem(file, fmt.Errorf("%s does not decode: %w", head.Kind, err))
		return
	}
	if err := d.identify(file, head.Kind, object, raw); err != nil {
		d.problem(file, fmt.Errorf("%s %w", head.Kind, err))
		return
	}
	origin := Origin{File: file, Line: d.line}
	for _, err := range strict {
		d.problems = append(d.problems, gatelodge.Problem{
			Object:  itemObject(head.Kind, object, origin),
			Reason:  gatelodge.BadManifest,
			Message: err.Error(),
		})
	}
	d.items = append(d.items, &item{kind: head.Kind, object: object, origin: origin})
}

// itemObject names an object that was read from a file.
func itemObject(kind string, object metav1.Object, origin Origin) gatelodge.Object {
	return gatelodge.Object{
		Kind: kind, Namespace: object.GetNamespace(), Name: object.GetName(), UID: string(object.GetUID()),
		File: origin.File, Line: origin.Line,
	}
}

// newObject returns an empty object of a kind that a Snapshot is built from, and
// the version of the API that it is read in.
func newObject(kind string) (object metav1.Object, apiVersion string) {
	switch kind {
	case "Ingress":
		return &networkingv1.Ingress{}, "networking.k8s.io/v1"
	case "IngressClass":
		return &networkingv1.IngressClass{}, "networking.k8s.io/v1"
	case "EndpointSlice":
		return &discoveryv1.EndpointSlice{}, "discovery.k8s.io/v1"
	case "Service":
		return &corev1.Service{}, "v1"
	case "Secret":
		return &corev1.Secret{}, "v1"
	case "Namespace":
		return &corev1.Namespace{}, "v1"
	}
	return nil, ""
}

// sameKind tells whether two versions of an API are about one kind: other
// groups, such as serving.knative.dev, have a Service too. The group that
// Ingress came from counts, so that whoever still uses it is told.
func sameKind(kind, a, b string) bool {
	return groupOf(a) == groupOf(b) || kind == "Ingress" && groupOf(a) == "extensions"
}

func groupOf(apiVersion string) string {
	if group, _, ok := strings.Cut(apiVersion, "/"); ok {
		return group
	}
	return "" // the core group
}

// identify gives the object what an API server would: a namespace, a UID, which
// is the same as long as the object stays in its file, and a resourceVersion,
// which is the same as long as its content is.
func (d *document) identify(file, kind string, object metav1.Object, raw []byte) error {
	name := object.GetName()
	if wrong := validation.IsDNS1123Subdomain(name); len(wrong) > 0 {
		return fmt.Errorf("has metadata.name %.60q, expected lower-case letters, digits, hyphens and dots", name)
	}
	switch namespace := object.GetNamespace(); {
	case kind == "IngressClass" || kind == "Namespace":
		object.SetNamespace("")
	case namespace == "":
		object.SetNamespace(metav1.NamespaceDefault)
	case len(validation.IsDNS1123Label(namespace)) > 0:
		return fmt.Errorf("%s has metadata.namespace %.60q, expected lower-case letters, digits and hyphens", name, namespace)
	}
	object.SetUID(types.UID(fmt.Sprintf("%s#%s/%s/%s", file, kind, object.GetNamespace(), name)))
	object.SetResourceVersion(hashOf(raw))
	if secret, ok := object.(*corev1.Secret); ok {
		for key, value := range secret.StringData {
			if secret.Data == nil {
				secret.Data = make(map[string][]byte)
			}
			secret.Data[key] = []byte(value)
		}
		secret.StringData = nil
	}
	return nil
}

// problems lists what is wrong in the file.
func (m *manifest) problems() []gatelodge.Problem {
	var problems []gatelodge.Problem
	for _, d := range m.documents {
		problems = append(problems, d.problems...)
	}
	return problems
}
