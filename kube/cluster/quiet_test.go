package cluster

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"k8s.io/klog/v2"
)

// TestQuietly: errors and what matters of client-go are at level debug, and bodies of
// requests, which it logs at verbosity 8, are nowhere.
func TestQuietly(t *testing.T) {
	var out strings.Builder
	ctx := quietly(t.Context(), slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})))
	logger := klog.FromContext(ctx)
	logger.Error(errors.New("no route"), "a watch ended")
	logger.V(2).Info("caches are synced")
	logger.V(8).Info("Response Body", "body", "a key")
	if logger.V(8).Enabled() {
		t.Error("bodies are asked for")
	}
	for words, wanted := range map[string]bool{"a watch ended": true, "caches are synced": true, "a key": false, "level=ERROR": false} {
		if strings.Contains(out.String(), words) != wanted {
			t.Errorf("%q is in the log: %v, want %v:\n%s", words, !wanted, wanted, out.String())
		}
	}
}
