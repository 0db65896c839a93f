// htmx 4, and the shapes of its events that we rely on.

import library from "htmx.org/dist/htmx.esm.js";

interface Htmx {
  /** Reads the attributes of an element anew. */
  process(element: Element, force?: boolean): void;
}

export const htmx = library as Htmx;

export interface RequestContext {
  sourceElement: HTMLElement;
  sourceEvent: Event;
  target: HTMLElement | null;
  request: RequestInit & { action: string };
  response?: { raw: Response; status: number };
  text?: string;
  fetch?: (address: string, request: RequestInit) => Promise<Response>;
}

type EventName =
  | "htmx:config:request"
  | "htmx:before:request"
  | "htmx:after:request"
  | "htmx:after:swap"
  | "htmx:error";

/** Listens to an event of htmx; with what the event is about. */
export function on(
  name: EventName,
  listen: (context: RequestContext, event: Event) => void,
): void {
  document.addEventListener(name, (event) => {
    const { ctx } = (event as CustomEvent<{ ctx?: RequestContext }>).detail;
    if (ctx) listen(ctx, event);
  });
}
