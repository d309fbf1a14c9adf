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

// Config is what the dashboard shows beside the Snapshot. No function may block
// for long.
type Config struct {
	Live    *gatelodge.Live
	Name    string // of the replica
	Version string
	// Unready says why the gateway is not ready; "": it is.
	Unready func() string
	// Serial returns that of a zone in a view, if it has one yet.
	Serial func(zone gatelodge.Name, view string) (serial uint32, ok bool)
	Guard  func() Guard
	// Confirm releases what the guard holds under this hash.
	Confirm func(ctx context.Context, hash string) error
	// Explain says what happens to a URL or name, and where it stops working.
	Explain func(url string) (*explain.Document, error)
	// Traffic returns the counts of all Services that are backends.
	Traffic func() []gatelodge.Traffic
	Now     func() time.Time
}

// Guard is what the withdrawal guard does; zero: nothing.
type Guard struct {
	Text    string // what it holds, a sentence without a full stop; "": nothing
	Hash    string // by which it is confirmed
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
	// Nothing comes from elsewhere, no script but the file runs, and no other
	// page shows this one in a frame.
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "+
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	// Not "no-referrer", by which a browser sends "Origin: null" with the form of
	// the guard, and the admin endpoint could not tell whose page it is.
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cache-Control", "no-cache")
	d.mux.ServeHTTP(w, r)
}

// Swapped makes known that a Snapshot went live in the place of before, which is
// nil at first. Calls are in the order of the generations.
func (d *Dashboard) Swapped(before, now *gatelodge.Snapshot, generation uint64) {
	d.history.add(before, now, generation, d.Now())
	d.hub.tell()
}

// Close ends all live connections.
func (d *Dashboard) Close() { d.hub.close() }

// snapshot returns what is live, or an empty one before there is one.
func (d *Dashboard) snapshot() (*gatelodge.Snapshot, uint64, time.Time) {
	s, generation, since := d.Live.Current()
	if s == nil {
		s = &gatelodge.Snapshot{}
	}
	return s, generation, since
}

// ErrNotConfirmed is the error of a Config.Confirm to which nothing is held, or
// something else.
var ErrNotConfirmed = errors.New("not confirmed")
