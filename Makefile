# Every line is a command a person could type.

.PHONY: bench

# The load scenario on both databases, flushed as in production; one scenario with `make bench ONLY=ingest-sqlite`.
bench:
	TEST_POSTGRES_DURABLE=1 tests/with-postgres.sh cargo bench --bench load -- $(ONLY)
