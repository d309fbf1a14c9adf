package dashboard

import (
	"context"
	"embed"
	"errors"
	"io/fs"
	"net/http"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/explain"
)

//go:embed static
var static embed.FS

// Config is what the dashboard shows in addition to the Snapshot. No function may block
// for long.
type Config struct {
	Live    *gatelodge.Live
	Name    string // of the replica
	Version string
	// Unready returns why the gateway is not ready; "": it is.
	Unready func() string
	// Serial returns the serial of a zone in a view, if it has one yet.
	Serial func(zone gatelodge.Name, view string) (serial uint32, ok bool)
	Guard  func() Guard
	// Confirm confirms what the guard holds, by its hash.
	Confirm func(ctx context.Context, hash string) error
	// Explain describes what happens to a URL or name, and where it stops working.
	Explain func(url string) (*explain.Document, error)
	// Traffic returns the counts of all Services that are backends.
	Traffic func() []gatelodge.Traffic
	Now     func() time.Time
}

// Guard is the state of the withdrawal guard; zero: it holds nothing.
type Guard struct {
	Text    string // what it holds, a sentence without a full stop; "": nothing
	Hash    string // for the confirmation
	Until   time.Time
	Hosts   []gatelodge.Name
	Objects []gatelodge.Object
}

// Dashboard serves the pages. Its methods may be called at the same time.
type Dashboard struct {
	Config
	mux     http.ServeMux
	index   indexCache
	history history
	hub     hub
	rates   sampler
}

// New returns a dashboard at path, which begins and ends with a slash.
func New(path string, config Config) *Dashboard {
	d := &Dashboard{Config: config, hub: newHub(), rates: sampler{source: config.Traffic, now: config.Now}}
	d.mux.HandleFunc("GET "+path+"{$}", d.overview)
	d.mux.HandleFunc("GET "+path+"hosts", d.hosts)
	d.mux.HandleFunc("GET "+path+"host", d.host)
	d.mux.HandleFunc("GET "+path+"problems", d.problems)
	d.mux.HandleFunc("GET "+path+"certificates", d.certificates)
	d.mux.HandleFunc("GET "+path+"zones", d.zones)
	d.mux.HandleFunc("GET "+path+"backends", d.backends)
	d.mux.HandleFunc("GET "+path+"guard", d.guard)
	d.mux.HandleFunc("POST "+path+"guard", d.confirm)
	d.mux.HandleFunc("GET "+path+"changes", d.changes)
	d.mux.HandleFunc("GET "+path+"live", d.live)
	files, err := fs.Sub(static, "static")
	if err != nil {
		panic(err) // the folder is embedded
	}
	for _, name := range []string{"style.css", "live.js", "icon.svg"} {
		d.mux.HandleFunc("GET "+path+name, func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, files, name) })
	}
	return d
}

// ServeHTTP answers with a page, or a part of one.
func (d *Dashboard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	// Nothing is loaded from other hosts, only the dashboard's script runs, and no
	// other page can show this one in a frame.
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "+
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	// Not "no-referrer", with which a browser sends "Origin: null" with the form of the
	// guard, and the admin endpoint could not tell the origin of the page.
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cache-Control", "no-cache")
	d.mux.ServeHTTP(w, r)
}

// Swapped reports that a Snapshot replaced before, which is nil at first. Calls are in
// the order of the generations.
func (d *Dashboard) Swapped(before, now *gatelodge.Snapshot, generation uint64) {
	d.history.add(before, now, generation, d.Now())
	d.hub.tell()
}

// Close ends all live connections.
func (d *Dashboard) Close() { d.hub.close() }

// snapshot returns the live Snapshot, or an empty one if there is none yet.
func (d *Dashboard) snapshot() (*gatelodge.Snapshot, uint64, time.Time) {
	s, generation, since := d.Live.Current()
	if s == nil {
		s = &gatelodge.Snapshot{}
	}
	return s, generation, since
}

// ErrNotConfirmed is the error of Config.Confirm if nothing is held, or something with
// another hash.
var ErrNotConfirmed = errors.New("not confirmed")
