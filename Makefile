# Thin: each target calls a script, which says what it does.

.PHONY: setup demo demo-stop test test-majors install package quality bench

setup:
	@scripts/setup.sh

demo: setup
	@scripts/demo.sh

demo-stop:
	@scripts/demo.sh stop

test: setup
	@scripts/test.sh

test-majors: setup
	@scripts/test_majors.sh

install: setup
	@scripts/install.sh install

package: setup
	@scripts/install.sh package

quality: install
	@scripts/quality.sh

bench: install
	@scripts/bench.sh
