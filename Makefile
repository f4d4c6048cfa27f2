# The commands for people. Everything is installed by `make setup`, which the others call first; see scripts/setup.sh.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup setup-dev demo demo-edge stop test long-test site-check kill-test chaos chaos-long chaos-storm chaos-proofs chaos-hosts find-matrix bench bench-quick compose-test lint bandit docs clean install uninstall deb deb-test systemd-test lock sbom audit licences helm-check bundle

PYTHON := .venv/bin/python
# Tests and runs start hundreds of Python processes: each would compile the project anew.
unexport PYTHONDONTWRITEBYTECODE
off := 0 no false
# make test PLATFORM=debian13: the same in a root folder of that release (scripts/platform.sh).
ON = $(if $(PLATFORM),scripts/platform.sh $(PLATFORM))
PROOFS := safeguards retention_kills rules startup supervision plugins_start stops copies follow clocks

# Only what is set is passed on. Single quotes: folders may have blanks in their names.
DEMO_OPTIONS = \
	$(if $(DICOM_DIR),--dicom-dir '$(DICOM_DIR)') \
	$(if $(KEYWORDS),--keywords '$(KEYWORDS)') \
	$(if $(KERNEL),--kernel '$(KERNEL)') \
	$(if $(RAM_DISK),--ram-disk '$(RAM_DISK)') \
	$(if $(filter-out $(off),$(KEEP)),--keep)

help:  ## this table
	@awk -F ':.*## ' '/^[a-z -]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  make demo takes  DICOM_DIR=folder   your own DICOM files instead of the simulated department"
	@echo "                   KEYWORDS=head,brain  another body region    KERNEL=UB  the preferred kernel"
	@echo "                   KEEP=1             leave everything running (make stop ends it)"
	@echo "                   RAM_DISK=folder    a folder on a tmpfs of your choice"

setup:  ## install what is missing: Debian's packages, a venv, the locked Python packages
	@scripts/setup.sh

setup-dev:
	@scripts/setup.sh --dev

# exec: Ctrl-C and the exit status meet the programme itself, with no shell in between.
demo: $(if $(PLATFORM),,setup)  ## a whole run: hospital, pipeline, AI backend; about two minutes
	@exec $(if $(PLATFORM),$(ON) make demo KEEP=,$(PYTHON) -m demo run $(DEMO_OPTIONS))

demo-edge: setup  ## hospital, gateway and a regional platform whose line is cut for half a minute; under three minutes
	@exec $(PYTHON) -m demo edge

stop:  ## end what `make demo KEEP=1` left running
	@if [ -x $(PYTHON) ]; then exec $(PYTHON) -m demo stop; else echo "nothing is installed, so nothing runs"; fi

# No setup: a host with Docker has plain Python.
site-check:  ## reads .env and the files it names before docker-compose starts anything, and tells all of it at once
	@exec python3 -m site_check

test: $(if $(PLATFORM),,setup-dev)  ## the test suite (PYTEST_ARGS= for pytest, PLATFORM=debian13 for another release)
	@exec $(if $(PLATFORM),$(ON) make test CI='$(CI)' PYTEST_ARGS='$(PYTEST_ARGS)',$(PYTHON) -m pytest --ignore=tests/chaos --ignore=tests/long --ignore=tests/containers -n 4 --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS))

long-test: setup-dev  ## whole runs that take minutes: bad habits, full disks, lost records, three PACS, a thousand studies
	@exec $(PYTHON) -m pytest tests/long -n 3 --dist loadfile $(PYTEST_ARGS)

kill-test: setup-dev  ## kill -9 of Orthanc and pacs_module at seeded instants during runs
	@exec $(PYTHON) -m pytest tests/chaos/proofs/test_kills.py $(PYTEST_ARGS)

chaos: setup-dev  ## kill -9 of each process at each stage of a study's way, of an upload and of the quarantine: about thirteen minutes (CHAOS_ARGS="--store mongodb")
	@$(PYTHON) -m tests.chaos.matrix $(CHAOS_ARGS)
	@exec $(PYTHON) -m pytest tests/chaos/proofs/test_uploads.py tests/chaos/proofs/test_quarantine_kills.py -q

chaos-long: setup-dev  ## all cells of that matrix, and the long outages
	@exec $(PYTHON) -m tests.chaos.matrix --long $(CHAOS_ARGS)

