package sidebyside

// SnippetCases are about nginx's rewrite, headers, access and headers-more modules, as
// a server-snippet and a configuration-snippet have their directives. Their context is
// that of ingress-nginx's template: its locations set fields of the request to the
// backend, and none of the response.
func SnippetCases() []Case {
	return []Case{
		Snippets("add_header", "", `add_header X-A b; add_header X-A "c $host"; add_header X-Always d always; add_header X-Empty "";`,
			Ask{Request: "/x?y", Show: "X-A X-Always X-Empty", Want: `200 /x?y X-A=b,c case0.test X-Always=d X-Empty=-`},
			Ask{Request: "/x\nGive: 404", Show: "X-A X-Always", Want: `404 /x X-A=- X-Always=d`},
			Ask{Request: "/x\nGive: 302", Show: "X-A X-Always", Want: `302 /x X-A=b,c case0.test X-Always=d`},
		),
		Snippets("add_header of a location replaces those of the server", `add_header X-Server s; more_set_headers "X-More: s" "X-Both: s";`, `add_header X-Location l; more_set_headers "X-Both: l";`,
			Ask{Request: "/", Show: "X-Server X-Location X-More X-Both", Want: `200 / X-Server=- X-Location=l X-More=s X-Both=l`},
		),
		Snippets("those of the server are inherited", `add_header X-Server s; expires 1h; proxy_hide_header X-Back;`, "",
			Ask{Request: "/\nGive: X-Back=1", Show: "X-Server Cache-Control X-Back", Want: `200 / X-Server=s Cache-Control=max-age=3600 X-Back=-`},
		),
		Snippets("add_header of an if replaces those of the location", "", `add_header X-A outer; if ($arg_a) { add_header X-A inner; } if ($arg_b = 1) { more_set_headers "X-B: 1"; }`,
			Ask{Request: "/", Show: "X-A X-B", Want: `200 / X-A=outer X-B=-`},
			Ask{Request: "/?a=1", Show: "X-A X-B", Want: `200 /?a=1 X-A=inner X-B=-`},
			Ask{Request: "/?b=1", Show: "X-A X-B", Want: `200 /?b=1 X-A=outer X-B=1`},
			Ask{Request: "/?a=0&b=1", Show: "X-A X-B", Want: `200 /?a=0&b=1 X-A=outer X-B=1`},
			Ask{Request: "/?a=1&b=1", Show: "X-A X-B", Want: `200 /?a=1&b=1 X-A=outer X-B=1`},
		),
		Snippets("more_set_headers", "", `more_set_headers "X-A: a" "X-B: $http_x_in"; more_set_headers -s "404 500" "X-Err: yes"; more_set_headers -t "text/css application/json" "X-Type: yes"; more_set_headers "Content-Type: text/x"; more_set_headers "X-Back:";`,
			Ask{Request: "/\nX-In: in\nGive: X-Back=1", Show: "X-A X-B X-Err X-Type Content-Type X-Back", Want: `200 / X-A=a X-B=in X-Err=- X-Type=- Content-Type=text/x X-Back=-`},
			Ask{Request: "/\nGive: Content-Type=text/plain;charset=utf-8", Show: "Content-Type", Want: `200 / Content-Type=text/x`,
				Nginx: `200 / Content-Type=text/x; charset=utf-8`, Why: "the snippet does not say that the backend's charset holds for another type"},
			Ask{Request: "/\nGive: 404", Show: "X-A X-B X-Err", Want: `404 / X-A=a X-B=- X-Err=yes`},
			Ask{Request: "/\nGive: Content-Type=text/css", Show: "X-Type", Want: `200 / X-Type=yes`},
		),
		Snippets("more_clear_headers", "", `more_clear_headers "X-Hidden-*" Cache-Control; more_clear_headers -s 404 X-Gone;`,
			Ask{Request: "/\nGive: X-Hidden-A=1 X-Hidden-B=2 X-Gone=3 Cache-Control=no-store", Show: "X-Hidden-A X-Hidden-B X-Gone Cache-Control", Want: `200 / X-Hidden-A=- X-Hidden-B=- X-Gone=3 Cache-Control=-`},
			Ask{Request: "/\nGive: 404 X-Gone=3", Show: "X-Gone", Want: `404 / X-Gone=-`},
		),
		Snippets("more_set_input_headers", "", `more_set_input_headers "X-User: anna" "X-Copy: $http_x_in"; more_set_input_headers -r "X-Only: replaced"; more_clear_input_headers "X-Secret-*" X-Drop;`,
			Ask{Request: "/\nX-User: eve\nX-In: 1\nX-Secret-A: 1\nX-Drop: 1", Show: "> X-User X-Copy X-Only X-Secret-A X-Drop", Want: `200 / >X-User=anna >X-Copy=1 >X-Only=- >X-Secret-A=- >X-Drop=-`},
			Ask{Request: "/\nX-Only: mine", Show: "> X-Only", Want: `200 / >X-Only=replaced`},
		),
		Snippets("proxy_set_header", "", `proxy_set_header X-User $http_x_in; proxy_set_header X-Fixed "a b"; proxy_set_header X-Gone "";`,
			Ask{Request: "/\nX-In: in\nX-User: eve\nX-Gone: 1", Show: "> X-User X-Fixed X-Gone", Want: `200 / >X-User=in >X-Fixed=a b >X-Gone=-`},
			Ask{Request: "/\nX-User: eve", Show: "> X-User", Want: `200 / >X-User=-`},
		),
		Snippets("proxy_set_header of what the template sets", "", `proxy_set_header X-Forwarded-Proto https;`,
			Ask{Request: "/", Show: "> X-Forwarded-Proto", Want: `200 / >X-Forwarded-Proto=https`,
				Nginx: `200 / >X-Forwarded-Proto=http,https`, Why: "of two fields a backend takes the one that it likes"},
		),
		Snippets("expires", "", `if ($arg_a = off) { expires off; } if ($arg_a = epoch) { expires epoch; } if ($arg_a = max) { expires max; } if ($arg_a = past) { expires -1; } if ($arg_a = long) { expires 1d2h; }`,
			Ask{Request: "/?a=none", Show: "Cache-Control Expires", Want: `200 /?a=none Cache-Control=- Expires=-`},
			Ask{Request: "/?a=off\nGive: Cache-Control=private", Show: "Cache-Control", Want: `200 /?a=off Cache-Control=private`},
			Ask{Request: "/?a=epoch\nGive: Cache-Control=private", Show: "Cache-Control Expires", Want: `200 /?a=epoch Cache-Control=no-cache Expires=Thu, 01 Jan 1970 00:00:01 GMT`},
			Ask{Request: "/?a=max", Show: "Cache-Control Expires", Want: `200 /?a=max Cache-Control=max-age=315360000 Expires=Thu, 31 Dec 2037 23:55:55 GMT`},
			Ask{Request: "/?a=past", Show: "Cache-Control", Want: `200 /?a=past Cache-Control=no-cache`},
			Ask{Request: "/?a=long", Show: "Cache-Control", Want: `200 /?a=long Cache-Control=max-age=93600`},
			Ask{Request: "/?a=long\nGive: 404", Show: "Cache-Control", Want: `404 /?a=long Cache-Control=-`},
		),
		Snippets("return", "", `if ($arg_a = text) { return 200 "hello $host\n"; } if ($arg_a = empty) { return 204; } if ($arg_a = url) { return https://new.test$request_uri; }
			if ($arg_a = moved) { return 301 https://new.test$uri; } if ($arg_a = path) { return 308 /other; } if ($arg_a = no) { return 403; } if ($arg_a = tea) { return 418 "teapot"; } if ($arg_a = close) { return 444; }`,
			Ask{Request: "/x?a=text", Show: "Content-Type", Want: `200 "hello case10.test\n" Content-Type=text/html`},
			Ask{Request: "/x?a=empty", Want: `204 ""`},
			Ask{Request: "/x?a=url", Show: "Location", Want: `302 Location=https://new.test/x?a=url`},
			Ask{Request: "/x/y?a=moved", Show: "Location", Want: `301 Location=https://new.test/x/y`},
			Ask{Request: "/x?a=path", Show: "Location", Want: `308 Location=http://case10.test/other`},
			Ask{Request: "/x?a=no", Want: `403`},
			Ask{Request: "/x?a=tea", Want: `418 "teapot"`},
			Ask{Request: "/x?a=close", Want: `closed`},
			Ask{Request: "/x?a=other", Want: `200 /x?a=other`},
		),
		Snippets("default_type and fields of a return", `default_type text/plain;`, `add_header X-A b; more_set_headers "X-M: m"; return 200 ok;`,
			Ask{Request: "/", Show: "Content-Type X-A X-M", Want: `200 "ok" Content-Type=text/plain X-A=b X-M=m`},
		),
		Snippets("conditions", "", `
			set $seen "";
			if ($request_method = POST) { set $seen "${seen}post,"; }
			if ($request_method != POST) { set $seen "${seen}notpost,"; }
			if ($http_user_agent ~ "Mobile/([0-9]+)") { set $seen "${seen}mobile$1,"; }
			if ($http_user_agent ~* bot) { set $seen "${seen}bot,"; }
			if ($http_user_agent !~ Mobile) { set $seen "${seen}notmobile,"; }
			if ($http_user_agent !~* BOT) { set $seen "${seen}notbot,"; }
			if ($cookie_beta) { set $seen "${seen}beta,"; }
			if ($http_x_zero) { set $seen "${seen}zero,"; }
			if ($host = case12.test) { set $seen "${seen}host,"; }
			if ($scheme = http) { set $seen "${seen}http,"; }
			if ($remote_addr = 127.0.0.1) { set $seen "${seen}local,"; }
			if ($uri ~ ^/a/(?<word>[a-z]+)/(\d+)$) { set $seen "${seen}$word$2,"; }
			if ($is_args = "?") { set $seen "${seen}args=$args,"; }
			add_header X-Seen $seen;`,
			Ask{Request: "/", Show: "X-Seen", Want: `200 / X-Seen=notpost,notmobile,notbot,host,http,local,`},
			Ask{Request: "/a/bc/12?q=1\nUser-Agent: Mobile/7 Robot\nCookie: x=1; beta=yes\nX-Zero: 0", Show: "X-Seen", Want: `200 /a/bc/12?q=1 X-Seen=notpost,mobile7,bot,beta,host,http,local,bc12,args=q=1,`},
			Ask{Request: "POST /\nContent-Length: 0", Show: "X-Seen", Want: `200 / X-Seen=post,notmobile,notbot,host,http,local,`},
			Ask{Request: "/a/%62c/1%32", Show: "X-Seen", Want: `200 /a/bc/12 X-Seen=notpost,notmobile,notbot,host,http,local,bc12,`,
				Nginx: `200 /a/%62c/1%32 X-Seen=notpost,notmobile,notbot,host,http,local,bc12,`, Why: "the backend gets the path that the policies were chosen by"},
		),
		Snippets("rewrite", "", `
			rewrite ^/stay/(.*)$ /new/$1 break;
			rewrite ^/drop/(.*)$ /new/$1? break;
			rewrite ^/args/(\w+)/(.*)$ /new/$2?word=$1 break;
			rewrite ^/moved/(.*)$ /there/$1 permanent;
			rewrite ^/found/(.*)$ /there/$1? redirect;
			rewrite ^/away/(.*)$ https://new.test/$1;
			rewrite ^/chain/(.*)$ /link/$1;
			rewrite ^/link/(.*)$ /end/$1 break;`,
			Ask{Request: "/stay/a/b?q=1", Want: `200 /new/a/b?q=1`},
			Ask{Request: "/drop/a?q=1", Want: `200 /new/a`},
			Ask{Request: "/args/w/a?q=1", Want: `200 /new/a?word=w&q=1`},
			Ask{Request: "/args/w/a", Want: `200 /new/a?word=w`},
			Ask{Request: "/moved/a?q=1", Show: "Location", Want: `301 Location=http://case13.test/there/a?q=1`},
			Ask{Request: "/found/a?q=1", Show: "Location", Want: `302 Location=http://case13.test/there/a`},
			Ask{Request: "/away/a?q=1", Show: "Location", Want: `302 Location=https://new.test/a?q=1`},
			Ask{Request: "/chain/a", Want: `200 /end/a`},
			Ask{Request: "/stay/a%20b", Want: `200 /new/a%20b`},
			Ask{Request: "/other", Want: `200 /other`},
		),
		Snippets("rewrite last goes round", "", `if ($uri ~ ^/count/1111$) { return 200 "four"; } rewrite ^/count/(.*)$ /count/1$1 last; rewrite ^/for/ever$ /for/ever last; rewrite ^/old$ /new;`,
			Ask{Request: "/count/", Want: `200 "four"`},
			Ask{Request: "/for/ever", Want: `500`},
			Ask{Request: "/old?q", Want: `200 /new?q`},
		),
		Snippets("request_uri is the client's", "", `rewrite ^/a$ /b?x=y break; add_header X-Uri "$uri $args $request_uri";`,
			Ask{Request: "/a?q", Show: "X-Uri", Want: `200 /b?x=y&q X-Uri=/b x=y&q /a?q`},
		),
		Snippets("set of args", "", `if ($arg_q) { set $args "only=$arg_q"; }`,
			Ask{Request: "/?q=1&r=2", Want: `200 /?only=1`},
			Ask{Request: "/?r=2", Want: `200 /?r=2`},
		),
		Snippets("a server's rewrite phase", `set $kind "server"; if ($http_x_old) { return 410; } rewrite ^/old/(.*)$ /new/$1 last; if ($arg_x) { set $kind "arg"; }`, `add_header X-Kind $kind;`,
			Ask{Request: "/old/a", Show: "X-Kind", Want: `200 /new/a X-Kind=server`},
			Ask{Request: "/?x=1", Show: "X-Kind", Want: `200 /?x=1 X-Kind=arg`},
			Ask{Request: "/\nX-Old: 1", Want: `410`},
		),
		Snippets("allow and deny", "", `allow 192.0.2.0/24; deny 127.0.0.1; allow all;`,
			Ask{Request: "/", Want: `403`},
		),
		Snippets("allow before deny", `deny all;`, `allow 127.0.0.0/8; deny all; add_header X-A b;`,
			Ask{Request: "/", Show: "X-A", Want: `200 / X-A=b`},
		),
		Snippets("a server's deny is inherited", `deny all; add_header X-A b always;`, "",
			Ask{Request: "/", Show: "X-A", Want: `403 X-A=b`},
		),
		Snippets("return comes before deny", "", `deny all; if ($arg_a) { return 200 first; }`,
			Ask{Request: "/?a=1", Want: `200 "first"`},
			Ask{Request: "/", Want: `403`},
		),
		Snippets("locations", `
			location = /exact { return 200 exact; }
			location /start { return 200 start; }
			location ^~ /first { return 200 first; }
			location ~ \.php$ { return 200 php; }
			location ~* \.JPG$ { add_header X-A b; return 200 jpg; }
			location ~ ^/user/([a-z]+) { return 200 "user $1"; }
			location /closed { deny all; return 404; }
			location /denied { deny all; }
			location /empty { }
			add_header X-A server;`, "",
			Ask{Request: "/exact", Show: "X-A", Want: `200 "exact" X-A=server`},
			Ask{Request: "/exact/", Want: `200 /exact/`},
			Ask{Request: "/started", Want: `200 "start"`},
			Ask{Request: "/start/x.php", Want: `200 "php"`},
			Ask{Request: "/first/x.php", Want: `200 "first"`},
			Ask{Request: "/x.jpg", Show: "X-A", Want: `200 "jpg" X-A=b`},
			Ask{Request: "/user/anna/x", Want: `200 "user anna"`},
			Ask{Request: "/closed", Want: `404`},
			Ask{Request: "/denied/x", Want: `403`},
			Ask{Request: "/empty", Want: `404`},
			Ask{Request: "/else", Show: "X-A", Want: `200 /else X-A=server`},
		),
		{Name: "locations beside paths", Paths: []string{"/app"},
			Annotations: map[string]string{"server-snippet": `location /app { return 200 location; } location /app/in { return 200 inner; } add_header X-S s always;`},
			Server:      `location /app { return 200 location; } location /app/in { return 200 inner; } add_header X-S s always;`,
			Asks: []Ask{
				{Request: "/app", Want: `200 /app`},
				{Request: "/app/x", Want: `200 /app/x`},
				{Request: "/application", Want: `200 "location"`},
				{Request: "/app/inside", Want: `200 "inner"`},
				{Request: "/", Show: "X-S", Want: `404 X-S=s`},
			}},
		{Name: "a snippet before rewrite-target", Paths: []string{"/"},
			Annotations: map[string]string{"rewrite-target": "/target", "configuration-snippet": `rewrite ^/stay$ /stayed break; if ($arg_b) { break; } rewrite ^/a$ /b;`},
			Location:    `rewrite ^/stay$ /stayed break; if ($arg_b) { break; } rewrite ^/a$ /b; rewrite "(?i)/" /target break;`,
			Asks: []Ask{
				{Request: "/stay", Want: `200 /stayed`},
				{Request: "/x?b=1", Want: `200 /x?b=1`},
				{Request: "/a", Want: `200 /target`},
				{Request: "/x", Want: `200 /target`},
			}},
		{Name: "a snippet before permanent-redirect", Paths: []string{"/", "/else"},
			Annotations: map[string]string{"permanent-redirect": "https://new.test$uri$is_args$args", "configuration-snippet": redirectedSnippet},
			Location:    redirectedSnippet + ` return 301 https://new.test$uri$is_args$args;`,
			Asks: []Ask{
				{Request: "/x?y", Show: "Location X-A", Want: `301 Location=https://new.test/x?y X-A=b`},
				{Request: "/?a=gone", Show: "Location X-A", Want: `410 Location=- X-A=b`},
				{Request: "/?a=first", Show: "Location", Want: `302 Location=https://first.test/`},
				{Request: "/?a=args", Show: "Location", Want: `301 Location=https://new.test/?set`},
				{Request: "/?a=inner", Show: "Location X-A", Want: `301 Location=https://new.test/?a=inner X-A=c`},
				{Request: "/?a=break", Show: "Location", Want: `200 /?a=break Location=-`},
				{Request: "/kept/x", Show: "Location", Want: `200 /new/x Location=-`},
				{Request: "/moved/x", Show: "Location", Want: `301 Location=https://new.test/else/x`},
				{Request: "/last/x", Show: "Location", Want: `301 Location=https://new.test/else/x`},
			}},
		{Name: "a snippet before temporal-redirect and force-ssl-redirect",
			Annotations: map[string]string{"temporal-redirect": "https://new.test/t", "force-ssl-redirect": "true", "configuration-snippet": `if ($arg_a) { return 403; } if ($arg_b) { break; }`},
			Location:    `if ($arg_a) { return 403; } if ($arg_b) { break; } return 302 https://new.test/t; ` + toHTTPS,
			Asks: []Ask{
				{Request: "/", Show: "Location", Want: `302 Location=https://new.test/t`},
				{Request: "/?a=1", Show: "Location", Want: `403 Location=-`},
				{Request: "/?b=1", Show: "Location", Want: `308 Location=https://HOST/?b=1`},
			}},
		{Name: "snippets before force-ssl-redirect",
			Annotations: map[string]string{"force-ssl-redirect": "true", "server-snippet": lateServer, "configuration-snippet": lateLocation},
			Server:      lateServer, Location: lateLocation + toHTTPS,
			Asks: []Ask{
				{Request: "/x", Show: "Location X-A", Want: `308 Location=https://HOST/x X-A=b`},
				{Request: "/?server=1", Show: "Location", Want: `410 Location=-`},
				{Request: "/?location=1", Show: "Location X-A", Want: `200 "seen" Location=- X-A=b`},
				{Request: "/old/x", Show: "Location", Want: `308 Location=https://HOST/old/x`},
				{Request: "/older/x", Show: "Location", Want: `308 Location=https://HOST/older/x`},
				{Request: "/kept/x", Show: "Location", Want: `308 Location=https://HOST/kept/x`},
				{Request: "/moved/x", Show: "Location", Want: `301 Location=http://HOST/there/x`},
				{Request: "/?inner=1", Show: "Location X-A", Want: `308 Location=https://HOST/?inner=1 X-A=c`},
			}},
		{Name: "a server-snippet before app-root", Paths: []string{"/", "/app", "/back"},
			Annotations: map[string]string{"app-root": "/app", "server-snippet": rootedSnippet, "configuration-snippet": rootedLocation},
			Server:      rootedSnippet + " " + appRoot, Location: rootedLocation,
			Asks: []Ask{
				{Request: "/", Show: "Location", Want: `302 Location=http://HOST/app`},
				{Request: "/?a=1", Show: "Location", Want: `410 Location=-`},
				{Request: "/?b=1", Show: "Location", Want: `200 /?b=1 Location=-`},
				{Request: "/root", Show: "Location", Want: `302 Location=http://HOST/app`},
				{Request: "/last", Show: "Location", Want: `200 / Location=-`},
				{Request: "/back", Show: "Location", Want: `200 / Location=-`},
				{Request: "/app", Show: "Location", Want: `200 /app Location=-`},
			}},
		Snippets("fields for a service mesh", "", `proxy_set_header L5d-Dst-Override $service_name.$namespace.svc.cluster.local:$service_port; grpc_set_header L5d-Dst-Override grpc; grpc_set_header X-Only grpc;`,
			Ask{Request: "/", Show: "> L5d-Dst-Override X-Only", Want: `200 / >L5d-Dst-Override=web.shop.svc.cluster.local:80 >X-Only=-`},
		),
		Snippets("what is off without it", "", `proxy_ssl_verify off; proxy_intercept_errors off;`,
			Ask{Request: "/\nGive: 404", Want: `404 /`},
		),
	}
}

