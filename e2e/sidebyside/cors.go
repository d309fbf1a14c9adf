package sidebyside

import (
	"fmt"
	"strings"
)

// corsFields are all that CORS sets.
const corsFields = "Access-Control-Allow-Origin Access-Control-Allow-Credentials Access-Control-Allow-Methods Access-Control-Allow-Headers Access-Control-Expose-Headers Access-Control-Max-Age"

// corsLocation is what the template CORS of ingress-nginx's nginx.tmpl writes. The origins
// are what buildCorsOriginRegex in its internal/ingress/controller/template/template.go
// makes of cors-allow-origin, and the fields those of the annotations.
func corsLocation(origins string, fields ...string) string {
	if origins == "*" {
		origins = `set $http_origin *; set $cors 'true';`
	} else {
		origins = `if ($http_origin ~* (` + origins + `)$ ) { set $cors 'true'; }`
	}
	set := `more_set_headers 'Access-Control-Allow-Origin: $http_origin'; `
	for _, field := range fields {
		set += fmt.Sprintf("more_set_headers 'Access-Control-%s'; ", field)
	}
	return strings.NewReplacer("ORIGINS", origins, "FIELDS", set).Replace(`set $cors ""; ORIGINS
		if ($request_method = 'OPTIONS') { set $cors ${cors}options; }
		if ($cors = "true") { FIELDS }
		if ($cors = "trueoptions") { FIELDS
			more_set_headers 'Content-Type: text/plain charset=UTF-8';
			more_set_headers 'Content-Length: 0';
			return 204;
		}`)
}

