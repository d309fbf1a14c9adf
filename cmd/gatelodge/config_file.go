package main

import gatelodge "gatelodge.dev"

// fileConfig is the configuration as written; docs/configuration.md describes the keys.
// Numbers and booleans are decoded; everything else is text that validate parses.
type fileConfig struct {
	APIVersion    string          `yaml:"apiVersion"`
	Kind          string          `yaml:"kind"`
	Name          string          `yaml:"name"`
	Ingress       fileIngress     `yaml:"ingress"`
	Listeners     []fileListener  `yaml:"listeners"`
	Views         []fileView      `yaml:"views"`
	Trust         fileTrust       `yaml:"trust"`
	Timeouts      fileTimeouts    `yaml:"timeouts"`
	Limits        fileLimits      `yaml:"limits"`
	Retries       fileRetries     `yaml:"retries"`
	Balancing     fileBalancing   `yaml:"balancing"`
	Ejection      fileEjection    `yaml:"ejection"`
	HealthCheck   fileCheck       `yaml:"healthCheck"`
	Compression   fileCompression `yaml:"compression"`
	Buffers       fileBuffers     `yaml:"buffers"`
	AccessLog     fileAccessLog   `yaml:"accessLog"`
	Tracing       fileTracing     `yaml:"tracing"`
	RedirectHTTPS bool            `yaml:"redirectHTTPS"`
	HSTS          string          `yaml:"hsts"`
	ServerName    string          `yaml:"serverName"`
	TLS           fileTLS         `yaml:"tls"`
	ACME          fileACME        `yaml:"acme"`
	DNS           fileDNS         `yaml:"dns"`
	Guard         fileGuard       `yaml:"guard"`
	Admin         fileAdmin       `yaml:"admin"`
	State         string          `yaml:"state"`
	Drain         fileDrain       `yaml:"drain"`
}

type fileIngress struct {
	Controller     string   `yaml:"controller"`
	Classes        []string `yaml:"classes"`
	Selector       string   `yaml:"selector"`
	WithoutClass   bool     `yaml:"withoutClass"`
	Namespaces     []string `yaml:"namespaces"`
	HostSharing    string   `yaml:"hostSharing"`
	DefaultBackend string   `yaml:"defaultBackend"`
	ExternalNames  string   `yaml:"externalNames"`
	AmbiguousPaths string   `yaml:"ambiguousPaths"`
	Snippets       string   `yaml:"snippets"`

	Defaults map[string]string `yaml:"defaults"`

	Bounds fileBounds `yaml:"bounds"`
}

type fileBounds struct {
	NamesPerIngress   int    `yaml:"namesPerIngress"`
	RoutesPerIngress  int    `yaml:"routesPerIngress"`
	BytesPerNamespace string `yaml:"bytesPerNamespace"`

	ChecksPerNamespace    int `yaml:"checksPerNamespace"`
	CheckRatePerNamespace int `yaml:"checkRatePerNamespace"`
}

type fileListener struct {
	Name       string   `yaml:"name"`
	Protocol   string   `yaml:"protocol"`
	Address    string   `yaml:"address"`
	PublicPort int      `yaml:"publicPort"` // 0: that of the protocol
	View       string   `yaml:"view"`
	Views      []string `yaml:"views"`
}

type fileView struct {
	Name      string   `yaml:"name"`
	Service   string   `yaml:"service"`
	Addresses []string `yaml:"addresses"`
	Owners    bool     `yaml:"owners"`

	Clients    []string `yaml:"clients"`
	Namespaces []string `yaml:"namespaces"`

	DNSService   string   `yaml:"dnsService"`
	DNSAddresses []string `yaml:"dnsAddresses"`
}

type fileTrust struct {
	Forwarded     []string `yaml:"forwarded"`
	ProxyProtocol []string `yaml:"proxyProtocol"`
}

type fileTimeouts struct {
	Header  string `yaml:"header"`
	Body    string `yaml:"body"`
	Idle    string `yaml:"idle"`
	Connect string `yaml:"connect"`
	Read    string `yaml:"read"`
	Send    string `yaml:"send"`
}

type fileLimits struct {
	HeaderBytes int   `yaml:"headerBytes"`
	Headers     int   `yaml:"headers"`
	BodyBytes   int64 `yaml:"bodyBytes"`
	Connections int   `yaml:"connections"`
	Streams     int   `yaml:"streams"`
}

type fileRetries struct {
	Attempts int    `yaml:"attempts"`
	Budget   string `yaml:"budget"`
}

type fileBalancing struct {
	Algorithm string `yaml:"algorithm"`
	SlowStart string `yaml:"slowStart"`
}

type fileCheck struct {
	Kind     string `yaml:"kind"`
	Path     string `yaml:"path"`
	Interval string `yaml:"interval"`
	Timeout  string `yaml:"timeout"`
}

