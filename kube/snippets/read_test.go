package snippets

import (
	"fmt"
	"strings"
	"testing"
	"time"

	gatelodge "gatelodge.dev"
)

// TestProblems: what can't be done is told with its place, and whether it may protect.
func TestProblems(t *testing.T) {
	for _, test := range []struct {
		text string
		in   context
		want string // messages, with "!" before those of what may protect
	}{
		{"add_header X-A b;", inLocation, ""},
		{"add_header X-A;", inLocation, "line 1, column 1: add_header has an invalid number of arguments"},
		{"add_header X-A b sometimes;", inLocation, "line 1, column 1: add_header has \"sometimes\" where only always is known"},
		{"add_header 'X A' b;", inLocation, `line 1, column 1: add_header changes the field "x a", which is not a valid name`},
		{"add_header X-A $status;", inLocation, "line 1, column 1: add_header holds the variable $status, which is not known"},
		{"add_header X-A \"a\nb\";", inLocation, `line 1, column 1: add_header changes the field "x-a", whose value holds a control character`},
		{"more_set_headers -x 1 'A: b';", inLocation, "line 1, column 1: more_set_headers has the option -x, which is not known"},
		{"more_set_headers -s 99 'A: b';", inLocation, `line 1, column 1: more_set_headers has the status "99", which is not valid`},
		{"more_set_input_headers 'Content-Length: 1';", inLocation, `!line 1, column 1: more_set_input_headers changes the field "content-length", which is the gateway's own: it says where a message ends, or is about the connection`},
		{"proxy_set_header Transfer-Encoding chunked;", inLocation, `!line 1, column 1: proxy_set_header changes the field "transfer-encoding", which is the gateway's own: it says where a message ends, or is about the connection`},
		{"proxy_set_header Connection $http_x;", inLocation, "!line 1, column 1: proxy_set_header sets Connection, which is the gateway's own: it upgrades connections without it"},
		{"proxy_set_header Connection upgrade; proxy_set_header Upgrade $http_upgrade; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;", inLocation, ""},
		{"proxy_set_header A b;", inServer, "line 1, column 1: proxy_set_header has no effect in a server-snippet, as every location of ingress-nginx sets it: use the annotation, or a configuration-snippet"},
		{"\n  proxy_pass http://evil;\naccess_log off;", inLocation, "!line 2, column 3: proxy_pass is not honoured, and it may be a protection|line 3, column 1: access_log is not honoured"},
		{"satisfy any; auth_basic off;", inLocation, "!line 1, column 1: satisfy is not honoured, and it may be a protection; there is the annotation satisfy|!line 1, column 14: auth_basic is not honoured, and it may be a protection; there is the annotation auth-type"},
		{"access_by_lua_block { -- it's {\n if ngx.var.x ~= '}' then ngx.exit(\"\\\"}\") end; t = {{1}} } expires 1h;\nproxy_pass x;", inLocation,
			"!line 1, column 1: access_by_lua_block is not honoured, and it may be a protection|!line 3, column 1: proxy_pass is not honoured, and it may be a protection"},
		{"content_by_lua_block { a = {1} ", inLocation, "!line 1, column 23: a block of Lua has no closing brace"},
		{"ignore_invalid_headers off;", inServer, "line 1, column 1: ignore_invalid_headers is not honoured"},
		{"grpc_read_timeout 1h;", inServer, "line 1, column 1: grpc_read_timeout is not honoured; there is the annotation proxy-read-timeout"},
		{"auth_request_set $token $upstream_http_authorization;", inLocation, "!line 1, column 1: auth_request_set is not honoured, and it may be a protection; there is the annotation auth-response-headers"},
		{"deny 10.0.0.0/33;", inLocation, `!line 1, column 1: deny "10.0.0.0/33" is not a valid address or network`},
		{"deny unix:;", inLocation, `!line 1, column 1: deny "unix:" is not a valid address or network`},
		{"if ($a) { return 403; }", inLocation, "!line 1, column 1: if holds the variable $a, which is not known"},
		{"if (-f $request_filename) { return 403; }", inLocation, "!line 1, column 1: if has the condition -f on a file, and there are none"},
		{"if ($uri ^ a) { break; }", inLocation, `!line 1, column 1: if has the condition "^", which is not known`},
		{"if $uri { break; }", inLocation, `!line 1, column 1: if has the condition "$uri", which is not valid`},
		{"if ($uri) { if ($args) { break; } }", inLocation, "line 1, column 13: if can't stand in an if"},
		{"if ($uri) { deny all; }", inLocation, "!line 1, column 13: deny can't stand in an if"},
		{"if ($uri) { add_header A b; }", inServer, "line 1, column 13: add_header can't stand in an if of a server-snippet"},
		{"return 200 {}", inLocation, "!line 1, column 1: return has a block, which it can't have"},
		{"return 99;", inLocation, "!line 1, column 1: return 99 is not a status that ends a request"},
		{"return /x;", inLocation, `!line 1, column 1: return "/x" is neither a status nor a URL`},
		{"return 301 'https://x y';", inLocation, "!line 1, column 1: return has a space or a control character in its URL, which has to be percent-encoded"},
		{"rewrite ^ /x always;", inLocation, `!line 1, column 1: rewrite has the flag "always", expected last, break, redirect or permanent`},
		{`rewrite ^/(?!a) /x;`, inLocation, `!line 1, column 1: rewrite "^/(?!a)" has a negative look-ahead (?!…), which the regular expressions here (RE2) do not have`},
		{`rewrite "^/(a)\1" /x;`, inLocation, `!line 1, column 1: rewrite "^/(a)\\1" has a back-reference, which the regular expressions here (RE2) do not have`},
		{`rewrite ( /x;`, inLocation, `!line 1, column 1: rewrite "(" is not a valid regular expression (RE2)`},
		{`rewrite "a{1000}{1000}" /x;`, inLocation, `!line 1, column 1: rewrite "a{1000}{1000}" is not a valid regular expression (RE2)`},
		{"set $host x;", inLocation, "!line 1, column 1: set $host is not honoured: it is nginx's or ingress-nginx's own variable"},
		{"set host x;", inLocation, `!line 1, column 1: set "host" is not a variable: it does not begin with $`},
		{"set $a $a$b;", inLocation, "!line 1, column 1: set holds the variable $b, which is not known"},
		{"location /x {}", inLocation, "!line 1, column 1: location can't stand in a location: it belongs into a server-snippet"},
		{"location @x {}", inServer, `!line 1, column 1: location "@x" does not start with "/"`},
		{"location ~ ( {}", inServer, `!line 1, column 1: location "(" is not a valid regular expression (RE2)`},
		{"location /x { proxy_pass http://evil; }", inServer, "!line 1, column 15: proxy_pass is not honoured, and it may be a protection"},
		{"client_max_body_size 1x;", inLocation, `!line 1, column 1: client_max_body_size "1x" is not a size such as 512k, 8m or 1g`},
		{"proxy_read_timeout 1x;", inLocation, `line 1, column 1: proxy_read_timeout "1x" is not a valid time`},
		{"expires @15h30m;", inLocation, "line 1, column 1: expires @15h30m is not honoured: only a time, off, epoch or max is"},
		{"gzip on; proxy_buffering off;", inLocation, ""},
		{"gzip on;", inServer, "line 1, column 1: gzip on is not honoured in a server-snippet, only in a configuration-snippet"},
		{"gzip yes;", inLocation, `line 1, column 1: gzip "yes" is neither on nor off`},
		{"proxy_ssl_verify off; proxy_intercept_errors off;", inLocation, ""},
		{"proxy_ssl_verify on;", inLocation, `!line 1, column 1: proxy_ssl_verify "on" is not honoured; there is the annotation proxy-ssl-verify`},
		{"proxy_intercept_errors on;", inLocation, `line 1, column 1: proxy_intercept_errors "on" is not honoured; there is the annotation custom-http-errors`},
		{"proxy_ssl_name a;", inLocation, "line 1, column 1: proxy_ssl_name is not honoured; there is the annotation proxy-ssl-name"},
		{"proxy_ssl_trusted_certificate /ca;", inLocation, "!line 1, column 1: proxy_ssl_trusted_certificate is not honoured, and it may be a protection"},
		{"grpc_set_header A $b;", inLocation, "!line 1, column 1: grpc_set_header holds the variable $b, which is not known"},
		{"deny all", inLocation, "!line 1, column 1: deny does not end with a semicolon"},
		{strings.Repeat("if ($uri) {}", maxIfs+1), inLocation, "!line 1, column 769: if is one more than the 64 that a snippet may have"},
		{strings.Repeat("if ($uri) { add_header A b; add_header A b; add_header A b; }", 43), inLocation, "line 1, column 2607: add_header changes more fields than the 128 that a snippet may change"},
	} {
		var problems []Problem
		if test.in == inServer {
			_, problems = ReadServer(test.text)
		} else {
			_, problems = ReadLocation(nil, false, test.text)
		}
		var got []string
		for _, p := range problems {
			mark := ""
			if p.Protects {
				mark = "!"
			}
			got = append(got, mark+p.Message)
		}
		if strings.Join(got, "|") != test.want {
			t.Errorf("%.80q:\n got %s\nwant %s", test.text, strings.Join(got, "|"), test.want)
		}
	}
}

