# Part of socketio-server, MIT licence; see LICENSE.
#
# Everything works from a clean clone on Debian 12 with a Swift toolchain, as root or with sudo, and may be repeated.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run cluster build dist client test churn fuzz sanitize mutants faults bench format lint docs clean

CONFIG ?= config/default.yaml
ARGS ?=
NODES := --node n001=127.0.0.1:3001 --node n002=127.0.0.1:3002 --node n003=127.0.0.1:3003
CONTAINERS := --node n001=172.28.0.11:3000 --node n002=172.28.0.12:3000 --node n003=172.28.0.13:3000
SOURCES := Package.swift Sources Tests docs/examples

# The rules name files of the clone.
ROOT := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))
ifneq ($(realpath $(CURDIR)),$(realpath $(ROOT)))
    $(error this Makefile works in its own folder: make -C $(ROOT) $(MAKECMDGOALS))
endif

help: ## Show this list.
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 18

run: build ## Build and serve on http://localhost:3000; CONFIG=my.yaml and ARGS='--port 8080' change things.
	@.ci/fetch-client.sh || echo "client: not fetched; the server starts without it (try 'make client' again)" >&2
	exec .build/release/socketio-server run --config $(CONFIG) $(ARGS)

cluster: build ## Run HAProxy on :8080, three nodes with the chat and Redis; ARGS='--balancer nginx' changes things, Ctrl-C ends all.
	@.ci/fetch-client.sh || echo "client: not fetched; the nodes start without it (try 'make client' again)" >&2
	@PATH="$$PATH:/usr/sbin"; for package in redis-server haproxy nginx; do \
	    command -v $$package >/dev/null || .ci/packages.sh $$package; done
	@exec docker/local-cluster $(ARGS)

build: ## Build the server for use (release).
	@.ci/packages.sh build
	@command -v swift >/dev/null || { echo "build: there is no 'swift' in the PATH; install a Swift 6.3 toolchain," \
	    "see https://www.swift.org/install/linux/" >&2; exit 1; }
	@[[ -e .build/release/socketio-server ]] || echo "build: the first build compiles all libraries, 8 to 9 minutes on two cores"
	swift build -c release --product socketio-server

dist: ## Make an archive that runs on a bare Debian, and run it in an empty root.
	@.ci/packages.sh build
	@.ci/packages.sh g++ binutils curl
	@.ci/dist.sh
	@.ci/dist-test.sh

client: ## Fetch the official browser bundle into .cache/client.
	@.ci/fetch-client.sh

test: ## Install what the tests need, build and run all of them.
	@.ci/packages.sh test
	@.ci/fetch-client.sh || echo "client: not fetched; what needs it will fail" >&2
	@.ci/fetch-old-clients.sh || echo "old clients: not fetched; what needs them will fail" >&2
	@.ci/python-env.sh || echo "python: not complete; what needs it will fail" >&2
	@.ci/test.sh

churn: ## Have 100,000 clients come and go, and compare memory, descriptors, timers and rooms (CHURN_SESSIONS=1000000 for more).
	@.ci/packages.sh build
	CHURN_SESSIONS=$(or $(CHURN_SESSIONS),100000) swift test --disable-xctest --filter ChurnTests

sanitize: ## Run the tests over real sockets under the thread and the address sanitizer.
	@.ci/packages.sh build
	@.ci/sanitize.sh

fuzz: ## Run every decoder under libFuzzer, each for SECONDS=600; TARGET='json packet' runs these only.
	@.ci/packages.sh build
	@.ci/fuzz.sh $(or $(SECONDS),600) $(TARGET)

mutants: ## Put small faults into a copy of the sources and find out whether the tests notice them (see docs/testing.md).
	@.ci/packages.sh test
	@.ci/mutants.py

faults: build ## Break Redis, links, nodes and the balancer under traffic, and print what was lost; ARGS='F3|F4' chooses.
	@.ci/packages.sh test
	@.ci/packages.sh faketime
	@.ci/fetch-client.sh
	swift build -c release --product socketio-conformance-server
	@E2E_BIN=$(CURDIR)/.build/release E2E_CLIENT=$(CURDIR)/.cache/client/socket.io.min.js node Tests/FaultTests/Processes/run.js $(ARGS)

bench: ## Measure: micro-benchmarks, and load on this server and another one in turns (see docs/performance.md).
	@.ci/packages.sh build
	@.ci/packages.sh python3-venv
	@PATH="$$PATH:/usr/sbin"; command -v redis-server >/dev/null || .ci/packages.sh redis-server
	@.ci/bench.sh

format: ## Bring all sources into the house format.
	swift format --in-place --recursive $(SOURCES)

lint: ## Check the format of all sources.
	swift format lint --strict --recursive $(SOURCES)

docs: ## Make docs/configuration.md, docs/openapi.json, default.yaml and settings.schema.json of config, and haproxy.cfg and nginx.conf of config and docker.
	swift build --product socketio-server
	.build/debug/socketio-server settings-reference markdown > docs/configuration.md
	.build/debug/socketio-server settings-reference yaml > config/default.yaml
	.build/debug/socketio-server settings-reference schema > config/settings.schema.json
	.build/debug/socketio-server settings-reference openapi > docs/openapi.json
	.build/debug/socketio-server proxy-config haproxy $(NODES) > config/haproxy.cfg
	.build/debug/socketio-server proxy-config nginx $(NODES) > config/nginx.conf
	.build/debug/socketio-server proxy-config haproxy $(CONTAINERS) > docker/haproxy.cfg
	.build/debug/socketio-server proxy-config nginx $(CONTAINERS) > docker/nginx.conf

clean: ## Remove everything that was built or fetched.
	rm -rf .build .build-dist .build-thread .build-address .build-mutants .cache Tests/Benchmarks/.build Tests/Fuzz/.build
