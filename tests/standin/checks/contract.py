"""Calls the stand-in through Prism and reports every answer that breaks Jira's OpenAPI description.

Usage: contract.py PRISM_URL STANDIN_URL. Standard library only. Leaves with status 1 on a violation.
"""

import base64
import json
import sys
import urllib.error
import urllib.request

PROXY, STANDIN = (it.rstrip("/") for it in sys.argv[1:3])
bad = []


def basic(first):
    secret = f"{first}@example.com:token-of-{first}".encode()
    return "Basic " + base64.b64encode(secret).decode()


def send(method, path, body=None, account="daniel", expect=None):
    request = urllib.request.Request(PROXY + path, method=method)
    request.add_header("Authorization", basic(account))
    request.add_header("Accept", "application/json")
    data = None
    if body is not None:
        data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, data) as answer:
            status, text, headers = answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as error:
        status, text, headers = error.code, error.read(), error.headers
    violation = headers.get("sl-violations") or (text.decode() if b"stoplight" in text else "")
    wrong = violation or (status != expect if expect else status >= 300)
    print(("FAIL  " if wrong else "ok    ") + f"{method} {path} {status}")
    if wrong:
        bad.append(path)
        print("      " + (violation or text.decode())[:1500])
    return json.loads(text) if text else None


def adf(text):
    return {"type": "doc", "version": 1, "content": [
        {"type": "paragraph", "content": [{"type": "text", "text": text}]}]}


R = "/rest/api/3"
send("GET", f"{R}/serverInfo")
send("GET", f"{R}/myself")
made = send("POST", f"{R}/issue", {
    "fields": {"project": {"key": "SHOP"}, "issuetype": {"name": "Bug"}, "summary": "Through Prism",
               "description": adf("A description"), "labels": ["prism"],
               "fixVersions": [{"name": "1.4"}], "parent": {"key": "SHOP-1"}, "customfield_10020": 12},
    "properties": [{"key": "prism.marker", "value": {"marker": "m1"}}]})
key = made["key"]
send("POST", f"{R}/issue/bulk", {"issueUpdates": [
    {"fields": {"project": {"key": "SHOP"}, "issuetype": {"name": "Task"}, "summary": "One of many"}},
    {"fields": {"project": {"key": "SHOP"}, "issuetype": {"name": "Task"}, "summary": "x", "labels": ["a"],
                "fixVersions": [{"name": "none"}]}}]})
for name in (key, "SHOP-7", "SHOP-13", "SHOP-17"):
    send("GET", f"{R}/issue/{name}")
    send("GET", f"{R}/issue/{name}?expand=changelog,names,schema,transitions&properties=*all")
send("GET", f"{R}/issue/NONE-1", expect=404)
send("POST", f"{R}/issue/bulkfetch", {"issueIdsOrKeys": [key, "SHOP-1", "NONE-1"], "fields": ["summary", "status"]})
send("GET", f"{R}/issue/{key}/changelog")
send("GET", f"{R}/issue/{key}/editmeta")
send("GET", f"{R}/issue/{key}/transitions?expand=transitions.fields")
send("POST", f"{R}/issue/{key}/transitions", {"transition": {"id": "41"}}, expect=400)
send("POST", f"{R}/issue/{key}/transitions", {"transition": {"id": "11"}})
send("POST", f"{R}/issue/{key}/transitions",
     {"transition": {"id": "31"}, "fields": {"resolution": {"name": "Duplicate"}}})