// redirectedSnippet has something of each kind before a redirect of all that it lets pass.
const redirectedSnippet = `
	add_header X-A b always;
	if ($arg_a = gone) { return 410; }
	if ($arg_a = first) { return https://first.test$uri; }
	if ($arg_a = args) { set $args set; }
	if ($arg_a = inner) { add_header X-A c always; }
	if ($arg_a = break) { break; }
	rewrite ^/kept/(.*)$ /new/$1 break;
	rewrite ^/moved/(.*)$ /else/$1;
	rewrite ^/last/(.*)$ /else/$1 last;`

// rootedSnippet goes before app-root, and rootedLocation comes to "/" behind it.
const (
	rootedSnippet  = `if ($arg_a) { return 410; } if ($arg_b) { break; } rewrite ^/root$ /; rewrite ^/last$ / last;`
	rootedLocation = `rewrite ^/back$ / last;`
)

// lateServer and lateLocation have what goes before a redirect to HTTPS, and what does not.
const (
	lateServer   = `if ($arg_server) { return 410; } rewrite ^/old/(.*)$ /new/$1;`
	lateLocation = `
	add_header X-A b always;
	deny all;
	if ($arg_location) { return 200 seen; }
	if ($arg_inner) { add_header X-A c always; }
	rewrite ^/older/(.*)$ /new/$1 last;
	rewrite ^/kept/(.*)$ /new/$1 break;
	rewrite ^/moved/(.*)$ /there/$1 permanent;
	`
)
