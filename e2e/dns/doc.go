// Package dns tests the DNS server as the world meets it: through real
// resolvers that find our zone by its delegation, with tools that check zones,
// and under attack. It needs Debian packages (../packages.sh), so its
// tests have the build tag debian, and make e2e runs them.
//
// Everything runs in a network namespace of the test's own. NSD serves the
// root, com and example.com; that delegates pke.example.com to the gateway.
package dns
