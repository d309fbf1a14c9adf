package compile

import (
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/badkeys"
	"gatelodge.dev/kube/objects"
	"gatelodge.dev/kube/secrets"
	"gatelodge.dev/kube/stored"
)

// flaws contains information about certificates that they don't contain themselves:
// keys on a list of the operator's, and revocations.
type flaws struct {
	cfg     *objects.Config
	lists   []*corev1.ConfigMap // of keys; nil: it does not exist
	revoked *stored.Revocations

	keys     badkeys.List
	problems []gatelodge.Problem
}

func findFlaws(s *stored.Items, objs *objects.Objects, cfg *objects.Config, last *flaws) *flaws {
	f := &flaws{cfg: cfg, revoked: s.Revoked}
	for _, name := range cfg.BadKeys {
		f.lists = append(f.lists, objs.ConfigMaps.Get(name))
	}
	if last != nil && last.cfg == cfg && last.revoked == f.revoked && slices.Equal(last.lists, f.lists) {
		return last
	}
	f.keys = make(badkeys.List)
	for i, list := range f.lists {
		f.read(cfg.BadKeys[i], list)
	}
	return f
}

// read reads a ConfigMap, each of whose keys has a list.
func (f *flaws) read(name objects.Key, list *corev1.ConfigMap) {
	if list == nil {
		f.problem("there is no ConfigMap %s", name)
		return
	}
	for _, key := range slices.Sorted(maps.Keys(list.Data)) {
		if err := f.keys.Add(list.Data[key]); err != nil {
			f.problem("ConfigMap %s, key %.60q, %v", name, key, err)
		}
	}
}

func (f *flaws) problem(format string, args ...any) {
	f.problems = append(f.problems, gatelodge.Problem{Object: objects.ConfigObject("tls.badKeys"), Reason: gatelodge.BadConfig, Message: fmt.Sprintf(format, args...)})
}

// judge returns the certificate with its flaw, unchanged if none is known.
func (f *flaws) judge(c *gatelodge.Certificate) *gatelodge.Certificate {
	flaw := f.flawOf(c)
	if flaw == c.Flaw {
		return c
	}
	judged := *c
	judged.Flaw = flaw
	return &judged
}

func (f *flaws) flawOf(c *gatelodge.Certificate) *gatelodge.Flaw {
	if why := f.keys.Check(c.KeyHash); c.Flaw == nil && why != "" {
		return secrets.FlawOfKey(why)
	}
	if revocation, found := f.revoked.ByFingerprint[c.Fingerprint]; c.Flaw == nil && found {
		return revocation.Flaw()
	}
	return c.Flaw
}

// sameFlaw reports whether two flaws of a certificate are the same.
func sameFlaw(a, b *gatelodge.Flaw) bool { return a == b || a != nil && b != nil && *a == *b }

// whatToDo is the end of the problem of a flawed certificate.
const whatToDo = "; get one with a new key: until then this one is served only if there is no other"
