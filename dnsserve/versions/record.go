package versions

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	gatelodge "gatelodge.dev"
)

// Limits of what is stored of a zone. A ConfigMap holds 1 MiB.
const (
	maxSteps     = 500
	maxStepBytes = 256 << 10 // of all steps together
	maxBaseBytes = 256 << 10 // compressed
	maxBaseNodes = 30_000    // larger zones get no base
	maxUnpacked  = 64 << 20  // of a base
)

// itemPrefix is the prefix of every item's name. A Store keeps these items as public.
const itemPrefix = "zone-"

// item returns the name of the zone's item in the Store.
func (k Key) item() string {
	zone := string(k.Zone)
	if len(zone) > 120 || strings.Contains(zone, "_") {
		sum := sha256.Sum256([]byte(zone))
		zone = "hash-" + hex.EncodeToString(sum[:16])
	}
	return itemPrefix + zone + "-" + k.View
}

// record is a version in the Store: its hash, the steps that lead to it, and if it fits
// a base, a whole earlier version from which the steps lead to it.
type record struct {
	serial uint32
	hash   string
	soa    *gatelodge.Zone // without nodes
	steps  []*Step
	base   []byte // compressed; nil: none
	baseAt uint32 // the serial of the base

	tried map[*gatelodge.Zone]bool // contents that don't prove it; nil means the base
}

// The parts of an item. The names of steps end in the serial that they lead to.
const (
	partZone   = "zone"
	partView   = "view"
	partSerial = "serial"
	partHash   = "sha256"
	partSOA    = "soa"
	partBase   = "base"
	partBaseAt = "base-serial"
	partStep   = "step-"
)

func (r *record) encode(key Key) map[string][]byte {
	soa, _ := json.Marshal(storedHeaderOf(r.soa)) // has no type that fails
	parts := map[string][]byte{
		partZone:   []byte(key.Zone),
		partView:   []byte(key.View),
		partSerial: formatSerial(r.serial),
		partHash:   []byte(r.hash),
		partSOA:    soa,
	}
	if r.base != nil {
		parts[partBase], parts[partBaseAt] = r.base, formatSerial(r.baseAt)
	}
	for _, s := range r.steps {
		parts[partStep+string(formatSerial(s.To))] = s.text
	}
	return parts
}

// decodeRecord decodes an item. last, which may be nil, is what was read before; steps
// that are in both are shared.
func decodeRecord(parts map[string][]byte, key Key, last *record) (*record, error) {
	if zone, view := string(parts[partZone]), string(parts[partView]); zone != string(key.Zone) || view != key.View {
		return nil, fmt.Errorf("it is about zone %q in view %q", zone, view)
	}
	r := &record{hash: string(parts[partHash]), base: parts[partBase], tried: make(map[*gatelodge.Zone]bool)}
	var err error
	if r.serial, err = parseSerial(parts[partSerial]); err != nil {
		return nil, err
	}
	var soa storedHeader
	if err := json.Unmarshal(parts[partSOA], &soa); err != nil {
		return nil, fmt.Errorf("%s: %w", partSOA, err)
	}
	r.soa = soa.zone(key)
	if r.base != nil {
		if r.baseAt, err = parseSerial(parts[partBaseAt]); err != nil {
			return nil, err
		}
	}
	known := make(map[string]*Step)
	if last != nil {
		for _, s := range last.steps {
			known[partStep+string(formatSerial(s.To))] = s
		}
	}
	leadingTo := make(map[uint32]*Step)
	for part, text := range parts {
		if s := known[part]; s != nil && bytes.Equal(s.text, text) {
			leadingTo[s.To] = s
			continue
		}
		if to, ok := strings.CutPrefix(part, partStep); ok {
			s, err := decodeStep(text, key)
			if err == nil {
				s.To, err = parseSerial([]byte(to))
			}
			if err == nil && s.Before == nil {
				err = errors.New("it does not say what came before")
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", part, err)
			}
			leadingTo[s.To] = s
		}
	}
	for at := r.serial; leadingTo[at] != nil; {
		s := leadingTo[at]
		delete(leadingTo, at) // so that a circle ends
		r.steps = append(r.steps, s)
		at = s.From
	}
	slices.Reverse(r.steps)
	return r, nil
}

func formatSerial(serial uint32) []byte { return strconv.AppendUint(nil, uint64(serial), 10) }

