package proxy

import "github.com/prometheus/client_golang/prometheus"

// showMemory registers the gauges of limited memory and files in use.
func (s *Server) showMemory(to prometheus.Registerer) {
	gauge := func(name, help string, used func() int64) prometheus.GaugeFunc {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "gatelodge", Name: name, Help: help}, func() float64 { return float64(used()) })
	}
	to.MustRegister(
		gauge("compression_memory_bytes", "Memory of the encoders in use, by estimate.", s.encoders.Memory),
		gauge("buffered_memory_bytes", "Memory of buffered bodies.", s.buffers.Memory),
		gauge("buffered_file_bytes", "Bytes of buffered bodies in files.", s.buffers.Disk),
	)
}
