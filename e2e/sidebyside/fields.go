package sidebyside

// FieldCases are about what the gateway changes in a backend's answers: nginx's
// proxy_redirect, proxy_cookie_domain and proxy_cookie_path, and more_set_headers, by
// which the template sets custom-headers.
func FieldCases() []Case {
	const absolute = "the backend's path stays one: it says nothing of scheme and host"
	return []Case{
		{Name: "proxy-redirect", Annotations: map[string]string{"proxy-redirect-from": "http://app.internal/", "proxy-redirect-to": "https://app.test/x/"},
			Redirect: `http://app.internal/ https://app.test/x/`,
			Asks: []Ask{
				{Request: "/\nGive: 302 Location=http://app.internal/a?b", Show: "Location", Want: `302 / Location=https://app.test/x/a?b`},
				{Request: "/\nGive: 201 Location=http://app.internal/a", Show: "Location", Want: `201 / Location=https://app.test/x/a`},
				{Request: "/\nGive: 302 Location=http://other.internal/a", Show: "Location", Want: `302 / Location=http://other.internal/a`},
				{Request: "/\nGive: 302 Location=http://app.internal", Show: "Location", Want: `302 / Location=http://app.internal`},
				{Request: "/\nGive: Refresh=5;url=http://app.internal/a", Show: "Refresh", Want: `200 / Refresh=5;url=https://app.test/x/a`},
			}},
		{Name: "proxy-redirect to a path", Annotations: map[string]string{"proxy-redirect-from": "http://app.internal/", "proxy-redirect-to": "/x/"},
			Redirect: `http://app.internal/ /x/`,
			Asks: []Ask{
				{Request: "/\nGive: 302 Location=http://app.internal/a", Show: "Location", Want: `302 / Location=/x/a`, Nginx: `302 / Location=http://case1.test/x/a`, Why: absolute},
			}},
		{Name: "proxy-redirect by an expression", Annotations: map[string]string{"proxy-redirect-from": "~*^http://([a-z]+)\\.internal/(.*)$", "proxy-redirect-to": "https://$1.test/$2"},
			Redirect: `~*^http://([a-z]+)\.internal/(.*)$ https://$1.test/$2`,
			Asks: []Ask{
				{Request: "/\nGive: 302 Location=HTTP://APP.internal/a/b", Show: "Location", Want: `302 / Location=https://APP.test/a/b`},
				{Request: "/\nGive: 302 Location=http://app.other/a", Show: "Location", Want: `302 / Location=http://app.other/a`},
			}},
		{Name: "proxy-redirect default", Annotations: map[string]string{"proxy-redirect-from": "default", "proxy-redirect-to": "https://app.test/"}, Redirect: `default`,
			Asks: []Ask{{Request: "/\nGive: 302 Location=http://app.internal/a", Show: "Location", Want: `302 / Location=http://app.internal/a`}}},
		{Name: "proxy-redirect-from alone", Annotations: map[string]string{"proxy-redirect-from": "http://app.internal/"},
			Asks: []Ask{{Request: "/\nGive: 302 Location=http://app.internal/a", Show: "Location", Want: `302 / Location=http://app.internal/a`}}},
		{Name: "proxy-redirect off", Annotations: map[string]string{"proxy-redirect-from": "off"}, Redirect: `off`,
			Asks: []Ask{
				{Request: "/\nGive: 302 Location=http://app.internal/a", Show: "Location", Want: `302 / Location=http://app.internal/a`},
				{Request: "/\nGive: 302 Location=/a", Show: "Location", Want: `302 / Location=/a`},
			}},
		{Name: "proxy-cookie-domain", Annotations: map[string]string{"proxy-cookie-domain": "app.internal app.test"}, Location: `proxy_cookie_domain app.internal app.test;`,
			Asks: []Ask{
				{Request: "/\nGive: Set-Cookie=a=b;Domain=app.internal;Path=/", Show: "Set-Cookie", Want: `200 / Set-Cookie=a=b; Domain=app.test; Path=/`},
				{Request: "/\nGive: Set-Cookie=a=b;domain=.APP.internal", Show: "Set-Cookie", Want: `200 / Set-Cookie=a=b; domain=.app.test`},
				{Request: "/\nGive: Set-Cookie=a=b;Domain=x.app.internal", Show: "Set-Cookie", Want: `200 / Set-Cookie=a=b;Domain=x.app.internal`},
				{Request: "/\nGive: Set-Cookie=domain=app.internal", Show: "Set-Cookie", Want: `200 / Set-Cookie=domain=app.internal`},
				{Request: "/\nGive: Set-Cookie=a=b;Domain=app.internal Set-Cookie=c=d;Secure;HttpOnly;Domain=app.internal", Show: "Set-Cookie", Want: `200 / Set-Cookie=a=b; Domain=app.test,c=d; Secure; HttpOnly; Domain=app.test`},
			}},
		{Name: "proxy-cookie-domain by an expression", Annotations: map[string]string{"proxy-cookie-domain": "~^(.+)\\.internal$ $1.test"}, Location: `proxy_cookie_domain ~^(.+)\.internal$ $1.test;`,
			Asks: []Ask{
				{Request: "/\nGive: Set-Cookie=a=b;Domain=app.internal", Show: "Set-Cookie", Want: `200 / Set-Cookie=a=b; Domain=app.test`},
			}},
		{Name: "proxy-cookie-path", Annotations: map[string]string{"proxy-cookie-path": "/app/ /"}, Location: `proxy_cookie_path /app/ /;`,
			Asks: []Ask{
				{Request: "/\nGive: Set-Cookie=a=b;Path=/app/x;Secure", Show: "Set-Cookie", Want: `200 / Set-Cookie=a=b; Path=/x; Secure`},
				{Request: "/\nGive: Set-Cookie=a=b;path=/app/", Show: "Set-Cookie", Want: `200 / Set-Cookie=a=b; path=/`},
				{Request: "/\nGive: Set-Cookie=a=b;Path=/other", Show: "Set-Cookie", Want: `200 / Set-Cookie=a=b;Path=/other`},
				{Request: "/\nGive: Set-Cookie=a=b", Show: "Set-Cookie", Want: `200 / Set-Cookie=a=b`},
			}},
		{Name: "proxy-cookie-path by an expression", Annotations: map[string]string{"proxy-cookie-path": "~*^/APP/(.*)$ /y/$1"}, Location: `proxy_cookie_path ~*^/APP/(.*)$ /y/$1;`,
			Asks: []Ask{
				{Request: "/\nGive: Set-Cookie=a=b;Path=/app/x", Show: "Set-Cookie", Want: `200 / Set-Cookie=a=b; Path=/y/x`},
			}},
		{Name: "custom-headers", Annotations: map[string]string{"custom-headers": "shop/fields"}, Location: `more_set_headers "X-Custom: a b"; more_set_headers "X-Back: ours";`,
			Asks: []Ask{
				{Request: "/\nGive: X-Back=theirs", Show: "X-Custom X-Back", Want: `200 / X-Custom=a b X-Back=ours`},
				{Request: "/\nGive: 404", Show: "X-Custom", Want: `404 / X-Custom=a b`},
				{Request: "/\nGive: 304", Show: "X-Custom", Want: `304 X-Custom=a b`},
				{Request: "HEAD /", Show: "X-Custom", Want: `200 "" X-Custom=a b`},
			}},
		{Name: "custom-headers of the gateway's own errors", Annotations: map[string]string{"custom-headers": "fields", "denylist-source-range": "127.0.0.1"},
			Location: `deny 127.0.0.1; more_set_headers "X-Custom: a b"; more_set_headers "X-Back: ours";`,
			Asks:     []Ask{{Request: "/", Show: "X-Custom X-Back", Want: `403 X-Custom=a b X-Back=ours`}}},
	}
}
