"""Attaches a log to what fails."""

import pytest
from pytest_xray import evidence


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        report.evidences = [evidence.text('hello', 'log.txt')]
