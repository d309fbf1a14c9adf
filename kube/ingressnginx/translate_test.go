package ingressnginx

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"gatelodge.dev/kube/manifests"
)

var update = flag.Bool("update", false, "write the wanted configuration into testdata")

// TestTranslate translates the manifests of each file of testdata.
func TestTranslate(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			wanted := slices.IndexFunc(archive.Files, func(f txtar.File) bool { return f.Name == "gateway.yaml" })
			translation := translateText(t, archive.Files[0].Data)
			if translation == nil {
				t.Fatal("there is no installation")
			}
			var got bytes.Buffer
			if err := translation.WriteConfig(&got); err != nil {
				t.Fatal(err)
			}
			got.WriteString("# defaults\n")
			if err := translation.WriteDefaults(&got); err != nil {
				t.Fatal(err)
			}
			if *update {
				archive.Files[wanted].Data = got.Bytes()
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if want := string(archive.Files[wanted].Data); got.String() != want {
				t.Errorf("got:\n%s\nwant:\n%s", got.String(), want)
			}
		})
	}
}

func translateText(t *testing.T, text []byte) *Translation {
	t.Helper()
	texts := manifests.Texts{"installation.yaml": text}
	objs := texts.Objects()
	in, err := Find(texts.Documents(), &objs, "")
	if err != nil {
		t.Fatal(err)
	}
	if in == nil {
		return nil
	}
	return Translate(in)
}

const twoControllers = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: one, namespace: a}
spec: {template: {spec: {containers: [{image: registry.k8s.io/ingress-nginx/controller:v1.15.0, args: [--ingress-class=one]}]}}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: two, namespace: b}
spec: {template: {spec: {containers: [{command: [/usr/bin/dumb-init, --, /nginx-ingress-controller], args: [--ingress-class, two]}]}}}
---
apiVersion: v1
kind: Pod
metadata: {name: one-abc, namespace: a}
spec: {containers: [{image: registry.k8s.io/ingress-nginx/controller:v1.15.0}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: other, namespace: a}
spec: {template: {spec: {containers: [{image: nginx, args: [--configmap=x]}]}}}
`

func TestOneOfSeveralControllersIsChosen(t *testing.T) {
	texts := manifests.Texts{"x": []byte(twoControllers)}
	objs := texts.Objects()
	if _, err := Find(texts.Documents(), &objs, ""); err == nil || !strings.Contains(err.Error(), "Deployment a/one, DaemonSet b/two") {
		t.Errorf("%v, want both to be named", err)
	}
	in, err := Find(texts.Documents(), &objs, "b/two")
	if err != nil || in.Name != "DaemonSet b/two" || in.flag("ingress-class") != "two" {
		t.Errorf("%+v %v", in, err)
	}
	if _, err := Find(texts.Documents(), &objs, "a/other"); err == nil {
		t.Error("another Deployment is taken for a controller")
	}
	if nothing := translateText(t, []byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n")); nothing != nil {
		t.Error("there is an installation without a controller")
	}
}

// TestGlobalAuthStaysGlobal: an Ingress can leave it by enable-global-auth, and its
// own auth-url is not mixed with it.
func TestGlobalAuthStaysGlobal(t *testing.T) {
	translation := translateText(t, []byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ingress-nginx-controller}\ndata: {global-auth-url: https://auth.example.com/verify, global-auth-snippet: x}\n"))
	if len(translation.Defaults) != 1 || translation.Defaults["global-auth-url"] == "" || len(translation.With(ToDo)) != 1 {
		t.Errorf("%v %v", translation.Defaults, translation.Notes)
	}
}
