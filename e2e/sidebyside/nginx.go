package sidebyside

import (
	"cmp"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gatelodge.dev/e2e/process"
	"gatelodge.dev/e2e/undertest"
)

// template is the part of ingress-nginx's rootfs/etc/nginx/template/nginx.tmpl that
// is the same for all cases.
const template = `
load_module /usr/lib/nginx/modules/ngx_http_headers_more_filter_module.so;
load_module /usr/lib/nginx/modules/ndk_http_module.so;
load_module /usr/lib/nginx/modules/ngx_http_lua_module.so;
master_process off;
daemon off;
pid DIR/pid;
error_log stderr;
events {}
http {
  access_log off;
  default_type text/html;
  server_tokens off;
  port_in_redirect off;
  client_body_temp_path DIR/body;
  proxy_temp_path DIR/proxy;
  fastcgi_temp_path DIR/fastcgi;
  uwsgi_temp_path DIR/uwsgi;
  scgi_temp_path DIR/scgi;
  map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
  upstream upstream_balancer { server BACKEND; }
  upstream down { server 127.0.0.1:1; }
SERVERS
}
`

// location is what the template writes into each location, but for what follows from
// annotations.
const location = `
      set $best_http_host $http_host;
      set $pass_access_scheme $scheme;
      set $namespace shop;
      set $service_name web;
      set $service_port 80;
      client_max_body_size 1m;
      proxy_set_header Host $best_http_host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_set_header X-Request-ID $request_id;
      proxy_set_header X-Real-IP $remote_addr;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Host $best_http_host;
      proxy_set_header X-Forwarded-Port 80;
      proxy_set_header X-Forwarded-Proto $pass_access_scheme;
      proxy_set_header X-Scheme $pass_access_scheme;
      proxy_set_header Proxy "";
      proxy_connect_timeout 5s;
      proxy_send_timeout 60s;
      proxy_read_timeout 60s;
      proxy_buffering off;
      proxy_http_version 1.1;
`

// Nginx starts an nginx that serves the cases, and returns its address.
func Nginx(t *testing.T, cases []Case) string {
	t.Helper()
	dir, address := t.TempDir(), undertest.FreeAddress(t)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	var servers strings.Builder
	for i := range cases {
		cases[i].writeServer(&servers, i, address)
	}
	undertest.WriteFile(t, filepath.Join(dir, "users"), users)
	file := filepath.Join(dir, "nginx.conf")
	undertest.WriteFile(t, file, strings.NewReplacer("DIR", dir, "BACKEND", Backend(t)).Replace(strings.Replace(template, "SERVERS", servers.String(), 1)))
	path, err := exec.LookPath("nginx")
	if err != nil {
		t.Fatal(err)
	}
	nginx := &process.Process{Name: "nginx", Path: path, Args: []string{"-e", "stderr", "-c", file}, Log: filepath.Join(dir, "log")}
	nginx.Run(t)
	undertest.Await(t, "nginx to listen", func() error {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
		}
		return err
	}, nginx)
	return address
}

// writeServer writes the server blocks of a case. A Prefix path is two locations.
func (c *Case) writeServer(b *strings.Builder, i int, address string) {
	fmt.Fprintf(b, "  server {\n    listen %s;\n    server_name %s;\n    %s\n", address, host(i), c.Server)
	other := true
	for _, path := range c.paths() {
		heads := []string{"/"}
		switch {
		case c.Regex:
			heads[0] = fmt.Sprintf(`~* "^%s"`, path)
		case path != "/":
			heads = []string{path + "/", "= " + path}
		default:
			other = false
		}
		own := strings.ReplaceAll(c.Location, "PATH", path)
		for _, head := range heads {
			fmt.Fprintf(b, "    location %s {%s      %s\n      proxy_pass http://%s;\n      proxy_redirect %s;\n    }\n", head, c.common(), own, cmp.Or(c.Service, "upstream_balancer"), cmp.Or(c.Redirect, "off"))
		}
	}
	if other {
		b.WriteString("    location / { return 404; }\n")
	}
	b.WriteString("  }\n" + strings.NewReplacer("ADDRESS", address, "HOST", host(i)).Replace(c.Servers))
}

// common is location with the values that annotations change.
func (c *Case) common() string {
	common := strings.Replace(location, "Host $best_http_host", "Host "+cmp.Or(c.Host, "$best_http_host"), 1)
	if strings.Contains(c.Location, "client_max_body_size ") {
		common = strings.Replace(common, "      client_max_body_size 1m;\n", "", 1)
	}
	return common
}
