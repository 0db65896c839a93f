// Why the bridge gave no answer, in words for the reader. The bridge rejects with an English
// sentence and nothing else: a token that the service refused (401), an answer that is no JSON (an
// error page of a proxy), 25 seconds without an answer, no network. What matches nothing is told
// in the last words here, which hold for everything.

import { Unanswered } from "../host";

/** `isReading`: nothing can have been changed by the request. */
export function unanswered(said: string, isReading: boolean): Unanswered {
  const status = /status:?\s*(\d{3})/i.exec(said)?.[1];
  if (status === "401" || /could not verify|invocation token/i.test(said)) {
    return new Unanswered(
      "Touchstone could not verify that Jira sent this.",
      "Nothing was changed. Try again; if that does not help, reload the page, and tell an administrator that the app id in Touchstone's settings may be another one.",
    );
  }
  const done = isReading ? "" : " It may or may not have been done: look before you do it again.";
  if (status) {
    return new Unanswered(
      "Touchstone cannot be reached at the moment.",
      `Something in front of it answered instead (${status}).${done} Try again in a moment.`,
    );
  }
  if (/time(d)?\s?-?out/i.test(said)) {
    return new Unanswered(
      "Touchstone did not answer in time.",
      `${done.trim()} Try again in a moment.`.trim(),
    );
  }
  return new Unanswered(
    "Touchstone could not be reached.",
    `It may be stopped, or the network between is down.${done} Try again in a moment.`,
  );
}
