package main

import (
	"fmt"
	"net/http"
	"net/netip"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/explain"
	"gatelodge.dev/kube/guard"
	"gatelodge.dev/proxy"
	"gatelodge.dev/tls/issuer"
)

// knowledge returns the current input of explanations.
func (g *gateway) knowledge() explain.Knowledge {
	snapshot, generation, _ := g.live.Current()
	return explain.Knowledge{
		Snapshot:   snapshot,
		Generation: generation,
		Now:        time.Now(),
		Names:      g.guard,
		Proxy:      proxy.Explainer{Server: g.proxy},
		DNS:        g.dns,
		Held:       heldBy(g.guard),
		RenewAt:    issuer.RenewAt,
		Delegation: g.doctor.Found,
	}
}

func heldBy(g *guard.Guard) explain.Held {
	status := g.Status()
	return explain.Held{Hosts: status.Hosts, Until: status.Until}
}

// explain answers /api/explain?url=URL, with client=ADDRESS for the view of that
// client. The JSON is that of explain.Document (docs/explain.md).
func (a *admin) explain(w http.ResponseWriter, r *http.Request) {
	q, err := parseQuestion(r.URL.Query().Get("url"), r.URL.Query().Get("client"))
	if err != nil {
		writeText(w, http.StatusBadRequest, gatelodge.Printable(err.Error())+"\n")
		return
	}
	d, err := a.gateway.knowledge().Explain(q)
	if err != nil {
		writeText(w, http.StatusServiceUnavailable, err.Error()+"\n")
		return
	}
	writeJSON(w, d)
}

// parseQuestion reads a URL or name, and the address of a client, which may be "".
func parseQuestion(url, client string) (q explain.Question, err error) {
	if q, err = explain.Parse(url); err != nil || client == "" {
		return q, err
	}
	if q.Client, err = netip.ParseAddr(client); err != nil {
		return q, fmt.Errorf("%.60q is not a valid address of a client", client)
	}
	q.Client = q.Client.Unmap()
	return q, nil
}
