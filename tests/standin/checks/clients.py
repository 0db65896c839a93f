"""Two published Python clients use the stand-in as if it were Jira Cloud.

Usage: clients.py BASE_URL. Leaves with status 1 when anything differs from what Jira does.
The clients are `jira` and `atlassian-python-api`; neither knows that this is no Jira.
"""

import json
import sys
import urllib.request

from atlassian import Jira
from jira import JIRA, JIRAError

BASE = sys.argv[1].rstrip("/")
failed = []


def check(name, good, seen=""):
    print(("ok    " if good else "FAIL  ") + name + ("" if good else f"   saw: {seen!r}"))
    if not good:
        failed.append(name)


def refused(name, status, act):
    try:
        act()
    except JIRAError as error:
        check(name, error.status_code == status, error)
    else:
        check(name, False, "no refusal")


def accounts():
    with urllib.request.urlopen(f"{BASE}/_standin/accounts") as answer:
        return {person["name"].split()[0].lower(): person for person in json.load(answer)}


PEOPLE = accounts()


def login(first):
    return PEOPLE[first]["email"], PEOPLE[first]["token"]


def adf(text):
    paragraph = {"type": "paragraph", "content": [{"type": "text", "text": text}]}
    return {"type": "doc", "version": 1, "content": [paragraph]}


def client_jira(version):
    tag = f"jira, API {version}: "
    site = JIRA(server=BASE, basic_auth=login("daniel"), options={"rest_api_version": version})
    check(tag + "is Cloud", site._is_cloud)
    check(tag + "myself", site.myself()["displayName"] == PEOPLE["daniel"]["name"])
    check(tag + "projects", "SHOP" in [project.key for project in site.projects()])
    text = adf("Made by a client.") if version == "3" else "Made by a client."
    issue = site.create_issue(
        project="SHOP", summary=f"Made by jira {version}", issuetype={"name": "Bug"},
        description=text, labels=["made-by-client"],
    )
    check(tag + "create", issue.key.startswith("SHOP-") and issue.fields.status.name == "To Do")

    names = {item["name"]: item["id"] for item in site.transitions(issue)}
    check(tag + "transitions", set(names) == {"Start work", "Done"}, names)
    site.transition_issue(issue, "Start work")
    check(tag + "transition by name", site.issue(issue.key).fields.status.name == "In Progress")
    refused(tag + "a transition from another status", 400,
            lambda: site.transition_issue(issue, "41"))
    refused(tag + "done without a resolution", 400, lambda: site.transition_issue(issue, "31"))
    site.transition_issue(issue, "31", resolution={"name": "Won't Do"})
    done = site.issue(issue.key)
    check(tag + "done", done.fields.resolution.name == "Won't Do", done.raw["fields"]["resolution"])

    comment = site.add_comment(issue, text)
    check(tag + "comment", [item.id for item in site.comments(issue)] == [comment.id])
    if version == "3":
        refused(tag + "plain text is no ADF", 400, lambda: site.add_comment(issue, "plain"))

    site.create_issue_link("Blocks", issue.key, "SHOP-7")
    links = site.issue(issue.key).fields.issuelinks
    check(tag + "issue link", [link.outwardIssue.key for link in links] == ["SHOP-7"], links)

    remote = {"url": "https://example.com/test/1", "title": "A test"}
    for title in ("A test", "A test, renamed"):
        site.add_remote_link(issue, dict(remote, title=title), globalId="tests&id=1")
    remotes = site.remote_links(issue)
    check(tag + "remote link by global id", [it.object.title for it in remotes] == ["A test, renamed"])

    site.add_issue_property(issue, "client.check", {"state": "green"})
    check(tag + "property", site.issue_property(issue, "client.check").value.state == "green")
    issue.update(fields={"summary": "Renamed by the client"})
    check(tag + "edit", site.issue(issue.key).fields.summary == "Renamed by the client")

    found = site.enhanced_search_issues("project = SHOP ORDER BY key ASC", maxResults=0, fields="summary")
    check(tag + "paged search", len(found) == len({item.key for item in found}) >= 18, len(found))
    first = site.enhanced_search_issues("project = SHOP", maxResults=5)
    check(tag + "page size", len(first) == 5 and first.nextPageToken, first)
    count = site.approximate_issue_count("labels = made-by-client")
    check(tag + "count", count >= 1, count)
    by_property = site.enhanced_search_issues("issue.property[client.check].state = green", fields="id")
    check(tag + "search by property", len(by_property) >= 1, by_property)
    refused(tag + "unbounded search", 400, lambda: site.enhanced_search_issues("order by created"))
    refused(tag + "unknown field", 400, lambda: site.enhanced_search_issues("nonsense = 1"))

    # The client offers this call for Data Center only, so the path is given by hand.
    types = site._get_json("issue/createmeta/SHOP/issuetypes")["issueTypes"]
    bug = next(kind["id"] for kind in types if kind["name"] == "Bug")
    fields = site._get_json(f"issue/createmeta/SHOP/issuetypes/{bug}")["fields"]
    check(tag + "create fields", any(it["fieldId"] == "summary" and it["required"] for it in fields))
    boards = site.boards(projectKeyOrID="SHOP")
    sprints = site.sprints(boards[0].id, state="active")
    check(tag + "sprints", [sprint.id for sprint in sprints] == [12], sprints)
    check(tag + "versions", {it.name for it in site.project_versions("SHOP")} >= {"1.3", "1.4"})
    for name in ("SHOP-9999", "OPS-9999"):
        refused(tag + f"no issue {name}", 404, lambda: site.issue(name))

    vera = JIRA(server=BASE, basic_auth=login("vera"), options={"rest_api_version": version})
    check(tag + "an onlooker has no transitions", vera.transitions("SHOP-7") == [])
    refused(tag + "an onlooker creates nothing", 400, lambda: vera.create_issue(
        project="SHOP", summary="no", issuetype={"name": "Bug"}))
    otto = JIRA(server=BASE, basic_auth=login("otto"), options={"rest_api_version": version})
    refused(tag + "an outsider sees nothing", 404, lambda: otto.issue("SHOP-7"))
    ada = JIRA(server=BASE, basic_auth=login("ada"), options={"rest_api_version": version})
    ada.issue(issue.key).delete()
    refused(tag + "deleted", 404, lambda: site.issue(issue.key))


