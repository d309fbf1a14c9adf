package dashboard

import (
	"iter"
	"net/url"
	"slices"

	gatelodge "gatelodge.dev"
)

// difference is a change without its details: in a large one most changes are only
// counted.
type difference struct {
	change
	before, after func() []string // the parts, in their order
}

// detailed returns the change with its details.
func (d difference) detailed() change {
	before, after := parts(d.before), parts(d.after)
	c := d.change
	list := func(action action, texts, other []string) {
		for _, text := range texts {
			if len(c.Details) < mostDetails && !slices.Contains(other, text) {
				if len(text) > mostOctets {
					text = text[:mostOctets] + "…"
				}
				c.Details = append(c.Details, detail{action, text})
			}
		}
	}
	list(removed, before, after)
	list(added, after, before)
	return c
}

// mostParts limits the parts of one thing that are compared.
const mostParts = 500

func parts(of func() []string) []string {
	if of == nil {
		return nil
	}
	all := of()
	return all[:min(len(all), mostParts)]
}

// differences yields the differences between two Snapshots, of which the first may be
// nil, at the cost of what changed.
func differences(before, now *gatelodge.Snapshot) iter.Seq[difference] {
	if before == nil {
		before = &gatelodge.Snapshot{}
	}
	return func(yield func(difference) bool) {
		for name, h := range now.Hosts.Changes(before.Hosts) {
			if !yield(ofHost(name, h)) {
				return
			}
		}
		for key, b := range now.Backends.Changes(before.Backends) {
			d := difference{change: newChange("backend", string(key), b.Before != nil, b.After != nil)}
			d.To = "backends?q=" + url.QueryEscape(string(key))
			d.before, d.after = endpointTexts(b.Before), endpointTexts(b.After)
			if !yield(d) {
				return
			}
		}
		for _, d := range ofCertificates(before.DefaultCertificates, now.DefaultCertificates) {
			if !yield(d) {
				return
			}
		}
		if !ofRecords(before.Views, now.Views, yield) {
			return
		}
		for p, there := range now.Problems.Changes(before.Problems) {
			d := difference{change: newChange("problem", string(p.Reason), there.Before, there.After)}
			d.To, d.Object = "problems?q="+url.QueryEscape(p.Object.Name), p.Object
			d.Details = []detail{{d.Action, p.Message}}
			if len(p.Message) > mostOctets {
				d.Details[0].Text = p.Message[:mostOctets] + "…"
			}
			if !yield(d) {
				return
			}
		}
	}
}

// newChange returns a change, depending on whether the thing existed and exists.
func newChange(kind, name string, was, is bool) change {
	c := change{Action: changed, Kind: kind, Name: name}
	switch {
	case !was:
		c.Action = added
	case !is:
		c.Action = removed
	}
	return c
}

func ofHost(name gatelodge.Name, h gatelodge.Change[*gatelodge.Host]) difference {
	d := difference{change: newChange("host", hostName(name), h.Before != nil, h.After != nil)}
	d.To = "host?name=" + url.QueryEscape(string(name))
	for _, side := range []*gatelodge.Host{h.Before, h.After} {
		if side != nil && len(side.Routes) > 0 {
			d.Object = side.Routes[0].Object
		}
	}
	d.before, d.after = hostTexts(h.Before), hostTexts(h.After)
	return d
}

// hostTexts returns a host's routes and certificates in the text form.
func hostTexts(h *gatelodge.Host) func() []string {
	if h == nil {
		return nil
	}
	return func() (texts []string) {
		if h.Owner != "" {
			texts = append(texts, "owner "+h.Owner)
		}
		if h.ClientAuth != nil {
			texts = append(texts, h.ClientAuth.String())
		}
		for _, c := range h.Certificates {
			texts = append(texts, c.String())
		}
		for _, r := range h.Routes[:min(len(h.Routes), mostParts)] {
			texts = append(texts, "route "+r.String())
		}
		return texts
	}
}

func endpointTexts(b *gatelodge.Backend) func() []string {
	if b == nil {
		return nil
	}
	return func() (texts []string) {
		for _, e := range b.Endpoints[:min(len(b.Endpoints), mostParts)] {
			text := "endpoint " + e.Address.String()
			if e.Draining {
				text += ", draining"
			}
			texts = append(texts, text)
		}
		return texts
	}
}

// ofCertificates compares the default certificates, of which there are few; those of a
// host are parts of the host.
func ofCertificates(before, now []*gatelodge.Certificate) (all []difference) {
	list := func(action action, these, others []*gatelodge.Certificate) {
		for _, c := range these {
			if !slices.Contains(others, c) {
				all = append(all, difference{change: change{
					Action: action, Kind: "certificate", Name: string(slices.Concat(c.Names, []gatelodge.Name{""})[0]), Object: c.Object, To: "certificates",
					Details: []detail{{action, "until " + c.NotAfter.UTC().Format("2006-01-02")}},
				}})
			}
		}
	}
	list(removed, before, now)
	list(added, now, before)
	return all
}

// ofRecords compares the zones of all views.
func ofRecords(before, now []*gatelodge.View, yield func(difference) bool) bool {
	type key struct {
		view string
		zone gatelodge.Name
	}
	nodes := func(views []*gatelodge.View) (all map[key]gatelodge.Map[gatelodge.Name, *gatelodge.Node], keys []key) {
		all = make(map[key]gatelodge.Map[gatelodge.Name, *gatelodge.Node])
		for _, v := range views {
			for _, z := range v.Zones {
				k := key{v.Name, z.Name}
				all[k] = z.Nodes
				keys = append(keys, k)
			}
		}
		return all, keys
	}
	old, oldKeys := nodes(before)
	these, keys := nodes(now)
	for _, k := range oldKeys {
		if _, there := these[k]; !there {
			keys = append(keys, k)
		}
	}
	for _, k := range keys {
		for name, n := range these[k].Changes(old[k]) {
			d := difference{change: newChange("record", string(name)+", view "+k.view, n.Before != nil, n.After != nil)}
			d.To = "host?name=" + url.QueryEscape(string(name))
			d.before, d.after = recordTexts(n.Before), recordTexts(n.After)
			if !yield(d) {
				return false
			}
		}
	}
	return true
}

func recordTexts(n *gatelodge.Node) func() []string {
	if n == nil {
		return nil
	}
	return func() (texts []string) {
		for _, r := range n.Records[:min(len(n.Records), mostParts)] {
			texts = append(texts, r.String())
		}
		return texts
	}
}
