package sidebyside

// toHTTPS redirects where ingress-nginx does, in Lua behind the rewrite module. It cuts
// off a slash at the end, as that does without preserve-trailing-slash.
const toHTTPS = `rewrite_by_lua_block {
        return ngx.redirect("https://" .. ngx.var.host .. string.gsub(ngx.var.request_uri, "/$", ""), 308)
      }`

// appRoot is what the template makes of an app-root of /app.
const appRoot = `if ($uri = /) { return 302 $scheme://$http_host/app; }`

// RedirectCases are about redirects. In ingress-nginx's nginx.tmpl, app-root is an if of
// the server block, permanent-redirect and temporal-redirect are a return in the
// location, after its CORS and before its proxy_pass, and from-to-www-redirect is a
// server block of the other name, whose Lua cuts off a slash at the end. Redirects to
// HTTPS are made in a rewrite_by_lua_block.
func RedirectCases() []Case {
	return []Case{
		{Name: "permanent-redirect", Annotations: map[string]string{"permanent-redirect": "https://new.test"},
			Location: `return 301 https://new.test;`,
			Asks: []Ask{
				{Request: "/", Show: "Location", Want: `301 Location=https://new.test`},
				{Request: "/a/B%20c/?q=1", Show: "Location", Want: `301 Location=https://new.test`},
				{Request: "HEAD /a", Show: "Location", Want: `301 Location=https://new.test`},
				{Request: "POST /a\nContent-Length: 0", Show: "Location", Want: `301 Location=https://new.test`},
				{Request: "OPTIONS /a", Show: "Location", Want: `301 Location=https://new.test`},
			}},
		{Name: "permanent-redirect with variables", Paths: []string{"/old"}, Annotations: map[string]string{"permanent-redirect": "https://new.test$request_uri", "permanent-redirect-code": "308"},
			Location: `return 308 https://new.test$request_uri;`,
			Asks: []Ask{
				{Request: "/old", Show: "Location", Want: `308 Location=https://new.test/old`},
				{Request: "/old/", Show: "Location", Want: `308 Location=https://new.test/old/`},
				{Request: "/old/a%20B/%C3%A9/%2F?q=%41&r", Show: "Location", Want: `308 Location=https://new.test/old/a%20B/%C3%A9/%2F?q=%41&r`},
				{Request: "/old/?", Show: "Location", Want: `308 Location=https://new.test/old/?`},
				{Request: "/old/a/../b//c", Show: "Location", Want: `308 Location=https://new.test/old/a/../b//c`},
				{Request: "HEAD /old?x", Show: "Location", Want: `308 Location=https://new.test/old?x`},
				{Request: "/Old", Want: `404`},
				{Request: "/older", Want: `404`},
			}},
		{Name: "the parts of a URL", Annotations: map[string]string{"temporal-redirect": "$scheme://new.test$uri$is_args$args"},
			Location: `return 302 $scheme://new.test$uri$is_args$args;`,
			Asks: []Ask{
				{Request: "/", Show: "Location", Want: `302 Location=http://new.test/`},
				{Request: "/a/?q=1&q=2", Show: "Location", Want: `302 Location=http://new.test/a/?q=1&q=2`},
				{Request: "/a/../b//c", Show: "Location", Want: `302 Location=http://new.test/b//c`,
					Nginx: `302 Location=http://new.test/b/c`, Why: "an empty element is an element"},
				{Request: "/?", Show: "Location", Want: `302 Location=http://new.test/`},
			}},
		{Name: "host in a URL", Annotations: map[string]string{"permanent-redirect": "https://new.test/$host/$http_host?a=${args}"},
			Location: `return 301 https://new.test/$host/$http_host?a=${args};`,
			Asks: []Ask{
				{Request: "/?x", Show: "Location", Want: `301 Location=https://new.test/case3.test/case3.test?a=x`},
				{Request: "/?x\nHost: CASE3.test:8080", Show: "Location", Want: `301 Location=https://new.test/case3.test/CASE3.test:8080?a=x`},
			}},
		{Name: "temporal-redirect-code", Annotations: map[string]string{"temporal-redirect": "https://new.test/x?y", "temporal-redirect-code": "307"},
			Location: `return 307 https://new.test/x?y;`,
			Asks: []Ask{
				{Request: "/a?b", Show: "Location", Want: `307 Location=https://new.test/x?y`},
				{Request: "POST /a\nContent-Length: 0", Show: "Location", Want: `307 Location=https://new.test/x?y`},
			}},
		{Name: "temporal-redirect before permanent-redirect", Annotations: map[string]string{"temporal-redirect": "https://temporal.test", "permanent-redirect": "https://permanent.test", "permanent-redirect-code": "303"},
			Location: `return 302 https://temporal.test;`,
			Asks:     []Ask{{Request: "/", Show: "Location", Want: `302 Location=https://temporal.test`}}},
		{Name: "app-root", Annotations: map[string]string{"app-root": "/app"},
			Server: appRoot,
			Asks: []Ask{
				{Request: "/", Show: "Location", Want: `302 Location=http://case6.test/app`},
				{Request: "/?q=1", Show: "Location", Want: `302 Location=http://case6.test/app`},
				{Request: "//", Show: "Location", Want: `200 // Location=-`,
					Nginx: `302 Location=http://case6.test/app`, Why: "an empty element is an element"},
				{Request: "/a/..", Show: "Location", Want: `302 Location=http://case6.test/app`},
				{Request: "HEAD /", Show: "Location", Want: `302 Location=http://case6.test/app`},
				{Request: "POST /\nContent-Length: 0", Show: "Location", Want: `302 Location=http://case6.test/app`},
				{Request: "/\nHost: CASE6.test:8080", Show: "Location", Want: `302 Location=http://CASE6.test:8080/app`},
				{Request: "/app", Want: `200 /app`},
				{Request: "/app/", Want: `200 /app/`},
			}},
		{Name: "app-root with a query", Annotations: map[string]string{"app-root": "/app/?a=b"},
			Server: `if ($uri = /) { return 302 $scheme://$http_host/app/?a=b; }`,
			Asks: []Ask{
				{Request: "/", Show: "Location", Want: `302 Location=http://case7.test/app/?a=b`},
				{Request: "/?q=1", Show: "Location", Want: `302 Location=http://case7.test/app/?a=b`},
			}},
		{Name: "app-root of a host without the path /", Paths: []string{"/app"}, Annotations: map[string]string{"app-root": "/app"},
			Server: appRoot,
			Asks: []Ask{
				{Request: "/", Show: "Location", Want: `302 Location=http://case8.test/app`},
				{Request: "/app/x", Want: `200 /app/x`},
				{Request: "/x", Want: `404`},
			}},
		{Name: "app-root before permanent-redirect", Annotations: map[string]string{"app-root": "/app", "permanent-redirect": "https://new.test"},
			Server: appRoot, Location: `return 301 https://new.test;`,
			Asks: []Ask{
				{Request: "/", Show: "Location", Want: `302 Location=http://case9.test/app`},
				{Request: "/x", Show: "Location", Want: `301 Location=https://new.test`},
			}},
		{Name: "from-to-www-redirect", Annotations: map[string]string{"from-to-www-redirect": "true"},
			Servers: `server { listen ADDRESS; server_name www.case10.test; if ($request_uri ~ ^(.*?)/?$) { return 308 $scheme://case10.test$1; } }`,
			Asks: []Ask{
				{Request: "/x", Want: `200 /x`},
				{Request: "/\nHost: www.case10.test", Show: "Location", Want: `308 Location=http://case10.test/`,
					Nginx: `308 Location=http://case10.test`, Why: "the slash belongs to the URL"},
				{Request: "/x/Y%20z?q=1\nHost: www.case10.test", Show: "Location", Want: `308 Location=http://case10.test/x/Y%20z?q=1`},
				{Request: "/x/\nHost: www.case10.test", Show: "Location", Want: `308 Location=http://case10.test/x/`,
					Nginx: `308 Location=http://case10.test/x`, Why: "the slash belongs to the URL"},
				{Request: "/x/?q\nHost: www.case10.test", Show: "Location", Want: `308 Location=http://case10.test/x/?q`},
				{Request: "/x?q=/\nHost: www.case10.test", Show: "Location", Want: `308 Location=http://case10.test/x?q=/`,
					Nginx: `308 Location=http://case10.test/x?q=`, Why: "the slash belongs to the URL"},
				{Request: "HEAD /x\nHost: WWW.Case10.test", Show: "Location", Want: `308 Location=http://case10.test/x`},
				{Request: "POST /x\nHost: www.case10.test\nContent-Length: 0", Show: "Location", Want: `308 Location=http://case10.test/x`},
			}},
		{Name: "ssl-redirect without a certificate", Annotations: map[string]string{"ssl-redirect": "true"},
			Asks: []Ask{{Request: "/x", Show: "Location", Want: `200 /x Location=-`}}},
		{Name: "force-ssl-redirect", Annotations: map[string]string{"force-ssl-redirect": "true"},
			Location: toHTTPS,
			Asks: []Ask{
				{Request: "/", Show: "Location", Want: `308 Location=https://case12.test/`,
					Nginx: `308 Location=https://case12.test`, Why: "the slash belongs to the URL"},
				{Request: "/x/?q=1", Show: "Location", Want: `308 Location=https://case12.test/x/?q=1`},
				{Request: "/X%20y/%2F/../z//", Show: "Location", Want: `308 Location=https://case12.test/X%20y/z//`,
					Nginx: `308 Location=https://case12.test/X%20y/%2F/../z/`, Why: "the path is the one that the policies were chosen by"},
				{Request: "HEAD /x", Show: "Location", Want: `308 Location=https://case12.test/x`},
				{Request: "/x\nHost: CASE12.test", Show: "Location", Want: `308 Location=https://case12.test/x`},
				{Request: "/x\nX-Forwarded-Proto: https", Show: "Location", Want: `308 Location=https://case12.test/x`},
			}},
		{Name: "permanent-redirect before force-ssl-redirect", Annotations: map[string]string{"force-ssl-redirect": "true", "permanent-redirect": "https://new.test"},
			Location: toHTTPS + ` return 301 https://new.test;`,
			Asks:     []Ask{{Request: "/", Show: "Location", Want: `301 Location=https://new.test`}}},
		{Name: "app-root before force-ssl-redirect", Annotations: map[string]string{"force-ssl-redirect": "true", "app-root": "/app"},
			Server: appRoot, Location: toHTTPS,
			Asks: []Ask{
				{Request: "/", Show: "Location", Want: `302 Location=http://case14.test/app`},
				{Request: "/app", Show: "Location", Want: `308 Location=https://case14.test/app`},
			}},
		{Name: "the backend's redirects", Asks: []Ask{
			{Request: "/\nGive: 302 Location=http://other.test/x", Show: "Location", Want: `302 / Location=http://other.test/x`},
			{Request: "/\nGive: 301 Location=/x", Show: "Location", Want: `301 / Location=/x`},
			{Request: "/\nGive: 307 Location=x?y", Show: "Location", Want: `307 / Location=x?y`},
		}},
		// internal/ingress/annotations/redirect/redirect.go: the default for other codes.
		{Name: "a code that is not a redirect", Annotations: map[string]string{"permanent-redirect": "https://new.test", "permanent-redirect-code": "200"},
			Location: `return 301 https://new.test;`,
			Asks:     []Ask{{Request: "/", Show: "Location", Want: `301 Location=https://new.test`}}},
		{Name: "from-to-www-redirect before app-root and a snippet",
			Annotations: map[string]string{"from-to-www-redirect": "true", "app-root": "/app", "configuration-snippet": `if ($arg_a) { return 410; }`},
			Server:      appRoot, Location: `if ($arg_a) { return 410; }`,
			Servers: `server { listen ADDRESS; server_name www.HOST; return 308 $scheme://HOST$request_uri; }`,
			Asks: []Ask{
				{Request: "/?b=1\nHost: www.HOST", Show: "Location", Want: `308 Location=http://HOST/?b=1`},
				{Request: "/x?a=1\nHost: www.HOST", Show: "Location", Want: `308 Location=http://HOST/x?a=1`},
				{Request: "/", Show: "Location", Want: `302 Location=http://HOST/app`},
				{Request: "/x?a=1", Want: `410`},
			}},
		{Name: "force-ssl-redirect before who the client is",
			Annotations: map[string]string{"force-ssl-redirect": "true", "denylist-source-range": "127.0.0.0/8", "auth-url": authURL, "proxy-body-size": "8"},
			Server:      question("", "$request_uri", ""), Location: toHTTPS + ` client_max_body_size 8; deny 127.0.0.0/8; ` + asking(""),
			Asks: []Ask{
				{Request: "/x\nAuth: 401", Show: "Location", Want: `308 Location=https://HOST/x`},
				{Request: "POST /x\nContent-Length: 8\n\n12345678", Show: "Location", Want: `308 Location=https://HOST/x`},
				{Request: "POST /x\nContent-Length: 9\n\n123456789", Show: "Location", Want: `413 Location=-`},
			}},
		{Name: "force-ssl-redirect before rewrite-target", Regex: true, Paths: []string{"/api/(.*)"},
			Annotations: map[string]string{"force-ssl-redirect": "true", "rewrite-target": "/$1"},
			Location:    toHTTPS + ` rewrite "(?i)/api/(.*)" /$1 break;`,
			Asks:        []Ask{{Request: "/api/x%20y?q=1", Show: "Location", Want: `308 Location=https://HOST/api/x%20y?q=1`}}},
		{Name: "enable-cors before force-ssl-redirect", Annotations: map[string]string{"force-ssl-redirect": "true", "enable-cors": "true"},
			Location: toHTTPS + corsLocation("*", "Allow-Methods: GET"),
			Asks: []Ask{
				{Request: "OPTIONS /x\nOrigin: https://app.test", Show: "Location", Want: `204 "" Location=-`},
				{Request: "/x\nOrigin: https://app.test", Show: "Location Access-Control-Allow-Origin", Want: `308 Location=https://HOST/x Access-Control-Allow-Origin=*`},
			}},
	}
}
