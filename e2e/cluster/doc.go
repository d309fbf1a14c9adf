// Package cluster installs Gatelodge in a real Kubernetes, as a user would, and
// uses it from the network around: two nodes with a kubelet and containers each,
// MetalLB, a router that speaks BGP, and a company's DNS server. It needs root
// and Debian packages (../packages.sh), so its tests have the build tag debian,
// and make e2e runs them.
//
// Everything runs in namespaces of the test's own, and ends with it:
//
//	office 198.18.1.0/24        LAN 198.18.0.0/24
//	                          ┌── control .10  etcd, API server, the tests
//	c2 .100 ── .1  r1  .1 ────┼── node1 .11    kubelet, containerd, kube-proxy, pods 10.244.1.0/24
//	              BIRD        ├── node2 .12    the same, pods 10.244.2.0/24
//	                          ├── corp .53     BIND, which has only the delegation
//	                          └── c1 .100      a client
//
// MetalLB announces 198.18.0.200–219 by ARP and 198.19.0.0/24 by BGP.
package cluster