def client_atlassian():
    tag = "atlassian-python-api: "
    email, token = login("daniel")
    site = Jira(url=BASE, username=email, password=token, cloud=True)
    check(tag + "myself", site.myself()["accountId"] == PEOPLE["daniel"]["accountId"])
    made = site.issue_create({
        "project": {"key": "SHOP"}, "issuetype": {"name": "Task"}, "summary": "Made by atlassian",
    })
    key = made["key"]
    check(tag + "create", site.issue_exists(key), made)
    site.issue_add_comment(key, "A comment in wiki markup with *bold* words.")
    comments = site.issue_get_comments(key)["comments"]
    check(tag + "comment", comments[0]["body"].endswith("*bold* words."), comments)
    names = {item["name"]: item["id"] for item in site.get_issue_transitions(key)}
    site.set_issue_status_by_transition_id(key, names["Start work"])
    check(tag + "transition by number", site.get_issue_status(key) == "In Progress")
    site.set_issue_status(key, "Done")
    check(tag + "transition by status", site.get_issue_status(key) == "Done")
    site.create_or_update_issue_remote_links(key, "https://example.com/2", "Another", global_id="g-2")
    check(tag + "remote link", len(site.get_issue_remote_links(key)) == 1)
    site.set_issue_property(key, "client.check", {"state": "blue"})
    check(tag + "property", site.get_issue_property(key, "client.check")["value"]["state"] == "blue")
    site.create_issue_link({
        "type": {"name": "Relates"}, "inwardIssue": {"key": key}, "outwardIssue": {"key": "SHOP-1"},
    })
    links = site.issue(key)["fields"]["issuelinks"]
    check(tag + "issue link", links[0]["outwardIssue"]["key"] == "SHOP-1", links)
    site.update_issue_field(key, {"labels": ["one", "two"]})
    check(tag + "edit", site.issue_field_value(key, "labels") == ["one", "two"])
    seen, next_token = [], None
    while True:
        page = site.enhanced_jql("project = SHOP ORDER BY key", fields="summary", limit=4,
                                 nextPageToken=next_token)
        seen += [issue["key"] for issue in page["issues"]]
        next_token = page.get("nextPageToken")
        if page.get("isLast") or not next_token:
            break
    check(tag + "paged search", len(seen) == len(set(seen)) >= 18, seen)
    fields = site.issue_createmeta_fieldtypes("SHOP", "10004")["fields"]
    check(tag + "create fields", "summary" in [field["fieldId"] for field in fields])
    log = site.get_issue_changelog(key)
    entries = log.get("values") or log.get("histories")
    statuses = [item["toString"] for entry in entries for item in entry["items"]
                if item.get("fieldId") == "status"]
    check(tag + "changelog", statuses == ["To Do", "In Progress", "Done"], log)
    site.delete_issue_remote_link_by_id(key, site.get_issue_remote_links(key)[0]["id"])
    check(tag + "remote link deleted", site.get_issue_remote_links(key) == [])


client_jira("2")
client_jira("3")
client_atlassian()
print(f"{len(failed)} failed" if failed else "all good")
sys.exit(1 if failed else 0)
