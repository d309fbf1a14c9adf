package ingressnginx

import (
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"

	gatelodge "gatelodge.dev"
)

// tracingKeys are about OpenTelemetry. ingress-nginx sends spans over gRPC, and traces
// only Ingresses that ask for it.
func tracingKeys() []setting {
	return slices.Concat([]setting{
		{name: "otlp-collector-host", convert: func(t *translation, value string) error {
			_, notName := gatelodge.ParseName(value)
			if _, notAddress := netip.ParseAddr(value); notName != nil && notAddress != nil {
				return errUntranslated("write tracing.collector as a URL such as http://collector.observability:4318")
			}
			t.doc.set("tracing.collector", "http://"+net.JoinHostPort(value, "4318"), t.from()+", whose receiver of OTLP over HTTP has this port, if it is enabled")
			return nil
		}},
		{name: "otel-service-name", convert: func(t *translation, value string) error {
			if len(value) > 256 || strings.ContainsFunc(value, func(c rune) bool { return !unicode.IsPrint(c) }) {
				return errUntranslated("write tracing.service as up to 256 printable characters")
			}
			t.set("tracing.service", strconv.Quote(value))
			return nil
		}},
		{name: "otel-sampler", convert: func(t *translation, value string) error {
			switch value {
			case "AlwaysOn", "AlwaysOff", "TraceIdRatioBased":
				t.sampler = value
				t.comment("in tracing.sample")
				return nil
			}
			return errUntranslated("write tracing.sample")
		}},
		{name: "otel-sampler-ratio", convert: func(t *translation, value string) error {
			ratio, err := strconv.ParseFloat(value, 64)
			if err != nil || ratio < 0 || ratio > 1 {
				return errUntranslated("write tracing.sample as a number from 0 to 1")
			}
			t.sampled = ratio
			t.comment("in tracing.sample, with otel-sampler: TraceIdRatioBased")
			return nil
		}},
		{name: "enable-opentelemetry", convert: func(t *translation, value string) error {
			on, err := parseBool(value)
			if err == nil {
				t.setDefault("enable-opentelemetry", strconv.FormatBool(on))
			}
			return err
		}},
		{name: "opentelemetry-trust-incoming-span", convert: func(t *translation, value string) error {
			trust, err := parseBool(value)
			if err == nil {
				t.setDefault("opentelemetry-trust-incoming-span", strconv.FormatBool(trust))
			}
			return err
		}},
	},
		defaults("opentelemetry-operation-name"),
		needless("spans are sent over HTTP, see tracing.collector", "otlp-collector-port"),
		needless("a trusted client says whether a request has spans, and the share of tracing.sample does otherwise", "otel-sampler-parent-based"),
		needless("up to 4,096 spans wait, and are sent every two seconds", "otel-max-export-batch-size", "otel-max-queuesize", "otel-schedule-delay-millis"),
		missing("the keys of tracing are all there is", "opentelemetry-config"),
	)
}

// trace combines the keys of tracing.
func (t *translation) trace() {
	if !t.doc.has("tracing.collector") {
		return
	}
	if t.defaults["enable-opentelemetry"] == "" {
		t.defaults["enable-opentelemetry"] = "false" // as in ingress-nginx
	}
	if t.defaults["opentelemetry-trust-incoming-span"] == "" {
		t.defaults["opentelemetry-trust-incoming-span"] = "true"
	}
	share, from := 1.0, "otel-sampler: AlwaysOn, as ingress-nginx has it by default"
	switch t.sampler {
	case "AlwaysOff":
		share = 0
	case "TraceIdRatioBased":
		share = t.sampled
	}
	if t.sampler != "" {
		from = "otel-sampler: " + t.sampler
	}
	t.doc.set("tracing.sample", strconv.FormatFloat(share, 'g', -1, 64), from)
}
