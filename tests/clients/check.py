"""Runs the clients against the service at APP and looks at what it stored, through /api/v1."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

HERE = Path(__file__).parent
APP, TOKEN, CLIENT_ID = (os.environ[name] for name in ('APP', 'TOKEN', 'CLIENT_ID'))
PLACE = Path(os.environ['PLACE'])
PLACE.mkdir(parents=True)


def api(path, body=None):
    """Asks /api/v1; with a body, makes something."""
    data = None if body is None else json.dumps(body).encode()
    headers = {'Authorization': f'Bearer {TOKEN}', 'Content-Type': 'application/json'}
    request = urllib.request.Request(f'{APP}/api/v1/{path}', data=data, headers=headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as why:
        sys.exit(f'{path}: {why.code} {why.read().decode()}')


def run(command, folder, expected, **environment):
    """Runs a client; returns what it printed."""
    done = subprocess.run(
        command,
        cwd=HERE / folder,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != expected:
        sys.exit(f'{command[0]} ended with {done.returncode}:\n{done.stdout}')
    return done.stdout


def same(what, found, expected):
    if found != expected:
        sys.exit(f'{what}\n  found:    {found!r}\n  expected: {expected!r}')


def newest():
    """The key of the execution that was made last."""
    return api('projects/SHOP/executions?limit=1')['items'][0]['key']


def results(execution):
    return [(run['test']['key'], run['status'].lower()) for run in api(f'executions/{execution}')['runs']]


def made_for(execution):
    whole = api(f'executions/{execution}')
    return [whole[name] for name in ('name', 'environments', 'fixVersion', 'plan', 'revision')]


TESTS = [
    api('projects/SHOP/tests', {'name': name})['key'] for name in ('Pays', 'Ships', 'Bills')
]
PLAN = api('projects/SHOP/plans', {'name': 'Release 1.4', 'tests': TESTS})['key']
PAYS, SHIPS, BILLS = TESTS


def pytest(*options, **environment):
    command = ['pytest', '-q', '-p', 'no:cacheprovider', '--jira-xray', *options]
    return run(
        command,
        'pytest',
        1,  # one of its tests fails
        TESTS=' '.join(TESTS),
        XRAY_API_BASE_URL=f'{APP}/xray',
        PYTHONDONTWRITEBYTECODE='1',
        **environment,
    )


def check_pytest():
    cloud = {'XRAY_CLIENT_ID': CLIENT_ID, 'XRAY_CLIENT_SECRET': TOKEN}
    said = pytest(
        '--cloud',
        '--client-secret-auth',
        '--testplan',
        PLAN,
        XRAY_EXECUTION_TEST_ENVIRONMENTS='firefox chrome',
        XRAY_EXECUTION_FIX_VERSION='1.4',
        XRAY_EXECUTION_REVISION='4f1c',
        XRAY_EXECUTION_SUMMARY='Nightly',
        **cloud,
    )
    execution = newest()
    same('pytest says where', f'Test Execution Id: {execution}' in said, True)
    same('pytest', made_for(execution), ['Nightly', ['chrome', 'firefox'], '1.4', PLAN, '4f1c'])
    expected = [(PAYS, 'passed'), (SHIPS, 'failed'), (BILLS, 'aborted')]
    same('pytest', results(execution), expected)
    failed = api(f'executions/{execution}/runs/2')
    same('its comment', 'the parcel was not accepted' in failed['comment'], True)
    same('its defects', failed['defects'], ['SHOP-8'])
    same('its evidence', [(file['name'], file['size']) for file in failed['evidence']], [('log.txt', 5)])

    basic = {'XRAY_API_USER': 'ci', 'XRAY_API_PASSWORD': TOKEN}
    pytest(**basic)
    again = newest()
    same('another execution', again == execution, False)
    same('pytest with a password', results(again), expected)

    pytest('--api-key-auth', '--execution', again, XRAY_API_KEY=TOKEN)
    same('no further execution', newest(), again)
    same('pytest with a token', results(again), expected + expected)


def playwright(family):
    command = ['npx', 'playwright', 'test', '-c', 'playwright', '--output', str(PLACE / family)]
    said = run(command, '.', 1, TESTS=' '.join(TESTS), FAMILY=family, PLAN=PLAN, FORCE_COLOR='0')
    execution = newest()
    same('playwright says where', f'Test execution {execution} has been created' in said, True)
    expected = [f'Playwright on {family}', ['chrome'], '1.4', PLAN, '4f1c']
    same('playwright', made_for(execution), expected)
    expected = [(PAYS, 'passed'), (SHIPS, 'passed'), (BILLS, 'failed')]
    same('playwright', results(execution), expected)
    first, flaky, failed = (api(f'executions/{execution}/runs/{n}') for n in (1, 2, 3))
    same('steps', len(first['steps']) > 0, True)
    same('iterations', [one['status'].lower() for one in flaky['iterations']], ['failed', 'passed'])
    same('a parameter', flaky['iterations'][0]['parameters'], [{'name': 'iteration', 'value': '1'}])
    same('iterations', [one['status'].lower() for one in failed['iterations']], ['failed', 'failed'])
    same('a comment', 'a bill' in failed['comment'], True)


def check_robot():
    before = newest()
    cucumber = PLACE / 'robot'
    cucumber.mkdir()
    said = run(
        ['robot', '--outputdir', str(PLACE), 'shop.robot'],
        'robot',
        1,  # one of its tests fails
        PAYS=PAYS,
        PROJECT_KEY='SHOP',
        TEST_PLAN=PLAN,
        XRAY_API=f'{APP}/xray/api/v2',
        XRAY_CLIENT_ID=CLIENT_ID,
        XRAY_CLIENT_SECRET=TOKEN,
        XRAY_DEBUG='False',
        CUCUMBER_PATH=str(cucumber),
    )
    made = [one['key'] for one in api('projects/SHOP/executions?limit=2')['items']]
    same('an execution each', before in made, False)
    ships, pays = made
    same('robot says where', f'browse/{pays}' in said and f'browse/{ships}' in said, True)
    same('robot', results(pays), [(PAYS, 'passed')])
    (name, status), = results(ships)
    same('robot', status, 'failed')
    same('a test of its own', api(f'tests/{name}')['name'], 'Ships')
    same('the plan', [api(f'executions/{key}')['plan'] for key in made], [PLAN, PLAN])
    failed = api(f'executions/{ships}/runs/1')
    same('why', failed['message'], 'failed: Then nothing happens')


check_pytest()
playwright('cloud')
playwright('server')
check_robot()
