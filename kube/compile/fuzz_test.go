package compile

import (
	"bytes"
	"strings"
	"testing"

	"gatelodge.dev/kube/kubetest"
	"gatelodge.dev/kube/manifests"
	"gatelodge.dev/kube/objects"
	"gatelodge.dev/kube/syntax"
)

// FuzzManifest: whatever a file holds, reading it ends, what was read can be
// built, and reading it again gives the same.
func FuzzManifest(f *testing.F) {
	f.Add([]byte("apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: a}\nspec: {rules: [{host: a.test}]}\n"))
	f.Add([]byte("---\n--- {kind: List, apiVersion: v1, items: [{kind: Secret}]}\n...\n---\nkind: [\n"))
	f.Add([]byte("apiVersion: v1\nkind: Secret\nmetadata: {name: x}\nstringData: {auth: 'a:{SHA}x'}\ndata: {}\ndata: {}"))
	f.Add([]byte("apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: x}\nports: [{port: 99999}]\nendpoints: [{addresses: [x]}, {}]"))
	f.Add([]byte("apiVersion: externaldns.k8s.io/v1alpha1\nkind: DNSEndpoint\nmetadata: {name: x}\nspec: {endpoints: [{dnsName: a.test, recordType: TXT, targets: ['\"\\001' ,x]}, {dnsName: b.test, recordType: NAPTR, targets: ['1 1 \"\" \"\" \"\" .']}]}"))
	f.Add([]byte("a: &a [*a]\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		first := manifests.ReadManifest("f.yaml", text, nil)
		set := manifests.NewObjectSet()
		set.AddManifest(first)
		set.Objects.Now = kubetest.Now
		cfg := &objects.Config{WithoutClass: true, Views: []objects.ViewConfig{{Name: "v"}}, Zones: []objects.ZoneConfig{{Name: "test", Views: []string{"v"}}}}
		want := new(Builder).Build(set.Objects, cfg).String()

		again := manifests.NewObjectSet()
		again.AddManifest(manifests.ReadManifest("f.yaml", text, first))
		again.Objects.Now = kubetest.Now
		if got := new(Builder).Build(again.Objects, cfg).String(); got != want {
			t.Errorf("read again:\n%s\nat first:\n%s", got, want)
		}
	})
}

// FuzzHtpasswd: no line crashes, and no hash is ever told.
func FuzzHtpasswd(f *testing.F) {
	f.Add([]byte("ann:$apr1$abcdefgh$0123456789012345678901\nbob:secret-hash\n# x\n:\n"))
	f.Add([]byte("carl:$2y$05$short\r\n\r\ndora:{SHA}====\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		users, problems := syntax.ParseHtpasswd(text)
		for user, hash := range users {
			if user == "" || hash.Form == 0 || strings.ContainsAny(hash.Text, "\n") {
				t.Errorf("user %q was taken with hash %q", user, hash.Text)
			}
		}
		if lines := bytes.Count(text, []byte("\n")) + 1; len(users)+len(problems) > lines {
			t.Errorf("%d users and %d problems of %d lines", len(users), len(problems), lines)
		}
		for _, problem := range problems {
			if strings.Contains(problem, "secret-hash") && !bytes.Contains(bytes.ReplaceAll(text, []byte(":secret-hash"), nil), []byte("secret-hash")) {
				t.Errorf("problem %q tells a hash", problem)
			}
		}
	})
}
