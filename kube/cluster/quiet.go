package cluster

import (
	"context"
	"log/slog"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
)

// quietly returns a context in which client-go logs to log at level debug: failures are
// logged once by problems, while client-go logs each attempt.
func quietly(ctx context.Context, log *slog.Logger) context.Context {
	return klog.NewContext(ctx, logr.FromSlogHandler(demoted{log.Handler()}))
}

// demoted is a slog.Handler that logs every record at level debug.
type demoted struct{ slog.Handler }

// Enabled leaves out what client-go logs at a verbosity of more than 4: at 8 it writes
// the bodies of requests and responses, which have what is in Secrets.
func (d demoted) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelDebug && d.Handler.Enabled(ctx, slog.LevelDebug)
}

func (d demoted) Handle(ctx context.Context, r slog.Record) error {
	if !d.Enabled(ctx, r.Level) { // logr does not ask before errors
		return nil
	}
	r.Level = slog.LevelDebug
	return d.Handler.Handle(ctx, r)
}

func (d demoted) WithAttrs(attrs []slog.Attr) slog.Handler {
	return demoted{d.Handler.WithAttrs(attrs)}
}

func (d demoted) WithGroup(name string) slog.Handler { return demoted{d.Handler.WithGroup(name)} }
