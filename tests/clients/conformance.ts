// The official conformance suite: node conformance.ts
//
// It runs against two servers. The fixture has everything that the suite wants to call, behind the HTTP of
// the real server: it must pass all. The real server has tools of its own: what it fails for that stands in
// conformance-REVISION.yml, each with its reason; what fails besides, and what is expected to fail and does
// not, is an error. The suite sends no token, so it goes through a door that adds one.
import { spawn } from 'node:child_process';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { place } from './place.ts';
import { reach } from './reach.ts';

type Served = { url: string; token: string; streams: boolean; close: () => Promise<void> };

const suite = new URL('node_modules/@modelcontextprotocol/conformance/dist/index.js', import.meta.url).pathname;
const revisions = ['2025-11-25', '2026-07-28'];

let wrong = 0;
for (const [name, serve, expected] of [
  ['fixture', fixture, () => 'conformance-fixture.yml'],
  ['wattle', real, (revision: string) => `conformance-${revision}.yml`],
] as const) {
  const served = await serve();
  const door = await doorTo(served);
  for (const revision of revisions) {
    if (!(await passes(name, revision, door.address, expected(revision)))) wrong += 1;
  }
  door.close();
  await served.close();
}
process.exit(wrong ? 1 : 0);

async function passes(name: string, revision: string, address: string, expected: string): Promise<boolean> {
  const baseline = new URL(expected, import.meta.url).pathname;
  const args = [suite, 'server', '--url', address, '--requirements', revision, '--expected-failures', baseline];
  args.push('-o', `conformance-${name}-${revision}`);
  const run = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let out = '';
  run.stdout.on('data', (part) => (out += part));
  const code = await new Promise((done) => run.once('exit', done));
  // The suite also runs scenarios that no revision requires.
  const [passed, all] = [/^✓ /gm, /^[✓✗] /gmu].map((line) => out.match(line)?.length ?? 0);
  console.log(code === 0 ? `${name}, ${revision}: as expected, ${passed} of ${all} scenarios pass` : out);
  if (process.env.SHOW) console.log(out.slice(Math.max(0, out.lastIndexOf('=== SUMMARY'))));
  return code === 0;
}

/** The fixture server, a process of its own that ends with its input. */
async function fixture(): Promise<Served> {
  const program = process.env.FIXTURE;
  if (!program) throw new Error('FIXTURE names no program: set it to the path of `fixture`');
  const child = spawn(program, { stdio: ['pipe', 'pipe', 'inherit'] });
  const line = await new Promise<string>((ready, failed) => {
    child.stdout.once('data', (part) => ready(String(part)));
    child.once('exit', (code) => failed(new Error(`the fixture ended with ${code}`)));
  });
  const { mcp, token } = JSON.parse(line);
  const close = async () => {
    child.stdin.end();
    if (child.exitCode === null) await new Promise((done) => child.once('exit', done));
  };
  return { url: mcp, token, streams: true, close };
}

/** The real server, with a context of its own. */
async function real(): Promise<Served> {
  const here = place();
  const reached = await reach('http', here);
  const server = reached.server();
  if (!('url' in server)) throw new Error('there is no address');
  const close = async () => {
    await reached.close();
    here.close();
  };
  // A scenario that fails leaves its session with an open stream behind, and a token has only so many
  // sessions in use: here the suite goes without streams of sessions.
  return { ...server, streams: false, close };
}

async function doorTo({ url, token, streams }: Served): Promise<{ address: string; close: () => void }> {
  const door = createServer((asked, answer) => {
    if (asked.method === 'GET' && !streams) return void answer.writeHead(405).end();
    const headers = { ...asked.headers, authorization: `Bearer ${token}` };
    const passed = request(url, { method: asked.method, headers }, (back) => {
      answer.writeHead(back.statusCode ?? 502, back.headers);
      back.pipe(answer);
    });
    passed.on('error', () => answer.destroy());
    answer.on('close', () => passed.destroy());
    asked.pipe(passed);
  });
  await new Promise<void>((ready) => door.listen(0, '127.0.0.1', ready));
  const { port } = door.address() as AddressInfo;
  return { address: `http://127.0.0.1:${port}/mcp`, close: () => door.close() };
}