// TestGRPCFields: nginx sends the fields of grpc_set_header to backends that speak gRPC.
func TestGRPCFields(t *testing.T) {
	for grpc, want := range map[bool]int{false: 1, true: 2} {
		l, problems := ReadLocation(nil, grpc, `proxy_set_header X-A "$service_name:$service_port"; grpc_set_header X-B b; grpc_set_header Host c;`)
		scope := Snippet(nil, l).Scope
		if len(problems) > 0 || len(scope.Fields.Request) != want || (scope.Host != nil) != grpc {
			t.Errorf("gRPC %t: %v, fields %v and host %v", grpc, problems, scope.Fields.Request, scope.Host)
		}
	}
}

// TestProtects: what may keep clients out is known even where it can't be kept.
func TestProtects(t *testing.T) {
	for text, want := range map[string]bool{
		`add_header A b; more_set_headers "C: d"; proxy_hide_header E; expires 1h; gzip off; access_log off;`: false,
		`set $a b; if ($a) { add_header C d; }`: false,
		`deny 10.0.0.1;`:                        true,
		`if ($http_x = y) { return 403; }`:      true,
		`proxy_set_header X-User "";`:           true,
		`rewrite ^/a /b;`:                       true,
		`limit_except GET { deny all; }`:        true,
		`deny all`:                              true,
	} {
		if l, _ := ReadLocation(nil, false, text); l.Protects() != want {
			t.Errorf("%s: protects %t, want %t", text, l.Protects(), want)
		}
	}
}

