package dashboard

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	gatelodge "gatelodge.dev"
)

//go:embed pages
var files embed.FS

// templates are the pages by name, each within the frame.
var templates = parsePages()

func parsePages() map[string]*template.Template {
	frame := template.Must(template.New("frame.html").Funcs(functions).ParseFS(files, "pages/frame.html", "pages/parts.html"))
	entries, err := files.ReadDir("pages")
	if err != nil {
		panic(err) // the folder is embedded
	}
	pages := make(map[string]*template.Template)
	for _, entry := range entries {
		if name := entry.Name(); name != "frame.html" && name != "parts.html" {
			pages[strings.TrimSuffix(name, ".html")] = template.Must(template.Must(frame.Clone()).ParseFS(files, path.Join("pages", name)))
		}
	}
	return pages
}

// functions are the functions for templates.
var functions = template.FuncMap{
	"time":   func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") },
	"day":    func(t time.Time) string { return t.UTC().Format("2006-01-02") },
	"iso":    func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	"host":   hostName,
	"object": shortObject,
	"number": grouped,
	"count":  count,
	"link": func(to, key string, value any) string {
		return to + "?" + key + "=" + url.QueryEscape(fmt.Sprint(value))
	},
}

// page is the data of the frame around the content.
type page struct {
	Title      string
	Current    string // the page of the navigation
	Sections   []section
	Name       string
	Version    string
	Unready    string
	Guard      string
	Generation uint64
	Since      time.Time
	Ticks      bool // the content has numbers that change all the time
	Content    any
}

// section is an entry of the navigation.
type section struct{ Page, Name string }

var sections = []section{
	{"./", "Overview"}, {"hosts", "Hosts"}, {"problems", "Problems"}, {"certificates", "Certificates"},
	{"zones", "Zones"}, {"backends", "Backends"}, {"changes", "Changes"}, {"guard", "Guard"},
}

// show renders a page.
func (d *Dashboard) show(w http.ResponseWriter, status int, name string, p page) {
	_, p.Generation, p.Since = d.snapshot()
	p.Sections, p.Name, p.Version, p.Unready, p.Guard = sections, d.Name, d.Version, d.Unready(), d.Guard().Text
	if len(p.Guard) > 160 { // the guard's page shows all of it
		p.Guard, _, _ = strings.Cut(p.Guard, ";")
	}
	var b bytes.Buffer
	if err := templates[name].Execute(&b, p); err != nil {
		http.Error(w, "making the page: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(visible(b.Bytes())) // the client went away
}

// visible replaces each rune that gatelodge.Printable replaces with an escape, except
// for the line ends of the page.
func visible(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for line := range bytes.Lines(text) {
		line, ended := bytes.CutSuffix(line, []byte{'\n'})
		out = append(out, gatelodge.Printable(string(line))...)
		if ended {
			out = append(out, '\n')
		}
	}
	return out
}

// hostName formats a host for people.
func hostName(name gatelodge.Name) string {
	if name == "" {
		return "any other host"
	}
	return string(name)
}

// shortObject names an object with its file's name, not the folder that it is in.
func shortObject(o gatelodge.Object) string {
	if o.Kind != "File" {
		o.File = path.Base(o.File)
		if o.File == "." {
			o.File = ""
		}
	}
	return o.String()
}

// grouped formats a number with commas: 10,000.
func grouped(n int) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// count formats a count: "1 route", "2 routes".
func count(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return grouped(n) + " " + one + "s"
}
