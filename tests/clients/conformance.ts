// The official conformance suite against the real server: node conformance.ts
//
// Most of its scenarios call tools, resources and prompts of a fixture that a real server has not; they
// stand in conformance.yml, each with its reason. What fails besides, and what is expected to fail and
// does not, is an error. The suite sends no token, so it goes through a door that adds one.
import { spawn } from 'node:child_process';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { place } from './place.ts';
import { reach, token } from './reach.ts';

const suite = new URL('node_modules/@modelcontextprotocol/conformance/dist/index.js', import.meta.url).pathname;
const expected = (revision: string) => new URL(`conformance-${revision}.yml`, import.meta.url).pathname;

// The suite leaves its sessions behind, and a token has so many: every few of them get another token.
const SESSIONS_OF_A_TOKEN = 8;

const here = place();
const reached = await reach('http', here);
const server = reached.server();
if (!('url' in server)) throw new Error('there is no address');
const { url } = server;
const tokens: string[] = [];
const held = new Map<string, string>();
let begun = 0;
const door = createServer((asked, answer) => {
  const session = String(asked.headers['mcp-session-id'] ?? '');
  const token = held.get(session) ?? another();
  const headers = { ...asked.headers, authorization: `Bearer ${token}` };
  const passed = request(url, { method: asked.method, headers }, (back) => {
    const made = back.headers['mcp-session-id'];
    if (typeof made === 'string' && !held.has(made)) {
      held.set(made, token);
      begun += 1;
    }
    answer.writeHead(back.statusCode ?? 502, back.headers);
    back.pipe(answer);
  });
  passed.on('error', () => answer.destroy());
  answer.on('close', () => passed.destroy());
  asked.pipe(passed);
});
await new Promise<void>((ready) => door.listen(0, '127.0.0.1', ready));
const address = `http://127.0.0.1:${(door.address() as AddressInfo).port}/mcp`;
let wrong = 0;
for (const revision of ['2025-11-25', '2026-07-28']) {
  const args = [suite, 'server', '--url', address, '--requirements', revision, '--expected-failures', expected(revision), '-o', `conformance-${revision}`];
  const run = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let out = '';
  run.stdout.on('data', (part) => (out += part));
  const code = await new Promise((done) => run.once('exit', done));
  const summary = out.slice(Math.max(0, out.lastIndexOf('=== SUMMARY')));
  console.log(code === 0 ? `conformance 0.2.0-alpha.12, ${revision}: as expected` : out);
  if (process.env.SHOW) console.log(summary);
  if (code !== 0) wrong += 1;
}
door.close();
await reached.close();
here.close();
process.exit(wrong ? 1 : 0);

function another(): string {
  const at = Math.floor(begun / SESSIONS_OF_A_TOKEN);
  tokens[at] ??= token(here);
  return tokens[at];
}
