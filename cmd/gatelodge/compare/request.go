package compare

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// Request is the request that is sent to both servers.
type Request struct {
	Method string
	URL    *url.URL // absolute, of http or https
}

// String returns the request as reports name it.
func (r Request) String() string { return r.Method + " " + r.URL.String() }

// maxLine is the length of the longest line of a list or log, in bytes.
const maxLine = 1 << 20

// The forms of a line that is not a URL.
var (
	// nginx's "combined", with which ingress-nginx's default format begins, possibly
	// after the name of the host.
	combined = regexp.MustCompile(`^(?:(\S+) )?\S+ - .* \[[^\]]*\] "([A-Z]+) (\S+) HTTP/[0-9.]+" [0-9]{3} `)

	methodAndURL = regexp.MustCompile(`^([A-Z]+) (https?://\S+)$`)
)

var errNoHost = errors.New("the line does not name a host, give --base https://HOST for such a log")

// Lines reads requests from a list of URLs, each with an optional method before it, or
// from an access log: nginx's combined format, ingress-nginx's default format, or
// Gatelodge's JSON. Each line may have another form. base completes the lines: combined
// logs contain no host, and none of these logs contains the scheme; it may be nil.
// Empty lines and those that start with "#" are skipped.
//
// An error is about one line, which it names; reading continues after it, unless the
// input itself fails.
func Lines(from io.Reader, base *url.URL) iter.Seq2[Request, error] {
	return func(yield func(Request, error) bool) {
		lines := bufio.NewScanner(from)
		lines.Buffer(make([]byte, 0, 64<<10), maxLine)
		number := 0
		for lines.Scan() {
			number++
			text := strings.TrimSpace(lines.Text())
			if text == "" || text[0] == '#' {
				continue
			}
			request, err := parseLine(text, base)
			if err != nil {
				err = fmt.Errorf("line %d: %w", number, err)
			}
			if !yield(request, err) {
				return
			}
		}
		if err := lines.Err(); err != nil {
			yield(Request{}, fmt.Errorf("line %d: %w", number+1, err))
		}
	}
}

func parseLine(text string, base *url.URL) (Request, error) {
	if text[0] == '{' {
		return parseJSON(text, base)
	}
	if strings.HasPrefix(text, "http://") || strings.HasPrefix(text, "https://") {
		return newRequest(http.MethodGet, text)
	}
	if match := methodAndURL.FindStringSubmatch(text); match != nil {
		return newRequest(match[1], match[2])
	}
	if match := combined.FindStringSubmatch(text); match != nil {
		return complete(match[2], "", match[1], match[3], base)
	}
	return Request{}, fmt.Errorf("%.60q is neither a URL nor a line of an access log", text)
}

// parseJSON reads a line of Gatelodge's access log, or of a JSON format of nginx
// that uses the usual names.
func parseJSON(text string, base *url.URL) (Request, error) {
	var line struct {
		Method        string `json:"method"`
		RequestMethod string `json:"request_method"`
		Host          string `json:"host"`
		VHost         string `json:"vhost"`
		Path          string `json:"path"`
		URI           string `json:"request_uri"`
		Query         string `json:"request_query"`
		Args          string `json:"args"`
		TLS           string `json:"tls"`
		Scheme        string `json:"scheme"`
	}
	if err := json.Unmarshal([]byte(text), &line); err != nil {
		return Request{}, fmt.Errorf("the line is not valid JSON: %w", err)
	}
	target := first(line.URI, line.Path)
	if query := first(line.Query, line.Args); query != "" && !strings.Contains(target, "?") {
		target += "?" + query
	}
	scheme := line.Scheme
	if scheme == "" && line.TLS != "" {
		scheme = "https"
	}
	return complete(first(line.Method, line.RequestMethod), scheme, first(line.Host, line.VHost), target, base)
}

func first(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}

// complete makes a request from the parts of a line, and takes missing ones from base.
func complete(method, scheme, host, target string, base *url.URL) (Request, error) {
	if base != nil {
		scheme, host = first(scheme, base.Scheme), first(host, base.Host)
	}
	switch {
	case host == "" || host == "_" || host == "-":
		return Request{}, errNoHost
	case strings.HasPrefix(target, "http://") || strings.HasPrefix(target, "https://"): // absolute form (RFC 9112 §3.2.2)
		return newRequest(method, target)
	case !strings.HasPrefix(target, "/"):
		return Request{}, fmt.Errorf("%.60q is not a path", target)
	}
	return newRequest(method, first(scheme, "http")+"://"+host+target)
}

func newRequest(method, text string) (Request, error) {
	parsed, err := url.Parse(text)
	if err != nil || parsed.Hostname() == "" || method == "" {
		return Request{}, fmt.Errorf("%.100q is not a valid URL", text)
	}
	parsed.Fragment, parsed.RawFragment = "", ""
	return Request{method, parsed}, nil
}
