package annotations

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/syntax"
)

// MirrorAsk is where the annotations of an Ingress have its requests mirrored.
type MirrorAsk struct {
	Service string // of the namespace of the Ingress; "": requests are not mirrored
	Port    string
	TLS     bool

	host, path  string
	fixed       bool
	otherHost   string
	withoutBody bool
	share       *float64 // nil: all
}

func mirrorRows() []row {
	return []row{
		{"mirror-target", "a Service of the same namespace, such as http://SERVICE.NAMESPACE.svc$request_uri", setMirrorTarget, false,
			"Copies of the requests go to this Service, and its answers are dropped. A port, and a path in front of `$request_uri` or in its place may be given ([splitting.md](splitting.md#mirroring)).", "It is a Service of the namespace of the Ingress; what is elsewhere is reached by one of type ExternalName. A slow target slows down no request."},
		{"mirror-request-body", "on or off", setMirrorBody, false,
			"Whether the copies have the bodies of the requests, by default `on`.", "A request whose body is larger than 1 MiB is not mirrored."},
		{"mirror-host", "a host, such as test.example.com", setMirrorHost, false,
			"The Host field of the copies, by default the host of `mirror-target`.", ""},
		{"mirror-share", "a percentage from 0% to 100%, such as 10%", setMirrorShare, false,
			"Which part of the requests is mirrored, at random; by default all.", ""},
	}
}

// Mirror is what is asked for of a backend; nil: requests are not mirrored.
func (ask *MirrorAsk) Mirror(to gatelodge.BackendKey) *gatelodge.Mirror {
	m := &gatelodge.Mirror{Backend: to, Host: ask.host, Path: ask.path, Fixed: ask.fixed, Body: !ask.withoutBody, Share: 1}
	if ask.otherHost != "" {
		m.Host = ask.otherHost
	}
	if ask.share != nil {
		m.Share = *ask.share
	}
	return m
}

// setMirrorTarget reads a URL as ingress-nginx has it: nginx's $request_uri at its
// end stands for path and query of the request.
func setMirrorTarget(a *Asked, value string) error {
	scheme, rest, ok := strings.Cut(value, "://")
	if !ok || scheme != "http" && scheme != "https" {
		return errors.New("is not a URL of http or https")
	}
	end := strings.IndexAny(rest, "/?#$")
	if end < 0 {
		end = len(rest)
	}
	ask := MirrorAsk{TLS: scheme == "https"}
	if err := ask.readAuthority(rest[:end], a.namespace); err != nil {
		return err
	}
	if err := ask.readPath(rest[end:]); err != nil {
		return err
	}
	m := &a.Mirror
	m.Service, m.Port, m.TLS, m.host, m.path, m.fixed = ask.Service, ask.Port, ask.TLS, ask.host, ask.path, ask.fixed
	return nil
}

// readAuthority reads which Service is meant. No other namespace's may be: the
// gateway reaches what the pods of a team may not.
func (ask *MirrorAsk) readAuthority(authority, namespace string) error {
	host, port, hasPort := strings.Cut(authority, ":")
	if _, err := netip.ParseAddr(strings.Trim(authority, "[]")); err == nil {
		return errors.New("names an address")
	}
	if _, err := netip.ParseAddr(host); err == nil || strings.HasPrefix(authority, "[") {
		return errors.New("names an address")
	}
	if ask.Port = port; !hasPort {
		ask.Port = map[bool]string{false: "80", true: "443"}[ask.TLS]
	} else if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return errors.New("has a port that is not a number from 1 to 65535")
	}
	name, err := gatelodge.ParseName(host)
	if err != nil || name.IsWildcard() {
		return errors.New("does not name a host")
	}
	ask.host = strings.TrimSuffix(host, ".")
	labels := strings.SplitN(string(name), ".", 3)
	if len(labels) < 2 || len(labels) == 3 && labels[2] != "svc" && labels[2] != "svc.cluster.local" {
		return errors.New("does not name a Service of the cluster")
	}
	if labels[1] != namespace {
		return fmt.Errorf("is in namespace %s", labels[1])
	}
	ask.Service = labels[0]
	return nil
}

// readPath reads what stands behind the host. Nothing stands for the path of the
// request, which is what authors mean; nginx would send the name of a location of its own.
func (ask *MirrorAsk) readPath(text string) error {
	text = strings.ReplaceAll(text, "${request_uri}", "$request_uri")
	before, whole := strings.CutSuffix(text, "$request_uri")
	if strings.ContainsAny(before, "$?#") {
		return errors.New("holds something else than a path and $request_uri at its end")
	}
	ask.fixed = !whole && text != ""
	if ask.fixed || strings.Trim(before, "/") != "" {
		path, err := gatelodge.RoutePath(before)
		if err != nil {
			return fmt.Errorf("has a path that %w", err)
		}
		ask.path = path
	}
	if !ask.fixed {
		ask.path = strings.TrimSuffix(ask.path, "/") // what follows begins with one
	}
	return nil
}

func setMirrorBody(a *Asked, value string) error {
	switch value {
	case "on", "off":
		a.Mirror.withoutBody = value == "off"
		return nil
	}
	return errors.New("is neither on nor off")
}

func setMirrorHost(a *Asked, value string) error {
	if !syntax.IsHostField(value) {
		return errors.New("is not a valid host")
	}
	a.Mirror.otherHost = value
	return nil
}

func setMirrorShare(a *Asked, value string) (err error) {
	share, err := syntax.ParseShare(value)
	if err == nil {
		a.Mirror.share = &share
	}
	return err
}