type fileCompression struct {
	Codings     string   `yaml:"codings"`
	Types       []string `yaml:"types"`
	MinBytes    int64    `yaml:"minBytes"`
	GzipLevel   int      `yaml:"gzipLevel"`
	BrotliLevel int      `yaml:"brotliLevel"`
	ZstdLevel   int      `yaml:"zstdLevel"`
	Memory      string   `yaml:"memory"`
}

type fileBuffers struct {
	Memory string `yaml:"memory"`
	Disk   string `yaml:"disk"`
	Share  string `yaml:"share"`
}

type fileEjection struct {
	Failures int    `yaml:"failures"`
	Time     string `yaml:"time"`
	Share    string `yaml:"share"`
}

type fileAccessLog struct {
	Enabled bool    `yaml:"enabled"`
	Format  string  `yaml:"format"`
	Sample  float64 `yaml:"sample"`
}

type fileTracing struct {
	Collector string  `yaml:"collector"`
	Service   string  `yaml:"service"`
	Sample    float64 `yaml:"sample"`
}

type fileTLS struct {
	DefaultCertificates []string `yaml:"defaultCertificates"`
	MinVersion          string   `yaml:"minVersion"`
	BadKeys             []string `yaml:"badKeys"`
	Revocation          string   `yaml:"revocation"`
	RevocationNetworks  []string `yaml:"revocationNetworks"`
}

type fileACME struct {
	Directory      string         `yaml:"directory"`
	CAFile         string         `yaml:"caFile"`
	Email          string         `yaml:"email"`
	EAB            fileEAB        `yaml:"eab"`
	Profile        string         `yaml:"profile"`
	PreferredChain string         `yaml:"preferredChain"`
	KeyType        string         `yaml:"keyType"`
	Wildcards      []fileWildcard `yaml:"wildcards"`
	Resolvers      []string       `yaml:"resolvers"`

	AccountKeyAge string `yaml:"accountKeyAge"`
	Patience      string `yaml:"patience"`

	PersistentRecords bool `yaml:"persistentRecords"`

	Limits    fileACMELimits     `yaml:"limits"`
	Fallbacks []fileACMEFallback `yaml:"fallbacks"`
	Adopt     fileAdopt          `yaml:"adopt"`
}

type fileAdopt struct {
	Autocert      string `yaml:"autocert"`
	AccountSecret string `yaml:"accountSecret"`
}

// fileWildcard is a name, which may be written without a mapping, and the settings of
// its certificates.
type fileWildcard struct {
	Name    string `yaml:"name"`
	KeyType string `yaml:"keyType"`
	Profile string `yaml:"profile"`
}

// fileACMEFallback is a further CA. It inherits nothing from the first.
type fileACMEFallback struct {
	Directory string         `yaml:"directory"`
	CAFile    string         `yaml:"caFile"`
	EAB       fileEAB        `yaml:"eab"`
	Profile   string         `yaml:"profile"`
	Limits    fileACMELimits `yaml:"limits"`

	PersistentRecords bool `yaml:"persistentRecords"`
}

func (f *fileACMEFallback) setDefaults() { f.Limits.Renewals = "exempt" }

type fileACMELimits struct {
	Orders     string `yaml:"orders"`
	Domain     string `yaml:"domain"`
	Duplicates string `yaml:"duplicates"`
	Failures   string `yaml:"failures"`
	Names      int    `yaml:"names"`
	Renewals   string `yaml:"renewals"`
}

type fileEAB struct {
	KeyID  string `yaml:"keyID"`
	Secret string `yaml:"secret"`
}

type fileDNS struct {
	Zones     []fileZone    `yaml:"zones"`
	Catalog   fileCatalog   `yaml:"catalog"`
	Service   string        `yaml:"service"`
	Addresses []string      `yaml:"addresses"`
	NSID      bool          `yaml:"nsid"`
	RateLimit fileRateLimit `yaml:"rateLimit"`
	QueryLog  fileQueryLog  `yaml:"queryLog"`
	Doctor    fileDoctor    `yaml:"doctor"`
}

type fileDoctor struct {
	Resolvers []string `yaml:"resolvers"`
	Parents   []string `yaml:"parents"`
	Interval  string   `yaml:"interval"`
}

type fileZone struct {
	Name        string       `yaml:"name"`
	Nameservers []string     `yaml:"nameservers"`
	Hostmaster  string       `yaml:"hostmaster"`
	TTL         string       `yaml:"ttl"`
	NegativeTTL string       `yaml:"negativeTTL"`
	Views       []string     `yaml:"views"`
	Records     string       `yaml:"records"`
	Transfer    fileTransfer `yaml:"transfer"`
	CAA         fileCAA      `yaml:"caa"`
	Grants      []string     `yaml:"grants"`
	Levels      []string     `yaml:"levels"`
}