func parseSerial(text []byte) (uint32, error) {
	n, err := strconv.ParseUint(string(text), 10, 32)
	if err != nil {
		return 0, fmt.Errorf("%.20q is not a serial", text)
	}
	return uint32(n), nil
}

// storedStep is the JSON form of a Step.
type storedStep struct {
	From   uint32        `json:"from"`
	Before *storedHeader `json:"soaBefore,omitempty"`
	After  storedHeader  `json:"soa"`
	Nodes  []storedNode  `json:"names"`
}

type storedHeader struct {
	Primary     gatelodge.Name `json:"primary"`
	Hostmaster  string         `json:"hostmaster"`
	TTL         int64          `json:"ttl"`
	NegativeTTL int64          `json:"negativeTTL"`
}

// storedNode contains a name's records before and after a step, in master-file form;
// null means that the name does not exist.
type storedNode struct {
	Name   gatelodge.Name `json:"name"`
	Before []string       `json:"before"`
	After  []string       `json:"after"`
}

func storedHeaderOf(z *gatelodge.Zone) storedHeader {
	return storedHeader{z.Primary, z.Hostmaster, int64(z.TTL / time.Second), int64(z.NegativeTTL / time.Second)}
}

func (h storedHeader) zone(key Key) *gatelodge.Zone {
	return &gatelodge.Zone{
		Name: key.Zone, Primary: h.Primary, Hostmaster: h.Hostmaster,
		TTL: time.Duration(h.TTL) * time.Second, NegativeTTL: time.Duration(h.NegativeTTL) * time.Second,
	}
}

func (s *Step) encode() []byte {
	stored := storedStep{From: s.From, After: storedHeaderOf(s.After)}
	if s.Before != nil {
		before := storedHeaderOf(s.Before)
		stored.Before = &before
	}
	for _, n := range s.Nodes {
		stored.Nodes = append(stored.Nodes, storedNode{n.Name, textOf(n.Before), textOf(n.After)})
	}
	text, _ := json.Marshal(stored) // has no type that fails
	return text
}

func decodeStep(text []byte, key Key) (*Step, error) {
	var stored storedStep
	if err := json.Unmarshal(text, &stored); err != nil {
		return nil, err
	}
	s := &Step{From: stored.From, After: stored.After.zone(key), text: text}
	if stored.Before != nil {
		s.Before = stored.Before.zone(key)
	}
	for _, n := range stored.Nodes {
		before, err := parseNode(n.Name, n.Before)
		if err != nil {
			return nil, err
		}
		after, err := parseNode(n.Name, n.After)
		if err != nil {
			return nil, err
		}
		s.Nodes = append(s.Nodes, NodeChange{n.Name, before, after})
	}
	return s, nil
}

func textOf(n *gatelodge.Node) []string {
	if n == nil {
		return nil
	}
	lines := make([]string, len(n.Records))
	for i, r := range n.Records {
		lines[i] = r.String()
	}
	return lines
}

func parseNode(name gatelodge.Name, lines []string) (*gatelodge.Node, error) {
	if lines == nil {
		return nil, nil
	}
	n := &gatelodge.Node{Name: name}
	for _, text := range lines {
		fields := strings.SplitN(text, " ", 5) // name, TTL, class, type, data
		if len(fields) != 5 || fields[0] != string(name)+"." {
			return nil, fmt.Errorf("%.80q is not a record of %s", text, name)
		}
		ttl, err := strconv.ParseUint(fields[1], 10, 31)
		if err != nil {
			return nil, fmt.Errorf("%.80q has no TTL", text)
		}
		n.Records = append(n.Records, gatelodge.Record{Name: name, Type: fields[3], TTL: time.Duration(ttl) * time.Second, Data: fields[4]})
	}
	return n, nil
}

// packBase returns the whole zone in compressed form, and nil if it is too large.
func packBase(z *gatelodge.Zone) []byte {
	if z.Nodes.Len() > maxBaseNodes {
		return nil
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	w.Write(stepBetween(nil, z).encode()) // w keeps its first error for Close
	if w.Close() != nil || packed.Len() > maxBaseBytes {
		return nil
	}
	return packed.Bytes()
}

var errTooLarge = errors.New("it is too large")

func unpackBase(packed []byte, key Key) (*gatelodge.Zone, error) {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(r, maxUnpacked+1))
	if err == nil && len(text) > maxUnpacked {
		err = errTooLarge
	}
	if err != nil {
		return nil, err
	}
	s, err := decodeStep(text, key)
	if err != nil {
		return nil, err
	}
	return s.apply(nil), nil
}
