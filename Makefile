# make help lists the targets. Everything here needs only Go and make, except
# e2e, which installs what it needs.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -ec

GO ?= go
FUZZTIME ?= 1m
MODULES := $(shell find . -name go.mod -not -path '*/testdata/*' -printf '%h\n' | sort)
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -X main.version=$(VERSION)
STATICCHECK := $(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2

# Each part of make e2e is the package of that name in e2e, with exceptions. The
# part folder is run by make test and make race, so make e2e alone leaves it out.
PARTS := acme api browser certmanager chart dns http2 nginx tls cluster
PART ?= $(PARTS)
NEED_DEBIAN := browser chart dns http2 nginx tls cluster
packages = $(or $(packages_$(1)),./$(1))
packages_folder := .
packages_api := ./process ./programs ./apiserver ./api
flags_api := -parallel 4 # what is parallel waits for Leases to run out
flags_browser := -v -artifacts # it says where its pictures are
flags_cluster := -v # it takes long enough that one wants to see where it is

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

.PHONY: run
run: ## run the demo: gateway, DNS and sample backends on this machine
	$(GO) run -ldflags '$(LDFLAGS)' ./cmd/gatelodge demo

.PHONY: build
build: ## build bin/gatelodge
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w $(LDFLAGS)' -o bin/gatelodge ./cmd/gatelodge

# The image is named as deploy/install.yaml asks for it, and says when its commit
# was made: the same commit and Go release give the same bytes.
IMAGE ?= ghcr.io/gatelodge/gatelodge:$(shell sed -n 's/^appVersion: *//p' deploy/chart/Chart.yaml)

.PHONY: image
image: ## build dist/image.tar, an OCI archive for amd64 and arm64, without a container engine
	@for arch in amd64 arm64; do echo "== go build linux/$$arch"; \
	  CGO_ENABLED=0 GOOS=linux GOARCH=$$arch $(GO) build -trimpath -ldflags '-s -w $(LDFLAGS)' -o dist/$$arch/gatelodge ./cmd/gatelodge; done
	$(GO) run ./deploy/image -name $(IMAGE) -o dist/image.tar -version $(VERSION) \
	  -revision "$$(git rev-parse HEAD 2>/dev/null)" -created "$$(git log -1 --format=%ct 2>/dev/null || echo 0)" \
	  linux/amd64=dist/amd64/gatelodge linux/arm64=dist/arm64/gatelodge

# The tests in e2e run the binary, which Go's cache of test results does not
# know of: hence -count=1. A package has longer than the ten minutes that are usual,
# for a machine with much else to do.
.PHONY: test
test: ## run the tests that need only Go: every package, and the binary on a folder of manifests
	$(GO) test -timeout 60m ./...
	cd e2e && $(GO) test -count=1 -timeout 60m .

.PHONY: race
race: ## the same under the race detector, which also watches the binary
	$(GO) test -race -timeout 60m ./...
	cd e2e && $(GO) test -race -count=1 -timeout 60m .

.PHONY: programs
programs: ## build the programs that make e2e needs into the user's cache folder
	cd e2e && $(GO) run ./programs/build

.PHONY: e2e
e2e: ## run the tests beside other programs, or those of PART: folder, acme, api, browser, certmanager, chart, dns, http2, nginx, tls, cluster
	@unknown="$(filter-out folder $(PARTS),$(PART))"; [ -z "$$unknown" ] || \
	  { echo "make e2e: no part is called $$unknown; the parts are: folder $(PARTS)" >&2; exit 1; }
	@$(if $(filter $(NEED_DEBIAN),$(PART)),e2e/packages.sh; \
	  [ $$(id -u) -eq 0 ] || { echo "make e2e needs root for servers and containers in namespaces; PART=\"folder acme api certmanager\" do not" >&2; exit 1; })
	@cd e2e; $(foreach part,$(PART),echo "== make e2e PART=$(part)"; \
	  $(GO) test -count=1 -timeout=60m -tags debian $(flags_$(part)) $(call packages,$(part));)

.PHONY: manifests
manifests: ## render deploy/install.yaml and its kin from the chart
	deploy/render.sh deploy

.PHONY: docs
docs: ## write the tables of docs/annotations.md and docs/metrics.md
	$(GO) test ./kube/annotations -run 'TestThePageIsFresh' -count=1 -update
	$(GO) test ./cmd/gatelodge -run TestMetricsPageIsFresh -count=1 -update

.PHONY: check
check: ## gofmt, go vet, staticcheck, tidy modules, generated files
	@bad=$$(gofmt -l .); if [ -n "$$bad" ]; then echo "not gofmt-ed:"; echo "$$bad"; exit 1; fi
	@dir=$$(mktemp -d); trap 'rm -r '$$dir EXIT; deploy/render.sh $$dir; for f in $$dir/*; do \
	  diff deploy/$${f##*/} $$f || { echo "deploy/$${f##*/} is not what the chart renders: make manifests"; exit 1; }; done
	@$(GO) test ./kube/annotations -run TestThePageIsFresh
	@for m in $(MODULES); do echo "== check $$m"; (cd $$m && $(GO) mod tidy -diff && $(GO) vet -tags debian ./... && $(STATICCHECK) -tags debian ./...); done

.PHONY: fuzz
fuzz: ## fuzz every parser that a stranger reaches, FUZZTIME each
	@for f in $$(grep -rlE '^func Fuzz' --include='*_test.go' .); do \
	  for t in $$(sed -nE 's/^func (Fuzz[A-Za-z0-9_]*)\(.*/\1/p' $$f); do \
	    echo "== $$t in $$(dirname $$f)"; (cd $$(dirname $$f) && $(GO) test -run '^$$' -fuzz "^$$t\$$" -fuzztime $(FUZZTIME) .); done; done

.PHONY: bench
bench: build ## compare with DNS servers (needs knot, dnsperf) and proxies (nginx), serve 10,000 Ingresses, and run the Go benchmarks
	cd e2e && for n in 1000 100000; do $(GO) run ./bench/dns -rounds 5 -names $$n && $(GO) run ./bench/dns -rounds 5 -names $$n -swaps && $(GO) run ./bench/dns -duration 20s -names $$n -follow; done
	cd e2e && $(GO) run ./bench/http && $(GO) run ./bench/http -tails
	cd e2e && $(GO) test -run '^$$' -bench . -timeout 40m ./bench/kube
	$(GO) test -run '^$$' -bench . -benchmem ./...
