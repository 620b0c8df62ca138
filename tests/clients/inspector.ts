// The MCP inspector's command against the server: every list without a warning, in both eras.
import { spawnSync } from 'node:child_process';
import { place } from './place.ts';

const inspector = new URL('node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js', import.meta.url).pathname;
const here = place();
let wrong = 0;
try {
  for (const era of ['legacy', 'modern']) {
    run(era, ['tools/list', '--strict'], ['context_read', 'context_edit', 'context_resolve', 'task_claim', 'task_update']);
    run(era, ['resources/list'], ['context://team/brief', 'context://team/rules']);
    run(era, ['resources/templates/list'], ['context://team/{section}/{id}']);
    run(era, ['resources/read', '--uri', 'context://team/brief'], ['# Context team']);
    run(era, ['prompts/list'], ['handoff', 'review_changes']);
    run(era, ['prompts/get', '--prompt-name', 'brief'], ['# Context team']);
    run(era, ['tools/call', '--tool-name', 'context_read'], ['Nothing in it yet']);
  }
} finally {
  here.close();
}
console.log(wrong ? `${wrong} calls of the inspector went wrong` : 'inspector 2.12.0: nothing to warn of, in both eras');
process.exit(wrong ? 1 : 0);

/** The call must end well, say what it should, and write nothing to standard error: warnings go there. */
function run(era: string, [method, ...more]: string[], expected: string[]): void {
  const args = [inspector, '--cli', here.wattle, 'mcp', '--protocol-era', era, '--format', 'json', '--method', method, ...more];
  const done = spawnSync(process.execPath, args, { cwd: here.project, env: here.env, encoding: 'utf8', timeout: 120_000 });
  const missing = expected.filter((part) => !done.stdout.includes(part));
  if (done.status === 0 && done.stderr.trim() === '' && missing.length === 0) return;
  wrong += 1;
  console.error(`${era} ${method}: status ${done.status}, missing ${JSON.stringify(missing)}\n${done.stderr}${done.stdout.slice(0, 2000)}`);
}
