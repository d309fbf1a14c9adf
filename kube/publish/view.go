package publish

import (
	"slices"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/objects"
)

// viewState is a view with its inputs.
type viewState struct {
	view    *gatelodge.View
	zones   map[gatelodge.Name]*zoneState
	catalog *gatelodge.Zone // nil: there is none
	aliases aliases
}

// viewMaker makes a view.
type viewMaker struct {
	*Views
	view  string
	zones map[gatelodge.Name]*zoneBuilder
}

// makeView updates the view for the names that changed.
func (v *Views) makeView(config *objects.ViewConfig, changed map[gatelodge.Name][]gatelodge.Name, afresh bool, last *viewState) *viewState {
	m := &viewMaker{Views: v, view: config.Name, zones: make(map[gatelodge.Name]*zoneBuilder)}
	for name := range v.plans {
		if plan := v.plans.in(name, config.Name); plan != nil {
			m.zones[name] = newZoneBuilder(v, config, plan, changed[name], afresh, last.zones[name])
		}
	}
	for _, b := range m.zones {
		b.stand()
	}
	for _, b := range m.zones {
		b.fill()
	}
	before := last.aliases
	if afresh {
		before = aliases{}
	}
	next := &viewState{zones: make(map[gatelodge.Name]*zoneState, len(m.zones)), aliases: m.followAliases(before)}
	view := &gatelodge.View{Name: config.Name, Addresses: v.announced.Views[config.Name].Addresses, Clients: config.Clients}
	for name, b := range m.zones {
		next.zones[name] = b.finish()
		view.Zones = append(view.Zones, next.zones[name].zone)
	}
	if next.catalog = last.catalog; afresh {
		next.catalog = catalogOf(v.cfg, config.Name, last.catalog)
	}
	if next.catalog != nil {
		view.Zones = append(view.Zones, next.catalog)
	}
	slices.SortFunc(view.Zones, func(a, b *gatelodge.Zone) int { return a.Name.Compare(b.Name) })
	if next.view = view; view.Name == last.view.Name && objects.SameSlice(view.Addresses, last.view.Addresses) && slices.Equal(view.Clients, last.view.Clients) && slices.Equal(view.Zones, last.view.Zones) {
		next.view = last.view
	}
	return next
}

// zoneOf returns the zone of this view that contains the name, or nil.
func (m *viewMaker) zoneOf(name gatelodge.Name) *zoneBuilder {
	if zone, ok := m.plans.of(name); ok {
		return m.zones[zone]
	}
	return nil
}
