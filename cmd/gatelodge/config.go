package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/dnsserve/doctor"
	"gatelodge.dev/kube/objects"
)

// maxConfigBytes is the size limit of a configuration file. A ConfigMap holds a
// sixteenth of it; a plain file may have a zone of 300,000 records.
const maxConfigBytes = 16 << 20

// config is a validated configuration: its users need no further checks.
type config struct {
	Name       string // of the instance; the prefix of the objects that it writes to the cluster
	Kube       objects.Config
	Listeners  []gatelodge.Listener
	AdminHosts []string // further names of the admin endpoint, in lower case
	Doctor     doctor.Settings
	State      string // folder for data that outlives the process; "": none

	defaultListeners bool // the file has no listeners, so flags may set their addresses
}

// loadConfig reads a configuration file. Without one, everything has its
// default.
func loadConfig(file string) (*config, error) {
	data, err := readConfigFile(file)
	if err != nil {
		return nil, err
	}
	return parseConfig(data, file)
}

// readConfigFile reads a file, but not much more than parseConfig accepts.
func readConfigFile(name string) ([]byte, error) {
	if name == "" {
		return nil, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxConfigBytes+1))
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	return data, nil
}

// parseConfig parses a configuration file; its name is for error messages. The
// error joins a configError for each problem.
func parseConfig(data []byte, file string) (*config, error) {
	if len(data) > maxConfigBytes {
		return nil, &configError{file: file, message: fmt.Sprintf("the file is too long, the limit is %d bytes", maxConfigBytes)}
	}
	r := &configReader{file: file, written: make(map[string]place)}
	var written fileConfig
	r.read(data, &written)
	c := r.validate(&written)
	if len(r.errs) > 0 {
		return nil, r.err()
	}
	return c, nil
}

// override changes the addresses of the default listeners; an empty one is
// ignored. Listeners from the file keep theirs.
func (c *config) override(http, https, dns string) {
	if !c.defaultListeners {
		return
	}
	listeners := slices.Clone(c.Listeners)
	for i := range listeners {
		l := &listeners[i]
		address := map[gatelodge.Protocol]string{
			gatelodge.HTTP: http, gatelodge.HTTPS: https, gatelodge.DNS: dns,
		}[l.Protocol]
		if address != "" {
			l.Address = address
		}
	}
	c.Listeners, c.Kube.Listeners = listeners, listeners
}

// publishAsBound sets the public ports to those of the addresses, for a gateway
// that users reach directly. It is an error if an address has no fixed port.
func (c *config) publishAsBound() error {
	listeners := slices.Clone(c.Listeners)
	for i := range listeners {
		l := &listeners[i]
		if l.Protocol != gatelodge.HTTP && l.Protocol != gatelodge.HTTPS {
			continue
		}
		_, port, err := net.SplitHostPort(l.Address)
		if err != nil {
			return fmt.Errorf("listener %q: %w", l.Name, err)
		}
		number, err := strconv.ParseUint(port, 10, 16)
		if err != nil || number == 0 {
			return fmt.Errorf("listener %q: address %q needs a port from 1 to 65535, for redirects", l.Name, l.Address)
		}
		l.PublicPort = uint16(number)
	}
	c.Listeners, c.Kube.Listeners = listeners, listeners
	return nil
}

// needsState returns an error if a gateway without a cluster needs a state folder
// for the configuration and has none.
func (c *config) needsState() error {
	if c.Kube.ACME != nil && c.State == "" {
		return &configError{key: "acme.directory", message: "without a cluster, state is needed too: write the folder to keep certificates and the account's key in"}
	}
	if c.Kube.Settings.TLS.Revocation == gatelodge.RevocationAll && c.State == "" {
		return &configError{key: "tls.revocation", message: "without a cluster, all needs state too: write the folder to keep in which certificates are revoked"}
	}
	return nil
}

// needsRestart returns an error if a change from the current configuration to c needs a
// restart.
func (c *config) needsRestart(current *config) error {
	switch {
	case c.Name != current.Name:
		return &configError{key: "name", message: fmt.Sprintf("changed from %q to %q, which needs a restart", current.Name, c.Name)}
	case c.State != current.State:
		return &configError{key: "state", message: fmt.Sprintf("changed from %q to %q, which needs a restart", current.State, c.State)}
	case !slices.EqualFunc(c.Listeners, current.Listeners, gatelodge.Listener.Equal):
		return &configError{key: "listeners", message: "changed, which needs a restart"}
	}
	return nil
}
