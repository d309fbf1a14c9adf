package publish

import (
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/objects"
	"gatelodge.dev/kube/syntax"
)

// Transfers contains the transfer settings of the zones.
type Transfers struct {
	cfg     *objects.Config
	secrets []*corev1.Secret // the Secrets of keys, in the configuration's order

	List     []*gatelodge.Transfer
	Problems []gatelodge.Problem
}

// MakeTransfers reads the keys of transfers. A zone without readable keys is not
// transferred.
func MakeTransfers(secrets objects.Table[*corev1.Secret], cfg *objects.Config, last *Transfers) *Transfers {
	x := &Transfers{cfg: cfg}
	for _, name := range cfg.TransferSecrets() {
		x.secrets = append(x.secrets, secrets.Get(name))
	}
	if last != nil && last.cfg == cfg && slices.Equal(last.secrets, x.secrets) {
		return last
	}
	x.add("dns.catalog.transfer", cfg.Catalog.Name, cfg.Catalog.Views, &cfg.Catalog.Transfer, secrets)
	for i := range cfg.Zones {
		x.add(fmt.Sprintf("dns.zones[%d].transfer", i), cfg.Zones[i].Name, cfg.Zones[i].Views, &cfg.Zones[i].Transfer, secrets)
	}
	return x
}

func (x *Transfers) add(key string, zone gatelodge.Name, views []string, c *objects.TransferConfig, secrets objects.Table[*corev1.Secret]) {
	if !c.Allowed() {
		return
	}
	t := &gatelodge.Transfer{Zone: zone, Views: views, Keys: slices.Clone(c.Keys), Networks: c.Networks, Notify: c.Notify, RequireTLS: c.RequireTLS}
	if c.Secret.Name != "" {
		keys, reason, message := readTransferKeys(secrets.Get(c.Secret), c.Secret)
		if message != "" {
			x.Problems = append(x.Problems, gatelodge.Problem{Object: objects.ConfigObject(key + ".tsigSecret"), Reason: reason, Message: message})
		}
		t.Keys = append(t.Keys, keys...)
	}
	t.Keys = slices.DeleteFunc(t.Keys, func(k *gatelodge.TransferKey) bool {
		other := x.otherKey(k)
		if other {
			x.Problems = append(x.Problems, gatelodge.Problem{Object: objects.ConfigObject(key), Reason: gatelodge.BadSecret,
				Message: fmt.Sprintf("the key %s has another secret or algorithm for another zone; it is not accepted for %s", k.Name, zone)})
		}
		return other
	})
	x.List = append(x.List, t)
}

// otherKey reports whether a previous zone has another key of this name, because a
// client names its key, but no zone.
func (x *Transfers) otherKey(k *gatelodge.TransferKey) bool {
	for _, t := range x.List {
		if slices.ContainsFunc(t.Keys, func(o *gatelodge.TransferKey) bool { return o.Name == k.Name && !o.Same(k) }) {
			return true
		}
	}
	return false
}

// readTransferKeys reads all keys of a Secret, in the order of its entries.
func readTransferKeys(secret *corev1.Secret, name objects.Key) (keys []*gatelodge.TransferKey, reason gatelodge.Reason, message string) {
	if secret == nil {
		return nil, gatelodge.SecretMissing, fmt.Sprintf("there is no Secret %s, so the zone is not transferred", name)
	}
	if len(secret.Data) == 0 {
		return nil, gatelodge.BadSecret, fmt.Sprintf("Secret %s is empty, write what tsig-keygen prints, so the zone is not transferred", name)
	}
	for _, entry := range slices.Sorted(maps.Keys(secret.Data)) {
		more, err := syntax.ParseTransferKeys(string(secret.Data[entry]))
		if err != nil {
			return nil, gatelodge.BadSecret, fmt.Sprintf("Secret %s: %s %v", name, entry, err)
		}
		keys = append(keys, more...)
	}
	return keys, "", ""
}
