package gatelodge_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "gatelodge.dev"

type importRule struct {
	folder    string   // where the rule holds; "." is the root package alone
	forbidden []string // import path prefixes
	but       []string // import path prefixes that are allowed all the same
	except    []string // folders where it does not hold
	because   string
}

// becauseOfOrder says why rooms have an order, by the folder that they are in.
var becauseOfOrder = map[string]string{
	"kube": "the rooms of kube have one order: what was read, what one object asks for, what is compiled of all, what is withheld; sources stand beside, reports on top",
	"tls":  "which certificate a handshake gets, how one is ordered and whether it was revoked are three questions: their rooms meet in the Snapshot and in the Store",
}

// rooms is the rule for a room, which may import only those below it.
func rooms(folder string, below ...string) importRule {
	parent, _, _ := strings.Cut(folder, "/")
	rule := importRule{folder: folder, forbidden: []string{module}, but: []string{module + "/" + folder}, because: becauseOfOrder[parent]}
	for _, room := range below {
		rule.but = append(rule.but, module+"/"+parent+"/"+room)
	}
	return rule
}

// importRules say what the packages of a folder and below may not import, and
// why. A rule is for the files of the product, not for its tests.
var importRules = []importRule{
	{
		folder:    ".",
		forbidden: []string{"*third-party*", module},
		because:   "the root package is the vocabulary of all others; whatever it imports, everything imports",
	},
	{
		folder:    "proxy",
		forbidden: []string{module},
		but:       []string{module + "/proxy"},
		because:   "servers ask the Snapshot, never each other: that is why their answers agree",
	},
	{
		folder:    "dnsserve",
		forbidden: []string{module},
		but:       []string{module + "/dnsserve"},
		because:   "servers ask the Snapshot, never each other: that is why their answers agree",
	},
	{
		folder:    "tls",
		forbidden: []string{module},
		but:       []string{module + "/tls"},
		because:   "servers ask the Snapshot, never each other: that is why their answers agree",
	},
	{
		folder:    "explain",
		forbidden: []string{module, "net/http", "*third-party*"},
		because:   "what is explained is asked of the servers through interfaces, so that it is the same for a running gateway and for a folder of manifests",
	},
	{
		folder:    "dashboard",
		forbidden: []string{module},
		but:       []string{module + "/dashboard", module + "/explain"},
		because:   "pages are made of the Snapshot, and of what cmd hands them: a server's insides are no one's to show",
	},
	{
		folder:    "kube",
		forbidden: []string{module},
		but:       []string{module + "/kube"},
		because:   "Kubernetes is an adapter in front of the vocabulary and knows no server",
	},
	rooms("kube/objects"),
	rooms("kube/follow", "objects"),
	rooms("kube/syntax"),
	rooms("kube/nginxnames"),
	rooms("kube/snippets", "syntax"),
	rooms("kube/externaldns", "objects", "syntax"),
	rooms("kube/annotations", "objects", "nginxnames", "externaldns", "snippets", "syntax"),
	rooms("kube/intent", "objects", "follow", "externaldns", "annotations", "syntax"),
	rooms("kube/claims", "objects", "externaldns", "annotations", "intent", "follow", "syntax"),
	rooms("kube/publish", "objects", "externaldns", "annotations", "intent", "follow", "claims", "syntax"),
	rooms("kube/badkeys"),
	rooms("kube/secrets", "objects", "badkeys", "syntax"),
	rooms("kube/adopt", "objects", "secrets"),
	rooms("kube/endpoints", "objects", "annotations", "intent"),
	rooms("kube/stored", "objects", "secrets", "follow", "publish"),
	rooms("kube/compile", "objects", "badkeys", "secrets", "adopt", "stored", "endpoints", "snippets", "annotations", "intent", "follow", "claims", "publish", "syntax"),
	rooms("kube/guard", "objects", "intent", "claims", "compile"),
	rooms("kube/manifests", "objects"),
	rooms("kube/state", "objects", "adopt", "intent", "follow"),
	rooms("kube/cluster", "objects", "annotations", "intent", "follow"),
	rooms("kube/ingressnginx", "objects", "annotations", "intent", "syntax", "manifests"),
	rooms("kube/report", "objects", "intent", "cluster"),
	{
		folder:    "tls",
		forbidden: []string{module + "/tls"},
		except:    []string{"tls/issuer", "tls/revocation"},
		because:   becauseOfOrder["tls"],
	},
	rooms("tls/budget"),
	rooms("tls/caa"),
	rooms("tls/crl"),
	rooms("tls/issuer", "budget", "caa"),
	rooms("tls/revocation", "crl"),
	{
		folder:    "proxy/exchange",
		forbidden: []string{"net/http", "*third-party*"},
		because:   "the exchange is the same for every wire engine, so it belongs to none of them",
	},
	{
		folder:    "proxy",
		forbidden: []string{"net/http", "golang.org/x/net/http2", "github.com/gorilla/websocket"},
		but:       []string{"golang.org/x/net/http2/hpack"},
		because:   "features work on the exchange, and the wire engines are our own",
	},
	{
		folder:    "",
		forbidden: []string{"k8s.io", "sigs.k8s.io"},
		except:    []string{"kube", "cmd", "e2e"},
		because:   "Kubernetes stops at the adapter; the servers never see it",
	},
	{
		folder:    "",
		forbidden: []string{"github.com/miekg/dns"},
		except:    []string{"dnsserve", "e2e"},
		because:   "DNS messages are dnsserve's; everybody else has Records",
	},
	{
		folder:    "",
		forbidden: []string{module + "/cmd"},
		except:    []string{"cmd"},
		because:   "wiring is done at the top, and nothing hangs on it",
	},
}

