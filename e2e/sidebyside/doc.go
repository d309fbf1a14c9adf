// Package sidebyside has tables of what ingress-nginx answers under its annotations,
// and the ways to ask for it: Gateway serves the cases of a table by Ingresses, and
// Nginx by the configuration that ingress-nginx's template makes of them. The tests
// of e2e ask the gateway alone, so that they need no nginx, and those of e2e/nginx ask
// a real one, so that no expectation is made up.
package sidebyside