send("PUT", f"{R}/issue/{key}", {"fields": {"summary": "Renamed through Prism"}})
send("PUT", f"{R}/issue/{key}?returnIssue=true", {"update": {"labels": [{"add": "more"}]}})
comment = send("POST", f"{R}/issue/{key}/comment", {"body": adf("A comment")})
send("GET", f"{R}/issue/{key}/comment")
send("GET", f"{R}/issue/{key}/comment/{comment['id']}")
send("PUT", f"{R}/issue/{key}/comment/{comment['id']}", {"body": adf("A better comment")})
send("POST", f"{R}/comment/list", {"ids": [int(comment["id"])]})
send("DELETE", f"{R}/issue/{key}/comment/{comment['id']}")
send("GET", f"{R}/issueLinkType")
send("GET", f"{R}/issueLinkType/10004")
send("POST", f"{R}/issueLink", {"type": {"name": "Defect"}, "inwardIssue": {"key": "SHOP-7"}, "outwardIssue": {"key": key}})
links = send("GET", f"{R}/issue/{key}?fields=issuelinks")["fields"]["issuelinks"]
send("GET", f"{R}/issueLink/{links[0]['id']}")
send("DELETE", f"{R}/issueLink/{links[0]['id']}")
remote = {"globalId": "prism=1", "object": {"url": "https://example.com/1", "title": "One"}}
made = send("POST", f"{R}/issue/{key}/remotelink", remote)
send("POST", f"{R}/issue/{key}/remotelink", remote)
send("GET", f"{R}/issue/{key}/remotelink")
send("GET", f"{R}/issue/{key}/remotelink/{made['id']}")
send("DELETE", f"{R}/issue/{key}/remotelink/{made['id']}")
send("PUT", f"{R}/issue/{key}/properties/prism.state", {"state": "green"})
send("PUT", f"{R}/issue/{key}/properties/prism.state", {"state": "red"})
send("GET", f"{R}/issue/{key}/properties")
send("GET", f"{R}/issue/{key}/properties/prism.state")
send("DELETE", f"{R}/issue/{key}/properties/prism.state")
send("PUT", f"{R}/project/SHOP/properties/prism.state", {"state": "green"}, account="ada")
send("GET", f"{R}/project/SHOP/properties/prism.state")
send("GET", f"{R}/search/jql?jql=project%20%3D%20SHOP&fields=summary,status&maxResults=5")
page = send("POST", f"{R}/search/jql", {"jql": "project = SHOP", "fields": ["*all"], "maxResults": 5})
send("POST", f"{R}/search/jql", {"jql": "project = SHOP", "fields": ["*all"], "maxResults": 50, "nextPageToken": page["nextPageToken"]})
send("POST", f"{R}/search/jql", {"jql": "project = NOPE"}, expect=400)
send("POST", f"{R}/search/approximate-count", {"jql": "project = SHOP"})
send("POST", f"{R}/jql/parse?validation=strict", {"queries": ["project = SHOP", "project ="]})
send("GET", f"{R}/issue/createmeta/SHOP/issuetypes")
send("GET", f"{R}/issue/createmeta/SHOP/issuetypes/10004")
for path in ("field", "field/search?type=custom", "status", "statuscategory", "priority", "priority/search",
             "resolution/search", "issuetype", "issuetype/project?projectId=10000", "project/search",
             "project/SHOP", "project/SHOP/statuses", "project/SHOP/versions", "project/SHOP/version",
             "version/10101", "version/10101/relatedIssueCounts", "version/10101/unresolvedIssueCount",
             "mypermissions?permissions=BROWSE_PROJECTS,ADMINISTER&issueKey=SHOP-7",
             "user/search?query=mina", "user/assignable/search?project=SHOP"):
    send("GET", f"{R}/{path}")
person = send("GET", f"{R}/myself")["accountId"]
send("GET", f"{R}/user?accountId={person}")
send("GET", f"{R}/user/bulk?accountId={person}")
send("POST", f"{R}/permissions/check", {
    "globalPermissions": ["ADMINISTER"],
    "projectPermissions": [{"permissions": ["BROWSE_PROJECTS"], "projects": [10000], "issues": [10200]}]})
send("GET", f"{R}/statuses/search", account="ada")
version = send("POST", f"{R}/version", {"projectId": 10000, "name": "2.0-prism"}, account="ada")
send("PUT", f"{R}/version/{version['id']}", {"released": True}, account="ada")
for path in ("board", "board/1", "board/1/configuration", "board/1/sprint?state=active,future", "sprint/12"):
    send("GET", f"/rest/agile/1.0/{path}")
send("DELETE", f"{R}/issue/{key}", account="ada")
print(f"{len(bad)} violations" if bad else "no violation")
sys.exit(1 if bad else 0)
