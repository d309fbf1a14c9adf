// Package undertest runs the program under test and asks it questions: what
// every package of end-to-end tests needs, written once. It knows gatelodge's
// command line, its admin endpoint and the protocols it speaks, and nothing of
// its code or of Kubernetes.
package undertest
