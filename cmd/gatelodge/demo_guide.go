package main

import (
	"fmt"
	"io"
	"net/netip"
	"os"
	"text/template"
)

// guide is what the demo prints: addresses, and commands to try.
type guide struct {
	g         *gateway
	ca        string // file of the CA's certificate
	acme      string // directory of the ACME CA that is used instead; "": none
	manifests string // the folder that is served
	admin     string // address of the admin endpoint
}

func (d guide) print(w io.Writer) {
	var http, https, dns netip.AddrPort
	for _, l := range d.g.config.Load().Listeners {
		switch l.Name {
		case "http":
			http = d.g.proxy.Addr(l.Name)
		case "https":
			https = d.g.proxy.Addr(l.Name)
		case "dns":
			dns = d.g.dns.Addr(l.Name)
		}
	}
	// The root of an ACME CA is not known here.
	curl, openssl := "curl --cacert "+d.ca, "openssl s_client -verify_return_error -CAfile "+d.ca
	if d.acme != "" {
		curl, openssl = "curl --insecure", "openssl s_client"
	}
	err := guideText.Execute(w, map[string]any{
		"Curl":      fmt.Sprintf("%s --connect-to ::%s", curl, https),
		"OpenSSL":   openssl,
		"ACME":      d.acme,
		"DNS":       dns,
		"Dig":       fmt.Sprintf("dig @%s -p %d", dns.Addr(), dns.Port()),
		"HTTP":      http,
		"HTTPS":     https,
		"Admin":     d.admin,
		"Manifests": d.manifests,
		"Explain":   fmt.Sprintf("%s explain --admin http://%s %s:%d/", program(), d.admin, "https://basket.shop.pke.example.com", https.Port()),
	})
	if err != nil {
		d.g.log.Error("printing what to try", "error", err)
	}
}

// program returns the command that starts this program in a shell.
func program() string {
	if path, err := os.Executable(); err == nil {
		return path
	}
	return "gatelodge"
}

// guideText is filled in by print. All paths of the host in the first https URL
// respond 200 without credentials.
var guideText = template.Must(template.New("guide").Parse(`In a browser: what is served, and why a host does not work
  http://{{.Admin}}/dashboard/

Gatelodge is serving the manifests in {{.Manifests}}
Edit them: a change takes effect within a moment. Ctrl-C ends the demo.

An Ingress is an HTTPS host
  {{.Curl}} https://echo.shop.pke.example.com:{{.HTTPS.Port}}/
Plain HTTP is redirected to it (308)
  curl -i --connect-to ::{{.HTTP}} http://echo.shop.pke.example.com:{{.HTTP.Port}}/any/path?x=1
The gateway answers DNS queries for its name
  {{.Dig}} echo.shop.pke.example.com A
  {{.Dig}} pke.example.com SOA

Every name below a wildcard is a host too
  {{.Curl}} https://branch-7.preview.shop.pke.example.com:{{.HTTPS.Port}}/
  {{.Dig}} branch-7.preview.shop.pke.example.com A
A short name, without the business domain of handbook.docs.marketing.…
  {{.Curl}} https://handbook.docs.pke.example.com:{{.HTTPS.Port}}/
A user name and a password (without them: 401)
  {{.Curl}} --user demo:demo https://report.marketing.pke.example.com:{{.HTTPS.Port}}/
A slow backend, a failing one, and one that is down (502)
  {{.Curl}} -i https://lab.marketing.pke.example.com:{{.HTTPS.Port}}/slow
  {{.Curl}} -i https://lab.marketing.pke.example.com:{{.HTTPS.Port}}/fail
  {{.Curl}} -i https://lab.marketing.pke.example.com:{{.HTTPS.Port}}/down
A canary, for requests with this field: the slow backend again
  {{.Curl}} -H 'x-canary: always' https://lab.marketing.pke.example.com:{{.HTTPS.Port}}/
WebSocket: sends a frame with "hello", and gets it back
  (printf 'GET /echo HTTP/1.1\r\nHost: chat.shop.pke.example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: Z2F0ZWxvZGdlIGRlbW8hIQ==\r\n\r\n'; sleep 1; printf '\201\205\0\0\0\0hello'; sleep 1) | {{.OpenSSL}} -quiet -no_ign_eof -servername chat.shop.pke.example.com -connect {{.HTTPS}}
gRPC: sends a message with "hello", and gets it back
  printf '\0\0\0\0\7\12\5hello' | {{.Curl}} --http2 -H 'content-type: application/grpc' -H 'te: trailers' --data-binary @- --output - https://grpc.shop.pke.example.com:{{.HTTPS.Port}}/gatelodge.demo.Echo/Say | tail -c 5

{{if .ACME}}Certificates are ordered from {{.ACME}},
which must resolve the names at {{.DNS}} (pebble -dnsserver {{.DNS}})
The issuer of a certificate, and its names
  {{.OpenSSL}} -connect {{.HTTPS}} -servername echo.shop.pke.example.com </dev/null 2>/dev/null | openssl x509 -noout -issuer -ext subjectAltName
Orders and problems
  curl -s http://{{.Admin}}/snapshot | grep -E '^(issue|problem)'

{{end}}In a browser (it does not know the CA of the certificate: accept it)
  chromium --ignore-certificate-errors --host-resolver-rules='MAP *.pke.example.com 127.0.0.1' https://chat.shop.pke.example.com:{{.HTTPS.Port}}/
A host that is broken on purpose: who owns it and why it does not work, in a shell
and on its page. Correct broken.yaml in the manifests, and try again
  {{.Explain}}
  {{.Curl}} -i https://basket.shop.pke.example.com:{{.HTTPS.Port}}/
  http://{{.Admin}}/dashboard/host?name=basket.shop.pke.example.com
For operators
  curl http://{{.Admin}}/snapshot
  curl http://{{.Admin}}/metrics

`))
