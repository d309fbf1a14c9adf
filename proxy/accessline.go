package proxy

import (
	"crypto/tls"
	"strconv"
	"time"

	gatelodge "gatelodge.dev"
)

// appendLine appends the access log's line for a request. It encodes JSON by hand
// because it runs for every request: it allocates nothing but the line. The query
// is left out because it often contains secrets.
func appendLine(b []byte, r *request, took time.Duration) []byte {
	x := r.x
	b = append(b, `{"time":"`...)
	b = r.started.UTC().AppendFormat(b, "2006-01-02T15:04:05.000000Z")
	b = append(b, '"')
	b = appendString(b, "id", r.id)
	b = append(b, `,"client":"`...)
	b = x.Client.Addr().AppendTo(b)
	b = append(b, '"')
	b = appendString(b, "listener", x.Conn.Listener.Name)
	b = appendString(b, "method", x.Method)
	b = appendString(b, "host", x.Authority)
	path := r.path
	if path == "" {
		path = x.Path
	}
	b = appendString(b, "path", path)
	b = appendString(b, "protocol", x.Version.String())
	b = appendInt(b, "status", int64(r.status()))
	b = appendInt(b, "bytes_in", x.Received)
	b = appendInt(b, "bytes_out", x.Sent)
	b = appendSeconds(b, "duration", took)
	if r.route != nil {
		b = appendString(b, "namespace", r.route.series.key.namespace)
		b = appendString(b, "ingress", r.route.series.key.ingress)
		b = appendString(b, "service", r.route.series.key.service)
		if r.canary != 0 {
			b = appendString(b, "canary", r.canary.String())
		}
	}
	if n := len(r.tried); n > 0 {
		b = appendString(b, "endpoint", r.tried[n-1].address)
		b = appendSeconds(b, "upstream_duration", r.upstreamTime)
		b = appendInt(b, "tries", int64(n))
		if r.retries.last != 0 {
			b = appendString(b, "retried", r.retries.reason())
		}
	}
	if r.held != nil && r.held.compressor.coding != "" {
		b = appendString(b, "compressed", string(r.held.compressor.coding))
	}
	if x.Conn.TLS != nil {
		b = appendString(b, "tls", tls.VersionName(x.Conn.TLS.Version))
	}
	b = appendString(b, "user_agent", x.Header.Get("user-agent"))
	if r.reason != "" {
		b = appendString(b, "reason", r.reason)
	}
	return append(b, "}\n"...)
}

func appendKey(b []byte, key string) []byte {
	return append(append(append(b, `,"`...), key...), `":`...)
}

func appendInt(b []byte, key string, n int64) []byte {
	return strconv.AppendInt(appendKey(b, key), n, 10)
}

// appendSeconds writes a duration in seconds, to the microsecond.
func appendSeconds(b []byte, key string, d time.Duration) []byte {
	return strconv.AppendFloat(appendKey(b, key), d.Round(time.Microsecond).Seconds(), 'f', 6, 64)
}

func appendString(b []byte, key, s string) []byte {
	return gatelodge.AppendJSON(appendKey(b, key), s)
}
