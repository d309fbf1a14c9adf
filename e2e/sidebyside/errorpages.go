package sidebyside

import (
	"fmt"
	"strings"
)

// errorLocations is what the template writes into the server for custom-http-errors
// with the Service "errors", which has the address of the other backend here.
func errorLocations(statuses ...int) string {
	var b strings.Builder
	for _, status := range statuses {
		fmt.Fprintf(&b, `location @custom_%d {
      internal;
      proxy_intercept_errors off;
      proxy_set_header X-Code %d;
      proxy_set_header X-Format $http_accept;
      proxy_set_header X-Original-URI $request_uri;
      proxy_set_header X-Namespace $namespace;
      proxy_set_header X-Ingress-Name $ingress_name;
      proxy_set_header X-Service-Name $service_name;
      proxy_set_header X-Service-Port $service_port;
      proxy_set_header X-Request-ID $request_id;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header Host $best_http_host;
      rewrite (.*) / break;
      proxy_pass http://upstream_balancer;
    }
    `, status, status)
	}
	return b.String()
}

// errorsOf is what the template writes into the location of a case.
func errorsOf(i int, service string, statuses ...int) string {
	text := fmt.Sprintf(`set $namespace shop; set $ingress_name case%d; set $service_name %s; set $service_port 80; proxy_intercept_errors on;`, i, service)
	for _, status := range statuses {
		text += fmt.Sprintf(" error_page %d = @custom_%d;", status, status)
	}
	return text
}

