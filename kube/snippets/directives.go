package snippets

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/syntax"
)

// row is a directive that is honoured.
type row struct {
	least, most int // arguments
	in          context
	block       bool
	protects    bool // without it clients may be let in that the author keeps out
	read        func(r *reader, d *Directive, l *level, in context) error
}

// directiveTable lists what is honoured, with the contexts in which nginx has it.
func directiveTable() map[string]row {
	return map[string]row{
		"add_header":               {2, 3, inLocals, false, false, readAddHeader},
		"more_set_headers":         {1, maxWords, inLocals, false, false, readMore},
		"more_clear_headers":       {1, maxWords, inLocals, false, false, readMore},
		"more_set_input_headers":   {1, maxWords, inLocals, false, true, readMore},
		"more_clear_input_headers": {1, maxWords, inLocals, false, true, readMore},
		"proxy_set_header":         {2, 2, atLevels | inAuth, false, true, readProxySetHeader},
		"grpc_set_header":          {2, 2, atLevels, false, true, readProxySetHeader},
		"proxy_hide_header":        {1, 1, atLevels, false, false, readProxyHideHeader},
		"expires":                  {1, 2, inLocals, false, false, readExpires},
		"default_type":             {1, 1, atLevels, false, false, readDefaultType},

		"set":      {2, 2, everywhere, false, false, readSet},
		"if":       {1, maxWords, atLevels, true, false, readIf},
		"return":   {1, 2, everywhere, false, true, readReturn},
		"rewrite":  {2, 3, everywhere, false, true, readRewrite},
		"break":    {0, 0, everywhere, false, true, readBreak},
		"location": {1, 2, inServer, true, true, readLocationBlock},

		"allow": {1, 1, atLevels, false, true, readAccess},
		"deny":  {1, 1, atLevels, false, true, readAccess},

		"proxy_connect_timeout": {1, 1, atLevels, false, false, readTimeout},
		"proxy_send_timeout":    {1, 1, atLevels, false, false, readTimeout},
		"proxy_read_timeout":    {1, 1, atLevels, false, false, readTimeout},
		"client_max_body_size":  {1, 1, atLevels, false, true, readBodySize},
		"proxy_buffering":       {1, 1, atLevels, false, false, readSwitch},
		"gzip":                  {1, 1, inLocals, false, false, readSwitch},

		"proxy_ssl_verify":       {1, 1, atLevels, false, true, readOff},
		"proxy_intercept_errors": {1, 1, atLevels, false, false, readOff},
	}
}

