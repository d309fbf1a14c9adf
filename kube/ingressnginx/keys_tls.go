package ingressnginx

import (
	"slices"
	"strconv"
	"strings"
)

// tlsKeys are about HTTPS.
func tlsKeys() []setting {
	return slices.Concat([]setting{
		{name: "hsts", convert: func(t *translation, value string) (err error) { t.hsts.on, err = parseBool(value); return err }},
		{name: "hsts-include-subdomains", convert: func(t *translation, value string) (err error) { t.hsts.subdomains, err = parseBool(value); return err }},
		{name: "hsts-preload", convert: func(t *translation, value string) (err error) { t.hsts.preload, err = parseBool(value); return err }},
		{name: "hsts-max-age", convert: func(t *translation, value string) (err error) {
			if t.hsts.maxAge, err = strconv.Atoi(value); err != nil || t.hsts.maxAge < 0 {
				return errUntranslated("write a number of seconds into hsts")
			}
			return nil
		}},
		{name: "ssl-protocols", convert: func(t *translation, value string) error {
			versions := strings.Fields(value)
			oldest := "1.3"
			if slices.Contains(versions, "TLSv1.2") {
				oldest = "1.2"
			}
			t.set("tls.minVersion", strconv.Quote(oldest))
			if slices.ContainsFunc(versions, func(v string) bool { return v != "TLSv1.2" && v != "TLSv1.3" }) {
				return errUntranslated("TLS 1.2 is the oldest that is spoken; clients that know only older ones are turned away")
			}
			return nil
		}},
		{name: "ssl-early-data", convert: only("early data of TLS 1.3, which can be replayed, is not accepted", "false")},
		{name: "enable-ocsp", convert: only("OCSP responses are not stapled; most CAs no longer give any", "false")},
		{name: "ssl-reject-handshake", convert: only("a handshake for an unknown name gets a self-signed certificate, and its requests 404", "false")},
	},
		needless("clients get the cipher suites and curves of Go's crypto/tls, all with forward secrecy", "ssl-ciphers", "ssl-dh-param", "ssl-ecdh-curve"),
		needless("sessions resume by tickets, at every replica, whose keys the gateway changes", "ssl-session-cache", "ssl-session-cache-size", "ssl-session-tickets", "ssl-session-ticket-key", "ssl-session-timeout"),
	)
}
