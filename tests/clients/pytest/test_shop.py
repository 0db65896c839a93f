"""What pytest-jira-xray reports: one test that passes, one that fails, one that is skipped."""

import os

import pytest

PAYS, SHIPS, BILLS = os.environ['TESTS'].split()


@pytest.mark.xray(PAYS)
def test_pays():
    assert True


@pytest.mark.xray(SHIPS, defects=['SHOP-8'])
def test_ships():
    assert 402 == 500, 'the parcel was not accepted'


@pytest.mark.xray(BILLS)
@pytest.mark.skip('the printer is away')
def test_bills():
    pass