chaos-proofs: setup-dev  ## the auditor sees losses when a safeguard is taken out; start, stop, supervision; kills amid copies and archive; wrong clocks
	@exec $(PYTHON) -m pytest $(addprefix tests/chaos/proofs/test_,$(addsuffix .py,$(PROOFS))) $(PYTEST_ARGS)

chaos-storm: setup-dev  ## random kills, cuts, full disks, stopped processes, clock jumps: SEED=1 MINUTES=10
	@exec $(PYTHON) -m tests.chaos.storm --seed $(or $(SEED),1) --minutes $(or $(MINUTES),10) $(CHAOS_ARGS)

chaos-hosts: setup-dev  ## three machines, as network namespaces: each cut off, dead and paused in turn, and split brain; needs root (CHAOS_ARGS=--quick)
	@exec $(PYTHON) -m tests.chaos.hosts.matrix $(CHAOS_ARGS)

find-matrix: setup-dev  ## every bad habit of a PACS, alone and combined: nothing wanted may be lost (about twenty minutes)
	@exec $(PYTHON) -m tests.matrix.find_matrix $(MATRIX_ARGS)

bench: setup-dev  ## every claim of speed against its reference: docs/performance.md, its picture, pacs_module/bench.json (15 minutes)
	@exec $(PYTHON) -m benchmarks.bench --write $(BENCH_ARGS)

bench-quick: setup-dev  ## the same rows as a smoke run: its numbers say nothing
	@exec $(PYTHON) -m benchmarks.bench --quick $(BENCH_ARGS)

compose-test: setup-dev  ## the docker-compose stack itself, where a Docker daemon runs: built, each container killed, down and up again
	@exec $(PYTHON) -m pytest tests/containers $(PYTEST_ARGS)

install:  ## on this machine without containers: programs, systemd units, configuration in /etc/aipull (PREFIX=/opt/aipull DESTDIR=)
	@exec env PREFIX='$(or $(PREFIX),/opt/aipull)' DESTDIR='$(DESTDIR)' WHEELS='$(WHEELS)' scripts/install.sh install

uninstall:  ## takes the programs away; configuration, data, logs and backups stay
	@exec env PREFIX='$(or $(PREFIX),/opt/aipull)' DESTDIR='$(DESTDIR)' scripts/install.sh uninstall

deb:  ## the Debian package of this release, in build/ (PLATFORM=debian13 for another one)
	@$(ON) scripts/deb.sh

deb-test:  ## that package from installation to purge, in a root of its own (PLATFORM=debian12 or debian13)
	@scripts/platform.sh $(or $(PLATFORM),debian12) bash -c 'scripts/setup.sh && rm -f build/*.deb && scripts/deb.sh'
	@NO_NETWORK=1 scripts/platform.sh $(or $(PLATFORM),debian12) bash -c '.venv/bin/python -m tests.package.try_package build/*.deb'

systemd-test:  ## that package on a machine that systemd boots: installed, killed, restarted, upgraded, purged (PLATFORM=debian12 or debian13)
	@scripts/platform.sh $(or $(PLATFORM),debian12) bash -c 'scripts/setup.sh && rm -f build/*.deb && scripts/deb.sh'
	@NO_NETWORK=1 THROWAWAY=1 scripts/platform.sh $(or $(PLATFORM),debian12) bash -c '.venv/bin/python -m tests.package.try_systemd build/*.deb'

sbom audit licences: setup-dev  ## of the locked packages: list of parts (CycloneDX), known advisories, licences; into build/supply-chain
	@exec scripts/supply_chain.sh $@

helm-check:  ## the chart in packaging/helm: Helm lints and renders it, Kubernetes' schemas check what comes out
	@exec scripts/helm_check.sh

bundle:  ## one archive for a site without internet: package, Debian's packages, wheels, images where Docker runs (PLATFORM=debian13)
	@$(ON) scripts/bundle.sh

lock:  ## after a version was changed in a lock file: the hashes of its files (needs uv)
	@exec scripts/lock.sh

lint: setup-dev  ## ruff and mypy
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m mypy

bandit: setup-dev  ## what bandit finds in what is shipped, each finding with its answer
	@$(PYTHON) -m scripts.bandit

docs: setup-dev  ## the parts of docs/ that are made from the code
	@$(PYTHON) -m tests.support.way_of_a_study
	@$(PYTHON) -m tests.support.state_table

clean: stop  ## remove caches and what runs have left (not the venv)
	@rm -rf run build .mypy_cache .ruff_cache .hypothesis .pytest_cache ./*.egg-info
	@find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +
