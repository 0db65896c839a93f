// Prints the cloud id of a stand-in Jira: how the service knows a site whose app comes through Forge.
//
//   node deploy/demo/cloud-id.mjs http://127.0.0.1:8091

const answer = await fetch(`${process.argv[2]}/_standin/state`);
console.log((await answer.json()).cloudId);
