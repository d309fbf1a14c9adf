package sidebyside

import "strings"

// LimitCases are about proxy-body-size, nginx's client_max_body_size. The limits of
// requests and connections depend on the time, and are asked for by the tests of
// proxy.
func LimitCases() []Case {
	const chunked = "\nTransfer-Encoding: chunked"
	long := strings.Repeat("x", 1<<20+1)
	return []Case{
		{Name: "proxy-body-size", Annotations: map[string]string{"proxy-body-size": "8"}, Location: `client_max_body_size 8;`,
			Asks: []Ask{
				{Request: "/", Want: `200 /`},
				{Request: "POST /\nContent-Length: 8\n\n12345678", Show: "> method Content-Length", Want: `200 / >method=POST >Content-Length=8`},
				{Request: "POST /\nContent-Length: 9\n\n123456789", Want: `413`},
				{Request: "PUT /\nContent-Length: 9\n\n123456789", Want: `413`},
				{Request: "POST /" + chunked + "\n\n8\r\n12345678\r\n0\r\n\r\n", Want: `200 /`},
				{Request: "POST /" + chunked + "\n\n8\r\n12345678\r\n1\r\n9\r\n0\r\n\r\n", Want: `413`},
				{Request: "POST /\nExpect: 100-continue\nContent-Length: 9\n\n", Want: `413`},
			}},
		{Name: "proxy-body-size with a unit", Annotations: map[string]string{"proxy-body-size": "1k"}, Location: `client_max_body_size 1k;`,
			Asks: []Ask{
				{Request: "POST /\nContent-Length: 1024\n\n" + long[:1024], Want: `200 /`},
				{Request: "POST /\nContent-Length: 1025\n\n" + long[:1025], Want: `413`},
			}},
		{Name: "no limit", Annotations: map[string]string{"proxy-body-size": "0"}, Location: `client_max_body_size 0;`,
			Asks: []Ask{{Request: "POST /\nContent-Length: 1048577\n\n" + long, Want: `200 /`}}},
		{Name: "the default",
			Asks: []Ask{{Request: "POST /\nContent-Length: 1048577\n\n" + long, Want: `200 /`, Nginx: `413`, Why: "the operator's limits.bodyBytes is the default"}}},
		{Name: "the size goes before the password", Annotations: map[string]string{"proxy-body-size": "8", "auth-type": "basic", "auth-secret": "users"},
			Location: `client_max_body_size 8; auth_basic "Authentication Required"; auth_basic_user_file DIR/users;`,
			Asks:     []Ask{{Request: "POST /\nContent-Length: 9\n\n123456789", Want: `413`}}},
	}
}
