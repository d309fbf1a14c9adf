package state

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"gatelodge.dev/kube/objects"
)

// The file is JSON, with a line for each object after the first line, so that neither
// writing nor reading needs the memory of all at once.

// fileHead is the first line.
type fileHead struct {
	Format string    `json:"format"`
	Time   time.Time `json:"time"`
	Count  int       `json:"count"` // of the following lines
}

const fileFormat = "gatelodge.dev/objects/v1"

// fileLine is each further line.
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
	head := fileHead{Format: fileFormat, Time: o.Now}
	for _, kind := range objects.Kinds() {
		head.Count += kind.Len(o)
	}
	if err := lines.Encode(head); err != nil {
		return err
	}
	for _, kind := range objects.Kinds() {
		for key, object := range kind.All(o) {
			text, err := json.Marshal(object)
			if err != nil {
				return fmt.Errorf("%s %s: %w", kind.Name, key, err)
			}
			if err := lines.Encode(fileLine{kind.Name, text}); err != nil {
				return err
			}
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
	edits := make(map[*objects.Kind]objects.Edit)
	for n := range head.Count {
		var line fileLine
		if err := lines.Decode(&line); err != nil {
			return objects.Objects{}, fmt.Errorf("line %d: %w", n+2, err)
		}
		kind := objects.KindOf(line.Kind)
		if kind == nil {
			return objects.Objects{}, fmt.Errorf("line %d: unknown kind %.60q", n+2, line.Kind)
		}
		object := kind.New()
		if err := json.Unmarshal(line.Object, object); err != nil {
			return objects.Objects{}, fmt.Errorf("line %d: %w", n+2, err)
		}
		if edits[kind] == nil {
			edits[kind] = kind.Edit(&o)
		}
		edits[kind].Set(objects.KeyOf(object), object)
	}
	for _, edit := range edits {
		edit.Done()
	}
	return o, nil
}