// fileCAA is a list of records, or "auto", which may be written without a list.
type fileCAA []string

type fileTransfer struct {
	To         []string `yaml:"to"`
	TSIGSecret string   `yaml:"tsigSecret"`
	TSIGFile   string   `yaml:"tsigFile"`
	RequireTLS bool     `yaml:"requireTLS"`
}

type fileCatalog struct {
	Name     string       `yaml:"name"`
	Views    []string     `yaml:"views"`
	Transfer fileTransfer `yaml:"transfer"`
}

type fileRateLimit struct {
	ResponsesPerSecond int `yaml:"responsesPerSecond"`
}

type fileQueryLog struct {
	Sample float64 `yaml:"sample"`
}

type fileGuard struct {
	Share   float64 `yaml:"share"`
	Minimum int     `yaml:"minimum"`
	Window  string  `yaml:"window"`
	Hold    string  `yaml:"hold"`
}

type fileAdmin struct {
	Hosts []string `yaml:"hosts"`
}

type fileDrain struct {
	DNS     string `yaml:"dns"`
	Delay   string `yaml:"delay"`
	Timeout string `yaml:"timeout"`
	Tunnels string `yaml:"tunnels"`
}

// setDefaults sets f to the configuration of an empty file.
func (f *fileConfig) setDefaults() {
	*f = fileConfig{
		APIVersion: "gatelodge.dev/v1alpha1",
		Kind:       "GatewayConfig",
		Name:       "gatelodge",
		Ingress: fileIngress{
			Controller:     "gatelodge.dev/ingress-controller",
			HostSharing:    "namespace",
			ExternalNames:  "allow",
			AmbiguousPaths: "refuse",
			Snippets:       "off",
			Bounds:         fileBounds{NamesPerIngress: 200, RoutesPerIngress: 2000, BytesPerNamespace: "32MiB", ChecksPerNamespace: 1000, CheckRatePerNamespace: 200},
		},
		Listeners: []fileListener{
			{Name: "http", Protocol: "HTTP", Address: ":8080"},
			{Name: "https", Protocol: "HTTPS", Address: ":8443"},
			{Name: "dns", Protocol: "DNS", Address: ":8053", View: "default"},
		},
		Views:         []fileView{{Name: "default", Service: "gatelodge/gatelodge"}},
		Timeouts:      fileTimeouts{Header: "10s", Body: "60s", Idle: "75s", Connect: "5s", Read: "60s", Send: "60s"},
		Limits:        fileLimits{HeaderBytes: 65536, Headers: 128, Streams: 100},
		Retries:       fileRetries{Attempts: 3, Budget: "20%"},
		Balancing:     fileBalancing{Algorithm: "round_robin", SlowStart: "0s"},
		Ejection:      fileEjection{Failures: 5, Time: "10s", Share: "50%"},
		HealthCheck:   fileCheck{Kind: "off", Path: "/", Interval: "10s", Timeout: "2s"},
		Compression:   fileCompression{Codings: "off", MinBytes: gatelodge.DefaultCompressedBytes, GzipLevel: 1, BrotliLevel: 4, ZstdLevel: 1, Memory: "64MiB"},
		Buffers:       fileBuffers{Memory: "64MiB", Disk: "1GiB", Share: "25%"},
		AccessLog:     fileAccessLog{Enabled: true, Format: "json", Sample: 1},
		Tracing:       fileTracing{Service: "gatelodge", Sample: 0.01},
		RedirectHTTPS: true,
		ServerName:    "gatelodge",
		TLS:           fileTLS{MinVersion: "1.2", Revocation: "issued"},
		ACME:          fileACME{KeyType: "ecdsa-p256", AccountKeyAge: "0s", Patience: "10m", Limits: fileACMELimits{Renewals: "exempt"}},
		DNS:           fileDNS{Service: "gatelodge/gatelodge-dns", Catalog: fileCatalog{Views: []string{"default"}}, Doctor: fileDoctor{Interval: "1h"}},
		Guard:         fileGuard{Share: 0.5, Minimum: 10, Window: "1m", Hold: "10m"},
		Drain:         fileDrain{Delay: "5s", Timeout: "60s", Tunnels: "10m"},
	}
}

// setDefaults sets v to an item of views without keys.
func (v *fileView) setDefaults() {
	*v = fileView{Service: "gatelodge/gatelodge"}
}

// setDefaults sets z to an item of dns.zones without keys.
func (z *fileZone) setDefaults() {
	*z = fileZone{
		Nameservers: []string{"ns1", "ns2"},
		TTL:         "60s",
		NegativeTTL: "5s",
		Views:       []string{"default"},
	}
}
