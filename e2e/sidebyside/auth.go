package sidebyside

import (
	"fmt"
	"strings"
)

// question is the location that the template writes for auth-url, with what further
// annotations add to it.
func question(method, redirect, snippet string) string {
	if method != "" {
		method = "proxy_method " + method + "; proxy_set_header X-Original-URI $request_uri; proxy_set_header X-Scheme $pass_access_scheme;"
	}
	return `location = /_external-auth {
      internal;
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
      proxy_set_header X-Forwarded-Proto "";
      proxy_set_header X-Request-ID $request_id;
      ` + method + `
      proxy_set_header Host web.shop.svc.cluster.local;
      proxy_set_header X-Original-URL $scheme://$http_host$request_uri;
      proxy_set_header X-Original-Method $request_method;
      proxy_set_header X-Sent-From "nginx-ingress-controller";
      proxy_set_header X-Real-IP $remote_addr;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Auth-Request-Redirect ` + redirect + `;
      proxy_http_version 1.1;
      ` + snippet + `
      set $target http://BACKEND/auth?a=b;
      proxy_pass $target;
    }`
}

// asking is what the template writes into the location for auth-url and
// auth-response-headers.
func asking(cookie string, fields ...string) string {
	text := "auth_request /_external-auth; auth_request_set $auth_cookie $upstream_http_set_cookie; add_header Set-Cookie $auth_cookie" + cookie + ";"
	for i, name := range fields {
		variable := strings.ReplaceAll(strings.ToLower(name), "-", "_")
		text += fmt.Sprintf(" auth_request_set $authHeader%d $upstream_http_%s; proxy_set_header '%s' $authHeader%d;", i, variable, name, i)
	}
	return text
}

// charset is why we name one in WWW-Authenticate.
const charset = "browsers have to agree on how letters beyond ASCII are sent"

const authURL = "http://web.shop.svc.cluster.local/auth?a=b"

