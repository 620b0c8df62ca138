// How long an agent waits for its server: node startup.ts [STARTS]
//
// A context of 1,000 items; from the start of the process to its first answer, to the list of tools,
// and to the brief (the context is opened then), in both eras, over the streams that Node gives its
// children. The aim: the first answer within 100 ms.
import { execFileSync, spawn } from 'node:child_process';
import { cpus, loadavg } from 'node:os';
import { place } from './place.ts';

const STARTS = Number(process.argv[2] ?? 30);
const AIM_MS = 100;
const SECTIONS = ['rules', 'instructions', 'documents', 'tasks', 'people'];
const TITLES: Record<string, string> = { rules: 'statement', people: 'name' };

const here = place();
try {
  fill();
  const wrong: string[] = [];
  console.log(`${STARTS} starts each, 1,000 items, ${cpus().length} cores, load ${loadavg()[0].toFixed(1)}`);
  console.log('| era | to | p50 | p95 | most |\n|---|---|--:|--:|--:|');
  for (const era of ['initialize', '2026-07-28']) {
    const starts: number[][] = [];
    for (let start = 0; start < STARTS; start += 1) starts.push(await started(era === '2026-07-28'));
    const stages = [era === 'initialize' ? 'initialize' : 'server/discover', 'tools/list', 'context_read'];
    stages.forEach((stage, index) => {
      const times = starts.map((times) => times[index]).sort((a, b) => a - b);
      const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))].toFixed(0);
      console.log(`| ${era} | ${stage} | ${at(0.5)} ms | ${at(0.95)} ms | ${at(1)} ms |`);
      if (index === 0 && Number(at(0.5)) >= AIM_MS) wrong.push(`${era}: ${at(0.5)} ms to the first answer`);
    });
  }
  console.log(`load at the end ${loadavg()[0].toFixed(1)}`);
  wrong.forEach((line) => console.error(`above the aim of ${AIM_MS} ms: ${line}`));
  process.exitCode = wrong.length ? 1 : 0;
} finally {
  here.close();
}

function fill(): void {
  const { wattle, project, env } = here;
  for (const section of SECTIONS) {
    const edits = Array.from({ length: 200 }, (_, number) => {
      const text = `Number ${number} of ${section}, with a title of a usual length`;
      return { op: 'add', path: section, value: { [TITLES[section] ?? 'title']: text } };
    });
    const input = JSON.stringify(edits);
    execFileSync(wattle, ['edit', '-', '--why', 'to fill it'], { cwd: project, env, input, stdio: ['pipe', 'ignore', 'inherit'] });
  }
}

/** Milliseconds from the start of a process to its first, second and third answer. */
async function started(stateless: boolean): Promise<number[]> {
  const begun = performance.now();
  const child = spawn(here.wattle, ['mcp'], { cwd: here.project, env: here.env, stdio: ['pipe', 'pipe', 'inherit'] });
  const answers = lines(child.stdout);
  const times: number[] = [];
  let id = 0;
  const send = (message: object) => child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  const ask = async (method: string, params: any) => {
    const who = { name: 'starter', version: '1.0.0' };
    if (stateless)
      params._meta = {
        'io.modelcontextprotocol/protocolVersion': '2026-07-28',
        'io.modelcontextprotocol/clientCapabilities': {},
        'io.modelcontextprotocol/clientInfo': who,
      };
    else if (method === 'initialize') Object.assign(params, { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: who });
    send({ id: (id += 1), method, params });
    for (;;) {
      const { value } = await answers.next();
      const answer = JSON.parse(value as string);
      if (answer.id !== id) continue;
      if (answer.error || answer.result.isError) throw new Error(`${method}: ${value}`);
      times.push(performance.now() - begun);
      return;
    }
  };
  await ask(stateless ? 'server/discover' : 'initialize', {});
  if (!stateless) send({ method: 'notifications/initialized' });
  await ask('tools/list', {});
  await ask('tools/call', { name: 'context_read', arguments: {} });
  const gone = new Promise((done) => child.once('exit', done));
  child.stdin.end();
  await gone;
  return times;
}

async function* lines(stream: NodeJS.ReadableStream): AsyncGenerator<string> {
  let rest = '';
  for await (const part of stream) {
    rest += part;
    for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
      yield rest.slice(0, end);
      rest = rest.slice(end + 1);
    }
  }
}
