package gatelodge

import (
	"reflect"
	"slices"
)

// Changes returns the sorted keys of what differs between the Snapshot before and
// s: "host app.example.com", "backend shop/web:80", "node …", "certificate …". It
// is logged at each swap. A nil before stands for an empty Snapshot.
func (s *Snapshot) Changes(before *Snapshot) []string {
	var keys []string
	if before == nil {
		before = &Snapshot{}
	} else {
		if !reflect.DeepEqual(before.Settings, s.Settings) {
			keys = append(keys, "settings")
		}
		if !slices.EqualFunc(before.Listeners, s.Listeners, Listener.Equal) {
			keys = append(keys, "listeners")
		}
	}
	if !slices.Equal(before.Challenges, s.Challenges) {
		keys = append(keys, "challenges")
	}
	if !slices.Equal(before.Transfers, s.Transfers) {
		keys = append(keys, "transfers")
	}
	keys = changed(keys, "host ", before.Hosts, s.Hosts)
	keys = changed(keys, "backend ", before.Backends, s.Backends)
	keys = changedCertificates(keys, before.DefaultCertificates, s.DefaultCertificates)
	zones := func(views []*View) map[string]Map[Name, *Node] {
		byKey := make(map[string]Map[Name, *Node])
		for _, v := range views {
			for _, z := range v.Zones {
				byKey[v.Name+"/"+string(z.Name)] = z.Nodes
			}
		}
		return byKey
	}
	old, now := zones(before.Views), zones(s.Views)
	for key, nodes := range now {
		keys = changed(keys, "node "+key+" ", old[key], nodes)
		delete(old, key)
	}
	for key, nodes := range old {
		keys = changed(keys, "node "+key+" ", nodes, Map[Name, *Node]{})
	}
	slices.Sort(keys)
	return keys
}

// changed appends the keys whose values differ between two Maps.
func changed[K interface {
	~string
	Ordered[K]
}, V comparable](keys []string, prefix string, before, after Map[K, V]) []string {
	for key := range after.Changes(before) {
		keys = append(keys, prefix+string(key))
	}
	return keys
}

// changedCertificates appends the keys of certificates that are in only one of the
// lists, which are short and not sorted.
func changedCertificates(keys []string, before, after []*Certificate) []string {
	for _, list := range [][2][]*Certificate{{before, after}, {after, before}} {
		for _, c := range list[0] {
			if !slices.Contains(list[1], c) {
				keys = append(keys, "certificate "+c.Object.String())
			}
		}
	}
	return slices.Compact(keys)
}
