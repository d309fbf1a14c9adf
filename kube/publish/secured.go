package publish

import (
	"fmt"
	"maps"
	"slices"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/objects"
)

// Secured contains the names for which browsers may use only HTTPS.
type Secured struct {
	hosts   gatelodge.Map[gatelodge.Name, *gatelodge.Host]
	cfg     *objects.Config
	Records *httpsRecords // those of last, if they are the same: most changes of hosts don't concern certificates
}

// httpsRecords contains the names with HTTPS records (RFC 9460 §9), and their data.
// Browsers that find one use only HTTPS, so a name is here only if it has a certificate
// that they accept.
type httpsRecords struct {
	data  map[string]string // RDATA, by view
	names gatelodge.Map[gatelodge.Name, bool]
}

func FindSecured(hosts gatelodge.Map[gatelodge.Name, *gatelodge.Host], cfg *objects.Config, last *Secured) *Secured {
	if last == nil {
		last = &Secured{Records: &httpsRecords{}}
	} else if last.hosts == hosts && last.cfg == cfg {
		return last
	}
	data := httpsData(cfg)
	if !maps.Equal(data, last.Records.data) {
		last = &Secured{Records: &httpsRecords{}}
	}
	names := last.Records.names.Edit()
	for name, change := range hosts.Changes(last.hosts) {
		was, is := change.Before != nil && change.Before.Certified(), change.After != nil && change.After.Certified()
		if was != is && len(data) > 0 {
			names.Set(name, is)
		}
	}
	records := last.Records
	if now := names.Map(); now != records.names || !maps.Equal(data, records.data) {
		records = &httpsRecords{data, now}
	}
	return &Secured{hosts: hosts, cfg: cfg, Records: records}
}

// httpsData returns the RDATA for the first HTTPS listener of each view, to which
// redirects lead too. A view without one is left out.
func httpsData(cfg *objects.Config) map[string]string {
	all := make(map[string]string, len(cfg.Views))
	for i := range cfg.Views {
		view := cfg.Views[i].Name
		at := slices.IndexFunc(cfg.Listeners, func(l gatelodge.Listener) bool {
			return l.Protocol == gatelodge.HTTPS && (len(l.Views) == 0 || slices.Contains(l.Views, view))
		})
		if at < 0 {
			continue
		}
		data := `1 . alpn="h2,http/1.1"` // the protocols of every HTTPS listener
		if port := cfg.Listeners[at].PublicPort; port != 443 {
			data += fmt.Sprintf(` port="%d"`, port)
		}
		all[view] = data
	}
	return all
}
