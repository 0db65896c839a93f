// What a page needs from the product around it. One implementation for each way of being framed;
// fragments and everything else in this folder do not know which it is.

export interface Host {
  /** Its name, for the few things that only make sense in one of them (`data-host`). */
  readonly name: "connect" | "forge";
  /** Sends a request of ours with whatever proves the reader to the service. */
  fetch(address: string, request: RequestInit): Promise<Response>;
  /** Where in the product the page stands. */
  place(): Promise<Place>;
  /** Keeps what the reader chose for this gadget; the product shows it from then on. */
  keepSettings(settings: Settings): Promise<void>;
  /** Calls back when the reader asks the product to let them change this gadget. */
  onEdit(change: () => void): void;
  /** Follows the product's colours from now on. */
  followTheme(): void;
  /** Tells the reader what was done, in the product's own way. */
  flag(title: string): void;
  /** Something about the issue itself changed: the product's page should look again. */
  issueChanged(): void;
  /** Calls back whenever the reader or somebody else changed the issue in the product's page. */
  onIssueChanged(look: () => void): void;
}

/** What a gadget was told to show. */
export interface Settings {
  project?: string;
}

export interface Place {
  /** Jira's id of the issue, on an issue's page. */
  issue?: string;
  /** The key of the project, on a project's page. */
  project?: string;
  /** What the gadget was told to show, on a dashboard. */
  settings: Settings;
}

/** A request that came back without an answer of ours, in words for the reader. */
export class Unanswered extends Error {
  constructor(
    title: string,
    readonly detail: string,
  ) {
    super(title);
  }
}
