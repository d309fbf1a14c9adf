package gatelodge_test

import (
	"strings"
	"testing"

	gatelodge "gatelodge.dev"
)

func TestProblemIsOneLine(t *testing.T) {
	p := gatelodge.Problem{
		Object:  gatelodge.Object{Kind: "Ingress", Namespace: "shop", Name: "web", File: "a\nb.yaml", Line: 3},
		Reason:  gatelodge.BadHost,
		Message: "host \"x\r\nproblem Secret forged\" is no name",
	}
	if s := p.String(); strings.ContainsAny(s, "\r\n") || !strings.HasPrefix(s, "Ingress shop/web (a\\nb.yaml:3): BadHost: ") {
		t.Errorf("%q", s)
	}
}
