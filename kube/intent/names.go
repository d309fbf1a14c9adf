package intent

import (
	"iter"
	"slices"

	gatelodge "gatelodge.dev"
)

func (in *Ingress) Names() iter.Seq[gatelodge.Name] {
	return func(yield func(gatelodge.Name) bool) {
		for i := range in.Asks {
			if !yield(in.Asks[i].Name) {
				return
			}
		}
	}
}

func (in *Ingress) Only(names map[gatelodge.Name]bool) *Ingress {
	part := *in
	part.Asks = slices.DeleteFunc(slices.Clone(in.Asks), func(ask HostAsk) bool { return !names[ask.Name] })
	return &part
}

func (p *Publication) Names() iter.Seq[gatelodge.Name] {
	return func(yield func(gatelodge.Name) bool) {
		for i := range p.Asks {
			if !yield(p.Asks[i].Name) {
				return
			}
		}
	}
}

func (p *Publication) Only(names map[gatelodge.Name]bool) *Publication {
	part := *p
	part.Asks = slices.DeleteFunc(slices.Clone(p.Asks), func(ask PublishAsk) bool { return !names[ask.Name] })
	return &part
}

// HostName names a host in a message.
func HostName(name gatelodge.Name) string {
	if name == "" {
		return "the host of every other name"
	}
	return "host " + string(name)
}
