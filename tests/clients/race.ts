// The same work for the official memory server and for Wattle: who keeps what it has acknowledged?
// node race.ts [--write FILE]
//
// 2 and 4 processes on one store, each with 200 writes, one after the other without a pause; and 200 calls at once to one process. Each write has a name of its own. Afterwards a new
// process reads everything, and it is counted which acknowledged names are there.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { place } from './place.ts';

const WRITES = 200;
type Contender = { name: string; open: () => Promise<Client>; write: (client: Client, name: string) => Promise<boolean>; kept: () => Set<string>; close: () => void };
type Outcome = { work: string; sent: number; acknowledged: number; survived: number; lost: number; seconds: number };

function memory(): Contender {
  const folder = mkdtempSync(join(tmpdir(), 'wattle-race-'));
  const file = join(folder, 'memory.jsonl');
  const program = new URL('node_modules/@modelcontextprotocol/server-memory/dist/index.js', import.meta.url).pathname;
  const env = { PATH: process.env.PATH ?? '', MEMORY_FILE_PATH: file };
  return {
    name: 'server-memory 2026.8.31',
    open: () => connected({ command: process.execPath, args: [program], env, stderr: 'ignore' as const }),
    write: async (client, name) => {
      const entities = [{ name, entityType: 'note', observations: ['written'] }];
      return (await client.callTool({ name: 'create_entities', arguments: { entities } })).isError !== true;
    },
    kept: () => new Set(readFileSync(file, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line).name)),
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function wattle(): Contender {
  const here = place();
  const { project, env } = here;
  return {
    name: 'wattle mcp',
    open: () => connected({ command: here.wattle, args: ['mcp'], cwd: project, env, stderr: 'inherit' as const }),
    write: async (client, title) => {
      const ops = [{ op: 'add', path: 'documents', value: { title } }];
      const result: any = await client.callTool({ name: 'context_edit', arguments: { ops, why: 'a race' } });
      return result.isError !== true && result.content[0].text.startsWith('Durable here:');
    },
    kept: () => {
      const all = execFileSync(here.wattle, ['export', '--json'], { cwd: project, env, encoding: 'utf8', maxBuffer: 1 << 26 });
      return new Set(Array.from(all.matchAll(/"title": ?"([^"]+)"/g), ([, title]) => title));
    },
    close: here.close,
  };
}

async function connected(program: ConstructorParameters<typeof StdioClientTransport>[0]): Promise<Client> {
  const client = new Client({ name: 'racer', version: '1.0.0' });
  await client.connect(new StdioClientTransport(program));
  return client;
}

async function race(begin: () => Contender, processes: number, atOnce: boolean): Promise<Outcome> {
  const contender = begin();
  try {
    const clients = await Promise.all(Array.from({ length: processes }, contender.open));
    const acknowledged: string[] = [];
    const write = async (client: Client, name: string) => {
      if (await contender.write(client, name)) acknowledged.push(name);
    };
    const begun = performance.now();
    await Promise.all(
      clients.map(async (client, process) => {
        const names = Array.from({ length: WRITES }, (_, write) => `note ${process} ${write}`);
        if (atOnce) await Promise.all(names.map((name) => write(client, name)));
        else for (const name of names) await write(client, name);
      }),
    );
    const seconds = (performance.now() - begun) / 1000;
    for (const client of clients) await client.close();
    const kept = contender.kept();
    const survived = acknowledged.filter((name) => kept.has(name)).length;
    const work = atOnce ? `1 process, ${WRITES} calls at once` : `${processes} processes × ${WRITES} writes`;
    return { work, sent: processes * WRITES, acknowledged: acknowledged.length, survived, lost: acknowledged.length - survived, seconds };
  } finally {
    contender.close();
  }
}

let lost = 0;
const tables: string[] = [];
for (const begin of [memory, wattle]) {
  const rows: Outcome[] = [];
  for (const [processes, atOnce] of [[2, false], [4, false], [1, true]] as const) rows.push(await race(begin, processes, atOnce));
  const name = begin === memory ? '@modelcontextprotocol/server-memory 2026.8.31' : 'wattle mcp';
  const lines = rows.map((row) => `| ${row.work} | ${row.acknowledged} | ${row.survived} | ${row.lost} | ${row.seconds.toFixed(1)} s |`);
  const head = ['| work | acknowledged | survived | lost | took |', '|---|--:|--:|--:|--:|'];
  tables.push([`**${name}**`, '', ...head, ...lines].join('\n'));
  console.log(`${tables.at(-1)}\n`);
  if (begin === wattle) lost = rows.reduce((sum, row) => sum + row.lost + (row.sent - row.acknowledged), 0);
}
const [, , write, file] = process.argv;
if (write === '--write' && file) writeFileSync(file, `${tables.join('\n\n')}\n`);
if (lost > 0) console.error(`wattle has lost or not acknowledged ${lost} writes`);
process.exit(lost > 0 ? 1 : 0);
