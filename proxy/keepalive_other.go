//go:build !linux

package proxy

import "net"

// listenConfig leaves the keep-alive of connections to package net: elsewhere
// it can't be relied on that a listener hands it down.
func listenConfig() net.ListenConfig { return net.ListenConfig{} }
