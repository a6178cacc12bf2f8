.DEFAULT_GOAL := help
SHELL := /bin/bash
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export DJANGO_SETTINGS_MODULE := web.settings

help: ## This list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

run: .venv/ready ## Start everything on this machine: redis, web, worker
	@exec python -m infra.runner

test: .venv/ready ## Run every test, a browser's journey included
	@infra/test-tools
	@python -m pytest $(if $(ARGS),$(ARGS),-n 2 --dist loadgroup)

smoke: .venv/ready ## Check a deployed site over HTTP: make smoke URL=https://www.example.com
	@python -m pytest -c tests/smoke/pytest.ini tests/smoke

chaos: .venv/ready ## Kill workers and Redis, cut connections, and count what is lost (takes an hour)
	@infra/test-tools
	@CHAOS=full python -m pytest tests/chaos $(ARGS)

bench: .venv/ready var/bench/ready ## Measure how fast it is, against its peers: make bench ONLY=drain,mail for some of it
	@python -m tests.bench $(if $(ONLY),--only $(ONLY)) $(ARGS)

lint: .venv/ready secrets ## Check style and the direction of imports, and look for secrets
	ruff check .
	ruff format --check .
	lint-imports

secrets: .venv/ready ## Look for secrets in the files
	infra/scan-secrets

audit: .venv/ready .uv/bin/uv ## Ask which locked packages have known vulnerabilities (needs the internet)
	@python -m infra.audit

lock: .uv/bin/uv ## Write the lock files anew from pyproject.toml
	.uv/bin/uv pip compile -q --universal --generate-hashes --no-header --python-version 3.13 pyproject.toml -o requirements.txt
	.uv/bin/uv pip compile -q --universal --generate-hashes --no-header --python-version 3.13 pyproject.toml --group dev -c requirements.txt -o requirements-dev.txt
	.uv/bin/uv pip compile -q --universal --generate-hashes --no-header --python-version 3.13 --group bench -c requirements.txt -o tests/bench/requirements.txt
	.uv/bin/uv pip compile -q --universal --generate-hashes --no-header --python-version 3.13 --group bench-saq -o tests/bench/requirements-saq.txt

messages: .venv/ready ## Gather and compile the texts of the catalogues (needs gettext)
	cd web && DEBUG=1 python ../manage.py makemessages --all --no-location --no-wrap --no-obsolete
	cd web && DEBUG=1 python ../manage.py compilemessages

clean: ## Delete what make run and make test have made, data included
	rm -rf .venv .uv var staticfiles

# The packages of requirements-dev.txt on the Python of .python-version, which uv finds or downloads.
.venv/ready: requirements-dev.txt .python-version | .uv/bin/uv
	.uv/bin/uv venv --quiet --clear --python "$$(cat .python-version)" .venv
	.uv/bin/uv pip sync --compile-bytecode --python .venv requirements-dev.txt
	@touch $@

# What Kickstand is measured against; SAQ wants an older redis-py than the others.
var/bench/ready: tests/bench/requirements.txt tests/bench/requirements-saq.txt .python-version | .uv/bin/uv
	.uv/bin/uv venv --quiet --clear --python "$$(cat .python-version)" var/bench/peers
	.uv/bin/uv pip sync --compile-bytecode --python var/bench/peers tests/bench/requirements.txt
	.uv/bin/uv venv --quiet --clear --python "$$(cat .python-version)" var/bench/saq
	.uv/bin/uv pip sync --compile-bytecode --python var/bench/saq tests/bench/requirements-saq.txt
	@touch $@

# uv in a folder of our own: under pyenv, .python-version would hide one that belongs to another Python.
.uv/bin/uv:
	@infra/bootstrap-uv .uv

.PHONY: help run test smoke chaos bench lint secrets audit lock messages clean
