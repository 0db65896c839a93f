// The copy of the bridge on Atlassian's CDN wraps two calls that the published file lacks: a
// request answers with a promise besides its callbacks, and the create dialog takes its callback
// first. These lines stand in for those wrappers.
(function () {
  'use strict';
  var AP = window.AP;
  if (!AP) return;
  if (AP.jira && AP.jira.openCreateIssueDialog) {
    var openDialog = AP.jira.openCreateIssueDialog;
    AP.jira.openCreateIssueDialog = function (done, options) { return openDialog(options || {}, done || function () {}); };
  }
  var ask = AP.request;
  if (!ask) return;
  AP.request = function (target, more) {
    var asked = {};
    var given = typeof target === 'string' ? more || {} : target;
    Object.keys(given).forEach(function (name) {
      if (name !== 'success' && name !== 'error') asked[name] = given[name];
    });
    if (typeof target === 'string') asked.url = target;
    var answer = new Promise(function (resolve, reject) {
      ask(asked, function (failure, xhr, body) {
        if (failure) reject({ xhr: xhr || failure, err: failure });
        else resolve({ xhr: xhr, body: body });
      });
    });
    if (given.success || given.error) {
      answer.then(
        function (it) { if (given.success) given.success(it.body, 'success', it.xhr); },
        function (it) { if (given.error) given.error(it.xhr, 'error', it.err); }
      );
    }
    return answer;
  };
})();
