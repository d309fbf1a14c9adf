//go:build debian

package browser_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// axe-core (MPL 2.0) comes from the npm registry: its 650 kB of other people's
// compressed code have no place here. The sum is that of its file.
const (
	axePackage = "axe-core@4.14.1"
	axeSum     = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"
)

// axe returns the text of axe-core, which is kept in the user's cache folder.
func axe(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	kept := filepath.Join(cache, "gatelodge-e2e", "axe-"+axeSum[:12]+".js")
	if text, err := os.ReadFile(kept); err == nil && sum(text) == axeSum {
		return string(text)
	}
	dir := t.TempDir()
	run := func(name string, args ...string) string {
		command := exec.CommandContext(t.Context(), name, args...)
		command.Dir, command.Stderr = dir, os.Stderr
		out, err := command.Output()
		if err != nil {
			t.Fatalf("%s %v: %v", name, args, err)
		}
		lines := strings.Fields(string(out))
		return lines[len(lines)-1]
	}
	archive := run("npm", "pack", "--silent", "--fetch-retries=5", "--fetch-timeout=60000", axePackage)
	run("tar", "-xvzf", archive, "package/axe.min.js")
	text, err := os.ReadFile(filepath.Join(dir, "package/axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	if sum(text) != axeSum {
		t.Fatalf("%s is not what it was: its sum is %s", axePackage, sum(text))
	}
	if err := os.MkdirAll(filepath.Dir(kept), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(kept, text, 0o644); err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func sum(text []byte) string {
	s := sha256.Sum256(text)
	return hex.EncodeToString(s[:])
}

// finding is something that axe-core objects to.
type finding struct {
	ID, Impact, Help string
	Nodes            []struct{ HTML, FailureSummary string }
}

// inspect has axe-core look at the page that is open.
func (b *browser) inspect(what, axe string) {
	b.t.Helper()
	var findings []finding
	b.run(
		chromedp.Evaluate(axe+";true", nil),
		chromedp.Evaluate(`axe.run(document, {resultTypes: ["violations"]}).then((r) => r.violations)`, &findings,
			func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
	for _, f := range findings {
		text := fmt.Sprintf("%s: %s (%s): %s", what, f.ID, f.Impact, f.Help)
		for _, node := range f.Nodes {
			text += "\n\t" + node.HTML + "\n\t" + node.FailureSummary
		}
		b.t.Error(text)
	}
}
