package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/objects"
)

// maxConfigBytes is the largest configuration file that is read. A ConfigMap
// holds a sixteenth of it; a plain file may have a zone of 300,000 records.
const maxConfigBytes = 16 << 20

// config is a configuration that was validated: whoever uses it checks nothing
// again.
type config struct {
	Name      string // of the instance; the prefix of all it writes to the cluster
	Kube      objects.Config
	Listeners []gatelodge.Listener
	State     string // folder for what outlives the process; "": nothing does

	defaultListeners bool // the file names no listeners, so flags may move them
}

// loadConfig reads a configuration file. Without one, everything has its
// default.
func loadConfig(file string) (*config, error) {
	if file == "" {
		return parseConfig(nil, "")
	}
	data, err := readConfigFile(file)
	if err != nil {
		return nil, err
	}
	return parseConfig(data, file)
}

// readConfigFile reads little more than the longest file that parseConfig
// accepts.
func readConfigFile(name string) ([]byte, error) {
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

// parseConfig reads the content of a configuration file, whose name is for
// error messages. Its error joins everything that is wrong, a configError each.
func parseConfig(data []byte, file string) (*config, error) {
	if len(data) > maxConfigBytes {
		return nil, &configError{file: file, message: fmt.Sprintf("the file is too long, the most is %d bytes", maxConfigBytes)}
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

// override moves the default listeners to other addresses; an empty one moves
// nothing. Listeners that the file names are not touched.
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

// publishAsBound makes the public ports those of the addresses, for a gateway
// that users reach without a load balancer between. It fails where an address
// has no port that could be told before it is bound.
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
			return fmt.Errorf("listener %q: address %q has no port from 1 to 65535, which redirects have to name", l.Name, l.Address)
		}
		l.PublicPort = uint16(number)
	}
	c.Listeners, c.Kube.Listeners = listeners, listeners
	return nil
}

// needsState is the error of a configuration that a gateway without a cluster
// can't do what it says by, because it has no place to remember things.
func (c *config) needsState() error {
	if c.Kube.ACME != nil && c.State == "" {
		return &configError{key: "acme.directory", message: "needs state, expected a folder in which certificates and the account's key are kept, for there is no cluster to keep them in"}
	}
	return nil
}

// needsRestart is the error of a configuration that can't take the place of
// the current one in a running gateway.
func (c *config) needsRestart(current *config) error {
	switch {
	case c.Name != current.Name:
		return &configError{key: "name", message: fmt.Sprintf("changed from %q to %q, which needs a restart", current.Name, c.Name)}
	case c.State != current.State:
		return &configError{key: "state", message: fmt.Sprintf("changed from %q to %q, which needs a restart", current.State, c.State)}
	case !slices.Equal(c.Listeners, current.Listeners):
		return &configError{key: "listeners", message: "changed, which needs a restart"}
	}
	return nil
}