// ErrorPageCases are about custom-http-errors with default-backend: the backend for
// errors answers as the field Give says too.
func ErrorPageCases() []Case {
	const all = "> X-Code X-Format X-Original-URI X-Namespace X-Ingress-Name X-Service-Name X-Service-Port"
	return []Case{
		{Name: "errors of the backend", Annotations: map[string]string{"custom-http-errors": "404,503", "default-backend": "errors"},
			Server: errorLocations(404, 503), Location: errorsOf(0, "web", 404, 503),
			Asks: []Ask{
				{Request: "/x?y", Show: all, Want: `200 /x?y >X-Code=- >X-Format=- >X-Original-URI=- >X-Namespace=- >X-Ingress-Name=- >X-Service-Name=- >X-Service-Port=-`},
				{Request: "/x?y\nAccept: text/html\nGive: 404", Show: all, Want: `404 /?y >X-Code=404 >X-Format=text/html >X-Original-URI=/x?y >X-Namespace=shop >X-Ingress-Name=case0 >X-Service-Name=web >X-Service-Port=80`},
				{Request: "/x\nGive: 503", Show: all, Want: `503 / >X-Code=503 >X-Format=- >X-Original-URI=/x >X-Namespace=shop >X-Ingress-Name=case0 >X-Service-Name=web >X-Service-Port=80`},
				{Request: "/x\nGive: 500", Show: "> X-Code", Want: `500 /x >X-Code=-`},
				{Request: "/x\nGive: 404\nX-Code: 200\nX-Namespace: other\nX-Original-URI: /spoofed", Show: "> X-Code X-Namespace X-Original-URI", Want: `404 / >X-Code=404 >X-Namespace=shop >X-Original-URI=/x`},
				{Request: "/x\nGive: 404\nCookie: a=b", Show: "> method host Cookie X-Forwarded-For", Want: `404 / >method=GET >host=case0.test >Cookie=a=b >X-Forwarded-For=127.0.0.1`},
				{Request: "HEAD /x\nGive: 404 X-Page=1", Show: "X-Page", Want: `404 "" X-Page=1`},
				{Request: "POST /x\nContent-Length: 1\nGive: 404\n\n1", Show: "> method Content-Length", Want: `404 / >method=POST >Content-Length=0`,
					Nginx: `404 / >method=POST >Content-Length=1`, Why: "the body went to the first backend, and is not kept for a page"},
				{Request: "/x\nGive: 404 X-Page=1 Set-Cookie=a=b", Show: "X-Page Set-Cookie", Want: `404 / X-Page=1 Set-Cookie=a=b`},
			}},
		{Name: "a backend that can't be reached", Service: "down", Annotations: map[string]string{"custom-http-errors": "502", "default-backend": "errors"},
			Server: errorLocations(502), Location: errorsOf(1, "down", 502),
			Asks: []Ask{
				{Request: "/x?y", Show: all, Want: `200 /?y >X-Code=502 >X-Format=- >X-Original-URI=/x?y >X-Namespace=shop >X-Ingress-Name=case1 >X-Service-Name=down >X-Service-Port=80`},
				{Request: "/x\nGive: 502", Show: "> X-Code", Want: `502 / >X-Code=502`},
				{Request: "HEAD /x\nGive: X-Page=1", Show: "X-Page", Want: `200 "" X-Page=1`},
			}},
		{Name: "a backend that can't be reached, without a page for that", Service: "down", Annotations: map[string]string{"custom-http-errors": "404", "default-backend": "errors"},
			Server: errorLocations(404), Location: errorsOf(2, "down", 404),
			Asks: []Ask{{Request: "/x", Want: `502`}}},
		{Name: "errors of the gateway", Annotations: map[string]string{"custom-http-errors": "401,403,413", "default-backend": "errors", "auth-type": "basic", "auth-secret": "users", "auth-realm": "Shop", "proxy-body-size": "4"},
			Server:   errorLocations(401, 403, 413),
			Location: `auth_basic "Shop"; auth_basic_user_file DIR/users; proxy_set_header Authorization ""; client_max_body_size 4; ` + errorsOf(3, "web", 401, 403, 413),
			Asks: []Ask{
				{Request: "/x?y", Show: "WWW-Authenticate > X-Code X-Original-URI", Want: `200 /?y WWW-Authenticate=Basic realm="Shop", charset="UTF-8" >X-Code=401 >X-Original-URI=/x?y`,
					Nginx: `200 /?y WWW-Authenticate=Basic realm="Shop" >X-Code=401 >X-Original-URI=/x?y`, Why: charset},
				{Request: "/x\nGive: 401", Show: "> X-Code", Want: `401 / >X-Code=401`},
				{Request: "POST /x\nAuthorization: Basic YW5uYTpzZWNyZXQ=\nContent-Length: 5\n\n12345", Show: "> X-Code", Want: `200 / >X-Code=413`},
				{Request: "/x\nAuthorization: Basic YW5uYTpzZWNyZXQ=\nGive: 403", Show: "> X-Code", Want: `403 / >X-Code=403`},
			}},
		{Name: "disable-proxy-intercept-errors", Annotations: map[string]string{"custom-http-errors": "404,403", "default-backend": "errors", "disable-proxy-intercept-errors": "true", "denylist-source-range": "192.0.2.1"},
			Server: errorLocations(404, 403), Location: `deny 192.0.2.1; ` + strings.Replace(errorsOf(4, "web", 404, 403), "proxy_intercept_errors on;", "", 1),
			Asks: []Ask{{Request: "/x\nGive: 404", Show: "> X-Code", Want: `404 /x >X-Code=-`}}},
		{Name: "errors of auth-url", Annotations: map[string]string{"custom-http-errors": "401,403,500", "default-backend": "errors", "auth-url": authURL},
			Server: question("", "$request_uri", "") + errorLocations(401, 403, 500), Location: asking("") + errorsOf(5, "web", 401, 403, 500),
			Asks: []Ask{
				{Request: "/x\nAuth: 401 WWW-Authenticate=Bearer", Show: "WWW-Authenticate > X-Code X-Original-URI", Want: `200 / WWW-Authenticate=Bearer >X-Code=401 >X-Original-URI=/x`},
				{Request: "/x\nAuth: 403", Show: "> X-Code", Want: `200 / >X-Code=403`},
				{Request: "/x\nAuth: 404", Show: "> X-Code", Want: `200 / >X-Code=500`},
			}},
		{Name: "fields of a page", Annotations: map[string]string{"custom-http-errors": "404", "default-backend": "errors", "custom-headers": "fields"},
			Server: errorLocations(404), Location: `more_set_headers "X-Custom: a b"; more_set_headers "X-Back: ours"; ` + errorsOf(6, "web", 404),
			Asks: []Ask{{Request: "/x\nGive: 404", Show: "X-Custom > X-Code", Want: `404 / X-Custom=a b >X-Code=404`,
				Nginx: `404 / X-Custom=- >X-Code=404`, Why: "a field such as a policy for scripts is meant for what is answered at the host, pages too"}}},
		{Name: "errors of the gateway by a list", Annotations: map[string]string{"custom-http-errors": "403", "default-backend": "errors", "denylist-source-range": "127.0.0.1"},
			Server: errorLocations(403), Location: `deny 127.0.0.1; ` + errorsOf(7, "web", 403),
			Asks: []Ask{{Request: "/x", Show: "> X-Code", Want: `200 / >X-Code=403`}}},
	}
}
