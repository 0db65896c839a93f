# Each line is a command a person could type.
.PHONY: demo test check bench ui forge advisories

# Service and stand-in Jira, with a sample project, until Ctrl-C.
demo:
	deploy/demo.sh

# Every test: both databases, the browser, the stand-in against independent clients.
test:
	tests/run.sh

# What must be true of the source before it is tested: format, lints, licences.
check:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --document-private-items
	cargo deny --locked check licenses bans sources

# Known vulnerabilities; needs the advisory database, which is fetched from the network.
advisories:
	cargo deny check advisories

# The front end alone.
ui:
	npm ci --prefix ui --no-audit --no-fund
	npm run build --prefix ui

# The Forge app: its pages, its manifest, and the checks of both; see deploy/forge/README.md.
forge:
	npm ci --prefix ui --no-audit --no-fund
	npm ci --prefix deploy/forge --no-audit --no-fund --ignore-scripts
	npm run check --prefix deploy/forge
	npm test --prefix deploy/forge
	npm run build --prefix deploy/forge
	npm run lint --prefix deploy/forge

# Figures, compared with bare servers in the same run; see benches/README.md.
bench:
	cargo bench --bench junit
	TEST_POSTGRES_DURABLE=1 tests/with-postgres.sh cargo bench --bench load
