package manifests

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/objects"
)

// manifest is a file of Kubernetes objects in YAML or JSON.
type manifest struct {
	file      string
	documents []*document
	broken    bool // a document is not YAML at all, as while the file is being written
}

// document is a part of a manifest between two "---" lines.
type document struct {
	line     int    // of the file, where it starts
	hash     string // of its text
	items    []*Item
	problems []gatelodge.Problem
	broken   bool
}

// ReadManifest reads a file. Documents that are unchanged at the same place in before
// are reused.
func ReadManifest(file string, text []byte, before *manifest) *manifest {
	known := make(map[string]*document)
	if before != nil {
		for _, d := range before.documents {
			known[d.hash] = d
		}
	}
	m := &manifest{file: file}
	for _, part := range splitDocuments(text) {
		hash := objects.HashOf(part.text)
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

func (d *document) read(file string, text []byte) {
	raw, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		// A duplicate key is a mistake, but the object can still be read.
		lenient, lenientErr := yaml.YAMLToJSON(text)
		if lenientErr != nil {
			d.broken = true
			d.problem(file, err)
			return
		}
		d.problem(file, err)
		raw = lenient
	}
	d.readObject(file, raw, 0)
}

// maxListDepth is the maximum nesting of Lists. Manifests have no Lists in Lists, and
// each depth reads its content again.
const maxListDepth = 4

var (
	errDeepList  = fmt.Errorf("a List is nested in more than %d Lists and is left out, expected objects", maxListDepth-1)
	errNotObject = errors.New("the document has no kind, expected apiVersion, kind and metadata")
	yamlLine     = regexp.MustCompile(`line (\d+): `)
)

// problem reports a mistake in a document as a whole. The YAML parser counts lines from
// the start of the document.
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

// readObject reads an object, or those of a List, which itself lies in depth
// Lists.
func (d *document) readObject(file string, raw []byte, depth int) {
	var head struct {
		metav1.TypeMeta `json:",inline"`
		Items           []json.RawMessage `json:"items"`
	}
	if err := kjson.UnmarshalCaseSensitivePreserveInts(raw, &head); err != nil || head.Kind == "" {
		d.problem(file, errNotObject)
		return
	}
	if head.Kind == "List" && head.APIVersion == "v1" {
		if depth == maxListDepth {
			d.problem(file, errDeepList)
			return
		}
		for _, one := range head.Items {
			d.readObject(file, one, depth+1)
		}
		return
	}
	kind := objects.KindOf(head.Kind)
	if kind == nil || kind.Own || !isOf(kind, head.APIVersion) {
		return
	}
	if head.APIVersion != kind.APIVersion {
		d.problem(file, fmt.Errorf("%s has apiVersion %q, expected %q%s", head.Kind, head.APIVersion, kind.APIVersion, fromOlder(kind)))
		return
	}
	object := kind.New()
	strict, err := kjson.UnmarshalStrict(raw, object)
	if err != nil {
		d.problem(file, fmt.Errorf("%s %w", head.Kind, decodingError(err)))
		return
	}
	if err := identify(file, len(d.items), kind, object, raw); err != nil {
		d.problem(file, fmt.Errorf("%s %w", head.Kind, err))
		return
	}
	origin := objects.Origin{File: file, Line: d.line}
	for _, err := range strict {
		d.problems = append(d.problems, gatelodge.Problem{
			Object:  itemObject(kind, object, origin),
			Reason:  gatelodge.BadManifest,
			Message: err.Error(),
		})
	}
	d.items = append(d.items, &Item{Kind: kind, Object: object, origin: origin, index: len(d.items)})
}

// content returns the objects and the problems of the file.
func (m *manifest) content() fileContent {
	var content fileContent
	for _, d := range m.documents {
		content.items = append(content.items, d.items...)
	}
	content.problems = m.problems()
	return content
}

// problems lists the problems of the file.
func (m *manifest) problems() []gatelodge.Problem {
	var problems []gatelodge.Problem
	for _, d := range m.documents {
		problems = append(problems, d.problems...)
	}
	return problems
}
