package sidebyside

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Case is an Ingress with annotations, at a host of its own, and what is answered
// there.
type Case struct {
	Name        string
	Annotations map[string]string // of ingress-nginx, without their prefix
	Paths       []string          // of type Prefix; none: "/"
	Regex       bool              // the paths are regular expressions, in nginx's order
	Service     string            // that the paths lead to: "down" can't be reached; "": one that answers

	// What ingress-nginx's template makes of the annotations, in the server block and
	// in each location, before its proxy_pass. BACKEND is an address of the backend,
	// DIR/users the file that the Secret "users" has, and PATH the path of the location.
	Server, Location string
	Host             string // the Host field for the backend; "": the client's
	Redirect         string // of proxy_redirect behind it; "": off
	Servers          string // further server blocks, which listen to ADDRESS

	Asks []Ask
}

// Snippets is a case of a server-snippet and a configuration-snippet, which the
// template puts where they are.
func Snippets(name, server, location string, asks ...Ask) Case {
	c := Case{Name: name, Server: server, Location: location, Asks: asks, Annotations: map[string]string{}}
	if server != "" {
		c.Annotations["server-snippet"] = server
	}
	if location != "" {
		c.Annotations["configuration-snippet"] = location
	}
	return c
}

// Ask is a request and its answer.
type Ask struct {
	// Request is a method, "GET" if it is left out, a target, and fields, each in a
	// line of its own; behind an empty line a body. The field Give tells the backend what
	// to answer: a status, and fields as NAME=VALUE. Auth tells the service of auth-url.
	Request string
	// Show names fields of the response, and after ">" of the request that the backend
	// got.
	Show string
	// Want is the status, the target that the backend got or the quoted body of an
	// answer without a backend, and the fields of Show with their values, "-" for none.
	// A body of a status from 300 on is not told: it is a page for people. HOST stands for
	// the host of the case.
	Want string
	// Nginx is what nginx answers instead, and Why says why we don't.
	Nginx, Why string
}

// host is that of the case with this number.
func host(i int) string { return fmt.Sprintf("case%d.test", i) }

// Check asks a server at an address for all of the cases. With nginx it wants the
// answers of nginx.
func Check(t *testing.T, address string, cases []Case, nginx bool) {
	for i, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			for _, ask := range c.Asks {
				want := ask.Want
				if nginx && ask.Nginx != "" {
					want = ask.Nginx
				}
				want = strings.ReplaceAll(want, "HOST", host(i))
				got, err := ask.of(address, host(i))
				if err != nil || got != want {
					t.Errorf("%q\n got %s, %v\nwant %s", ask.Request, got, err, want)
				}
				if (ask.Nginx == "") != (ask.Why == "") {
					t.Errorf("%q has a difference without a reason, or the other way round", ask.Request)
				}
			}
		})
	}
}

// of asks a server for a host, on a connection of its own.
func (a *Ask) of(address, host string) (string, error) {
	conn, err := net.DialTimeout("tcp", address, 10*time.Second)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return "", err
	}
	head, body, _ := strings.Cut(strings.ReplaceAll(a.Request, "HOST", host), "\n\n")
	first, fields, _ := strings.Cut(head, "\n")
	method, target, found := strings.Cut(first, " ")
	if !found {
		method, target = "GET", first
	}
	request := method + " " + target + " HTTP/1.1\r\n"
	if !strings.Contains("\n"+strings.ToLower(fields), "\nhost:") {
		request += "Host: " + host + "\r\n"
	}
	for line := range strings.SplitSeq(fields, "\n") {
		if line != "" {
			request += line + "\r\n"
		}
	}
	if _, err := io.WriteString(conn, request+"Connection: close\r\n\r\n"+body); err != nil {
		return "", err
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err == io.ErrUnexpectedEOF || err == io.EOF {
		return "closed", nil
	}
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return "", err
	}
	return a.shown(response, string(text)), nil
}

// shown is a response in the form of Want.
func (a *Ask) shown(response *http.Response, body string) string {
	got := fmt.Sprint(response.StatusCode)
	forwarded, isBackend := strings.CutPrefix(body, backendMark)
	lines := strings.Split(forwarded, "\n")
	switch {
	case isBackend:
		got += " " + lines[0]
	case response.StatusCode < 300 || response.StatusCode >= 400 && !strings.Contains(body, "<html>") && !strings.HasSuffix(body, "\n"):
		got += fmt.Sprintf(" %q", body)
	}
	ofResponse, ofRequest, _ := strings.Cut(a.Show, ">")
	for name := range strings.FieldsSeq(ofResponse) {
		got += " " + name + "=" + cmp.Or(strings.Join(response.Header.Values(name), ","), "-")
	}
	for name := range strings.FieldsSeq(ofRequest) {
		var values []string
		for _, line := range lines[1:] {
			if value, found := strings.CutPrefix(line, strings.ToLower(name)+": "); found {
				values = append(values, value)
			}
		}
		got += " >" + name + "=" + cmp.Or(strings.Join(values, ","), "-")
	}
	return got
}
