// What the Forge CLI's own validators let pass and a deployment or a site would not forgive: names of
// events that do not exist (a trigger that never fires), token headers that never come, addresses
// that lose their path, pages that cannot be told apart, members nobody reads.

const LIFECYCLE = ["avi:forge:installed:app", "avi:forge:upgraded:app"];
const TOKEN_SCOPES = { appSystemToken: "read:app-system-token", appUserToken: "read:app-user-token" };
const MOST_SCHEDULES = 5;
const MOST_INDEXED_VALUES = 100;

/**
 * Everything that is wrong with a manifest, in words.
 * `events` are the names of Jira's events, `schema` is the manifest's: both from the library.
 */
export function check(manifest, { events, schema }) {
  const { modules = {}, remotes = [], permissions = {}, environment = {} } = manifest;
  return [
    ...eventsThatAreNone(modules, new Set([...events, ...LIFECYCLE])),
    ...callsWithoutAddress(modules),
    ...tokensThatNeverCome(modules, remotes, permissions),
    ...addresses(remotes, environment.variables ?? []),
    ...pagesOfAdministrators(modules),
    ...searchNames(modules),
    ...endpointsNobodyCalls(modules),
    ...membersNobodyReads(modules, schema),
  ];
}

function* eventsThatAreNone({ trigger = [] }, known) {
  for (const { key, events = [], filter } of trigger) {
    for (const event of events) {
      if (!known.has(event)) yield `trigger ${key}: there is no event ${event}`;
      if (filter?.ignoreSelf && !event.startsWith("avi:jira:")) yield `trigger ${key}: ignoreSelf means nothing to ${event}`;
    }
  }
}

function* callsWithoutAddress(modules) {
  const { endpoint = [], scheduledTrigger = [] } = modules;
  for (const kind of ["trigger", "scheduledTrigger", "preUninstall", "webtrigger"]) {
    for (const module of modules[kind] ?? []) {
      const called = endpoint.find((one) => one.key === module.endpoint);
      if (called && !called.route?.path) yield `${kind} ${module.key}: the endpoint ${called.key} has no route.path`;
    }
  }
  if (scheduledTrigger.length > MOST_SCHEDULES) yield `more than ${MOST_SCHEDULES} schedules`;
}

function* tokensThatNeverCome({ endpoint = [] }, remotes, { scopes = [] }) {
  const granted = new Set(Array.isArray(scopes) ? scopes : Object.keys(scopes));
  for (const [token, scope] of Object.entries(TOKEN_SCOPES)) {
    const isAsked = [...endpoint, ...remotes].some((one) => one.auth?.[token]?.enabled);
    if (isAsked && !granted.has(scope)) yield `${token} is enabled and the scope ${scope} is missing`;
    if (!isAsked && granted.has(scope)) yield `the scope ${scope} is asked for and no endpoint takes ${token}`;
  }
}

function* addresses(remotes, variables) {
  const defaults = new Map(variables.map((one) => [one.key, one.default]));
  for (const { key, baseUrl } of remotes) {
    const urls = typeof baseUrl === "string" ? { default: baseUrl } : (baseUrl ?? {});
    for (const [region, url] of Object.entries(urls)) {
      const address = url.replace(/\$\{(\w+)\}/g, (_, name) => process.env[name] ?? defaults.get(name) ?? "");
      const { protocol, pathname } = URL.canParse(address) ? new URL(address) : {};
      if (protocol !== "https:") yield `remote ${key} (${region}): ${url} is not https`;
      if (pathname !== "/") yield `remote ${key} (${region}): the path of ${url} is lost when a page calls`;
    }
  }
}

function* pagesOfAdministrators({ "jira:adminPage": pages = [] }) {
  const count = (is) => pages.filter(is).length;
  if (count((page) => page.useAsConfig) > 1) yield "more than one page for the button Configure";
  if (count((page) => page.useAsGetStarted) > 1) yield "more than one page for the button Get started";
  if (count((page) => !page.useAsConfig && !page.useAsGetStarted) > 1) yield "more than one page in the administrators' menu";
}

function* searchNames({ "jira:entityProperty": properties = [] }) {
  const values = properties.flatMap((one) => one.values ?? []);
  if (values.length > MOST_INDEXED_VALUES) yield `more than ${MOST_INDEXED_VALUES} indexed values`;
  const seen = new Set();
  for (const { searchAlias } of values) {
    if (searchAlias && seen.has(searchAlias)) yield `the search name ${searchAlias} is used twice`;
    seen.add(searchAlias);
  }
}

function* endpointsNobodyCalls({ endpoint = [], ...others }) {
  const named = new Set();
  JSON.stringify(others, (name, value) => {
    if (name === "endpoint") named.add(value);
    return value;
  });
  for (const { key } of endpoint) if (!named.has(key)) yield `endpoint ${key}: nothing calls it`;
}

/** Modules of pages take any member without a word, a misspelt one too. */
function* membersNobodyReads(modules, schema) {
  const resolved = (shape) => {
    let at = shape;
    while (at?.$ref) at = schema.definitions[at.$ref.split("/").at(-1)];
    return at;
  };
  /** A shape and every shape it is made of. */
  const shapes = (shape) => {
    const own = resolved(shape);
    if (!own) return [];
    const parts = ["anyOf", "oneOf", "allOf", "then", "else"].flatMap((name) => own[name] ?? []);
    return [own, ...parts.flatMap(shapes)];
  };
  const kinds = shapes(schema.properties.modules).map((shape) => shape.properties ?? {});
  for (const [kind, list] of Object.entries(modules)) {
    const declared = resolved(kinds.find((one) => kind in one)?.[kind]);
    const known = new Set(shapes(declared?.items).flatMap((one) => Object.keys(one.properties ?? {})));
    if (known.size === 0) continue;
    for (const module of list) {
      for (const member of Object.keys(module)) {
        if (!known.has(member)) yield `${kind} ${module.key}: there is no member ${member}`;
      }
    }
  }
}
