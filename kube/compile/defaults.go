package compile

import (
	"slices"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/annotations"
	"gatelodge.dev/kube/intent"
	"gatelodge.dev/kube/objects"
)

// defaults contains what the configuration adds to every host: the certificates and the
// default backend.
type defaults struct {
	cfg     *objects.Config
	secrets *secretReader

	common   *common
	problems []gatelodge.Problem
	now      time.Time
	until    time.Time // when it changes because of the time alone; zero: never
}

func makeDefaults(s *secretReader, objs *objects.Objects, cfg *objects.Config, last *defaults) *defaults {
	if last != nil && last.cfg == cfg && last.secrets == s && current(last.now, last.until, objs.Now) {
		return last
	}
	d := &defaults{cfg: cfg, secrets: s, common: &common{views: viewNames(cfg)}, now: objs.Now}
	for _, name := range cfg.DefaultCertificates {
		secret := s.table.Get(objects.Key(name))
		if secret == nil {
			d.problem(gatelodge.SecretMissing, "there is no Secret "+name.String())
			continue
		}
		pair := s.keyPair(secret, objs)
		if pair.err != nil {
			d.problem(gatelodge.BadSecret, "Secret "+name.String()+" "+pair.problem())
		}
		certificate := pair.byDefault
		if certificate == nil {
			continue
		}
		if pair.gap != "" {
			d.problem(gatelodge.BadCertificate, "the certificate in Secret "+name.String()+" "+pair.gap)
		}
		begin, end := edges(certificate)
		d.until = earliest(objs.Now, d.until, begin, end)
		if why := outOfDate(certificate, objs.Now); why != "" {
			d.problem(gatelodge.BadCertificate, "the certificate in Secret "+name.String()+" "+why)
			continue
		}
		if certificate.Flaw != nil {
			d.problem(gatelodge.BadCertificate, "the certificate in Secret "+name.String()+" "+certificate.Flaw.Text+whatToDo)
		}
		d.common.certificates = append(d.common.certificates, certificate)
	}
	slices.SortStableFunc(d.common.certificates, compareFlawed)
	if port := cfg.DefaultBackend; port != nil {
		d.common.fallback = intent.NewBackendRef(*port, "", annotations.BackendTLSAsk{}, annotations.HealthCheckAsk{})
		d.common.route = &gatelodge.Route{
			Path: "/", Match: gatelodge.PathPrefix, Backend: d.common.fallback.Key,
			Policy: &gatelodge.Policy{}, Object: objects.ConfigObject("ingress.defaultBackend"),
		}
	}
	if last != nil && last.cfg == cfg && slices.Equal(last.common.certificates, d.common.certificates) {
		d.common = last.common
	}
	return d
}

func (d *defaults) problem(reason gatelodge.Reason, message string) {
	d.problems = append(d.problems, gatelodge.Problem{Object: objects.ConfigObject("tls.defaultCertificates"), Reason: reason, Message: message})
}
