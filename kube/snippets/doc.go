// Package snippets reads the snippets of ingress-nginx, which are nginx's
// configuration, into typed values: Parse makes a tree of directives of the text, and
// ReadLocation makes a gatelodge.Snippet of the tree. No text of a snippet
// is ever put into a configuration.
//
// It knows nginx's syntax and what its directives mean where ingress-nginx's template
// puts a snippet. It must not know of Ingresses: its problems say where in the text
// they are, and its caller adds whose text it is.
package snippets
