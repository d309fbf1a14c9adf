package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/dashboard"
)

// admin is the endpoint for operators and probes. It has its own listener and
// shows no secrets: the snapshot's text form contains none.
type admin struct {
	gateway *gateway
	mux     http.ServeMux
	sites   http.CrossOriginProtection
	pages   *dashboard.Dashboard
}

// adminIndex is the page at "/" for programs; browsers are redirected to the dashboard.
const adminIndex = `Gatelodge admin endpoint

/dashboard/              pages for people
/healthz                 alive
/readyz                  ready, or why not
/metrics                 Prometheus metrics
/snapshot                everything that is served, as text
/api/status              generation, readiness, counts
/api/hosts               hosts with owner, routes and certificates
/api/explain?url=URL     what happens to a URL, and where it stops working
/api/problems            problems with their objects
/api/orders              certificates that are to be ordered, when, and what they wait for
/api/zones               zones with view and serial
/api/zones/ZONE/VIEW     a zone as a master file
/api/guard               what the withdrawal guard holds
/api/guard/confirm       POST: release it; with ?hash=HASH only if it has this hash
/debug/pprof/            profiles of the process
`

func newAdmin(g *gateway, registry *prometheus.Registry) *admin {
	a := &admin{gateway: g, pages: newDashboard(g)}
	a.mux.HandleFunc("GET /{$}", a.index)
	a.mux.Handle("/dashboard/", a.pages)
	a.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { writeText(w, http.StatusOK, "ok\n") })
	a.mux.HandleFunc("GET /readyz", a.readyz)
	a.mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{EnableOpenMetrics: true}))
	a.mux.HandleFunc("GET /snapshot", a.snapshot)
	a.mux.HandleFunc("GET /api/status", a.status)
	a.mux.HandleFunc("GET /api/hosts", a.hosts)
	a.mux.HandleFunc("GET /api/explain", a.explain)
	a.mux.HandleFunc("GET /api/problems", a.problems)
	a.mux.HandleFunc("GET /api/orders", a.orders)
	a.mux.HandleFunc("GET /api/zones", a.zones)
	a.mux.HandleFunc("GET /api/zones/{zone}/{view}", a.zone)
	a.mux.HandleFunc("GET /api/guard", a.guard)
	a.mux.HandleFunc("POST /api/guard/confirm", a.confirm)
	a.mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	a.mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	a.mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	a.mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return a
}

// serve serves l until ctx ends.
func (a *admin) serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler:           a,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
	stop := context.AfterFunc(ctx, func() {
		a.pages.Close() // the server does not track these connections any more
		server.Close()
	})
	defer stop()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("admin endpoint: %w", err)
	}
	return nil
}

func (a *admin) index(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Vary", "Accept")
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		w.Header().Set("Location", "dashboard/") // relative, as there may be a reverse proxy
		w.WriteHeader(http.StatusSeeOther)
		return
	}
	writeText(w, http.StatusOK, adminIndex)
}

// readyz responds 200 only while the gateway serves and doesn't drain.
func (a *admin) readyz(w http.ResponseWriter, _ *http.Request) {
	if !a.gateway.ready.Load() {
		writeText(w, http.StatusServiceUnavailable, "not ready: "+gatelodge.Printable(a.gateway.unreadiness())+"\n")
		return
	}
	writeText(w, http.StatusOK, "ready"+gatelodge.Printable(a.gateway.reservation())+"\n")
}

