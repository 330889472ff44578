# An index of commands. `make demo` and `make test` need Rust, Python 3 and make, and set up the rest themselves.
.PHONY: demo test check deny tools e2e boot-test page chaos soak bench fuzz mutants lambda package package-test reproduce fmt drills

CARGO ?= cargo
JOBS  ?= 2

demo: ## the main job, end to end, on a local AWS
	# With the tests, so that one set of features serves both and the AWS SDK is compiled once.
	$(CARGO) build --locked -j$(JOBS) --test it
	tests/demo/run.sh

test: ## everything that needs no optional tools
	tests/run.sh

check: ## format and lints
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked -j$(JOBS) --workspace --all-targets -- -D warnings
	tests/lint.sh

deny: ## bans, licences and sources of everything that is built in
	tests/deny.sh

fuzz: ## every parser of outside bytes, ten minutes each; needs a nightly compiler; TARGETS='bundle policy' for some
	fuzz/run.sh long $(TARGETS)

mutants: ## everything in core that decides, changed bit by bit: what no test notices; in one build, or SHARD=K/N with one for each
	tests/mutants/run.sh $(if $(SHARD),shard $(SHARD),at-once)

tools: ## Packer, Syft, Grype, Goss, cosign, a registry, a second opinion: built once, needs Go and Node
	tests/tools/build.sh

e2e: ## the suite that uses the real tools
	tests/e2e/run.sh

chaos: ## the launch hook in bad weather: lost events, throttled calls, killed replicas, a store that is out
	tests/hook/run.sh chaos

soak: ## the launch hook for an hour: what it holds must not grow
	tests/hook/run.sh soak

drills: ## the bad days of docs/operations.md, each with its time line
	tests/drills/run.sh

boot-test: ## the boot guard in front of real systemd and cloud-init, in containers and virtual machines
	tests/boot/run.sh

page: ## the HTML page of an audit in headless Chromium
	tests/page/run.sh

bench: ## figures against public programs, printed and written to target/bench.json
	tests/bench/run.sh

lambda: ## target/lambda/goldseal-lambda.zip: the launch hook as a function, for this architecture
	packaging/lambda/build.sh

package: ## target/package: portable executables, .deb, .rpm, Lambda zips, SBOM, checksums; a whole release build for each
	packaging/all.sh

package-test: ## the packages in fresh Debians and out again, aarch64 emulated; root, debootstrap, qemu-user. EXECUTABLE=… or what `make package` made
	packaging/test.sh $(or $(EXECUTABLE),target/package/goldseal-$(shell uname -m))
	packaging/emulated.sh target/package/goldseal-aarch64

reproduce: ## two release builds of the last commit in two folders: are they the same bytes? ARCH=aarch64; EXECUTABLE=… builds once
	packaging/reproduce.sh $(or $(ARCH),$(shell uname -m)) $(EXECUTABLE)

fmt:
	$(CARGO) fmt --all
