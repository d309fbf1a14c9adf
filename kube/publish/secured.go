package publish

import (
	"fmt"
	"slices"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/objects"
)

// Secured is the names that browsers may be told to ask for by HTTPS alone.
type Secured struct {
	hosts   gatelodge.Map[gatelodge.Name, *gatelodge.Host]
	cfg     *objects.Config
	Records *httpsRecords // those of last, if they are the same: most changes of hosts are none of certificates
}

// httpsRecords is what HTTPS records (RFC 9460 §9) say, and at which names.
// Browsers that find one never go back to HTTP, so a name is here only if it
// has a certificate that they accept.
type httpsRecords struct {
	data  string // RDATA
	names gatelodge.Map[gatelodge.Name, bool]
}

func FindSecured(hosts gatelodge.Map[gatelodge.Name, *gatelodge.Host], cfg *objects.Config, last *Secured) *Secured {
	if last == nil {
		last = &Secured{Records: &httpsRecords{}}
	} else if last.hosts == hosts && last.cfg == cfg {
		return last
	}
	data := httpsData(cfg.Listeners)
	if data != last.Records.data {
		last = &Secured{Records: &httpsRecords{}}
	}
	names := last.Records.names.Edit()
	for name, change := range hosts.Changes(last.hosts) {
		was, is := change.Before != nil && change.Before.Certified(), change.After != nil && change.After.Certified()
		if was != is && data != "" {
			names.Set(name, is)
		}
	}
	records := last.Records
	if now := (httpsRecords{data, names.Map()}); now != *records {
		records = &now
	}
	return &Secured{hosts: hosts, cfg: cfg, Records: records}
}

// at returns the RDATA of the record at name, and "" where there is none.
func (r *httpsRecords) at(name gatelodge.Name) string {
	if !r.names.Get(name) {
		return ""
	}
	return r.data
}

// httpsData returns RDATA that says how to reach the first HTTPS listener, which is the one that
// redirects lead to. Without one it is "".
func httpsData(listeners []gatelodge.Listener) string {
	i := slices.IndexFunc(listeners, func(l gatelodge.Listener) bool { return l.Protocol == gatelodge.HTTPS })
	if i < 0 {
		return ""
	}
	data := `1 . alpn="h2,http/1.1"` // what every HTTPS listener speaks
	if port := listeners[i].PublicPort; port != 443 {
		data += fmt.Sprintf(` port="%d"`, port)
	}
	return data
}
