package cluster

import (
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
)

// Config is the configuration of a gateway in a cluster.
type Config struct {
	Name      string // of the instance; prefix of all that it writes
	Namespace string // of the gateway, the only one in which it creates objects except Events
	Pod       string // distinguishes this replica from the others
	Log       *slog.Logger
	// Candidate distinguishes processes of the pod in the election of the leader: a
	// process with the same name as the leader, which must have ended, leads at once.
	// "" is a unique name.
	Candidate string
	// Custom reads DNSEndpoints, which not every cluster has; nil: none are read.
	Custom dynamic.Interface
	// Registerer gets gatelodge_leader; it may be nil.
	Registerer prometheus.Registerer
}

// Cluster is a gateway's connection to a Kubernetes API server. A failure is reported
// once, however many of its parts notice it.
type Cluster struct {
	Client   kubernetes.Interface
	Cfg      Config
	problems *problems
	leader   prometheus.Gauge
}

// New returns the connection of client. It sends nothing yet.
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

// Labels of the objects that a gateway writes in its namespace.
const (
	instanceLabel  = "gatelodge.dev/instance"
	roleLabel      = "gatelodge.dev/role"
	managedByLabel = "app.kubernetes.io/managed-by"
)

// meta returns the metadata of an object of the gateway. The label distinguishes
// instances if the name of one begins with another's.
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

// Note records the result of a request. A failure is logged, and shown, once. subject
// is what the request was about, to complete "can't …"; a nil err means success.
func (c *Cluster) Note(subject string, err error) { c.problems.note(subject, err) }

// FieldManager is the name of the owner of status fields (Kubernetes server-side
// apply), so that a gateway removes only its own.
func (c *Cluster) FieldManager() string { return c.Cfg.Namespace + "/" + c.Cfg.Name }
