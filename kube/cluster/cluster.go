package cluster

import (
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
)

// Config is what a gateway is in a cluster.
type Config struct {
	Name      string // of the instance; prefix of all that it writes
	Namespace string // of the gateway, the only one in which it makes objects, Events aside
	Pod       string // what tells this replica from the others
	Log       *slog.Logger
	// Candidate tells processes of the pod apart in the election of the leader: one of
	// the same name as the leader, which must have ended, leads at once. "" is one of
	// its own.
	Candidate string
	// Custom reads DNSEndpoints, which not every cluster has; nil: none are read.
	Custom dynamic.Interface
	// Registerer gets gatelodge_leader; it may be nil.
	Registerer prometheus.Registerer
}

// Cluster is a gateway's connection to a Kubernetes API server. What goes
// wrong on it is told once, however many of its parts notice.
type Cluster struct {
	Client   kubernetes.Interface
	Cfg      Config
	problems *problems
	leader   prometheus.Gauge
}

// New returns the connection that client makes. It sends nothing yet.
func New(client kubernetes.Interface, cfg Config) *Cluster {
	c := &Cluster{
		Client: client, Cfg: cfg,
		problems: newProblems(cfg.Log),
		leader: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "gatelodge_leader",
			Help: "1 while this replica is the leader, which writes status and Events; otherwise 0.",
		}),
	}
	if cfg.Registerer != nil {
		cfg.Registerer.MustRegister(c.leader)
	}
	return c
}

// Labels of what a gateway writes in its namespace.
const (
	instanceLabel  = "gatelodge.dev/instance"
	roleLabel      = "gatelodge.dev/role"
	managedByLabel = "app.kubernetes.io/managed-by"
)

// meta names an object of the gateway. The label tells apart instances one of
// whose names begins with another's.
func (c *Cluster) meta(name, role string) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Namespace: c.Cfg.Namespace,
		Name:      c.Cfg.Name + "-" + name,
		Labels:    map[string]string{managedByLabel: "gatelodge", instanceLabel: c.Cfg.Name, roleLabel: role},
	}
}

// owns reports whether the ConfigMap, which may be nil, is one of the gateway's.
func (c *Cluster) owns(object *corev1.ConfigMap) bool {
	return object != nil && object.Labels[instanceLabel] == c.Cfg.Name
}

// Note takes in how a request went. What goes wrong is logged, and shown, once.
// subject is what the request was about, to complete "can't …"; a nil err says that
// all is well with it.
func (c *Cluster) Note(subject string, err error) { c.problems.note(subject, err) }

// FieldManager is under which name fields of status are owned (Kubernetes
// server-side apply), so that a gateway takes back only its own.
func (c *Cluster) FieldManager() string { return c.Cfg.Namespace + "/" + c.Cfg.Name }
