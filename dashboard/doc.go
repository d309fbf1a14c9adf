// Package dashboard shows people what the gateway serves: hosts and why one does
// not work, problems, certificates, zones, backends, what the withdrawal guard
// holds, and what changed lately.
//
// It knows the Snapshot and, through the functions of a Config, what is not in it.
// It must not know Kubernetes, a server's insides or how it is reached: the admin
// endpoint of cmd/gatelodge decides who gets in.
//
// Pages are made by the server (pages/*.html, which html/template escapes) and need
// no script. Where there is one, static/live.js asks for the page anew whenever
// the WebSocket says that something changed, so there is one way to make a page.
// All links are relative and of one level, so that a reverse proxy may put the
// dashboard below any path.
//
// What authors of objects wrote is hostile until shown: it is escaped, and what can
// not be seen or turns the direction of a line is made visible.
package dashboard