// AuthCases are about who is let in: nginx's modules auth_request, auth_basic and
// access, as the template sets them up.
func AuthCases() []Case {
	const (
		anna  = "\nAuthorization: Basic YW5uYTpzZWNyZXQ="
		wrong = "\nAuthorization: Basic YW5uYTp3cm9uZw=="
		basic = `auth_basic "Shop of Anna"; auth_basic_user_file DIR/users; proxy_set_header Authorization "";`
	)
	return []Case{
		{Name: "auth-url", Annotations: map[string]string{"auth-url": authURL},
			Server: question("", "$request_uri", ""), Location: asking(""),
			Asks: []Ask{
				{Request: "/x?y", Want: `200 /x?y`},
				{Request: "/x\nAuth: 204", Want: `200 /x`},
				{Request: "HEAD /x", Want: `200 ""`},
				{Request: "/x\nAuth: 401 WWW-Authenticate=Bearer", Show: "WWW-Authenticate", Want: `401 WWW-Authenticate=Bearer`},
				{Request: "/x\nAuth: 403", Want: `403`},
				{Request: "/x\nAuth: 404", Want: `500`},
				{Request: "/x\nAuth: 302 Location=/login", Show: "Location", Want: `500 Location=-`},
				{Request: "/x\nAuth: 503", Want: `500`},
				{Request: "/x\nAuth: Set-Cookie=s=1", Show: "Set-Cookie", Want: `200 /x Set-Cookie=s=1`},
				{Request: "/x\nAuth: Set-Cookie=s=1\nGive: Set-Cookie=b=1", Show: "Set-Cookie", Want: `200 /x Set-Cookie=b=1,s=1`},
				{Request: "/x\nAuth: Set-Cookie=s=1\nGive: 404", Show: "Set-Cookie", Want: `404 /x Set-Cookie=-`},
				{Request: "/x\nAuth: 403 Set-Cookie=s=1", Show: "Set-Cookie", Want: `403 Set-Cookie=-`},
			}},
		{Name: "auth-always-set-cookie", Annotations: map[string]string{"auth-url": authURL, "auth-always-set-cookie": "true"},
			Server: question("", "$request_uri", ""), Location: asking(" always"),
			Asks: []Ask{
				{Request: "/x\nAuth: Set-Cookie=s=1\nGive: 404", Show: "Set-Cookie", Want: `404 /x Set-Cookie=s=1`},
				{Request: "/x\nAuth: 403 Set-Cookie=s=1", Show: "Set-Cookie", Want: `403 Set-Cookie=s=1`},
			}},
		{Name: "auth-response-headers", Annotations: map[string]string{"auth-url": authURL, "auth-response-headers": "X-User, X-Groups"},
			Server: question("", "$request_uri", ""), Location: asking("", "X-User", "X-Groups"),
			Asks: []Ask{
				{Request: "/\nAuth: X-User=anna X-Other=1", Show: "X-User > X-User X-Groups X-Other", Want: `200 / X-User=- >X-User=anna >X-Groups=- >X-Other=-`},
				{Request: "/\nX-User: eve\nx-groups: admin\nAuth: X-User=anna", Show: "> X-User X-Groups", Want: `200 / >X-User=anna >X-Groups=-`},
				{Request: "/\nX_User: eve\nX_Groups: admin", Show: "> X-User X_User X-Groups X_Groups", Want: `200 / >X-User=- >X_User=- >X-Groups=- >X_Groups=-`},
			}},
		{Name: "what auth-url is asked", Annotations: map[string]string{"auth-url": authURL,
			"auth-response-headers": "Q-Target,Q-Method,Q-Host,Q-X-Original-URL,Q-X-Original-Method,Q-X-Original-URI,Q-X-Scheme,Q-X-Sent-From,Q-X-Real-IP,Q-X-Forwarded-For,Q-X-Auth-Request-Redirect,Q-Cookie,Q-Content-Length"},
			Server: question("", "$request_uri", ""),
			Location: asking("", "Q-Target", "Q-Method", "Q-Host", "Q-X-Original-URL", "Q-X-Original-Method", "Q-X-Original-URI", "Q-X-Scheme", "Q-X-Sent-From", "Q-X-Real-IP",
				"Q-X-Forwarded-For", "Q-X-Auth-Request-Redirect", "Q-Cookie", "Q-Content-Length"),
			Asks: []Ask{
				{Request: "POST /a/b?c=d\nContent-Length: 1\nCookie: e=f\nX-Real-IP: 192.0.2.1\nX-Forwarded-For: 192.0.2.1\nX-Original-URL: /spoofed\nX-Original-Method: GET\nX-Auth-Request-Redirect: /spoofed\n\n1",
					Show: "> Q-Target Q-Method Q-Host Q-X-Original-URL Q-X-Original-Method Q-X-Sent-From Q-X-Real-IP Q-X-Forwarded-For Q-X-Auth-Request-Redirect Q-Cookie Q-Content-Length",
					Want: `200 /a/b?c=d >Q-Target=/auth?a=b >Q-Method=GET >Q-Host=web.shop.svc.cluster.local >Q-X-Original-URL=http://case3.test/a/b?c=d >Q-X-Original-Method=POST >Q-X-Sent-From=nginx-ingress-controller >Q-X-Real-IP=127.0.0.1 >Q-X-Forwarded-For=127.0.0.1 >Q-X-Auth-Request-Redirect=/a/b?c=d >Q-Cookie=e=f >Q-Content-Length=-`},
				{Request: "/a/../b/%61", Show: "> Q-X-Original-URL Q-X-Auth-Request-Redirect",
					Want:  `200 /b/a >Q-X-Original-URL=http://case3.test/b/a >Q-X-Auth-Request-Redirect=/b/a`,
					Nginx: `200 /a/../b/%61 >Q-X-Original-URL=http://case3.test/a/../b/%61 >Q-X-Auth-Request-Redirect=/a/../b/%61`,
					Why:   "the service decides about the path that the backend gets"},
				{Request: "/\nX-Original-URI: /spoofed\nX-Scheme: https", Show: "> Q-X-Original-URI Q-X-Scheme",
					Want: `200 / >Q-X-Original-URI=- >Q-X-Scheme=-`, Nginx: `200 / >Q-X-Original-URI=/spoofed >Q-X-Scheme=https`,
					Why: "a service may believe what the client says of the request here"},
			}},
		{Name: "auth-method", Annotations: map[string]string{"auth-url": authURL, "auth-method": "POST", "auth-response-headers": "Q-Method,Q-X-Original-URI,Q-X-Scheme,Q-X-Original-Method"},
			Server: question("POST", "$request_uri", ""), Location: asking("", "Q-Method", "Q-X-Original-URI", "Q-X-Scheme", "Q-X-Original-Method"),
			Asks: []Ask{
				{Request: "PUT /a?b\nContent-Length: 0", Show: "> method Q-Method Q-X-Original-URI Q-X-Scheme Q-X-Original-Method", Want: `200 /a?b >method=PUT >Q-Method=POST >Q-X-Original-URI=/a?b >Q-X-Scheme=http >Q-X-Original-Method=PUT`},
			}},
		{Name: "auth-request-redirect", Annotations: map[string]string{"auth-url": authURL, "auth-request-redirect": "https://$http_host$request_uri", "auth-response-headers": "Q-X-Auth-Request-Redirect"},
			Server: question("", "https://$http_host$request_uri", ""), Location: asking("", "Q-X-Auth-Request-Redirect"),
			Asks: []Ask{
				{Request: "/a?b", Show: "> Q-X-Auth-Request-Redirect", Want: `200 /a?b >Q-X-Auth-Request-Redirect=https://case5.test/a?b`},
			}},
		{Name: "auth-snippet", Annotations: map[string]string{"auth-url": authURL, "auth-snippet": `proxy_set_header X-Realm "shop $host"; proxy_set_header X-Gone "";`, "auth-response-headers": "Q-X-Realm,Q-X-Gone"},
			Server: question("", "$request_uri", `proxy_set_header X-Realm "shop $host"; proxy_set_header X-Gone "";`), Location: asking("", "Q-X-Realm", "Q-X-Gone"),
			Asks: []Ask{
				{Request: "/\nX-Realm: spoofed\nX-Gone: 1", Show: "> X-Realm Q-X-Realm Q-X-Gone", Want: `200 / >X-Realm=spoofed >Q-X-Realm=shop case6.test >Q-X-Gone=-`},
			}},
		// set_escape_uri, which makes $escaped_request_uri, is not a directive of Debian's nginx.
		{Name: "auth-signin", Annotations: map[string]string{"auth-url": authURL, "auth-signin": "https://login.test/start"},
			Server:   question("", "$request_uri", "") + ` location @signin { internal; add_header Set-Cookie $auth_cookie; return 302 https://login.test/start?rd=$pass_access_scheme://$http_host$escaped_request_uri; }`,
			Location: asking("") + ` set $escaped_request_uri %2Fa%3Fb%3D1; error_page 401 = @signin;`,
			Asks: []Ask{
				{Request: "/a?b=1", Want: `200 /a?b=1`},
				{Request: "/a?b=1\nAuth: 401 Set-Cookie=s=1", Show: "Location Set-Cookie", Want: `302 Location=https://login.test/start?rd=http://case7.test%2Fa%3Fb%3D1 Set-Cookie=s=1`},
				{Request: "POST /a?b=1\nContent-Length: 0\nAuth: 401", Show: "Location", Want: `302 Location=https://login.test/start?rd=http://case7.test%2Fa%3Fb%3D1`},
				{Request: "/a?b=1\nAuth: 403", Show: "Location", Want: `403 Location=-`},
				{Request: "/a?b=1\nGive: 401", Show: "Location", Want: `401 /a?b=1 Location=-`},
			}},
		{Name: "auth-signin-redirect-param", Annotations: map[string]string{"auth-url": authURL, "auth-signin": "https://login.test/start?a=b", "auth-signin-redirect-param": "next"},
			Server:   question("", "$request_uri", "") + ` location @signin { internal; add_header Set-Cookie $auth_cookie; return 302 https://login.test/start?a=b&next=$pass_access_scheme://$http_host$escaped_request_uri; }`,
			Location: asking("") + ` set $escaped_request_uri %2Fa; error_page 401 = @signin;`,
			Asks: []Ask{
				{Request: "/a\nAuth: 401", Show: "Location", Want: `302 Location=https://login.test/start?a=b&next=http://case8.test%2Fa`},
			}},
		{Name: "auth-type basic", Annotations: map[string]string{"auth-type": "basic", "auth-secret": "users", "auth-realm": "Shop of Anna"}, Location: basic,
			Asks: []Ask{
				{Request: "/", Show: "WWW-Authenticate", Want: `401 WWW-Authenticate=Basic realm="Shop of Anna", charset="UTF-8"`, Nginx: `401 WWW-Authenticate=Basic realm="Shop of Anna"`, Why: charset},
				{Request: "HEAD /", Show: "WWW-Authenticate", Want: `401 "" WWW-Authenticate=Basic realm="Shop of Anna", charset="UTF-8"`, Nginx: `401 "" WWW-Authenticate=Basic realm="Shop of Anna"`, Why: charset},
				{Request: "/" + anna, Show: "> Authorization", Want: `200 / >Authorization=-`},
				{Request: "/" + wrong, Want: `401`},
				{Request: "/\nAuthorization: Basic !", Want: `401`},
				{Request: "/\nAuthorization: Bearer YW5uYTpzZWNyZXQ=", Want: `401`},
				{Request: "/\nAuthorization: basic YW5uYTpzZWNyZXQ=", Want: `200 /`},
				{Request: "/" + anna + "\nGive: 401 WWW-Authenticate=Bearer", Show: "WWW-Authenticate", Want: `401 / WWW-Authenticate=Bearer`},
			}},
		{Name: "a password that a snippet passes on", Annotations: map[string]string{"auth-type": "basic", "auth-secret": "users", "configuration-snippet": "proxy_set_header Authorization $http_authorization;"},
			Location: basic + ` proxy_set_header Authorization $http_authorization;`,
			Asks:     []Ask{{Request: "/" + anna, Show: "> Authorization", Want: `200 / >Authorization=Basic YW5uYTpzZWNyZXQ=`}}},
		{Name: "allowlist-source-range", Annotations: map[string]string{"allowlist-source-range": "192.0.2.0/24,10.0.0.1"}, Location: `allow 192.0.2.0/24; allow 10.0.0.1; deny all;`,
			Asks: []Ask{
				{Request: "/", Want: `403`},
				{Request: "/\nX-Forwarded-For: 192.0.2.1\nX-Real-IP: 192.0.2.1\nForwarded: for=192.0.2.1", Want: `403`},
			}},
		{Name: "denylist-source-range", Annotations: map[string]string{"denylist-source-range": "127.0.0.0/8"}, Location: `deny 127.0.0.0/8;`,
			Asks: []Ask{{Request: "/", Want: `403`}}},
		{Name: "another denylist-source-range", Annotations: map[string]string{"denylist-source-range": "192.0.2.0/24"}, Location: `deny 192.0.2.0/24;`,
			Asks: []Ask{{Request: "/", Want: `200 /`}}},
		{Name: "both lists", Annotations: map[string]string{"denylist-source-range": "127.0.0.1", "allowlist-source-range": "127.0.0.0/8"}, Location: `deny 127.0.0.1; allow 127.0.0.0/8; deny all;`,
			Asks: []Ask{{Request: "/", Want: `403`}}},
		{Name: "a list and a password", Annotations: map[string]string{"allowlist-source-range": "127.0.0.0/8", "auth-type": "basic", "auth-secret": "users", "auth-realm": "Shop of Anna"},
			Location: `allow 127.0.0.0/8; deny all; ` + basic,
			Asks:     []Ask{{Request: "/", Want: `401`}, {Request: "/" + anna, Want: `200 /`}}},
		{Name: "a list that refuses and a password", Annotations: map[string]string{"allowlist-source-range": "192.0.2.0/24", "auth-type": "basic", "auth-secret": "users", "auth-realm": "Shop of Anna", "satisfy": "all"},
			Location: `allow 192.0.2.0/24; deny all; satisfy all; ` + basic,
			Asks:     []Ask{{Request: "/", Want: `403`}, {Request: "/" + anna, Want: `403`}}},
		{Name: "satisfy any by address", Annotations: map[string]string{"allowlist-source-range": "127.0.0.0/8", "auth-type": "basic", "auth-secret": "users", "auth-realm": "Shop of Anna", "satisfy": "any"},
			Location: `allow 127.0.0.0/8; deny all; satisfy any; ` + basic,
			Asks:     []Ask{{Request: "/", Want: `200 /`}, {Request: "/" + wrong, Show: "> Authorization", Want: `200 / >Authorization=-`}}},
		{Name: "satisfy any by password", Annotations: map[string]string{"allowlist-source-range": "192.0.2.0/24", "auth-type": "basic", "auth-secret": "users", "auth-realm": "Shop of Anna", "satisfy": "any"},
			Location: `allow 192.0.2.0/24; deny all; satisfy any; ` + basic,
			Asks: []Ask{
				{Request: "/", Show: "WWW-Authenticate", Want: `401 WWW-Authenticate=Basic realm="Shop of Anna", charset="UTF-8"`, Nginx: `401 WWW-Authenticate=Basic realm="Shop of Anna"`, Why: charset},
				{Request: "/" + anna, Want: `200 /`},
				{Request: "/" + wrong, Want: `401`},
			}},
		{Name: "satisfy any with a denylist", Annotations: map[string]string{"denylist-source-range": "192.0.2.0/24", "auth-type": "basic", "auth-secret": "users", "auth-realm": "Shop of Anna", "satisfy": "any"},
			Location: `deny 192.0.2.0/24; satisfy any; ` + basic,
			Asks:     []Ask{{Request: "/", Want: `401`}, {Request: "/" + anna, Want: `200 /`}}},
		{Name: "satisfy any with auth-url", Annotations: map[string]string{"allowlist-source-range": "192.0.2.0/24", "auth-url": authURL, "satisfy": "any"},
			Server: question("", "$request_uri", ""), Location: `allow 192.0.2.0/24; deny all; satisfy any; ` + asking(""),
			Asks: []Ask{
				{Request: "/", Want: `200 /`},
				{Request: "/\nAuth: 401 WWW-Authenticate=Bearer", Show: "WWW-Authenticate", Want: `401 WWW-Authenticate=Bearer`},
				{Request: "/\nAuth: 403", Want: `403`},
				{Request: "/\nAuth: 500", Want: `500`},
			}},
		{Name: "satisfy any by password or auth-url", Annotations: map[string]string{"auth-type": "basic", "auth-secret": "users", "auth-realm": "Shop of Anna", "auth-url": authURL, "satisfy": "any"},
			Server: question("", "$request_uri", ""), Location: basic + " satisfy any; " + asking(""),
			Asks: []Ask{
				{Request: "/" + wrong + "\nAuth: 200", Show: "WWW-Authenticate", Want: `200 / WWW-Authenticate=-`},
				{Request: "/" + anna + "\nAuth: 401 WWW-Authenticate=Bearer", Show: "WWW-Authenticate", Want: `200 / WWW-Authenticate=-`},
				{Request: "/\nAuth: 401 WWW-Authenticate=Bearer", Show: "WWW-Authenticate", Want: `401 WWW-Authenticate=Basic realm="Shop of Anna", charset="UTF-8",Bearer`, Nginx: `401 WWW-Authenticate=Basic realm="Shop of Anna",Bearer`, Why: charset},
				{Request: "/\nAuth: 401", Show: "WWW-Authenticate", Want: `401 WWW-Authenticate=Basic realm="Shop of Anna", charset="UTF-8"`, Nginx: `401 WWW-Authenticate=Basic realm="Shop of Anna"`, Why: charset},
				{Request: "/\nAuth: 403", Show: "WWW-Authenticate", Want: `401 WWW-Authenticate=Basic realm="Shop of Anna", charset="UTF-8"`, Nginx: `401 WWW-Authenticate=Basic realm="Shop of Anna"`, Why: charset},
				{Request: "/\nAuth: 500", Show: "WWW-Authenticate", Want: `500 WWW-Authenticate=-`, Nginx: `500 WWW-Authenticate=Basic realm="Shop of Anna"`, Why: "only an answer 401 asks for a password"},
			}},
		{Name: "satisfy any by password or auth-url with auth-signin", Annotations: map[string]string{"auth-type": "basic", "auth-secret": "users", "auth-realm": "Shop of Anna", "auth-url": authURL, "auth-signin": "https://login.test/start", "satisfy": "any"},
			Server:   question("", "$request_uri", "") + ` location @signin { internal; return 302 https://login.test/start?rd=$scheme://$http_host%2F; }`,
			Location: basic + " satisfy any; error_page 401 = @signin; " + asking(""),
			Asks: []Ask{
				{Request: "/" + anna, Want: `200 /`},
				{Request: "/\nAuth: 401 WWW-Authenticate=Bearer", Show: "WWW-Authenticate Location", Want: `302 WWW-Authenticate=- Location=https://login.test/start?rd=http://HOST%2F`,
					Nginx: `302 WWW-Authenticate=Basic realm="Shop of Anna",Bearer Location=https://login.test/start?rd=http://HOST%2F`, Why: "only an answer 401 asks for a password"},
				{Request: "/\nAuth: 403", Show: "Location", Want: `302 Location=https://login.test/start?rd=http://HOST%2F`},
			}},
	}
}
