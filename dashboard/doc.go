// Package dashboard shows people what the gateway serves: hosts and why one does
// not work, problems, certificates, zones, backends, what the withdrawal guard
// holds, and what changed lately.
//
// It uses the Snapshot and the functions of a Config. It must not depend on Kubernetes,
// the servers' internals or the way it is reached: the admin endpoint of cmd/gatelodge
// decides about access.
//
// The server renders the pages (pages/*.html, escaped by html/template), which need no
// script. With scripts, static/live.js requests the page again whenever the WebSocket
// reports a change, so there is one way to render a page. All links are relative and of
// one level, so that a reverse proxy can serve the dashboard below any path.
//
// Text from authors of objects is untrusted: it is escaped, and invisible characters
// and those that change the direction of text are made visible.
package dashboard