// TestReadAuth: an auth-snippet sets fields, and no more.
func TestReadAuth(t *testing.T) {
	server, _ := ReadServer(`set $team shop;`)
	fields, problems := ReadAuth(`proxy_set_header X-Team "$team $host"; proxy_set_header X-Gone "";`, server, nil)
	if len(problems) > 0 || len(fields) != 2 || fields[0].Name != "x-team" || fields[0].Value.String() != "${team} $host" || fields[1].Value != nil {
		t.Errorf("%v, %v", fields, problems)
	}
	for text, want := range map[string]string{
		`return 200;`:                        "line 1, column 1: return can't stand in an auth-snippet",
		`proxy_set_header Host evil.test;`:   "proxy_set_header can't set Host in an auth-snippet: it is that of auth-url",
		`proxy_set_header Content-Length 0;`: "line 1, column 1: proxy_set_header changes the field \"content-length\", which is the gateway's own: it says where a message ends, or is about the connection",
		`proxy_pass http://evil;`:            "line 1, column 1: proxy_pass is not honoured, and it may be a protection",
	} {
		if _, problems := ReadAuth(text, nil, nil); len(problems) != 1 || problems[0].Message != want || !problems[0].Protects {
			t.Errorf("%s: %v", text, problems)
		}
	}
}

