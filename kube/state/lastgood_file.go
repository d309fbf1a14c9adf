package state

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"gatelodge.dev/kube/objects"
)

// The file is JSON, a line for each object after the first, so that neither
// writing nor reading needs the memory of all at once.

// fileHead is the first line.
type fileHead struct {
	Format string    `json:"format"`
	Time   time.Time `json:"time"`
	Count  int       `json:"count"` // of the lines to come
}

const fileFormat = "gatelodge.dev/objects/v1"

// storedKind is the kind of a line with a Secret of Objects.Stored.
const storedKind = "Stored"

// fileLine is each other line.
type fileLine struct {
	Kind   string          `json:"kind"`
	Object json.RawMessage `json:"object"`
}

// writeObjects puts the objects into a file.
func writeObjects(path string, o *objects.Objects) error {
	return writeWhole(path, func(out io.Writer) error { return encodeObjects(out, o) })
}

func encodeObjects(out io.Writer, o *objects.Objects) error {
	lines := json.NewEncoder(out)
	head := fileHead{Format: fileFormat, Time: o.Now, Count: o.Ingresses.Len() + o.Classes.Len() + o.Services.Len() + o.Slices.Len() + o.Secrets.Len() + o.Namespaces.Len() + o.DNSEndpoints.Len() + o.ConfigMaps.Len() + o.Stored.Len()}
	return errors.Join(
		lines.Encode(head),
		encodeAll(lines, "Ingress", o.Ingresses),
		encodeAll(lines, "IngressClass", o.Classes),
		encodeAll(lines, "Service", o.Services),
		encodeAll(lines, "EndpointSlice", o.Slices),
		encodeAll(lines, "Secret", o.Secrets),
		encodeAll(lines, "Namespace", o.Namespaces),
		encodeAll(lines, "DNSEndpoint", o.DNSEndpoints),
		encodeAll(lines, "ConfigMap", o.ConfigMaps),
		encodeAll(lines, storedKind, o.Stored))
}

func encodeAll[T objects.Object](lines *json.Encoder, kind string, table objects.Table[T]) error {
	for _, object := range table.All() {
		text, err := json.Marshal(object)
		if err != nil {
			return fmt.Errorf("%s %s/%s: %w", kind, object.GetNamespace(), object.GetName(), err)
		}
		if err := lines.Encode(fileLine{kind, text}); err != nil {
			return err
		}
	}
	return nil
}

// readObjects reads what writeObjects wrote.
func readObjects(path string) (o objects.Objects, err error) {
	file, err := os.Open(path)
	if err != nil {
		return objects.Objects{}, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	lines := json.NewDecoder(bufio.NewReader(file))
	var head fileHead
	if err := lines.Decode(&head); err != nil {
		return objects.Objects{}, fmt.Errorf("line 1: %w", err)
	}
	if head.Format != fileFormat {
		return objects.Objects{}, fmt.Errorf("has format %.60q, expected %q", head.Format, fileFormat)
	}
	o.Remembered = head.Time
	for n := range head.Count {
		var line fileLine
		if err := lines.Decode(&line); err != nil {
			return objects.Objects{}, fmt.Errorf("line %d: %w", n+2, err)
		}
		object, _ := objects.NewObject(line.Kind)
		if line.Kind == storedKind {
			object = &corev1.Secret{}
		}
		if object == nil {
			return objects.Objects{}, fmt.Errorf("line %d: unknown kind %.60q", n+2, line.Kind)
		}
		if err := json.Unmarshal(line.Object, object); err != nil {
			return objects.Objects{}, fmt.Errorf("line %d: %w", n+2, err)
		}
		switch object := object.(type) {
		case *networkingv1.Ingress:
			o.Ingresses = o.Ingresses.With(objects.KeyOf(object), object)
		case *networkingv1.IngressClass:
			o.Classes = o.Classes.With(objects.KeyOf(object), object)
		case *corev1.Service:
			o.Services = o.Services.With(objects.KeyOf(object), object)
		case *discoveryv1.EndpointSlice:
			o.Slices = o.Slices.With(objects.KeyOf(object), object)
		case *corev1.Secret:
			if line.Kind == storedKind {
				o.Stored = o.Stored.With(objects.KeyOf(object), object)
			} else {
				o.Secrets = o.Secrets.With(objects.KeyOf(object), object)
			}
		case *corev1.Namespace:
			o.Namespaces = o.Namespaces.With(objects.KeyOf(object), object)
		case *corev1.ConfigMap:
			o.ConfigMaps = o.ConfigMaps.With(objects.KeyOf(object), object)
		case *objects.DNSEndpoint:
			o.DNSEndpoints = o.DNSEndpoints.With(objects.KeyOf(object), object)
		}
	}
	return o, nil
}
