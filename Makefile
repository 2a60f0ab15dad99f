# What people do with this repository. Everything else is `converge --help`.

.PHONY: help build static test demo check audit fuzz chaos chaos-lab bench bench-scale templates-like-ansible clean-lab

help:
	@echo "make build      the program: target/debug/converge"
	@echo "make static     one file that runs on any Linux of this processor: target/TARGET/release/converge"
	@echo "make demo       real hosts on this machine, and the whole service on them"
	@echo "make test       everything: the code, the API, the roles on real hosts"
	@echo "make check      what needs no host: format, lints, unit tests"
	@echo "make fuzz       tries all that reads what others say with any bytes: TARGET=.. for one of them, SECONDS=.. for each"
	@echo "make chaos      500 random playbooks with random faults: CHAOS=.. for more or less, CHAOS_SEED=.. for one of them again"
	@echo "make chaos-lab  100 of them on real hosts: CHAOS=.. and CHAOS_SEED=.. as above; half an hour"
	@echo "make audit      advisories, licences and sources of the dependencies; needs the network and cargo-deny"
	@echo "make bench      how fast it is, beside other tools; takes an hour and a half, and writes docs/performance.md"
	@echo "make bench-scale  thousands of simulated hosts: docs/performance-scale.md"
	@echo "make templates-like-ansible  renders the tests' templates with the real Ansible again: docs/templates-like-ansible.md"
	@echo "make clean-lab  removes the hosts of the demo, of the tests, and of the measurements"

build:
	cargo build --locked

# With a target, what is built for this machine alone (macros, build scripts) is left dynamic, as it must be.
static: target := $(shell rustc -vV | sed -n 's/^host: //p')
static:
	RUSTFLAGS='-C target-feature=+crt-static' cargo build --locked --release --target $(target)
	@du --apparent-size -BK target/$(target)/release/converge

test:
	tests/all

check:
	tests/all --without-lab

audit:
	.gitlab/audit

fuzz:
	tests/fuzz/run '$(TARGET)' '$(or $(SECONDS),60)'

chaos:
	CHAOS=$(or $(CHAOS),500) cargo test --locked --test tests -- run::chaos --ignored --nocapture

chaos-lab:
	tests/lab/lab up
	CONVERGE_LAB=keep CHAOS_LAB=$(or $(CHAOS),100) cargo test --locked --test lab -- chaos:: --nocapture

bench-scale:
	cargo bench --locked --bench scale

# The order of Python's sets, which `union` shows, is the same in each run then.
templates-like-ansible:
	python3 -m venv target/ansible
	target/ansible/bin/pip install --quiet ansible-core==2.19.14 passlib
	PYTHONHASHSEED=0 target/ansible/bin/python tests/templates/record.py
	UPDATE_EXPECT=1 cargo test --locked --test tests templates::

demo:
	tests/lab/prerequisites
	cargo build --locked
	tests/lab/lab up
	tests/lab/images
	target/debug/converge playbooks/site.rhai
	@tests/lab/urls

bench:
	benches/peers/prerequisites
	cargo bench --locked --bench peers

clean-lab:
	tests/lab/lab down
	benches/peers/lab down