// isHarmless reports whether a directive that is not honoured keeps no client out:
// it says how something is logged, buffered, cached or encoded, what a TLS connection to
// the backend is made with beside what verifies it, or which fields with malformed names
// are let through, of which the gateway lets none.
func isHarmless(name string) bool {
	for _, prefix := range []string{
		"access_log", "error_log", "log_", "rewrite_log", "uninitialized_variable_warn", "open_log_file_cache", "open_file_cache",
		"proxy_buffer", "proxy_busy_buffers_size", "proxy_request_buffering", "proxy_temp_", "proxy_max_temp_file_size", "proxy_http_version",
		"proxy_next_upstream", "proxy_redirect", "proxy_cookie_", "proxy_pass_header", "proxy_ignore_", "proxy_headers_hash_", "proxy_socket_keepalive",
		"proxy_force_ranges", "proxy_limit_rate", "client_body_", "client_header_", "large_client_header_buffers", "send_timeout", "keepalive_", "lingering_",
		"reset_timedout_connection", "resolver", "gzip_", "gunzip", "brotli", "sub_filter", "charset", "etag", "types", "variables_hash_", "chunked_transfer_encoding",
		"output_buffers", "postpone_output", "tcp_no", "sendfile", "aio", "directio", "opentracing", "opentelemetry", "otel_", "server_tokens", "port_in_redirect", "absolute_redirect",
		"server_name_in_redirect", "grpc_connect_timeout", "grpc_read_timeout", "grpc_send_timeout", "proxy_ssl_server_name", "proxy_ssl_name", "proxy_ssl_session_reuse", "proxy_ssl_protocols", "proxy_ssl_ciphers", "add_trailer", "http2_", "limit_rate", "max_ranges", "if_modified_since", "msie_", "ignore_invalid_headers", "underscores_in_headers",
	} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// insteadOf says which annotation does what a directive that is not honoured is often
// written for, as the end of a problem; "" where there is none.
func insteadOf(name string) string {
	annotation := map[string]string{
		"auth_request":            "auth-url",
		"auth_request_set":        "auth-response-headers",
		"auth_basic":              "auth-type",
		"auth_basic_user_file":    "auth-secret",
		"satisfy":                 "satisfy",
		"limit_req":               "limit-rps",
		"limit_conn":              "limit-connections",
		"limit_rate":              "limit-rate",
		"grpc_connect_timeout":    "proxy-connect-timeout",
		"grpc_read_timeout":       "proxy-read-timeout",
		"grpc_send_timeout":       "proxy-send-timeout",
		"proxy_cookie_domain":     "proxy-cookie-domain",
		"proxy_cookie_path":       "proxy-cookie-path",
		"proxy_next_upstream":     "proxy-next-upstream",
		"proxy_redirect":          "proxy-redirect-from",
		"proxy_request_buffering": "proxy-request-buffering",
		"error_page":              "custom-http-errors",
		"proxy_intercept_errors":  "custom-http-errors",
		"proxy_ssl_verify":        "proxy-ssl-verify",
		"proxy_ssl_server_name":   "proxy-ssl-server-name",
		"proxy_ssl_name":          "proxy-ssl-name",
	}[name]
	if annotation == "" {
		return ""
	}
	return "; there is the annotation " + annotation
}

// maxTimeout bounds the timeouts of a route.
const maxTimeout = 24 * time.Hour

// errNoEffect is for what every location of ingress-nginx's template sets itself.
var errNoEffect = errors.New("has no effect in a server-snippet, as every location of ingress-nginx sets it: use the annotation, or a configuration-snippet")

func readSwitch(r *reader, d *Directive, _ *level, in context) error {
	if d.Args[0] != "on" && d.Args[0] != "off" {
		return fmt.Errorf("%.40q is neither on nor off", d.Args[0])
	}
	switch on := d.Args[0] == "on"; {
	case d.Name != "gzip":
	case in == inLocation:
		r.gzip = &on
	case on:
		return fmt.Errorf("on is not honoured %s, only in a configuration-snippet", in)
	}
	return nil
}

// readOff is for what is off without it.
func readOff(_ *reader, d *Directive, _ *level, _ context) error {
	if d.Args[0] != "off" {
		return fmt.Errorf("%.40q is not honoured%s", d.Args[0], insteadOf(d.Name))
	}
	return nil
}

func readTimeout(r *reader, d *Directive, _ *level, in context) error {
	timeout, err := parseTime(d.Args[0])
	switch {
	case in == inServer:
		return errNoEffect
	case err != nil:
		return err
	case timeout < time.Second || timeout > maxTimeout:
		return fmt.Errorf("%.40q is not a time from 1s to %s", d.Args[0], maxTimeout)
	}
	if r.timeouts == nil {
		r.timeouts = &gatelodge.RouteTimeouts{}
	}
	switch d.Name {
	case "proxy_connect_timeout":
		r.timeouts.Connect = timeout
	case "proxy_send_timeout":
		r.timeouts.Send = timeout
	default:
		r.timeouts.Read = timeout
	}
	return nil
}

func readBodySize(r *reader, d *Directive, _ *level, in context) error {
	if in == inServer {
		return errNoEffect
	}
	digits, factor := d.Args[0], int64(1)
	for i, unit := range []string{"k", "m", "g"} {
		if rest, found := strings.CutSuffix(strings.ToLower(digits), unit); found {
			digits, factor = rest, 1<<(10*(i+1))
			break
		}
	}
	size, err := strconv.ParseUint(digits, 10, 32)
	if err != nil {
		return fmt.Errorf("%.40q is not a size such as 512k, 8m or 1g", d.Args[0])
	}
	bytes := int64(size) * factor
	r.bodyBytes = &bytes
	return nil
}

func readAccess(_ *reader, d *Directive, l *level, _ context) error {
	rule := gatelodge.AccessRule{Allow: d.Name == "allow"}
	if d.Args[0] == "all" {
		rule.Clients = gatelodge.NetworksOf(netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0"))
	} else {
		prefix, err := syntax.ReadNetwork(d.Args[0])
		if err != nil {
			return fmt.Errorf("%.60q %w", d.Args[0], err)
		}
		rule.Clients = gatelodge.NetworksOf(prefix)
	}
	l.access = append(l.access, rule)
	return nil
}

func readDefaultType(_ *reader, d *Directive, l *level, _ context) error {
	if !gatelodge.IsFieldText(d.Args[0]) {
		return errors.New("holds a control character")
	}
	l.contentType = d.Args[0]
	return nil
}

// units are those of nginx's times, in the order in which they may stand.
var units = []struct {
	name string
	unit time.Duration
}{{"y", 365 * 24 * time.Hour}, {"M", 30 * 24 * time.Hour}, {"w", 7 * 24 * time.Hour}, {"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}}

// parseTime reads a time as nginx has it, such as 1h30m or 90, in seconds.
func parseTime(s string) (time.Duration, error) {
	invalid := fmt.Errorf("%.40q is not a valid time", s)
	var total time.Duration
	next := 0
	for rest := s; rest != "" || s == ""; {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		if digits == 0 || digits > 9 {
			return 0, invalid
		}
		n := time.Duration(0)
		for _, c := range rest[:digits] {
			n = n*10 + time.Duration(c-'0')
		}
		rest = rest[digits:]
		unit := time.Second
		if rest != "" {
			i := slices.IndexFunc(units, func(u struct {
				name string
				unit time.Duration
			}) bool {
				return u.name == rest[:1]
			})
			if i < next {
				return 0, invalid
			}
			unit, next, rest = units[i].unit, i+1, rest[1:]
		}
		if n > 100*365*24*time.Hour/unit {
			return 0, invalid
		}
		total += n * unit
	}
	return total, nil
}