// CORSCases are about the family of enable-cors, whose defaults are in ingress-nginx's
// internal/ingress/annotations/cors/main.go.
func CORSCases() []Case {
	const (
		credentials = "Allow-Credentials: true"
		methods     = "Allow-Methods: GET, PUT, POST, DELETE, PATCH, OPTIONS"
		headers     = "Allow-Headers: DNT,Keep-Alive,User-Agent,X-Requested-With,If-Modified-Since,Cache-Control,Content-Type,Range,Authorization"
		age         = "Max-Age: 1728000"
	)
	const origin, short = "\nOrigin: https://app.test", "Access-Control-Allow-Origin"
	given := func(origin, expose string) string {
		return "Access-Control-Allow-Origin=" + origin + " Access-Control-Allow-Credentials=true Access-Control-Allow-Methods=GET, PUT, POST, DELETE, PATCH, OPTIONS " +
			"Access-Control-Allow-Headers=DNT,Keep-Alive,User-Agent,X-Requested-With,If-Modified-Since,Cache-Control,Content-Type,Range,Authorization " +
			"Access-Control-Expose-Headers=" + expose + " Access-Control-Max-Age=1728000"
	}
	none := strings.ReplaceAll(corsFields, " ", "=- ") + "=-"
	return []Case{
		{Name: "enable-cors", Annotations: map[string]string{"enable-cors": "true"}, Location: corsLocation("*", credentials, methods, headers, age),
			Asks: []Ask{
				{Request: "/x" + origin, Show: corsFields + " Content-Type Vary", Want: `200 /x ` + given("*", "-") + ` Content-Type=text/plain Vary=-`},
				{Request: "/x", Show: corsFields, Want: `200 /x ` + given("*", "-")},
				{Request: "/x" + origin + "\nGive: 404", Show: corsFields, Want: `404 /x ` + given("*", "-")},
				{Request: "/x" + origin + "\nGive: 302 Location=/y", Show: corsFields, Want: `302 /x ` + given("*", "-")},
				{Request: "OPTIONS /x" + origin + "\nAccess-Control-Request-Method: PUT", Show: corsFields + " Content-Length", Want: `204 "" ` + given("*", "-") + ` Content-Length=-`,
					Nginx: `204 "" ` + given("*", "-") + ` Content-Length=0`, Why: "RFC 9110, section 8.6: a 204 has none"},
				{Request: "OPTIONS /x" + origin + "\nAccess-Control-Request-Method: PUT", Show: "Content-Type", Want: `204 "" Content-Type=-`},
				{Request: "OPTIONS /x", Show: short, Want: `204 "" Access-Control-Allow-Origin=*`},
				{Request: "HEAD /x" + origin, Show: short, Want: `200 "" Access-Control-Allow-Origin=*`},
				{Request: "/x" + origin + "\nGive: Access-Control-Allow-Origin=https://backend.test Access-Control-Max-Age=1 Access-Control-Expose-Headers=X-A", Show: corsFields, Want: `200 /x ` + given("*", "X-A")},
			}},
		{Name: "several origins", Annotations: map[string]string{"enable-cors": "true", "cors-allow-origin": "https://app.test, http://other.test:8080"},
			Location: corsLocation(`(https://app\.test)|(http://other\.test:8080)`, credentials, methods, headers, age),
			Asks: []Ask{
				{Request: "/x" + origin, Show: short, Want: `200 /x Access-Control-Allow-Origin=https://app.test`},
				{Request: "/x" + origin, Show: "Vary", Want: `200 /x Vary=Origin`,
					Nginx: `200 /x Vary=-`, Why: "a cache may not give one origin what is meant for another"},
				{Request: "/x\nOrigin: http://other.test:8080", Show: short, Want: `200 /x Access-Control-Allow-Origin=http://other.test:8080`},
				{Request: "/x\nOrigin: http://other.test", Show: short, Want: `200 /x Access-Control-Allow-Origin=-`},
				{Request: "/x\nOrigin: https://other.test:8080", Show: short, Want: `200 /x Access-Control-Allow-Origin=-`},
				{Request: "/x\nOrigin: HTTPS://APP.test", Show: short, Want: `200 /x Access-Control-Allow-Origin=HTTPS://APP.test`},
				{Request: "/x\nOrigin: https://appxtest", Show: short, Want: `200 /x Access-Control-Allow-Origin=-`},
				{Request: "/x\nOrigin: https://app.test.evil.test", Show: short, Want: `200 /x Access-Control-Allow-Origin=-`},
				{Request: "/x\nOrigin: evil:https://app.test", Show: short, Want: `200 /x Access-Control-Allow-Origin=-`,
					Nginx: `200 /x Access-Control-Allow-Origin=evil:https://app.test`, Why: "an origin that only ends like one is another"},
				{Request: "/x\nOrigin: null", Show: corsFields, Want: `200 /x ` + none},
				{Request: "/x", Show: corsFields, Want: `200 /x ` + none},
				{Request: "/x\nOrigin: https://evil.test\nGive: Access-Control-Allow-Origin=https://backend.test", Show: short, Want: `200 /x Access-Control-Allow-Origin=https://backend.test`},
				{Request: "OPTIONS /x" + origin, Show: corsFields, Want: `204 "" ` + given("https://app.test", "-")},
				{Request: "OPTIONS /x\nOrigin: https://evil.test", Show: corsFields, Want: `200 /x ` + none},
				{Request: "OPTIONS /x", Show: short, Want: `200 /x Access-Control-Allow-Origin=-`},
			}},
		{Name: "a wildcard", Annotations: map[string]string{"enable-cors": "true", "cors-allow-origin": "https://*.app.test"},
			Location: corsLocation(`(https://[A-Za-z0-9\-]+\.app\.test)`, credentials, methods, headers, age),
			Asks: []Ask{
				{Request: "/x\nOrigin: https://a-1.app.test", Show: short, Want: `200 /x Access-Control-Allow-Origin=https://a-1.app.test`},
				{Request: "/x\nOrigin: https://a.b.app.test", Show: short, Want: `200 /x Access-Control-Allow-Origin=-`},
				{Request: "/x\nOrigin: https://app.test", Show: short, Want: `200 /x Access-Control-Allow-Origin=-`},
				{Request: "/x\nOrigin: https://.app.test", Show: short, Want: `200 /x Access-Control-Allow-Origin=-`},
				{Request: "/x\nOrigin: http://a.app.test", Show: short, Want: `200 /x Access-Control-Allow-Origin=-`},
				{Request: "/x\nOrigin: https://a.app.test:8443", Show: short, Want: `200 /x Access-Control-Allow-Origin=-`},
				{Request: "/x\nOrigin: https://a_b.app.test", Show: short, Want: `200 /x Access-Control-Allow-Origin=-`},
				{Request: "OPTIONS /x\nOrigin: https://b.app.test", Show: short, Want: `204 "" Access-Control-Allow-Origin=https://b.app.test`},
			}},
		{Name: "a wildcard with a port beside null", Annotations: map[string]string{"enable-cors": "true", "cors-allow-origin": "http://*.app.test:8080,null"},
			Location: corsLocation(`(http://[A-Za-z0-9\-]+\.app\.test:8080)|(null)`, credentials, methods, headers, age),
			Asks: []Ask{
				{Request: "/x\nOrigin: http://a.app.test:8080", Show: short, Want: `200 /x Access-Control-Allow-Origin=http://a.app.test:8080`},
				{Request: "/x\nOrigin: http://a.app.test", Show: short, Want: `200 /x Access-Control-Allow-Origin=-`},
				{Request: "/x\nOrigin: null", Show: short, Want: `200 /x Access-Control-Allow-Origin=null`},
			}},
		{Name: "* beside an origin", Annotations: map[string]string{"enable-cors": "true", "cors-allow-origin": "*, https://app.test"},
			Location: corsLocation("*", credentials, methods, headers, age),
			Asks:     []Ask{{Request: "/x\nOrigin: https://other.test", Show: short, Want: `200 /x Access-Control-Allow-Origin=*`}}},
		{Name: "without credentials, with the other fields", Annotations: map[string]string{"enable-cors": "true", "cors-allow-credentials": "false",
			"cors-allow-methods": "GET, PUT", "cors-allow-headers": "X-One, X-Two", "cors-expose-headers": "X-Three, *", "cors-max-age": "600"},
			Location: corsLocation("*", "Allow-Methods: GET, PUT", "Allow-Headers: X-One, X-Two", "Expose-Headers: X-Three, *", "Max-Age: 600"),
			Asks: []Ask{
				{Request: "/x" + origin, Show: corsFields, Want: `200 /x Access-Control-Allow-Origin=* Access-Control-Allow-Credentials=- Access-Control-Allow-Methods=GET, PUT Access-Control-Allow-Headers=X-One, X-Two Access-Control-Expose-Headers=X-Three, * Access-Control-Max-Age=600`},
				{Request: "OPTIONS /x" + origin, Show: corsFields, Want: `204 "" Access-Control-Allow-Origin=* Access-Control-Allow-Credentials=- Access-Control-Allow-Methods=GET, PUT Access-Control-Allow-Headers=X-One, X-Two Access-Control-Expose-Headers=X-Three, * Access-Control-Max-Age=600`},
				{Request: "OPTIONS /x" + origin + "\nAccess-Control-Request-Method: DELETE", Show: corsFields, Want: `204 "" Access-Control-Allow-Origin=* Access-Control-Allow-Credentials=- Access-Control-Allow-Methods=GET, PUT Access-Control-Allow-Headers=X-One, X-Two Access-Control-Expose-Headers=X-Three, * Access-Control-Max-Age=600`},
			}},
		{Name: "a max-age of -1", Annotations: map[string]string{"enable-cors": "true", "cors-max-age": "-1"},
			Location: corsLocation("*", credentials, methods, headers, "Max-Age: -1"),
			Asks:     []Ask{{Request: "OPTIONS /x" + origin, Show: "Access-Control-Max-Age", Want: `204 "" Access-Control-Max-Age=-1`}}},
		{Name: "not enabled", Annotations: map[string]string{"enable-cors": "false", "cors-allow-origin": "https://app.test"},
			Asks: []Ask{
				{Request: "OPTIONS /x" + origin, Show: corsFields, Want: `200 /x ` + none},
				{Request: "/x" + origin + "\nGive: Access-Control-Allow-Origin=https://app.test", Show: short, Want: `200 /x Access-Control-Allow-Origin=https://app.test`},
			}},
		{Name: "a preflight request before a redirect", Annotations: map[string]string{"enable-cors": "true", "permanent-redirect": "https://new.test"},
			Location: corsLocation("*", credentials, methods, headers, age) + " return 301 https://new.test;",
			Asks: []Ask{
				{Request: "OPTIONS /x" + origin, Show: "Location " + short, Want: `204 "" Location=- Access-Control-Allow-Origin=*`},
				{Request: "/x" + origin, Show: "Location " + short, Want: `301 Location=https://new.test Access-Control-Allow-Origin=*`},
			}},
		{Name: "a preflight request before HTTPS", Annotations: map[string]string{"enable-cors": "true", "force-ssl-redirect": "true"},
			Location: corsLocation("*", credentials, methods, headers, age) + " return 308 https://$host$request_uri;",
			Asks: []Ask{
				{Request: "OPTIONS /x" + origin, Show: "Location " + short, Want: `204 "" Location=- Access-Control-Allow-Origin=*`},
				{Request: "/x" + origin, Show: "Location " + short, Want: `308 Location=https://case9.test/x Access-Control-Allow-Origin=*`},
			}},
		{Name: "a preflight request before app-root", Annotations: map[string]string{"enable-cors": "true", "app-root": "/app"},
			Server: appRoot, Location: corsLocation("*", credentials, methods, headers, age),
			Asks: []Ask{
				{Request: "OPTIONS /" + origin, Show: "Location " + short, Want: `204 "" Location=- Access-Control-Allow-Origin=*`,
					Nginx: `302 Location=http://case10.test/app Access-Control-Allow-Origin=-`, Why: "browsers follow no redirect of a preflight request"},
				{Request: "/" + origin, Show: "Location", Want: `302 Location=http://case10.test/app`},
				{Request: "OPTIONS /app" + origin, Show: short, Want: `204 "" Access-Control-Allow-Origin=*`},
			}},
	}
}
