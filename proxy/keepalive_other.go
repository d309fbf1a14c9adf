//go:build !linux

package proxy

import "net"

// listenConfig leaves keep-alive to package net, because on other systems
// connections may not inherit it from the listener.
func listenConfig() net.ListenConfig { return net.ListenConfig{} }
