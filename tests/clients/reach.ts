// How clients reach the server: a process for each, or one address for all and a token for each.
import { execFileSync, spawn } from 'node:child_process';
import type { Place } from './place.ts';
import type { Server } from './session.ts';

export type Reached = { server: () => Server; close: () => Promise<void> };

export async function reach(way: 'stdio' | 'http', place: Place): Promise<Reached> {
  const { wattle, project, env } = place;
  if (way === 'stdio') return { server: () => ({ place }), close: async () => {} };
  const up = spawn(wattle, ['up', '--listen', '127.0.0.1:0', '--json'], { cwd: project, env, stdio: ['ignore', 'pipe', 'inherit'] });
  // It goes on to print changes: the stream is read to its end.
  let out = '';
  const line = await new Promise<string>((ready, failed) => {
    up.stdout.on('data', (part) => ((out += part), out.includes('\n') && ready(out.split('\n')[0])));
    up.once('exit', (code) => failed(new Error(`wattle up ended with ${code}`)));
  });
  const { mcp } = JSON.parse(line);
  const close = async () => {
    up.kill();
    if (up.exitCode === null) await new Promise((done) => up.once('exit', done));
  };
  return { server: () => ({ url: mcp, token: token(place) }), close };
}

/** A token whose bearer acts as the owner. */
export function token({ wattle, project, env }: Place): string {
  const add = { cwd: project, env, encoding: 'utf8' as const, stdio: ['ignore', 'pipe', 'ignore'] as ('ignore' | 'pipe')[] };
  return execFileSync(wattle, ['mcp', 'token', 'add'], add).trim();
}