func TestImports(t *testing.T) {
	for folder, files := range productFiles(t) {
		for path, file := range files {
			for _, spec := range file.Imports {
				imported, err := strconv.Unquote(spec.Path.Value)
				if err != nil {
					t.Fatal(err)
				}
				for _, rule := range importRules {
					if rule.folder == "." && folder != "." || rule.folder != "." && !below(folder, rule.folder) {
						continue
					}
					if anyOf(rule.except, func(f string) bool { return below(folder, f) }) ||
						anyOf(rule.but, func(p string) bool { return below(imported, p) }) || imported == module {
						continue
					}
					if anyOf(rule.forbidden, func(p string) bool {
						return below(imported, p) || p == "*third-party*" && thirdParty(imported)
					}) {
						t.Errorf("%s imports %s: %s", path, imported, rule.because)
					}
				}
			}
		}
	}
}

// TestRulesNameWhatIsThere: a rule for a folder that was renamed would hold nothing.
func TestRulesNameWhatIsThere(t *testing.T) {
	folders := productFiles(t)
	for _, rule := range importRules {
		named := append([]string{rule.folder}, rule.except...)
		for _, path := range append(slices.Clone(rule.forbidden), rule.but...) {
			if inside, ok := strings.CutPrefix(path, module+"/"); ok {
				named = append(named, inside)
			}
		}
		for _, name := range named {
			if !anyOf(slices.Collect(maps.Keys(folders)), func(folder string) bool { return below(folder, name) }) {
				t.Errorf("there is no package in or below %q, which a rule names: %s", name, rule.because)
			}
		}
	}
}

// large are the folders exempt from TestRoomsAreSmall, and why.
var large = map[string]string{
	".":             "the vocabulary: each file is a noun on its own, and there is nothing to follow from one to the next",
	"cmd/gatelodge": "wiring: each file is one command, or one part of what serve puts together",
	"dnsserve":      "to be parted: transfers and signing of messages could be rooms",
	"proxy":         "to be parted: a policy is one file and one line in handler.go; pools and balancing could be a room",
	"proxy/http2":   "to be parted: the client's side and the server's could be rooms beside the frames",
	"tls/issuer":    "to be parted: what is ordered when (queue, plan, due times) could be a room",
}

// TestRoomsAreSmall keeps each package small enough to grasp as a whole.
func TestRoomsAreSmall(t *testing.T) {
	const mostFiles, mostLines = 35, 3700
	for folder, files := range productFiles(t) {
		lines := 0
		for path := range files {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			lines += bytes.Count(text, []byte("\n"))
		}
		isLarge := len(files) > mostFiles || lines > mostLines
		if why := large[folder]; isLarge && why == "" {
			t.Errorf("%s has %d files and %d lines, the most are %d and %d: part it", folder, len(files), lines, mostFiles, mostLines)
		} else if !isLarge && why != "" {
			t.Errorf("%s keeps the bound: take it off the list of those that don't", folder)
		}
	}
	for folder := range large {
		if _, err := os.Stat(folder); err != nil {
			t.Errorf("%s is on the list of large folders: %v", folder, err)
		}
	}
}

// Files as pages name them: in backquotes from the root, or as a link from the page.
var (
	quotedFile = regexp.MustCompile("`((?:cmd|deploy|dnsserve|docs|e2e|kube|proxy|tls)/[A-Za-z0-9_./-]+|[a-z_]+\\.go)`")
	linkedFile = regexp.MustCompile(`\]\(([^):#]+)(?:#[^)]*)?\)`)
)

// TestPagesNameFilesThatExist: a page that leads nowhere is noticed by the one who
// moves a file.
func TestPagesNameFilesThatExist(t *testing.T) {
	var pages []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, found...)
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, named := range quotedFile.FindAllSubmatch(text, -1) {
			if _, err := os.Stat(string(named[1])); err != nil {
				t.Errorf("%s names `%s`, which does not exist", page, named[1])
			}
		}
		for _, linked := range linkedFile.FindAllSubmatch(text, -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), string(linked[1]))); err != nil {
				t.Errorf("%s links to %s, which does not exist", page, linked[1])
			}
		}
	}
}

// TestPackageDocs: a newcomer finds out what a package is for from its doc.
func TestPackageDocs(t *testing.T) {
	for folder, files := range productFiles(t) {
		var doc string
		for _, file := range files {
			if file.Doc != nil {
				doc = file.Doc.Text()
			}
		}
		if len(doc) < 80 {
			t.Errorf("package in %s: its package comment says too little: %q", folder, doc)
		}
	}
}

func thirdParty(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return strings.Contains(first, ".") && !below(path, module)
}

// below reports whether path is prefix or lies under it; everything lies under
// the empty prefix.
func below(path, prefix string) bool {
	return prefix == "" || path == prefix || strings.HasPrefix(path, prefix+"/")
}

func anyOf(items []string, is func(string) bool) bool {
	for _, item := range items {
		if is(item) {
			return true
		}
	}
	return false
}

// productFiles parses every Go file that is not a test, by folder and path.
func productFiles(t *testing.T) map[string]map[string]*ast.File {
	t.Helper()
	folders := make(map[string]map[string]*ast.File)
	fset := token.NewFileSet()
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && path != "." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata" || entry.Name() == "dist" || entry.Name() == "bin") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(fset, path, nil, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			return err
		}
		folder := filepath.ToSlash(filepath.Dir(path))
		if folders[folder] == nil {
			folders[folder] = make(map[string]*ast.File)
		}
		folders[folder][path] = file
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return folders
}
