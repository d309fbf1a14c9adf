package guard

import (
	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/objects"
)

// hostsByNamespace counts the hosts of each namespace at the start of the window,
// including those that came and went within it.
func (w *window) hostsByNamespace(now gatelodge.Map[gatelodge.Name, *gatelodge.Host]) map[string]int {
	had := make(map[string]int)
	for name, host := range now.All() {
		if _, came := w.came[name]; !came {
			had[host.Owner]++
		}
	}
	for _, served := range w.gone {
		had[served.owner]++
	}
	return had
}

// spared returns the namespaces of which nothing is withheld, because they lost no more
// than their share of the hosts that they had. So the deletions of one team affect no
// other.
func (d *departures) spared(cfg *objects.GuardConfig, had map[string]int, now gatelodge.Map[gatelodge.Name, *gatelodge.Host]) map[string]bool {
	lost := make(map[string]map[gatelodge.Name]bool)
	for _, gone := range d.list {
		namespace := gone.kept.Object.Namespace
		if lost[namespace] == nil {
			lost[namespace] = make(map[gatelodge.Name]bool)
		}
		for name := range gone.kept.Names() {
			if gone.served[name] && now.Get(name) == nil {
				lost[namespace][name] = true
			}
		}
	}
	spared := make(map[string]bool)
	for namespace, names := range lost {
		if n := had[namespace]; n > 0 && float64(len(names)) <= cfg.Share*float64(n) {
			spared[namespace] = true
		}
	}
	return spared
}