// TestSetOn: what a location sets of a route's policy goes before the annotations.
func TestSetOn(t *testing.T) {
	l, problems := ReadLocation(nil, false, `proxy_read_timeout 1m30s; proxy_connect_timeout 2; client_max_body_size 8m; gzip on;`)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	p := &gatelodge.Policy{BodyBytes: new(int64), Timeouts: &gatelodge.RouteTimeouts{Send: time.Second, Read: time.Hour, Request: time.Minute}}
	l.SetOn(p)
	if want := (gatelodge.RouteTimeouts{Connect: 2 * time.Second, Send: time.Second, Read: 90 * time.Second, Request: time.Minute}); *p.Timeouts != want {
		t.Errorf("timeouts %+v, want %+v", *p.Timeouts, want)
	}
	if *p.BodyBytes != 8<<20 || p.Compression == nil || p.Snippet == nil {
		t.Errorf("%+v", p)
	}
	off, _ := ReadLocation(nil, false, `gzip off; proxy_buffering on;`)
	if off.SetOn(p); p.Compression != nil {
		t.Error("gzip off leaves the compression on")
	}
}

// TestVariablesOfTheServer: a configuration-snippet may have what the server-snippet of
// its Ingress sets.
func TestVariablesOfTheServer(t *testing.T) {
	server, problems := ReadServer(`set $a 1; if ($uri ~ ^/(?<name>.*)$) { break; }`)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if _, problems := ReadLocation(server, false, `add_header X "$a $name";`); len(problems) > 0 {
		t.Error(problems)
	}
	if _, problems := ReadLocation(nil, false, `add_header X "$a $name";`); len(problems) != 1 {
		t.Errorf("without the server-snippet: %v", problems)
	}
}

// TestSnippetIsTheSame: hosts share what is made of the same two.
func TestSnippetIsTheSame(t *testing.T) {
	server, _ := ReadServer(`add_header A b;`)
	location, _ := ReadLocation(server, false, `add_header C d;`)
	if a, b := Snippet(server, location), Snippet(server, location); a != b {
		t.Error("it was made twice")
	}
	if a, b := Snippet(server, nil), Snippet(server, location); a == b || a.Key == b.Key {
		t.Error("another location makes no difference")
	}
	if Snippet(nil, nil) != nil {
		t.Error("nothing makes a Snippet")
	}
}

// FuzzSnippets: whatever a text holds, reading it ends, what is told is bounded, and
// what is made of it is within the bounds of requests.
func FuzzSnippets(f *testing.F) {
	for _, seed := range []string{
		"", "add_header X-A \"b $http_x\" always;", "more_set_headers -s '404 500' -t text/css 'A: b' C;",
		"if ($uri ~* \"^/(a|b){1,3}$\") { set $x $1; rewrite ^/(.*)$ /x/$1?y=$x? last; return 301 https://a$request_uri; }",
		"location ~* \\.php$ { allow 10.0.0.0/8; deny all; expires -1; default_type text/plain; }", "a { b { c { d; } } }", "return 444;",
		"a '\\\"' \"\\n\" ${b} #c\n;", "proxy_read_timeout 1h30m; client_max_body_size 8m;",
	} {
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, serverText, locationText string) {
		server, problems := ReadServer(serverText)
		location, more := ReadLocation(server, false, locationText)
		for _, p := range append(problems, more...) {
			if len(p.Message) > 1000 {
				t.Errorf("a problem of %d octets", len(p.Message))
			}
		}
		if len(problems) > maxProblems || len(more) > maxProblems {
			t.Error("too many problems")
		}
		for _, l := range append(server.locations, location) {
			made := Snippet(server, l)
			if len(made.Scope.Fields.Response) > 2*maxEdits || fmt.Sprint(made.Key) == "" {
				t.Error("more fields are changed than may be")
			}
			check := func(scope *gatelodge.SnippetScope) {
				for _, edit := range append(scope.Fields.Response, scope.Fields.Request...) {
					one := gatelodge.FieldEdits{Response: []gatelodge.FieldEdit{edit}}
					if err := one.Check(); err != nil {
						t.Error(err)
					}
				}
			}
			check(made.Scope)
			for _, s := range made.Location {
				if s, ok := s.(*gatelodge.SnippetIf); ok {
					check(s.Scope)
				}
			}
		}
	})
}
