// What a page needs from the product around it. One implementation for each way of being framed;
// fragments and everything else in this folder do not know which it is.

export interface Host {
  /** Sends a request of ours with whatever proves the reader to the service. */
  fetch(address: string, request: RequestInit): Promise<Response>;
  /** Follows the product's colours from now on. */
  followTheme(): void;
  /** Tells the reader what was done, in the product's own way. */
  flag(title: string): void;
  /** Something about the issue itself changed: the product's page should look again. */
  issueChanged(): void;
  /** Calls back whenever the reader or somebody else changed the issue in the product's page. */
  onIssueChanged(look: () => void): void;
}