func (a *admin) snapshot(w http.ResponseWriter, _ *http.Request) {
	s, generation, since := a.gateway.live.Current()
	if s == nil {
		writeText(w, http.StatusServiceUnavailable, "no snapshot yet\n")
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintf(w, "# generation %d since %s\n", generation, since.UTC().Format(time.RFC3339))
	s.WriteText(w)
}

// apiStatus and the types below are the JSON forms of the API.
type apiStatus struct {
	Version    string    `json:"version"`
	Ready      bool      `json:"ready"`
	Generation uint64    `json:"generation"`
	Since      time.Time `json:"since"`
	Hosts      int       `json:"hosts"`
	Backends   int       `json:"backends"`
	Problems   int       `json:"problems"`
}

type apiHost struct {
	Name         string           `json:"name"` // empty: all hosts without an entry
	Owner        string           `json:"owner,omitempty"`
	Contact      string           `json:"contact,omitempty"`
	ShortOf      string           `json:"shortOf,omitempty"` // the long name that it is the short one of
	Levels       []apiLevel       `json:"levels,omitempty"`  // from the zone down
	Routes       []apiRoute       `json:"routes"`
	Certificates []apiCertificate `json:"certificates"`
}

type apiLevel struct {
	Name  string `json:"name"`
	Label string `json:"label"`
}

type apiRoute struct {
	Views   []string `json:"views,omitempty"` // absent: all
	Path    string   `json:"path"`
	Type    string   `json:"type"`
	Backend string   `json:"backend"`
	Object  string   `json:"object"`
}

type apiCertificate struct {
	Source   string    `json:"source"`
	Object   string    `json:"object"`
	NotAfter time.Time `json:"notAfter"`
}

type apiProblem struct {
	Object  string `json:"object"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

type apiZone struct {
	Zone   string `json:"zone"`
	View   string `json:"view"`
	Serial uint32 `json:"serial"`
}

func (a *admin) status(w http.ResponseWriter, _ *http.Request) {
	s, generation, since := a.current()
	writeJSON(w, apiStatus{
		Version:    buildInfo().version,
		Ready:      a.gateway.ready.Load(),
		Generation: generation,
		Since:      since,
		Hosts:      s.Hosts.Len(),
		Backends:   s.Backends.Len(),
		Problems:   s.Problems.Len(),
	})
}

func (a *admin) hosts(w http.ResponseWriter, _ *http.Request) {
	s, _, _ := a.current()
	hosts := make([]apiHost, 0, s.Hosts.Len())
	for _, h := range s.Hosts.All() {
		host := apiHost{
			Name: string(h.Name), Owner: h.Owner, Contact: h.Contact, ShortOf: string(h.ShortOf),
			Routes: []apiRoute{}, Certificates: []apiCertificate{},
		}
		for _, level := range s.LevelsOf(h.Name) {
			host.Levels = append(host.Levels, apiLevel(level))
		}
		for _, r := range h.Routes {
			host.Routes = append(host.Routes, apiRoute{r.Policy.Views, r.Path, r.Match.String(), string(r.Backend), r.Object.String()})
		}
		for _, c := range h.Certificates {
			host.Certificates = append(host.Certificates, apiCertificate{string(c.Source), c.Object.String(), c.NotAfter})
		}
		hosts = append(hosts, host)
	}
	writeJSON(w, hosts)
}

func (a *admin) problems(w http.ResponseWriter, _ *http.Request) {
	s, _, _ := a.current()
	problems := make([]apiProblem, 0, s.Problems.Len())
	for p := range s.Problems.All() {
		problems = append(problems, apiProblem{p.Object.String(), string(p.Reason), p.Message})
	}
	writeJSON(w, problems)
}

func (a *admin) zones(w http.ResponseWriter, _ *http.Request) {
	s, _, _ := a.current()
	zones := []apiZone{}
	for _, v := range s.Views {
		for _, z := range v.Zones {
			serial, _ := a.gateway.dns.Serial(z.Name, v.Name)
			zones = append(zones, apiZone{string(z.Name), v.Name, serial})
		}
	}
	writeJSON(w, zones)
}

func (a *admin) zone(w http.ResponseWriter, r *http.Request) {
	name, err := gatelodge.ParseName(r.PathValue("zone"))
	if err != nil {
		writeText(w, http.StatusBadRequest, err.Error()+"\n")
		return
	}
	var text strings.Builder
	if err := a.gateway.dns.ZoneText(&text, name, r.PathValue("view")); err != nil {
		writeText(w, http.StatusNotFound, err.Error()+"\n")
		return
	}
	writeText(w, http.StatusOK, text.String())
}

// current returns the live snapshot, or an empty one if there is none yet.
func (a *admin) current() (*gatelodge.Snapshot, uint64, time.Time) {
	s, generation, since := a.gateway.live.Current()
	if s == nil {
		s = &gatelodge.Snapshot{}
	}
	return s, generation, since
}

func writeText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprint(w, text)
}

// writeJSON writes value as JSON, with escapes for the characters that
// gatelodge.Printable escapes and encoding/json does not.
func writeJSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	text, err := jsonText(value)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_, _ = w.Write(text) // the client has disconnected
}

// jsonText returns the text that writeJSON writes.
func jsonText(value any) ([]byte, error) {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, len(text)+1)
	for _, r := range string(text) {
		out = gatelodge.AppendJSONRune(out, r)
	}
	return append(out, '\n'), nil
}
